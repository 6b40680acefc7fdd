#pragma once
// The heads of a vault, verified and in order.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/head.h"
#include "agent/store/store.h"

namespace obhut::vault {

struct Point {
  Sha256 id;               ///< hash of the head
  std::uint64_t size = 0;  ///< of the head object
  model::Head head;
  bool dropped = false;  ///< pruned; kept while later heads are changes against it
};

/// Something that a store should not show us. Each is listed by check and alarmed by the agent.
struct ChainFault {
  enum class Kind : std::uint8_t {
    kUnreadable,    ///< missing, malformed, or its hash is wrong
    kForged,        ///< signed by nobody this vault knows, or for another vault
    kFork,          ///< two heads of one sequence
    kBroken,        ///< `previous` is not the head of the sequence before
    kUnresolvable,  ///< a change against heads that are gone
  };
  Kind kind = Kind::kUnreadable;
  Sha256 head;
  std::string message;
};

struct HeadChain {
  std::vector<Point> points;  ///< by sequence; of a fork all branches; forged ones are left out
  std::vector<ChainFault> faults;

  /// The newest point that is not dropped; nothing in an empty vault.
  [[nodiscard]] const Point* latest() const;
  /// The newest head of all: what the next one follows.
  [[nodiscard]] const Point* tip() const;
  /// Not dropped ones, oldest first.
  [[nodiscard]] std::vector<const Point*> kept() const;
  [[nodiscard]] const Point* find(const Sha256& id) const;
  /// In: "latest", or 4 and more hex digits that begin one kept id.
  /// Errors: kInvalidInput for what is neither or not unique, kNotFound.
  [[nodiscard]] Result<const Point*> find_by_text(std::string_view text) const;
};

/// Orders and links heads that were read and verified. Pure.
HeadChain link_heads(std::vector<Point> points);

/// Walks the references of each kept point of a chain, oldest first, holding one set at a time.
/// Errors: kCorrupt where a point cannot be resolved.
class ReferenceWalk {
 public:
  explicit ReferenceWalk(const HeadChain& chain) : chain_(chain) {}
  /// The references that `point` (of this chain) needs. Cheap in ascending order.
  Result<const model::ReferenceSet*> at(const Point& point);

 private:
  const HeadChain& chain_;
  std::optional<Sha256> reached_;
  model::ReferenceSet references_;
};

/// Heads that must stay so that every kept point resolves: the kept ones and, back to the nearest
/// full head, those before them. For prune.
std::vector<Sha256> heads_needed(const HeadChain& chain);

}  // namespace obhut::vault

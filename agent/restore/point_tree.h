#pragma once
// Walks the tree of a recovery point, streaming: one node part a level is all that is held.

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/entry.h"
#include "agent/model/node.h"
#include "agent/vault/blob_reader.h"

namespace obhut::restore {

enum class StepKind : std::uint8_t {
  kEnter,  ///< a directory; its content follows, unless skip_content() is called
  kEntry,  ///< anything else
  kLeave,  ///< the directory of the matching kEnter
  kFault,  ///< a part of a directory cannot be read: what it held is missing, the walk goes on
};

/// One step of the walk. The root itself is no step.
struct Step {
  StepKind kind = StepKind::kEntry;
  const model::Entry* entry = nullptr;  ///< not for kFault; valid until the next step
  std::string_view path;                ///< relative to the root of the point; valid as long
  Error error;                          ///< kFault
};

/// Thread: one.
class PointTree {
 public:
  /// `reader` must outlive it. In: Summary::root.
  PointTree(vault::BlobReader& reader, std::vector<model::Ref> root);
  ~PointTree();
  PointTree(PointTree&&) noexcept;

  /// The next step; nothing at the end. Directories come in byte order of their names, each one's
  /// content between its kEnter and kLeave.
  /// Errors: kCancelled and the retrying kinds of the store; damage is a kFault instead.
  Result<std::optional<Step>> next(const std::stop_token& stop);
  /// After a kEnter: its content is passed over and its kLeave is the next step.
  void skip_content();
  /// Told of every part before it is read: for check.
  void on_part(std::function<void(const model::Ref&)> use) { on_part_ = std::move(use); }

 private:
  struct Level;
  Result<bool> next_part(Level& level, const std::stop_token& stop);
  Step enter(Level& level);
  Step leave();
  Step fault(Error error);

  vault::BlobReader& reader_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::string path_;
  bool entry_on_path_ = false;  // path_ ends in the name of the entry last told
  bool left_ = false;           // the innermost level was told as left and goes with the next step
  std::function<void(const model::Ref&)> on_part_;
};

}  // namespace obhut::restore

#pragma once
// Walks the tree of a recovery point, streaming: one node part a level is all that is held.

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
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
  bool denied = false;   ///< seen, but not to be read (a file) or looked into (a directory)
  bool in_part = false;  ///< a denied directory of which what was opened is shown all the same
};

/// What whoever looks could have read when the point was made.
class EntryRights {
 public:
  virtual ~EntryRights() = default;
  // In all: `path` is relative to the root of the point.
  /// The content of a file, or the names in a directory.
  virtual bool may_read(const model::Entry& entry, std::string_view path) = 0;
  /// To reach by name what lies in a directory.
  virtual bool may_enter(const model::Entry& directory, std::string_view path) = 0;
  /// Whether an entry is shown even in a directory that may not be looked into, since it was opened
  /// to them or, a directory, leads to what was. Of such a directory nothing else is shown, however
  /// it is asked for.
  virtual bool is_opened(const model::Entry& /*entry*/, std::string_view /*path*/) { return false; }
};

/// Parts of directories that need not be read.
class PartStandIns {
 public:
  virtual ~PartStandIns() = default;
  /// A part that stands for this one and holds some of its entries; null: it is to be read.
  virtual std::shared_ptr<const Bytes> of(const model::Ref& part) = 0;
  /// In: a part as it was read; `after`, the last name of the part before.
  virtual void was_read(const model::Ref& part, ByteView bytes, std::string_view after) = 0;
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
  /// Shows what `rights` allow and no more: a directory that may be entered and not listed shows
  /// those of its entries that `is_named` knows. Borrows `rights`, null for all; before the first
  /// step.
  void show_only(EntryRights* rights, std::function<bool(std::string_view path)> is_named);
  /// Borrows; before the first step.
  void read_less(PartStandIns* stand_ins) { stand_ins_ = stand_ins; }
  /// Told of every part before it is read: for check.
  void on_part(std::function<void(const model::Ref&)> use) { on_part_ = std::move(use); }

 private:
  struct Level;
  Result<bool> next_part(Level& level, const std::stop_token& stop);
  Step enter(Level& level);
  [[nodiscard]] bool is_shown(const Level& level) const;
  Step leave();
  Step fault(Error error);

  vault::BlobReader& reader_;
  std::vector<std::unique_ptr<Level>> levels_;
  std::string path_;
  bool entry_on_path_ = false;  // path_ ends in the name of the entry last told
  bool left_ = false;           // the innermost level was told as left and goes with the next step
  std::function<void(const model::Ref&)> on_part_;
  EntryRights* rights_ = nullptr;
  std::function<bool(std::string_view)> is_named_;
  PartStandIns* stand_ins_ = nullptr;
};

}  // namespace obhut::restore

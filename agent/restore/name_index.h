#pragma once
// The names in a vault, kept in memory for a while: whoever looks for one asks anew with each
// letter.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/model/blob.h"
#include "agent/restore/name_query.h"
#include "agent/restore/point_tree.h"

namespace obhut::restore {

/// Of each part of a directory the names of its files, and a part that holds its folders alone:
/// that one stands for it where none of the names can match. What is told of is read from the vault
/// all the same, and with the rights of whoever asks. Thread: any.
class NameIndex {
 public:
  /// A million names take some 30 MB. What has no more room is read anew each time.
  explicit NameIndex(std::size_t most_bytes = std::size_t{96} << 20U) : room_(most_bytes) {}

  [[nodiscard]] std::size_t parts() const;

  /// The index as one search uses it. Borrows both.
  class Use final : public PartStandIns {
   public:
    Use(NameIndex& index, const NameQuery& query) : index_(index), query_(query) {}
    std::shared_ptr<const Bytes> of(const model::Ref& part) override;
    void was_read(const model::Ref& part, ByteView bytes, std::string_view after) override;

   private:
    NameIndex& index_;
    const NameQuery& query_;
  };

 private:
  struct Known {
    std::string names;                     // folded, with a '/' between each two
    std::shared_ptr<const Bytes> folders;  // shared with those who read it
  };
  mutable std::mutex mutex_;
  std::map<model::Ref, Known> known_;
  std::size_t room_;
};

}  // namespace obhut::restore

#pragma once
// What a user of this machine may see of its recovery points: what that user could have read
// himself when they were made, and what a partner's grants open to him.

#include <optional>
#include <string_view>
#include <vector>

#include "agent/restore/point_tree.h"
#include "platform/entry_access.h"
#include "service/endpoint/grant_keeper.h"

namespace obhut::endpoint {

/// Thread: one.
class CallerRights final : public restore::EntryRights {
 public:
  explicit CallerRights(platform::CallerPtr caller, std::vector<HeldGrant> grants = {})
      : access_(std::move(caller)), grants_(std::move(grants)) {}

  bool may_read(const model::Entry& entry, std::string_view path) override;
  bool may_enter(const model::Entry& directory, std::string_view path) override;
  bool is_opened(const model::Entry& entry, std::string_view path) override;

  /// Without grants.
  bool may_read_alone(const model::Entry& entry);
  bool may_enter_alone(const model::Entry& directory);
  [[nodiscard]] const std::vector<HeldGrant>& grants() const { return grants_; }

 private:
  [[nodiscard]] bool is_granted(std::string_view path) const;
  platform::EntryAccess access_;
  std::vector<HeldGrant> grants_;
};

}  // namespace obhut::endpoint

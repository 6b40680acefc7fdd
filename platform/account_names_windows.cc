#include "platform/filesystem.h"

namespace obhut::platform {

// Who owns what is told by security descriptors, with their SIDs: there are no numbers.
struct AccountNames::Cache {};

AccountNames::AccountNames() = default;
AccountNames::~AccountNames() = default;

std::string AccountNames::user(std::uint32_t /*uid*/) {
  return {};
}
std::string AccountNames::group(std::uint32_t /*gid*/) {
  return {};
}
std::optional<std::uint32_t> AccountNames::user_id(const std::string& /*name*/) {
  return std::nullopt;
}
std::optional<std::uint32_t> AccountNames::group_id(const std::string& /*name*/) {
  return std::nullopt;
}

}  // namespace obhut::platform

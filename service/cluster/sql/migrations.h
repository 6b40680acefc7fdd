#pragma once
// The tables, as numbered steps. A step that was released is never changed: the next one is added.

#include <span>
#include <string_view>

namespace obhut::cluster::sql {

struct Migration {
  int number;
  std::span<const std::string_view> statements;
};

/// In order, from 1.
std::span<const Migration> migrations();

}  // namespace obhut::cluster::sql

#pragma once
// Heads of a vault in the cluster, and which of them its kept points are resolved through.

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "agent/base/ids.h"
#include "service/cluster/retention_rules.h"
#include "service/cluster/sql/database.h"

namespace obhut::cluster {

struct HeadRow {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  bool full = false;
  bool kept = false;
  bool damaged = false;
  RetainedPoint point;
};

/// By sequence; those whose bytes are gone are left out.
Result<std::vector<HeadRow>> heads_of(sql::Session& session, const VaultId& vault);
/// Heads that a kept one is, or is resolved through: back to the last full one.
std::set<std::uint64_t> needed_heads(const std::vector<HeadRow>& heads);

/// True for a row of `objects` that a kept head refers to.
constexpr std::string_view kKeptHeadRefers =
    "EXISTS (SELECT 1 FROM needs JOIN heads ON heads.vault = needs.vault AND heads.state = 'kept'"
    " AND heads.sequence >= needs.first_head"
    " AND (needs.until IS NULL OR heads.sequence < needs.until)"
    " WHERE needs.vault = objects.vault AND needs.kind = objects.kind"
    " AND needs.hash = objects.hash)";

/// Bytes that a vault in the cluster is charged for: the objects and heads that its kept points
/// need, by the catalogue's marks. What the cluster lost or damaged is not charged.
Result<std::uint64_t> counted_level(sql::Session& session, const VaultId& vault);
/// The same from first principles, from the references of the heads.
Result<std::uint64_t> compute_level(sql::Session& session, const VaultId& vault);

}  // namespace obhut::cluster

#include "service/cluster/kept_heads.h"

#include <string>

namespace obhut::cluster {
namespace {

Result<std::uint64_t> level_of(sql::Session& session, const VaultId& vault,
                               std::string_view needed) {
  ASSIGN_OR_RETURN(const std::optional<sql::Row> objects,
                   session.query_one("SELECT COALESCE(SUM(objects.size), 0) FROM objects"
                                     " WHERE objects.vault = :vault AND objects.damaged IS NULL"
                                     " AND " +
                                         std::string(needed),
                                     {{"vault", vault}}));
  ASSIGN_OR_RETURN(const std::vector<HeadRow> heads, heads_of(session, vault));
  const std::set<std::uint64_t> through = needed_heads(heads);
  std::uint64_t level = objects->count(0);
  for (const HeadRow& head : heads) {
    if (through.contains(head.sequence) && !head.damaged) level += head.size;
  }
  return level;
}

}  // namespace

Result<std::vector<HeadRow>> heads_of(sql::Session& session, const VaultId& vault) {
  ASSIGN_OR_RETURN(
      const sql::Rows rows,
      session.query("SELECT sequence, size, is_full, state, damaged, received, locked_until"
                    " FROM heads WHERE vault = :vault AND state <> 'gone'"
                    " ORDER BY sequence",
                    {{"vault", vault}}));
  std::vector<HeadRow> heads;
  for (const sql::Row& row : rows) {
    heads.push_back({row.count(0),
                     row.count(1),
                     row.integer(2) != 0,
                     row.text(3) == "kept",
                     !row.is_null(4),
                     {row.count(0), row.instant(5), row.instant(6)}});
  }
  return heads;
}

std::set<std::uint64_t> needed_heads(const std::vector<HeadRow>& heads) {
  std::set<std::uint64_t> needed;
  for (std::size_t i = heads.size(); i-- > 0;) {
    if (!heads[i].kept) continue;
    for (std::size_t j = i;; --j) {
      if (!needed.insert(heads[j].sequence).second && j != i) break;
      if (heads[j].full || j == 0) break;
    }
  }
  return needed;
}

Result<std::uint64_t> counted_level(sql::Session& session, const VaultId& vault) {
  return level_of(session, vault, "objects.needed = 1");
}

Result<std::uint64_t> compute_level(sql::Session& session, const VaultId& vault) {
  return level_of(session, vault, kKeptHeadRefers);
}

}  // namespace obhut::cluster

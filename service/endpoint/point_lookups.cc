#include "service/endpoint/point_lookups.h"

#include <ranges>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/restore/point_changes.h"
#include "agent/restore/point_search.h"
#include "agent/restore/report.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr std::uint64_t kUsualHits = 1000;
constexpr std::uint64_t kMostHits = 100'000;
constexpr std::uint64_t kUsualPreview = std::uint64_t{256} << 10U;
/// As large as cameras make a picture.
constexpr std::uint64_t kMostPreview = std::uint64_t{32} << 20U;
/// Base64 of it is well below what one message holds, and of three bytes whole.
constexpr std::size_t kPreviewPart = std::size_t{3} << 19U;
constexpr std::size_t kMostExamples = 50;

json in_point(json entry, const PointReader::Row& row) {
  entry["point"] = row.point->id.text();
  entry["point_time"] = format_time(row.point->head.created);
  return entry;
}

Result<model::RelPath> path_in(const PointRequest& in) {
  ASSIGN_OR_RETURN(model::RelPath path, path_in_point(in.request, text_or(in.request, "path")));
  if (path.bytes().empty()) return fail(ErrorKind::kInvalidInput, "path: want an entry's");
  return path;
}

}  // namespace

Result<json> search_points(const PointRequest& in) {
  // "learn": nothing is looked for, but the next search finds the names in memory.
  const restore::NameQuery query = flag_or(in.request, "learn")
                                       ? restore::NameQuery::nothing()
                                       : restore::NameQuery(text_or(in.request, "text"));
  if (query.empty()) return fail(ErrorKind::kInvalidInput, "search: want a part of a name");
  const std::uint64_t limit = std::min(number_or(in.request, "limit", kUsualHits), kMostHits);
  std::vector<PointReader::Row> rows;
  if (const std::string point = text_or(in.request, "point"); !point.empty()) {
    ASSIGN_OR_RETURN(PointReader::Row row, in.reader.row(point, in.stop));
    rows.push_back(std::move(row));
  } else {
    ASSIGN_OR_RETURN(rows, in.reader.rows(in.stop));
  }
  if (rows.empty()) return json{{"count", 0}, {"more", false}, {"faults", 0}};
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  const auto names =
      in.source.names != nullptr ? in.source.names->of(in.reader.vault().id()) : nullptr;
  restore::PointSearch search(*blobs, in.rights, names.get());
  EntryStream stream(in.reply);
  bool listens = true;
  std::uint64_t faults = 0;
  for (const PointReader::Row& row : std::views::reverse(rows)) {
    ASSIGN_OR_RETURN(const std::uint64_t found,
                     search.search(
                         row.summary.root, query,
                         [&](const restore::PointSearch::Hit& hit) {
                           listens = stream.add_promptly(
                               in_point(entry_json(*hit.entry, hit.path, hit.denied), row));
                           return listens && stream.count() < limit;
                         },
                         in.stop));
    faults += found;
    // Whoever types sees what the newest points hold before the oldest were read.
    listens = listens && stream.flush();
    if (!listens) return fail(ErrorKind::kCancelled, "nobody listens");
    if (stream.count() >= limit) break;
  }
  return json{{"count", stream.count()}, {"more", stream.count() >= limit}, {"faults", faults}};
}

Result<json> versions_of(const PointRequest& in) {
  ASSIGN_OR_RETURN(const model::RelPath path, path_in(in));
  ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, in.reader.rows(in.stop));
  json versions = json::array();
  if (rows.empty()) return json{{"versions", std::move(versions)}};
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  std::optional<model::Entry> newer;
  for (const PointReader::Row& row : std::views::reverse(rows)) {
    ASSIGN_OR_RETURN(std::optional<restore::FoundEntry> found,
                     restore::find_entry(*blobs, row.summary.root, path, in.rights, in.stop));
    if (newer)
      versions.back()["same"] = found && newer->modified == found->entry.modified &&
                                restore::has_same_content(*newer, found->entry);
    if (found) {
      versions.push_back(in_point(entry_json(found->entry, path.bytes(), found->denied), row));
      versions.back()["same"] = false;
    }
    newer = found ? std::optional(std::move(found->entry)) : std::nullopt;
  }
  return json{{"path", "/" + printable(path.bytes())}, {"versions", std::move(versions)}};
}

Result<json> preview(const PointRequest& in) {
  ASSIGN_OR_RETURN(const model::RelPath path, path_in(in));
  const std::uint64_t most = std::min(number_or(in.request, "most", kUsualPreview), kMostPreview);
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  ASSIGN_OR_RETURN(const std::optional<restore::FoundEntry> found,
                   restore::find_entry(*blobs, row.summary.root, path, in.rights, in.stop));
  if (!found) {
    return fail(ErrorKind::kNotFound, "/" + printable(path.bytes()) + ": is not in this point");
  }
  if (found->denied) return std::unexpected(restore::not_to_be_read());
  json value = in_point(entry_json(found->entry, path.bytes(), false), row);
  if (found->entry.type != model::EntryType::kFile) return value;
  ASSIGN_OR_RETURN(const Bytes content,
                   restore::read_beginning(*blobs, found->entry, most, in.stop));
  value["truncated"] = content.size() < found->entry.size;
  ByteView rest = content;
  for (; rest.size() > kPreviewPart; rest = rest.subspan(kPreviewPart)) {
    if (!in.reply.event({{"event", "content"}, {"content", to_base64(rest.first(kPreviewPart))}})) {
      return fail(ErrorKind::kCancelled, "nobody listens");
    }
  }
  value["content"] = to_base64(rest);
  return value;
}

Result<json> changes_of(const PointRequest& in) {
  ASSIGN_OR_RETURN(const PointReader::Row row,
                   in.reader.row(text_or(in.request, "point", "latest"), in.stop));
  ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, in.reader.rows(in.stop));
  const auto own = std::ranges::find_if(
      rows, [&](const PointReader::Row& one) { return one.point->id == row.point->id; });
  json value = {{"point", row.point->id.text()}, {"since", nullptr}};
  const bool is_first = own == rows.begin() || own == rows.end();
  if (!is_first) value["since"] = std::prev(own)->point->id.text();
  ASSIGN_OR_RETURN(vault::BlobReader * blobs, in.reader.blobs(in.stop));
  restore::ChangeCounts counts;
  json examples = json::array();
  const auto tell = [&](const restore::Change& change) {
    counts.add(change.kind);
    if (examples.size() >= kMostExamples) return;
    examples.push_back({{"path", "/" + printable(change.path)},
                        {"change", restore::to_string(change.kind)},
                        {"type", model::to_string(change.entry->type)}});
  };
  TRY(restore::compare_points(*blobs,
                              is_first ? std::vector<model::Ref>() : std::prev(own)->summary.root,
                              row.summary.root, in.rights, tell, in.stop));
  value["added"] = counts.added;
  value["changed"] = counts.changed;
  value["removed"] = counts.removed;
  value["examples"] = std::move(examples);
  return value;
}

}  // namespace obhut::endpoint

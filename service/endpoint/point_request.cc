#include "service/endpoint/point_request.h"

#include <nlohmann/json.hpp>

#include "agent/base/escapes.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

/// Objects go out in messages of so many.
constexpr std::size_t kBatch = 500;

}  // namespace

Result<std::string> path_bytes(const json& request, const std::string& path) {
  if (!flag_or(request, "escaped")) return path;
  std::optional<std::string> bytes = from_printable(path);
  if (!bytes) return fail(ErrorKind::kInvalidInput, "path: malformed escape");
  return std::move(*bytes);
}

Result<model::RelPath> path_in_point(const json& request, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, path_bytes(request, path));
  return model::RelPath::parse_typed(bytes);
}

json point_json(const PointReader::Row& row, Audience audience) {
  json sources = json::array();
  if (audience == Audience::kAdministrator) {
    for (const std::string& source : row.summary.sources) sources.push_back(printable(source));
  }
  return {{"id", row.point->id.text()},
          {"time", format_time(row.point->head.created)},
          {"sequence", row.point->head.sequence},
          {"files", row.summary.totals.files},
          {"directories", row.summary.totals.directories},
          {"bytes", row.summary.totals.bytes},
          {"new_bytes", row.summary.new_bytes},
          {"stored_bytes", row.summary.stored_bytes},
          {"consistency", model::to_string(row.summary.consistency)},
          {"skipped", row.summary.skipped_entries},
          {"host", printable(row.summary.host)},
          {"sources", std::move(sources)}};
}

json entry_json(const model::Entry& entry, std::string_view path, bool denied) {
  json value = {{"path", "/" + printable(path)},
                {"type", model::to_string(entry.type)},
                {"mode", entry.mode},
                {"size", entry.size},
                {"user", printable(entry.user)},
                {"group", printable(entry.group)},
                {"modified", format_time(Instant(std::chrono::seconds(entry.modified.seconds)))}};
  if (denied) value["denied"] = true;
  if (entry.type == model::EntryType::kSymlink) value["target"] = printable(entry.symlink_target);
  return value;
}

EntryStream::EntryStream(Reply& reply)
    : reply_(reply), batch_(std::make_unique<json>(json::array())) {}
EntryStream::~EntryStream() = default;

bool EntryStream::add(json entry) {
  batch_->push_back(std::move(entry));
  ++count_;
  return batch_->size() < kBatch || flush();
}

bool EntryStream::add_promptly(json entry) {
  if (!add(std::move(entry))) return false;
  constexpr std::chrono::milliseconds kMoment{100};
  return std::chrono::steady_clock::now() - flushed_ < kMoment || flush();
}

bool EntryStream::flush() {
  if (batch_->empty()) return true;
  flushed_ = std::chrono::steady_clock::now();
  return reply_.event({{"event", "entries"}, {"entries", std::exchange(*batch_, json::array())}});
}

}  // namespace obhut::endpoint

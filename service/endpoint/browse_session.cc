#include "service/endpoint/browse_session.h"

#include <algorithm>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/restore/point_browser.h"
#include "platform/local_socket.h"
#include "service/endpoint/caller_rights.h"
#include "service/endpoint/control_reply.h"
#include "service/endpoint/json_fields.h"
#include "service/endpoint/point_request.h"
#include "service/endpoint/raw_text.h"

namespace obhut::endpoint {
namespace {

using nlohmann::json;

/// Without a question for so long, a session gives up its place and the memory of its index.
constexpr std::chrono::minutes kMostSilence{10};
/// An index that is asked for a blob in vain is read anew, but not for each of a million of them:
/// a tenth of the time at most, and not more often than this.
constexpr std::chrono::seconds kBetweenReloads{1};
constexpr int kReloadShare = 10;
constexpr std::uint64_t kMostEntries = 2000;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20U;
/// Half of what one message holds: an entry more is no question.
constexpr std::size_t kMostText = kMaxControlMessage / 8;

json time_pair(const model::FileTime& time) {
  return json::array({time.seconds, time.nanoseconds});
}

json browsed_json(const model::Entry& entry, bool denied) {
  json value = {{"type", model::to_string(entry.type)},
                {"mode", entry.mode},
                {"uid", entry.uid},
                {"gid", entry.gid},
                {"size", entry.size},
                {"modified", time_pair(entry.modified)},
                {"changed", time_pair(entry.changed)}};
  put_raw(value, "name", entry.name);
  if (!entry.user.empty()) value["user"] = printable(entry.user);
  if (!entry.group.empty()) value["group"] = printable(entry.group);
  if (entry.links > 1 && entry.type == model::EntryType::kFile) {
    value["links"] = entry.links;
    value["inode"] = entry.inode;
    value["device"] = entry.device;
  }
  if (entry.rdev != 0) value["rdev"] = entry.rdev;
  if (entry.type == model::EntryType::kSymlink) put_raw(value, "target", entry.symlink_target);
  if (denied) value["denied"] = true;
  return value;
}

/// What a question is answered with; `content` follows as a message of its own.
struct Answer {
  json message;
  Bytes content;
};

class BrowseSession {
 public:
  BrowseSession(const PointSource& source, const Asker& asker, const GrantsNow& grants_now,
                const json& request)
      : source_(source),
        asker_(asker),
        grants_now_(grants_now),
        target_(text_or(request, "target")),
        names_alone_(flag_or(request, "names")) {
    if (asker.audience == Audience::kAdministrator) return;
    rights_.emplace(asker.account, names_alone_ ? grants_now() : std::vector<HeldGrant>());
  }

  /// False once what the asker may see is not what it was.
  [[nodiscard]] bool still_holds() const {
    if (!rights_ || !names_alone_) return true;
    return std::ranges::equal(
        grants_now_(), rights_->grants(), {}, [](const HeldGrant& held) { return held.grant.id; },
        [](const HeldGrant& held) { return held.grant.id; });
  }

  /// The vault, its points and its index, as they are now.
  Result<void> open(const std::stop_token& stop) {
    const auto begin = source_.cluster.clock.steady();
    ASSIGN_OR_RETURN(std::unique_ptr<PointReader> reader,
                     PointReader::open(source_, target_, stop));
    ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, reader->rows(stop));
    TRY(adopt(std::move(reader), rows, stop));
    reader_->rest();
    const auto end = source_.cluster.clock.steady();
    next_reload_ = end + std::max<std::chrono::steady_clock::duration>(
                             kBetweenReloads, kReloadShare * (end - begin));
    return {};
  }

  Answer answer(const Result<json>& question, const std::stop_token& stop) {
    Result<Answer> answer =
        question ? carry_out(*question, stop) : Result<Answer>(std::unexpected(question.error()));
    reader_->rest();
    if (!answer) {
      const Error& error = answer.error();
      answer =
          Answer{{{"error", {{"kind", to_string(error.kind)}, {"message", error.message}}}}, {}};
    }
    answer->message["event"] = "answer";
    return std::move(*answer);
  }

 private:
  /// What was asked for, taken apart.
  struct Place {
    std::string point;
    model::RelPath path;
  };

  Result<void> adopt(std::unique_ptr<PointReader> reader, const std::vector<PointReader::Row>& rows,
                     const std::stop_token& stop) {
    std::map<std::string, std::vector<model::Ref>> roots;
    json list = json::array();
    for (const PointReader::Row& row : rows) {
      roots.emplace(row.point->id.text(), row.summary.root);
      list.push_back(point_json(row, asker_.audience));
    }
    // A vault without points may be without an index.
    std::unique_ptr<restore::PointBrowser> browser;
    if (!rows.empty()) {
      ASSIGN_OR_RETURN(vault::BlobReader * blobs, reader->blobs(stop));
      browser = std::make_unique<restore::PointBrowser>(*blobs, reader->index(),
                                                        rights_ ? &*rights_ : nullptr);
    }
    browser_ = std::move(browser);
    reader_ = std::move(reader);
    roots_ = std::move(roots);
    points_ = std::move(list);
    return {};
  }

  /// Opens all anew where the points are others than before.
  Result<Answer> points(const std::stop_token& stop) {
    ASSIGN_OR_RETURN(std::unique_ptr<PointReader> fresh, PointReader::open(source_, target_, stop));
    ASSIGN_OR_RETURN(const std::vector<PointReader::Row> rows, fresh->rows(stop));
    const bool same =
        rows.size() == roots_.size() && std::ranges::all_of(rows, [&](const PointReader::Row& row) {
          return roots_.contains(row.point->id.text());
        });
    if (!same) TRY(adopt(std::move(fresh), rows, stop));
    return Answer{{{"points", points_}}, {}};
  }

  Result<Place> place_of(const json& question) {
    const std::string point = text_or(question, "point");
    if (!roots_.contains(point)) {
      return fail(ErrorKind::kSourceGone, "point " + printable(point) + ": is not kept any more");
    }
    const std::optional<std::string> path = raw_of(question, "path");
    if (!path) return fail(ErrorKind::kInvalidInput, "path64: want base64");
    ASSIGN_OR_RETURN(model::RelPath parsed, model::RelPath::parse(*path));
    return Place{point, std::move(parsed)};
  }

  [[nodiscard]] restore::PointBrowser::Root root_of(const Place& place) const {
    return {place.point, roots_.at(place.point)};
  }

  // Nothing, of these three, where the point has no such entry.

  /// `is_last`: a part that the store has no more is not to be looked for again.
  Result<std::optional<Answer>> list(const json& question, const Place& place, bool is_last,
                                     const std::stop_token& stop) {
    const std::optional<std::string> after = raw_of(question, "after");
    if (!after) return fail(ErrorKind::kInvalidInput, "after64: want base64");
    const std::uint64_t most =
        std::clamp<std::uint64_t>(number_or(question, "most", kMostEntries), 1, kMostEntries);
    json entries = json::array();
    std::size_t text = 0;
    ASSIGN_OR_RETURN(const auto batch, browser_->list(
                                           root_of(place), place.path, *after,
                                           [&](const model::Entry& entry, bool denied) {
                                             // One is always taken, so that a client gets on.
                                             if (entries.size() >= most || text > kMostText)
                                               return false;
                                             text +=
                                                 entry.name.size() + entry.symlink_target.size();
                                             entries.push_back(browsed_json(entry, denied));
                                             return true;
                                           },
                                           stop));
    if (!batch) return std::nullopt;
    if (batch->fault && batch->fault->kind == ErrorKind::kNotFound && !is_last) {
      return std::unexpected(*batch->fault);
    }
    return Answer{{{"entries", std::move(entries)},
                   {"more", batch->more},
                   {"faulty", batch->fault.has_value()}},
                  {}};
  }

  Result<std::optional<Answer>> entry(const Place& place, const std::stop_token& stop) {
    ASSIGN_OR_RETURN(const auto found, browser_->entry(root_of(place), place.path, stop));
    if (!found) return std::nullopt;
    return Answer{{{"entry", browsed_json(found->entry, found->denied)}}, {}};
  }

  Result<std::optional<Answer>> read(const json& question, const Place& place,
                                     const std::stop_token& stop) {
    const ByteRange range{number_or(question, "offset"),
                          std::min(number_or(question, "length"), kMostBytes)};
    ASSIGN_OR_RETURN(std::optional<Bytes> content,
                     browser_->read(root_of(place), place.path, range, stop));
    if (!content) return std::nullopt;
    const std::size_t size = content->size();
    return Answer{{{"content", size}}, std::move(*content)};
  }

  Result<std::optional<Answer>> try_once(const json& question, const Place& place, bool is_last,
                                         const std::stop_token& stop) {
    const std::string word = text_or(question, "question");
    TRY(reader_->hold());
    if (word == "list") return list(question, place, is_last, stop);
    if (word == "entry") return entry(place, stop);
    if (word == "read" && !names_alone_) return read(question, place, stop);
    return fail(ErrorKind::kInvalidInput, "no such question: " + printable(word));
  }

  /// What was there when the index was read may have been moved into other packs since, or gone
  /// with its point: a fresh look tells which.
  Result<Answer> carry_out(const json& question, const std::stop_token& stop) {
    if (text_or(question, "question") == "points") return points(stop);
    ASSIGN_OR_RETURN(Place place, place_of(question));
    const bool may_reload = source_.cluster.clock.steady() >= next_reload_;
    Result<std::optional<Answer>> answer = try_once(question, place, !may_reload, stop);
    const auto is_lost = [&] { return !answer && answer.error().kind == ErrorKind::kNotFound; };
    if (is_lost() && may_reload) {
      TRY(open(stop));
      ASSIGN_OR_RETURN(place, place_of(question));
      answer = try_once(question, place, true, stop);
    }
    if (is_lost()) answer.error().kind = ErrorKind::kCorrupt;
    if (!answer) return std::unexpected(std::move(answer.error()));
    if (*answer) return std::move(**answer);
    return fail(ErrorKind::kNotFound, "/" + place.path.printable() + ": is not in this point");
  }

  const PointSource& source_;
  const Asker& asker_;
  const GrantsNow& grants_now_;
  const std::string target_;
  const bool names_alone_;
  std::optional<CallerRights> rights_;
  std::unique_ptr<PointReader> reader_;
  std::unique_ptr<restore::PointBrowser> browser_;  // goes before what it reads by
  std::map<std::string, std::vector<model::Ref>> roots_;
  json points_;
  std::chrono::steady_clock::time_point next_reload_{};
};

}  // namespace

Result<void> serve_browsing(const PointSource& source, const Asker& asker,
                            const GrantsNow& grants_now, const json& request,
                            platform::LocalConnection& client, const std::stop_token& stop) {
  BrowseSession session(source, asker, grants_now, request);
  TRY(session.open(stop));
  SocketReply reply(client, stop);
  if (!reply.event({{"event", "ready"}})) return {};
  for (;;) {
    // An end, a silence, other grants or a stop: the client that has questions begins anew.
    const auto said = client.receive(kMaxControlMessage, kMostSilence, stop);
    if (!said || !*said || !session.still_holds()) return {};
    const Answer answer = session.answer(parse_request(**said), stop);
    if (stop.stop_requested() || !reply.event(answer.message)) return {};
    if (!answer.content.empty() && !client.send(answer.content, kControlPatience, stop)) {
      return {};
    }
  }
}

}  // namespace obhut::endpoint

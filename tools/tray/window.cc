#include "tools/tray/window.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/secret.h"
#include "agent/model/strict_json.h"
#include "platform/desktop.h"
#include "platform/machine.h"
#include "platform/places.h"
#include "service/endpoint/json_fields.h"
#include "tools/tray/entry_text.h"
#include "tools/tray/own_folders.h"
#include "tools/tray/preview.h"

namespace obhut::tray {

using endpoint::flag_or;
using endpoint::number_or;
using endpoint::text_or;
using nlohmann::json;

namespace {

constexpr std::size_t kUsualPage = 500;
constexpr std::size_t kLargestPage = 5000;
constexpr std::uint64_t kTextPreview = std::uint64_t{256} << 10U;
constexpr std::uint64_t kPicturePreview = std::uint64_t{32} << 20U;

std::string in_query(const Request& request, const std::string& name) {
  const auto at = request.query.find(name);
  return at == request.query.end() ? std::string() : at->second;
}

std::size_t number_in_query(const Request& request, const std::string& name, std::size_t other) {
  const std::string text = in_query(request, name);
  std::size_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return text.empty() || read.ec != std::errc() ? other : number;
}

/// Of one entry in one recovery point, by what the page's query says.
json about_entry(const Request& request, const char* command) {
  return {{"command", command},
          {"target", in_query(request, "location")},
          {"point", in_query(request, "point")},
          {"path", in_query(request, "path")},
          {"escaped", true}};
}

Refusal no_such_thing(const std::string& path) {
  return {404, "not-found", path + ": no such thing"};
}

struct Beginning {
  json entry;
  Bytes content;  ///< none of what is no file
};

/// In: `question`, the daemon's "preview".
Answer<Beginning> beginning_of(const Daemon& daemon, const json& question,
                               const std::stop_token& gone) {
  Bytes content;
  const auto add = [&content](const json& message) {
    const std::optional<Bytes> part = from_base64(text_or(message, "content"));
    if (part) content.insert(content.end(), part->begin(), part->end());
    return part.has_value();
  };
  ASSIGN_OR_RETURN(json entry, daemon.ask(question, gone, add));
  if (!add(entry)) return std::unexpected(Refusal(500, "internal", "preview: not in base64"));
  return Beginning{std::move(entry), std::move(content)};
}

Answer<json> body_of(const Request& request) {
  if (request.body.empty()) return json::object();
  ASSIGN_OR_RETURN(json body, model::parse_strict_json(request.body, "request",
                                                       {.bytes = request.body.size(), .depth = 8}));
  if (!body.is_object()) {
    return std::unexpected(Refusal(400, "invalid-input", "request: want an object"));
  }
  return body;
}

json page_version(const json& version) {
  return {{"point", text_or(version, "point")},          {"time", text_or(version, "point_time")},
          {"size", number_or(version, "size")},          {"modified", text_or(version, "modified")},
          {"type", page_type(text_or(version, "type"))}, {"same", flag_or(version, "same")}};
}

json no_preview(const char* reason) {
  return {{"kind", "none"}, {"reason", reason}};
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      out += c;
    } else {
      out += "%" + to_hex(as_bytes({&c, 1}));
    }
  }
  return out;
}

}  // namespace

Window::Window(const Daemon& daemon, const Clock& clock, PageFiles page, const Brand& brand,
               std::string token, std::string language)
    : daemon_(daemon),
      page_(std::move(page)),
      brand_(brand),
      token_(std::move(token)),
      language_(std::move(language)),
      listings_(daemon),
      search_(daemon),
      restores_(daemon, clock),
      mounts_(daemon) {}

Response Window::answer(const Request& request, const std::stop_token& gone) {
  if (request.path.starts_with("/api/")) {
    // Who knows the address but not the token may look at the page, which holds nothing.
    if (!crypto::equal_in_constant_time(as_bytes(request.token), as_bytes(token_))) {
      return respond(Refusal(401, "refused", "the token is not this window's"));
    }
    Answer<Response> answer = answer_api(request, gone);
    return answer ? std::move(*answer) : respond(answer.error());
  }
  if (request.method != "GET") return respond(Refusal(405, "invalid-input", "want GET"));
  if (request.path == "/brand/logo" && brand_.logo()) {
    return {200, brand_.logo()->type, std::string(as_text(brand_.logo()->content)), false};
  }
  return page_.get(request.path);
}

Answer<Response> Window::answer_api(const Request& request, const std::stop_token& gone) {
  if (request.method == "GET") return get(request, gone);
  if (request.method == "POST" || request.method == "DELETE") return change(request);
  return std::unexpected(Refusal(405, "invalid-input", "want GET, POST or DELETE"));
}

Answer<Response> Window::get(const Request& request, const std::stop_token& gone) {
  const std::string& path = request.path;
  const auto as_response = [](Answer<json> answer) -> Answer<Response> {
    if (!answer) return std::unexpected(std::move(answer).error());
    return respond(*answer);
  };
  if (path == "/api/session") return as_response(session(gone));
  if (path == "/api/points") return as_response(points(request, gone));
  if (path == "/api/changes")
    return as_response(daemon_.ask(about_entry(request, "changes"), gone));
  if (path == "/api/entries") {
    ASSIGN_OR_RETURN(
        std::string text,
        listings_.page(
            {in_query(request, "location"), in_query(request, "point"), in_query(request, "path")},
            number_in_query(request, "cursor", 0),
            std::min(number_in_query(request, "limit", kUsualPage), kLargestPage), gone));
    return Response{200, "application/json", std::move(text), false};
  }
  if (path == "/api/search") {
    return as_response(search_.page(in_query(request, "location"), in_query(request, "text"),
                                    number_in_query(request, "cursor", 0), gone));
  }
  if (path == "/api/versions") {
    ASSIGN_OR_RETURN(const json answer, daemon_.ask(about_entry(request, "versions"), gone));
    json versions = json::array();
    for (const json& version : answer.value("versions", json::array())) {
      versions.push_back(page_version(version));
    }
    if (versions.empty()) return std::unexpected(no_such_thing(in_query(request, "path")));
    return respond({{"versions", std::move(versions)}});
  }
  if (path == "/api/preview") return as_response(preview(request, gone));
  if (path == "/api/picture") return picture(request, gone);
  if (path == "/api/folders") return as_response(own_folders(in_query(request, "path")));
  if (path == "/api/restores") return respond(restores_.all());
  constexpr std::string_view kRestores = "/api/restores/";
  if (path.starts_with(kRestores))
    return as_response(restores_.state(path.substr(kRestores.size())));
  return std::unexpected(no_such_thing(path));
}

Answer<Response> Window::change(const Request& request) {
  ASSIGN_OR_RETURN(const json body, body_of(request));
  const std::string& path = request.path;
  if (request.method == "POST" && path == "/api/folders") {
    ASSIGN_OR_RETURN(const json made, make_own_folder(text_or(body, "path")));
    return respond(made);
  }
  if (request.method == "POST" && path == "/api/restores") {
    ASSIGN_OR_RETURN(const std::string id, restores_.start(body));
    return respond({{"id", id}}, 202);
  }
  if (path == "/api/grants") return change_grants(request.method, body);
  if (request.method == "POST" && path == "/api/mounts") {
    ASSIGN_OR_RETURN(const std::string folder,
                     mounts_.open(text_or(body, "location"), text_or(body, "point")));
    return respond({{"folder", folder}});
  }
  constexpr std::string_view kRestores = "/api/restores/";
  const std::size_t slash = path.rfind('/');
  if (request.method == "POST" && path.starts_with(kRestores) && slash >= kRestores.size()) {
    const std::string verb = path.substr(slash + 1);
    if (verb == "pause" || verb == "resume" || verb == "cancel") {
      ASSIGN_OR_RETURN(
          const json state,
          restores_.steer(path.substr(kRestores.size(), slash - kRestores.size()), verb));
      return respond(state);
    }
  }
  return std::unexpected(no_such_thing(path));
}

Answer<json> Window::session(const std::stop_token& gone) const {
  ASSIGN_OR_RETURN(const json status, daemon_.ask({{"command", "status"}}, gone));
  const platform::SignedIn who = platform::signed_in();
  json locations = status.value("locations", json::array());
  // Before there is a plan, what was backed up under an earlier one may still be there.
  if (locations.empty()) locations.push_back({{"id", "cluster"}, {"kind", "cluster"}});
  return json{{"brand", brand_.json()},
              {"language", language_},
              {"device", {{"name", platform::host_name()}}},
              {"account", printable(who.account)},
              {"administrator", platform::is_administrator()},
              {"windows", platform::has_drives()},
              {"home", printable(who.home.empty() ? "/" : who.home)},
              {"locations", std::move(locations)},
              {"grant", grant(gone)},
              {"mount", mounts_.possible()}};
}

json Window::grant(const std::stop_token& gone) const {
  const Answer<json> answer = daemon_.ask({{"command", "grants"}}, gone);
  if (!answer) return nullptr;
  for (const json& one : answer->value("grants", json::array())) {
    if (!flag_or(one, "open")) continue;
    const std::string destination = text_or(one, "destination");
    return {{"id", text_or(one, "id")},
            {"scope", one.value("scope", json::array())},
            {"destination", destination},
            {"expires", text_or(one, "expires")},
            {"reason", text_or(one, "reason")}};
  }
  return nullptr;
}

Answer<Response> Window::change_grants(const std::string& method, const json& body) {
  // What may be seen is about to change.
  listings_.forget();
  if (method == "DELETE") {
    const json held = grant({});
    if (held.is_object()) {
      TRY(daemon_.ask({{"command", "grant-drop"}, {"id", text_or(held, "id")}}, {}));
    }
    return respond(json::object());
  }
  json request = {{"command", "grant-add"}};
  for (const char* member : {"document", "code"}) {
    if (const std::string text = text_or(body, member); !text.empty()) request[member] = text;
  }
  TRY(daemon_.ask(request, {}));
  ASSIGN_OR_RETURN(const json now, session({}));
  return respond(now);
}

Answer<json> Window::points(const Request& request, const std::stop_token& gone) const {
  Answer<json> answer =
      daemon_.ask({{"command", "points"}, {"target", in_query(request, "location")}}, gone);
  if (answer) return json{{"points", answer->value("points", json::array())}};
  if (answer.error().kind == "not-found") return json{{"points", json::array()}};
  if (answer.error().kind != "refused") return answer;
  // Refused to everybody: this device has another key than the one that its vault was made with.
  ASSIGN_OR_RETURN(const json status, daemon_.ask({{"command", "status"}}, gone));
  const auto protection = status.find("protection");
  const bool waiting =
      protection != status.end() && text_or(*protection, "state") == "waiting for recovery";
  if (waiting) return std::unexpected(Refusal(409, "key-missing", answer.error().message));
  return answer;
}

Answer<json> Window::preview(const Request& request, const std::stop_token& gone) const {
  json question = about_entry(request, "preview");
  question["most"] = kTextPreview;
  const Answer<Beginning> file = beginning_of(daemon_, question, gone);
  if (!file && file.error().kind == "refused") return no_preview("denied");
  if (!file) return std::unexpected(file.error());
  if (text_or(file->entry, "type") != "file") return no_preview("binary");
  const bool truncated = flag_or(file->entry, "truncated");
  if (const std::optional<Picture> picture = picture_in(file->content)) {
    const bool fits = number_or(file->entry, "size") <= kPicturePreview;
    if (!fits || !picture->may_be_shown()) return no_preview("too-large");
    std::string url = "/api/picture?location=" + percent_encoded(in_query(request, "location"));
    url += "&point=" + percent_encoded(in_query(request, "point"));
    url += "&path=" + percent_encoded(in_query(request, "path"));
    return json{{"kind", "image"}, {"url", std::move(url)}};
  }
  const std::optional<ShownText> text = shown_text(file->content, !truncated);
  if (!text) return no_preview("binary");
  return json{{"kind", "text"},
              {"text", text->text},
              {"truncated", truncated},
              {"encoding", text->encoding}};
}

Answer<Response> Window::picture(const Request& request, const std::stop_token& gone) const {
  json question = about_entry(request, "preview");
  question["most"] = kPicturePreview;
  ASSIGN_OR_RETURN(const Beginning file, beginning_of(daemon_, question, gone));
  const std::optional<Picture> picture = picture_in(file.content);
  if (!picture || !picture->may_be_shown())
    return std::unexpected(no_such_thing(in_query(request, "path")));
  return Response{200, picture->type, std::string(as_text(file.content)), false};
}

}  // namespace obhut::tray

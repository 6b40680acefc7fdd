#include "service/endpoint/grant_requests.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

json grant_json(const GrantKeeper::Listed& listed) {
  const trust::RestoreGrant& grant = listed.held.grant;
  json value = {{"id", grant.id.text()},
                {"scope", trust::scope_texts(grant)},
                {"destination", grant.destination.text()},
                {"not_before", format_time(grant.not_before)},
                {"expires", format_time(grant.expires)},
                {"reason", grant.reason},
                {"account", listed.account},
                {"signer", listed.held.signer},
                {"open", listed.open}};
  if (grant.vault) value["vault"] = grant.vault->text();
  return value;
}

const platform::Account* user_of(const Asker& asker) {
  return asker.audience == Audience::kAdministrator ? nullptr : &asker.who;
}

Result<json> list(Engine& engine, const Asker& asker) {
  json grants = json::array();
  for (const GrantKeeper::Listed& listed : engine.grants().listed_for(user_of(asker))) {
    grants.push_back(grant_json(listed));
  }
  return json{{"grants", std::move(grants)}};
}

Result<json> add(Engine& engine, const Asker& asker, const json& request,
                 const std::stop_token& stop) {
  std::string document = text_or(request, "document");
  const std::string code = text_or(request, "code");
  if (document.empty() == code.empty()) {
    return fail(ErrorKind::kInvalidInput, "grant: want a document or a code");
  }
  if (!code.empty()) {
    ASSIGN_OR_RETURN(document, engine.control().fetch_grant(code, stop));
  }
  ASSIGN_OR_RETURN(const GrantKeeper::Listed added, engine.grants().add(document, user_of(asker)));
  // What was taken back on another day must not come in by a copy of the file.
  engine.refresh_grants(stop);
  const auto held = engine.grants().listed_for(nullptr);
  const auto is_added = [&added](const GrantKeeper::Listed& one) {
    return one.held.grant.id == added.held.grant.id;
  };
  if (std::ranges::none_of(held, is_added)) {
    return fail(ErrorKind::kRefused,
                "restore grant " + added.held.grant.id.text() + ": was taken back by the partner");
  }
  return json{{"grant", grant_json(added)}};
}

Result<json> drop(Engine& engine, const Asker& asker, const json& request) {
  ASSIGN_OR_RETURN(const trust::GrantId dropped,
                   engine.grants().drop(text_or(request, "id"), user_of(asker)));
  return json{{"dropped", dropped.text()}};
}

}  // namespace

std::optional<Result<json>> carry_out_grants(Engine& engine, const Asker& asker,
                                             std::string_view command, const json& request,
                                             const std::stop_token& stop) {
  if (command == "grants") return list(engine, asker);
  if (command == "grant-add") return add(engine, asker, request, stop);
  if (command == "grant-drop") return drop(engine, asker, request);
  return std::nullopt;
}

}  // namespace obhut::endpoint

#include "service/endpoint/recovery_requests.h"

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/trust/recovery_access.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

template <class IdType>
Result<std::optional<IdType>> optional_id(const json& request, const char* name) {
  const std::string text = text_or(request, name);
  if (text.empty()) return std::nullopt;
  const std::optional<IdType> id = IdType::parse(text);
  if (id) return id;
  return fail(ErrorKind::kInvalidInput,
              std::string(name) + " " + printable(text) + ": must be 32 lower-case hex digits");
}

std::optional<model::Escrow> escrow_of(Engine& engine) {
  const auto plan = engine.plans().in_force();
  return plan ? plan->plan.escrow : std::nullopt;
}

json recovered_json(const Recovery::Recovered& done) {
  json value = {{"recovered", true},
                {"vault", done.vault.text()},
                {"sequence", done.sequence},
                {"time", format_time(done.created)},
                {"made_by", done.made_by.text()},
                {"entered", !done.unfinished}};
  if (done.unfinished) value["reason"] = done.unfinished->message;
  return value;
}

Result<json> recover(Engine& engine, const json& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto vault, optional_id<VaultId>(request, "vault"));
  ASSIGN_OR_RETURN(const vault::KeySource key, key_in(request));
  ASSIGN_OR_RETURN(const Recovery::Recovered done,
                   engine.recovery().open_with_key(key, vault, escrow_of(engine), stop));
  if (const auto* recovery = std::get_if<vault::RecoveryKey>(&key)) {
    // A vault of before there were access keys gets one; where that is lost, the key opens the
    // vault from an enrolled device still.
    (void)engine.control().confirm_recovery(
        done.vault, trust::recovery_access_key(recovery->secret().view()).public_key(), stop);
  }
  return recovered_json(done);
}

Result<json> take_answer(Engine& engine, const json& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto made_by, optional_id<DeviceId>(request, "made_by"));
  ASSIGN_OR_RETURN(const Recovery::Recovered done,
                   engine.recovery().open_with_answer(text_or(request, "answer"), made_by,
                                                      escrow_of(engine), stop));
  return recovered_json(done);
}

Result<json> ask(Engine& engine, const json& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const auto vault, optional_id<VaultId>(request, "vault"));
  ASSIGN_OR_RETURN(const Recovery::Request made, engine.recovery().ask_escrow(vault, stop));
  return json{{"request", made.text},
              {"vault", made.vault.text()},
              {"device", engine.identity().device.text()},
              {"fingerprint", made.fingerprint}};
}

Result<json> start_over(Engine& engine) {
  TRY(engine.recovery().start_over());
  return json{{"started_over", true}};
}

}  // namespace

Result<vault::KeySource> key_in(const json& request) {
  std::optional<Bytes> text = from_base64url(text_or(request, "key"));
  if (!text) return fail(ErrorKind::kInvalidInput, "key: want base64url");
  Result<vault::KeySource> key = vault::key_source_from_file_text(as_text(*text));
  crypto::wipe(*text);
  return key;
}

std::optional<Result<json>> carry_out_recovery(Engine& engine, std::string_view command,
                                               const json& request, const std::stop_token& stop) {
  if (command == "key-recover") return recover(engine, request, stop);
  if (command == "key-answer") return take_answer(engine, request, stop);
  if (command == "key-request") return ask(engine, request, stop);
  if (command == "key-start-over") return start_over(engine);
  return std::nullopt;
}

json recovery_json(Engine& engine) {
  if (!engine.keeper().waiting()) return nullptr;
  json value = {{"state", "waiting"},
                {"replaces", engine.identity().replaces->text()},
                {"message", engine.keeper().waiting_message()}};
  if (const auto vault = engine.keeper().awaited()) value["vault"] = vault->text();
  if (const auto print = engine.recovery().open_fingerprint()) value["fingerprint"] = *print;
  return value;
}

}  // namespace obhut::endpoint

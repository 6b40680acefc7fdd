#include "agent/wire/json_codec.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "agent/model/strict_json.h"

namespace obhut::wire {

namespace {

using nlohmann::json;

/// A page of heads carries receipts; everything else is far smaller.
constexpr model::JsonLimits kReplyLimits{std::size_t{8} << 20U, 16};
constexpr std::size_t kMaxText = std::size_t{2} << 20U;
constexpr std::size_t kMaxItems = 100'000;

/// Reads members of one object and remembers the first that was wrong, so that a message is read
/// in one go and checked at its end.
class Members {
 public:
  Members(const json& object, std::string& wrong) : object_(object), wrong_(wrong) {
    if (!object_.is_object()) blame("the message");
  }

  std::string text(const char* name) { return read_text(name, true); }
  std::string text_or_empty(const char* name) { return read_text(name, false); }

  std::uint64_t number(const char* name) {
    const json* found = find(name);
    if (found == nullptr || !found->is_number_unsigned()) return blame(name), 0;
    return found->get<std::uint64_t>();
  }
  /// Nothing where it is null or missing.
  std::optional<std::uint64_t> maybe_number(const char* name) {
    const json* found = find(name);
    if (found == nullptr || found->is_null()) return std::nullopt;
    return number(name);
  }
  bool has(const char* name) const { return find(name) != nullptr; }
  Instant time(const char* name) {
    const std::optional<Instant> at = parse_time(text(name));
    if (!at) return blame(name), Instant{};
    return *at;
  }
  /// Nothing where it is null.
  std::optional<Instant> maybe_time(const char* name) {
    const json* found = find(name);
    if (found != nullptr && found->is_null()) return std::nullopt;
    return time(name);
  }
  template <class IdType>
  IdType id(const char* name) {
    const std::optional<IdType> value = IdType::parse(text(name));
    if (!value) return blame(name), IdType{};
    return *value;
  }
  /// A document that the cluster may embed as text or as JSON.
  std::string document(const char* name, bool required) {
    const json* found = find(name);
    if (found != nullptr && found->is_object())
      return found->dump(-1, ' ', false, json::error_handler_t::replace);
    return read_text(name, required);
  }
  std::vector<Header> headers(const char* name) {
    std::vector<Header> headers;
    const json* found = find(name);
    if (found == nullptr || found->is_null()) return headers;
    if (!found->is_object() || found->size() > 32) return blame(name), headers;
    for (const auto& [key, value] : found->items()) {
      if (!value.is_string()) return blame(name), headers;
      headers.push_back({key, value.get<std::string>()});
    }
    return headers;
  }
  /// Calls `read(Members&)` for each item of an array of objects.
  template <class Read>
  void each(const char* name, Read read) {
    const json* found = find(name);
    if (found == nullptr || !found->is_array() || found->size() > kMaxItems) return blame(name);
    for (const json& item : *found) {
      Members members(item, wrong_);
      read(members);
      if (!wrong_.empty()) return;
    }
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> texts;
    const json* found = find(name);
    if (found == nullptr || !found->is_array() || found->size() > kMaxItems) {
      blame(name);
      return texts;
    }
    for (const json& item : *found) {
      if (!item.is_string() || item.get_ref<const std::string&>().size() > kMaxText) blame(name);
      if (item.is_string()) texts.push_back(item.get<std::string>());
    }
    return texts;
  }
  void blame(const char* name) {
    if (wrong_.empty()) wrong_ = name;
  }

 private:
  const json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto at = object_.find(name);
    return at == object_.end() ? nullptr : &*at;
  }
  std::string read_text(const char* name, bool required) {
    const json* found = find(name);
    if (!required && (found == nullptr || found->is_null())) return {};
    if (found == nullptr || !found->is_string()) return blame(name), std::string();
    const auto& value = found->get_ref<const std::string&>();
    if (value.size() > kMaxText) return blame(name), std::string();
    return value;
  }

  const json& object_;
  std::string& wrong_;
};

/// Parses `text` and has `read(Members&)` make a message of it.
template <class Message, class Read>
Result<Message> read_message(std::string_view text, std::string_view what, Read read) {
  const Result<json> parsed = model::parse_strict_json(text, what, kReplyLimits);
  if (!parsed) return fail(ErrorKind::kCorrupt, "answer of the cluster: " + parsed.error().message);
  std::string wrong;
  Members members(*parsed, wrong);
  Message message = read(members);
  if (wrong.empty()) return message;
  return fail(ErrorKind::kCorrupt, "answer of the cluster: " + std::string(what) + ": " + wrong +
                                       " is missing or wrong");
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<model::ObjectKind> kind_of(std::string_view text) {
  for (const model::ObjectKind kind : model::kAllObjectKinds) {
    if (model::to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

model::ObjectKind read_kind(Members& in) {
  const std::optional<model::ObjectKind> kind = kind_of(in.text("kind"));
  if (!kind) in.blame("kind");
  return kind.value_or(model::ObjectKind::kPack);
}

}  // namespace

std::string write_enroll(const EnrollRequest& request) {
  return dump({{"token", request.token},
               {"device_key", request.device_key.text()},
               {"activation", request.activation}});
}

std::string write_vault(const VaultId& vault) {
  return dump({{"vault", vault.text()}});
}

std::string write_recovery_confirmed(const std::optional<SigningKeyId>& access_key) {
  json body = {{"confirmed", true}};
  if (access_key) body["access_key"] = access_key->text();
  return dump(body);
}

std::string write_measurement(std::string_view document) {
  return dump({{"measurement", document}});
}

std::string write_upload_wishes(std::span<const UploadWish> wishes) {
  json objects = json::array();
  for (const UploadWish& wish : wishes) {
    objects.push_back({{"kind", model::to_string(wish.name.kind)},
                       {"sha256", wish.name.hash.text()},
                       {"size", wish.size}});
  }
  return dump({{"objects", std::move(objects)}});
}

std::string write_download_wishes(std::span<const model::ObjectName> names) {
  json objects = json::array();
  for (const model::ObjectName& name : names) {
    objects.push_back({{"kind", model::to_string(name.kind)}, {"sha256", name.hash.text()}});
  }
  return dump({{"objects", std::move(objects)}});
}

std::string write_activities(std::span<const ActivityReport> activities) {
  json list = json::array();
  for (const ActivityReport& activity : activities) {
    list.push_back({{"id", activity.id},
                    {"kind", activity.kind},
                    {"started", format_time_micro(activity.started)},
                    {"finished", format_time_micro(activity.finished)},
                    {"outcome", activity.outcome},
                    {"counts", activity.counts}});
    if (!activity.grant) continue;
    list.back()["grant"] = {{"document", activity.grant->document},
                            {"account", activity.grant->account},
                            {"paths", activity.grant->paths},
                            {"destination", activity.grant->destination}};
  }
  return dump(list);
}

std::string write_grant_code(std::string_view code) {
  return dump({{"code", code}});
}

std::string write_alerts(std::span<const AlertReport> alerts) {
  json list = json::array();
  for (const AlertReport& alert : alerts) {
    json item = {{"id", alert.id},
                 {"code", alert.code},
                 {"severity", alert.severity},
                 {"since", format_time_micro(alert.since)}};
    if (alert.cleared) item["cleared"] = format_time_micro(*alert.cleared);
    list.push_back(std::move(item));
  }
  return dump(list);
}

Result<EnrollReply> read_enroll_reply(std::string_view text) {
  return read_message<EnrollReply>(text, "enrolment", [](Members& in) {
    return EnrollReply{in.id<DeviceId>("device"),   in.id<CustomerId>("customer"),
                       in.id<PartnerId>("partner"), in.id<SigningKeyId>("cluster_key"),
                       in.document("trust", false), in.document("receipt", true)};
  });
}

Result<NonceReply> read_nonce_reply(std::string_view text) {
  return read_message<NonceReply>(text, "nonce", [](Members& in) {
    return NonceReply{in.text("nonce"), in.time("expires"), in.time("time")};
  });
}

Result<TokenReply> read_token_reply(std::string_view text) {
  return read_message<TokenReply>(text, "access token", [](Members& in) {
    TokenReply reply{in.text("access_token"), {}};
    const std::uint64_t seconds = in.number("expires_in");
    if (seconds == 0 || seconds > 30ULL * 86'400) in.blame("expires_in");
    reply.expires_in = std::chrono::seconds(seconds);
    return reply;
  });
}

Result<std::optional<Instant>> read_trial_end(std::string_view text) {
  using End = std::optional<Instant>;
  return read_message<End>(text, "trial", [](Members& in) { return in.maybe_time("ends"); });
}

Result<RecoveryReply> read_recovery_reply(std::string_view text) {
  return read_message<RecoveryReply>(text, "recovery", [](Members& in) {
    return RecoveryReply{in.id<VaultId>("vault"), in.id<DeviceId>("device"),
                         in.id<SigningKeyId>("cluster_key"), in.number("head_sequence")};
  });
}

Result<DeviceReply> read_device_reply(std::string_view text) {
  return read_message<DeviceReply>(text, "device", [](Members& in) {
    return DeviceReply{in.id<DeviceId>("id"), in.text("state")};
  });
}

Result<PlanReply> read_plan_reply(std::string_view text) {
  return read_message<PlanReply>(text, "plan", [](Members& in) {
    return PlanReply{in.number("version"), in.document("envelope", true),
                     in.document("trust", false)};
  });
}

Result<std::vector<ListedVault>> read_vaults(std::string_view text) {
  return read_message<std::vector<ListedVault>>(text, "vaults", [](Members& in) {
    std::vector<ListedVault> vaults;
    in.each("vaults", [&](Members& item) {
      vaults.push_back(
          {item.id<VaultId>("id"), item.time("created"), item.number("head_sequence")});
    });
    return vaults;
  });
}

Result<std::vector<Ticket>> read_tickets(std::string_view text) {
  return read_message<std::vector<Ticket>>(text, "tickets", [](Members& in) {
    std::vector<Ticket> tickets;
    in.each("tickets", [&](Members& item) {
      Ticket ticket;
      ticket.hash = item.id<Sha256>("sha256");
      const std::string state = item.text("state");
      ticket.stored = state == "stored";
      if (!ticket.stored) {
        if (state != "upload") item.blame("state");
        ticket.url = item.text("url");
        ticket.headers = item.headers("headers");
        if (const std::string method = item.text_or_empty("method");
            !method.empty() && method != "PUT") {
          item.blame("method");
        }
      }
      tickets.push_back(std::move(ticket));
    });
    return tickets;
  });
}

Result<std::vector<Download>> read_downloads(std::string_view text) {
  return read_message<std::vector<Download>>(text, "downloads", [](Members& in) {
    std::vector<Download> downloads;
    in.each("downloads", [&](Members& item) {
      downloads.push_back({item.id<Sha256>("sha256"), item.number("size"), item.text("url"),
                           item.headers("headers"), item.time("expires")});
    });
    return downloads;
  });
}

Result<ObjectPage> read_object_page(std::string_view text) {
  return read_message<ObjectPage>(text, "objects", [](Members& in) {
    ObjectPage page;
    in.each("objects", [&](Members& item) {
      page.objects.push_back({{read_kind(item), item.id<Sha256>("sha256")}, item.number("size")});
    });
    page.next = in.text_or_empty("next");
    return page;
  });
}

Result<std::vector<std::string>> read_receipts(std::string_view text) {
  return read_message<std::vector<std::string>>(text, "receipts",
                                                [](Members& in) { return in.texts("receipts"); });
}

Result<HeadPage> read_head_page(std::string_view text) {
  return read_message<HeadPage>(text, "heads", [](Members& in) {
    HeadPage page;
    in.each("heads", [&](Members& item) {
      page.heads.push_back({item.number("sequence"), item.id<Sha256>("sha256"), item.number("size"),
                            item.document("receipt", false), item.text_or_empty("state")});
    });
    page.more = in.has("next_after_sequence");
    return page;
  });
}

Result<Allowance> read_allowance(std::string_view text) {
  return read_message<Allowance>(text, "allowance", [](Members& in) {
    return Allowance{in.maybe_number("left_bytes"), in.maybe_number("room_bytes")};
  });
}

Result<std::string> read_commit_receipt(std::string_view text) {
  return read_message<std::string>(text, "commit",
                                   [](Members& in) { return in.document("receipt", true); });
}

Result<std::string> read_grant_document(std::string_view text) {
  return read_message<std::string>(text, "restore grant",
                                   [](Members& in) { return in.text("document"); });
}

Result<std::vector<trust::GrantId>> read_revoked_grants(std::string_view text) {
  return read_message<std::vector<trust::GrantId>>(text, "revoked grants", [](Members& in) {
    std::vector<trust::GrantId> ids;
    in.each("revoked", [&ids](Members& item) { ids.push_back(item.id<trust::GrantId>("id")); });
    return ids;
  });
}

Result<std::vector<std::string>> read_release_roots(std::string_view text) {
  return read_message<std::vector<std::string>>(text, "release roots",
                                                [](Members& in) { return in.texts("roots"); });
}

Result<std::string> read_release_document(std::string_view text) {
  return read_message<std::string>(text, "release",
                                   [](Members& in) { return in.text("document"); });
}

Problem read_problem(int status, std::string_view text) {
  Problem problem{status, {}, {}};
  const Result<json> parsed = model::parse_strict_json(text, "problem", {64U << 10U, 8});
  if (!parsed || !parsed->is_object()) return problem;
  const auto member = [&](const char* name) {
    const auto at = parsed->find(name);
    return at != parsed->end() && at->is_string() ? printable(at->get<std::string>().substr(0, 500))
                                                  : std::string();
  };
  problem.code = member("code");
  problem.detail = member("detail");
  if (problem.detail.empty()) problem.detail = member("title");
  return problem;
}

std::optional<std::uint64_t> read_problem_number(std::string_view text) {
  const Result<json> parsed = model::parse_strict_json(text, "problem", {64U << 10U, 8});
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const auto at = parsed->find("number");
  if (at == parsed->end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<std::uint64_t>();
}

namespace {

ErrorKind kind_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
    case 410:
      return ErrorKind::kRefused;
    case 404:
      return ErrorKind::kNotFound;
    case 408:
      return ErrorKind::kTimeout;
    case 409:
      return ErrorKind::kConflict;
    case 429:
      return ErrorKind::kThrottled;
    case 507:
      return ErrorKind::kQuotaExceeded;
    default:
      break;
  }
  if (status >= 500) return ErrorKind::kUnavailable;
  if (status >= 400) return ErrorKind::kInvalidInput;
  // A redirect, or a success that this request has no use for: not the cluster that we know.
  return ErrorKind::kCorrupt;
}

}  // namespace

Error error_of(const Problem& problem) {
  std::string message = "cluster: ";
  message += problem.detail.empty() ? "status " + std::to_string(problem.status) : problem.detail;
  if (!problem.code.empty()) message += " (" + problem.code + ")";
  return {kind_of_status(problem.status), std::move(message)};
}

bool has_code(const Error& error, std::string_view code) {
  return error.message.ends_with(" (" + std::string(code) + ")");
}

}  // namespace obhut::wire

#include "service/endpoint/grant_keeper.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/trust/fields.h"
#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

constexpr const char* kFile = "grants.json";
/// So many ends are remembered: a grant lives for a month at most, and few are given.
constexpr std::size_t kMostEnded = 1000;
/// How far a clock can be turned back unnoticed once the daemon was restarted.
constexpr std::chrono::minutes kSaveSeenEvery{10};

}  // namespace

Result<std::unique_ptr<GrantKeeper>> GrantKeeper::open(StateFolder& state, const DeviceId& device,
                                                       AskJudge judge, const Log& log) {
  std::unique_ptr<GrantKeeper> keeper(new GrantKeeper(state, device, std::move(judge), log));
  TRY(keeper->load());
  return keeper;
}

Result<void> GrantKeeper::load() {
  ASSIGN_OR_RETURN(const std::optional<json> stored, state_.load(kFile));
  if (!stored) return {};
  for (const json& value : stored->value("grants", json::array())) {
    Kept kept{text_or(value, "document"),
              text_or(value, "bringer"),
              time_of(value, "seen").value_or(Instant{}),
              {}};
    kept.saved_seen = kept.seen;
    if (!kept.document.empty()) kept_.push_back(std::move(kept));
  }
  const auto ended = texts_of(*stored, "ended");
  for (const std::string& text : ended.value_or(std::vector<std::string>())) {
    if (const auto id = trust::GrantId::parse(text)) ended_.push_back(*id);
  }
  return {};
}

Result<void> GrantKeeper::save() {
  json grants = json::array();
  for (Kept& kept : kept_) {
    grants.push_back({{"document", kept.document},
                      {"bringer", kept.bringer},
                      {"seen", format_time_micro(kept.seen)}});
    kept.saved_seen = kept.seen;
  }
  json ended = json::array();
  for (const trust::GrantId& id : ended_) ended.push_back(id.text());
  return state_.save(kFile, {{"grants", std::move(grants)}, {"ended", std::move(ended)}});
}

bool GrantKeeper::has_ended(const trust::GrantId& id) const {
  return std::ranges::find(ended_, id) != ended_.end();
}

void GrantKeeper::end(const trust::GrantId& id, std::string_view why) {
  if (has_ended(id)) return;
  log_.info("grant ended", field("grant", id), field("why", why));
  ended_.push_back(id);
  if (ended_.size() > kMostEnded) ended_.erase(ended_.begin());
}

/// Nothing where it does not count, or not any more.
std::optional<GrantKeeper::Listed> GrantKeeper::judged(Kept& kept, const Judge& judge) const {
  kept.seen = std::max(kept.seen, judge.now);
  Result<trust::VerifiedGrant> verified =
      trust::verify_grant(kept.document, judge.trust, device_, kept.seen);
  if (!verified || has_ended(verified->grant.id)) return std::nullopt;
  trust::RestoreGrant& grant = verified->grant;
  const bool open = grant.is_open(kept.seen);
  std::string account = grant.account.value_or(kept.bringer);
  GrantScope scope(grant.scope);
  return Listed{
      {std::move(grant), kept.document, std::move(verified->signer.name), std::move(scope)},
      std::move(account),
      open};
}

bool GrantKeeper::is_for(const Listed& listed, const platform::Account& account) {
  // Whoever brought one is known by id: a name may be given to somebody else.
  return listed.held.grant.account ? platform::is_account(account, listed.account)
                                   : account.id == listed.account;
}

Result<GrantKeeper::Listed> GrantKeeper::add(std::string_view document,
                                             const platform::Account* bringer) {
  const Judge judge = judge_();
  ASSIGN_OR_RETURN(const trust::VerifiedGrant verified,
                   trust::verify_grant(document, judge.trust, device_, judge.now));
  const trust::GrantId& id = verified.grant.id;
  if (!verified.grant.account && bringer == nullptr) {
    return fail(ErrorKind::kRefused,
                "restore grant: it is for the account that brings it, and an administrator needs "
                "none; add it as the user who is to restore");
  }
  const std::scoped_lock lock(mutex_);
  if (has_ended(id)) {
    return fail(ErrorKind::kRefused,
                "restore grant " + id.text() + ": has ended or was taken back");
  }
  Kept fresh{std::string(trust::trimmed(document)),
             verified.grant.account ? "" : bringer->id,
             judge.now,
             {}};
  std::optional<Listed> listed = judged(fresh, judge);
  if (!listed) return fail(ErrorKind::kRefused, "restore grant: does not count here");
  for (Kept& kept : kept_) {
    const std::optional<Listed> held = judged(kept, judge);
    if (held && held->held.grant.id == id && kept.bringer == fresh.bringer) return *held;
  }
  if (kept_.size() >= kMostHeld) {
    return fail(ErrorKind::kRefused, "restore grant: this device holds too many, drop some");
  }
  kept_.push_back(std::move(fresh));
  if (Result<void> saved = save(); !saved) {
    kept_.pop_back();
    return std::unexpected(std::move(saved).error());
  }
  log_.info("grant added", field("grant", id), field("signer", listed->held.signer));
  return std::move(*listed);
}

std::vector<HeldGrant> GrantKeeper::open_for(const platform::Account& account) {
  std::vector<HeldGrant> open;
  for (Listed& listed : listed_for(&account)) {
    if (listed.open) open.push_back(std::move(listed.held));
  }
  return open;
}

std::vector<GrantKeeper::Listed> GrantKeeper::listed_for(const platform::Account* account) {
  if (empty()) return {};
  const Judge judge = judge_();
  const std::scoped_lock lock(mutex_);
  std::vector<Listed> list;
  for (Kept& kept : kept_) {
    std::optional<Listed> listed = judged(kept, judge);
    if (!listed || (account != nullptr && !is_for(*listed, *account))) continue;
    list.push_back(std::move(*listed));
  }
  return list;
}

Result<trust::GrantId> GrantKeeper::drop(std::string_view id, const platform::Account* account) {
  const Judge judge = judge_();
  const std::scoped_lock lock(mutex_);
  std::vector<std::size_t> found;
  trust::GrantId dropped;
  for (std::size_t at = 0; at < kept_.size(); ++at) {
    const std::optional<Listed> listed = judged(kept_[at], judge);
    if (!listed || (account != nullptr && !is_for(*listed, *account))) continue;
    if (!listed->held.grant.id.text().starts_with(id) || id.empty()) continue;
    if (!found.empty() && dropped != listed->held.grant.id) {
      return fail(ErrorKind::kInvalidInput,
                  "restore grant " + printable(id) + ": several begin like this");
    }
    dropped = listed->held.grant.id;
    found.push_back(at);
  }
  if (found.empty()) {
    return fail(ErrorKind::kNotFound, "restore grant " + printable(id) + ": is not held here");
  }
  for (auto at = found.rbegin(); at != found.rend(); ++at) {
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(*at));
  }
  TRY(save());
  return dropped;
}

void GrantKeeper::take_back(const std::vector<trust::GrantId>& revoked) {
  const std::scoped_lock lock(mutex_);
  bool changed = false;
  for (const trust::GrantId& id : revoked) {
    if (has_ended(id)) continue;
    end(id, "taken back by the partner");
    changed = true;
  }
  if (!changed) return;
  if (Result<void> saved = save(); !saved) {
    log_.warn("grants not kept", field("reason", saved.error().message));
  }
}

void GrantKeeper::look() {
  if (empty()) return;
  const Judge judge = judge_();
  const std::scoped_lock lock(mutex_);
  bool changed = false;
  std::erase_if(kept_, [&](Kept& kept) {
    kept.seen = std::max(kept.seen, judge.now);
    changed = changed || kept.seen - kept.saved_seen >= kSaveSeenEvery;
    const Result<trust::SignedGrant> read = trust::read_grant(kept.document);
    const bool over = !read || kept.seen >= read->grant.expires || has_ended(read->grant.id);
    if (over && read) end(read->grant.id, "expired");
    changed = changed || over;
    return over;
  });
  if (!changed) return;
  if (Result<void> saved = save(); !saved) {
    log_.warn("grants not kept", field("reason", saved.error().message));
  }
}

bool GrantKeeper::empty() const {
  const std::scoped_lock lock(mutex_);
  return kept_.empty();
}

}  // namespace obhut::endpoint

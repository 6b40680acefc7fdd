#pragma once
// Messages as JSON and back. Everything read is a stranger's: size, depth, types and ranges are
// checked, members that we do not know are passed over so that a cluster may be newer than us.

#include <span>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/trust/grant_id.h"
#include "agent/wire/messages.h"

namespace obhut::wire {

std::string write_enroll(const EnrollRequest& request);
std::string write_vault(const VaultId& vault);
std::string write_upload_wishes(std::span<const UploadWish> wishes);
std::string write_download_wishes(std::span<const model::ObjectName> names);
std::string write_activities(std::span<const ActivityReport> activities);
std::string write_measurement(std::string_view document);
std::string write_recovery_confirmed(const std::optional<SigningKeyId>& access_key);
std::string write_grant_code(std::string_view code);
std::string write_alerts(std::span<const AlertReport> alerts);

// Errors of all that read: kCorrupt, naming the member.
Result<EnrollReply> read_enroll_reply(std::string_view json);
Result<RecoveryReply> read_recovery_reply(std::string_view json);
Result<std::optional<Instant>> read_trial_end(std::string_view json);
Result<NonceReply> read_nonce_reply(std::string_view json);
Result<TokenReply> read_token_reply(std::string_view json);
Result<DeviceReply> read_device_reply(std::string_view json);
Result<PlanReply> read_plan_reply(std::string_view json);
Result<std::vector<ListedVault>> read_vaults(std::string_view json);
Result<std::vector<Ticket>> read_tickets(std::string_view json);
Result<std::vector<Download>> read_downloads(std::string_view json);
Result<ObjectPage> read_object_page(std::string_view json);
Result<Allowance> read_allowance(std::string_view json);
Result<HeadPage> read_head_page(std::string_view json);
Result<std::vector<std::string>> read_receipts(std::string_view json);
Result<std::string> read_commit_receipt(std::string_view json);
Result<std::string> read_grant_document(std::string_view json);
Result<std::vector<trust::GrantId>> read_revoked_grants(std::string_view json);
Result<std::vector<std::string>> read_release_roots(std::string_view json);
Result<std::string> read_release_document(std::string_view json);

/// Never fails: what is no problem document gives one with an empty code.
Problem read_problem(int status, std::string_view json);

/// The "number" of a problem document that has one.
std::optional<std::uint64_t> read_problem_number(std::string_view json);
/// The kind by which a caller decides what to do about a problem.
Error error_of(const Problem& problem);
/// Whether `error` came of a problem document with this code.
bool has_code(const Error& error, std::string_view code);

}  // namespace obhut::wire

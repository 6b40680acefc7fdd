#include "agent/trust/receipt.h"

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "agent/trust/fields.h"
#include "agent/trust/jws.h"

namespace obhut::trust {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kActivationSchema = "obhut.activation/1";
constexpr std::string_view kReceiptSchema = "obhut.receipt/1";

Result<Receipt> parse_activation_receipt(const json& value) {
  Fields fields(
      value, kReceiptSchema,
      {"schema", "kind", "device", "received_at", "subject", "workload", "activated_at", "clock"});
  Receipt receipt;
  receipt.kind = ReceiptKind::kActivation;
  receipt.device = fields.id<DeviceId>("device");
  receipt.received_at = fields.time("received_at");
  receipt.subject = fields.id<Sha256>("subject");
  receipt.workload = fields.text("workload", 128);
  receipt.activated_at = fields.time("activated_at");
  const std::string clock = fields.text("clock", 16);
  receipt.clock = clock == "endpoint" ? ClockSource::kEndpoint : ClockSource::kReceipt;
  if (clock != "endpoint" && clock != "receipt") fields.reject("clock", "is unknown");
  TRY(fields.finish());
  return receipt;
}

Result<Receipt> parse_commit_receipt(const json& value) {
  Fields fields(
      value, kReceiptSchema,
      {"schema", "kind", "device", "received_at", "subject", "vault", "head", "sequence"});
  Receipt receipt;
  receipt.kind = ReceiptKind::kCommit;
  receipt.device = fields.id<DeviceId>("device");
  receipt.received_at = fields.time("received_at");
  receipt.subject = fields.id<Sha256>("subject");
  receipt.vault = fields.id<VaultId>("vault");
  receipt.head = fields.id<Sha256>("head");
  receipt.sequence = fields.number("sequence", 0, std::uint64_t{1} << 53U);
  TRY(fields.finish());
  return receipt;
}

Result<Receipt> parse_storage_receipt(const json& value) {
  Fields fields(value, kReceiptSchema,
                {"schema", "kind", "device", "received_at", "subject", "customer", "vault",
                 "location", "day", "bytes"});
  Receipt receipt;
  receipt.kind = ReceiptKind::kStorage;
  receipt.device = fields.id<DeviceId>("device");
  receipt.received_at = fields.time("received_at");
  receipt.subject = fields.id<Sha256>("subject");
  receipt.customer = fields.text("customer");
  receipt.vault = fields.id<VaultId>("vault");
  receipt.location = fields.text("location", 16);
  receipt.day = fields.text("day", 10);
  receipt.bytes = fields.number("bytes", 0, std::uint64_t{1} << 63U);
  TRY(fields.finish());
  return receipt;
}

std::string_view word_of(ReceiptKind kind) {
  if (kind == ReceiptKind::kActivation) return "activation";
  return kind == ReceiptKind::kCommit ? "commit" : "storage";
}

}  // namespace

std::string make_activation(const ActivationReport& report, const crypto::SigningKey& device_key) {
  const ordered_json value = {{"schema", kActivationSchema},
                              {"device", report.device.text()},
                              {"partner", report.partner.text()},
                              {"customer", report.customer.text()},
                              {"token_hash", report.token_hash.text()},
                              {"kind", report.kind},
                              {"installed_at", format_time_micro(report.installed_at)},
                              {"hardware", report.hardware.text()}};
  return sign_compact(device_key, kActivationType, value.dump());
}

Result<ActivationReport> read_activation(std::string_view text) {
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(text, kActivationType));
  ASSIGN_OR_RETURN(const json value, parse_payload(opened.payload, kActivationSchema));
  Fields fields(value, kActivationSchema,
                {"schema", "device", "partner", "customer", "token_hash", "kind", "installed_at",
                 "hardware"});
  ActivationReport report;
  report.device = fields.id<DeviceId>("device");
  report.device_key = opened.signers.front();
  report.partner = fields.id<PartnerId>("partner");
  report.customer = fields.id<CustomerId>("customer");
  report.token_hash = fields.id<Sha256>("token_hash");
  report.kind = fields.text("kind", 32);
  report.installed_at = fields.time("installed_at");
  report.hardware = fields.id<Sha256>("hardware");
  TRY(fields.finish());
  return report;
}

std::string make_receipt(const Receipt& receipt, const crypto::SigningKey& cluster_key) {
  ordered_json value = {{"schema", kReceiptSchema},
                        {"kind", word_of(receipt.kind)},
                        {"device", receipt.device.text()},
                        {"received_at", format_time_micro(receipt.received_at)},
                        {"subject", receipt.subject.text()}};
  if (receipt.kind == ReceiptKind::kActivation) {
    value["workload"] = receipt.workload;
    value["activated_at"] = format_time_micro(receipt.activated_at);
    value["clock"] = receipt.clock == ClockSource::kEndpoint ? "endpoint" : "receipt";
  } else if (receipt.kind == ReceiptKind::kStorage) {
    value["customer"] = receipt.customer;
    value["vault"] = receipt.vault.text();
    value["location"] = receipt.location;
    value["day"] = receipt.day;
    value["bytes"] = receipt.bytes;
  } else {
    value["vault"] = receipt.vault.text();
    value["head"] = receipt.head.text();
    value["sequence"] = receipt.sequence;
  }
  return sign_compact(cluster_key, kReceiptType, value.dump());
}

Result<Receipt> read_receipt(std::string_view text, const SigningKeyId& cluster_key) {
  ASSIGN_OR_RETURN(const SignedPayload opened, open_compact(text, kReceiptType));
  if (opened.signers.front() != cluster_key) {
    return fail(ErrorKind::kRefused, "receipt: signed by another key than the cluster's");
  }
  ASSIGN_OR_RETURN(const json value, parse_payload(opened.payload, kReceiptSchema));
  const json kind = value.value("kind", json());
  if (kind == "activation") return parse_activation_receipt(value);
  if (kind == "commit") return parse_commit_receipt(value);
  if (kind == "storage") return parse_storage_receipt(value);
  return fail(ErrorKind::kInvalidInput, "obhut.receipt/1: member kind is unknown");
}

}  // namespace obhut::trust

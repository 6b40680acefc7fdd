#include "service/endpoint/receipt_keeper.h"

#include <algorithm>

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::endpoint {
namespace {

constexpr std::size_t kLongest = 8192;
constexpr std::string_view kEnding = ".jws";
constexpr const char* kActivation = "activation.jws";
constexpr const char* kRefused = "storage-receipt-refused";

/// "2026-03-05-provider-<vault>.jws": by name they are in order.
std::string file_of(const trust::Receipt& receipt) {
  return receipt.day + "-" + receipt.location + "-" + receipt.vault.text() + std::string(kEnding);
}

bool is_plain(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

ReceiptKeeper::ReceiptKeeper(const StateFolder& state, Clock& clock, const Log& log, Outbox& outbox,
                             const Identity& identity)
    : clock_(clock),
      log_(log),
      outbox_(outbox),
      identity_(identity),
      folder_(state.path("receipts")) {}

Result<void> ReceiptKeeper::collect(wire::ControlClient& control, std::span<const VaultId> vaults,
                                    const std::stop_token& stop) {
  const auto now = clock_.steady();
  if (due_ && now < *due_) return {};
  due_ = now + kAfterFailure;
  for (const VaultId& vault : vaults) {
    const Result<void> asked = ask(control, vault, stop);
    // One that nothing was stored in yet is not known to the cluster.
    if (!asked && asked.error().kind != ErrorKind::kNotFound) return asked;
  }
  due_ = now + kEvery;
  return {};
}

Result<void> ReceiptKeeper::ask(wire::ControlClient& control, const VaultId& vault,
                                const std::stop_token& stop) {
  TRY(platform::make_directories(folder_, 0700));
  const std::string activation = platform::join(folder_, kActivation);
  if (!platform::exists(activation)) {
    TRY(platform::write_file(activation, as_bytes(identity_.receipt)));
  }
  for (std::string after = newest_day(vault);;) {
    ASSIGN_OR_RETURN(const std::vector<std::string> receipts,
                     control.storage_receipts(vault, after, stop));
    for (const std::string& text : receipts) {
      if (const Result<void> kept = keep(vault, text); !kept) {
        if (disposition_of(kept.error().kind) == Disposition::kRetry) return kept;
        log_.warn("a receipt of storage is not kept", field("reason", kept.error().message));
        outbox_.raise(kRefused, "warning", kept.error().message);
        return {};
      }
    }
    outbox_.clear(kRefused);
    std::string newest = newest_day(vault);
    if (receipts.empty() || newest == after) return {};
    after = std::move(newest);
  }
}

Result<void> ReceiptKeeper::keep(const VaultId& vault, const std::string& text) {
  ASSIGN_OR_RETURN(const trust::Receipt receipt, trust::read_receipt(text, identity_.cluster_key));
  // Of a vault that was taken over, those of earlier days name the device that had it then.
  const bool ours = receipt.kind == trust::ReceiptKind::kStorage && receipt.vault == vault;
  if (!ours || !is_plain(receipt.day) || !is_plain(receipt.location)) {
    return fail(ErrorKind::kRefused, "the cluster gave a receipt for something else");
  }
  return platform::write_file(platform::join(folder_, file_of(receipt)), as_bytes(text));
}

std::string ReceiptKeeper::newest_day(const VaultId& vault) const {
  constexpr std::size_t kDay = 10;
  std::string newest;
  const auto names = platform::list_directory(folder_);
  if (!names) return newest;
  for (const std::string& name : *names) {
    const bool of_vault = name.ends_with(vault.text() + std::string(kEnding));
    if (of_vault && name.size() > kDay) newest = std::max(newest, name.substr(0, kDay));
  }
  return newest;
}

std::vector<trust::Receipt> ReceiptKeeper::kept() const {
  std::vector<trust::Receipt> receipts;
  auto names = platform::list_directory(folder_);
  if (!names) return receipts;
  std::ranges::sort(*names);
  for (const std::string& name : *names) {
    const Result<Bytes> text = platform::read_file(platform::join(folder_, name), kLongest);
    if (!text) continue;
    const auto receipt = trust::read_receipt(as_text(*text), identity_.cluster_key);
    if (receipt && receipt->kind == trust::ReceiptKind::kStorage) receipts.push_back(*receipt);
  }
  return receipts;
}

}  // namespace obhut::endpoint

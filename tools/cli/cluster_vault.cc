#include "tools/cli/cluster_vault.h"

#include "agent/base/text.h"
#include "agent/store/retrying_store.h"
#include "agent/trust/device_id.h"
#include "agent/trust/recovery_access.h"
#include "agent/wire/control_client.h"
#include "agent/wire/cpprest_transport.h"
#include "agent/wire/http_store.h"
#include "platform/system_proxy.h"

namespace obhut::cli {

namespace {

constexpr std::string_view kScheme = "https://";
/// A person waits who has nothing else: longer than for a list, shorter than a night.
constexpr unsigned kAttempts = 6;

/// Nobody was here before: there is nothing to hold the cluster's word against.
class NoMemory final : public wire::HeadMemory {
 public:
  std::optional<wire::OwnHead> newest() override { return std::nullopt; }
  Result<void> remember(const wire::OwnHead&) override { return {}; }
};

wire::DeviceIdentity reader_of(const vault::RecoveryKey& key) {
  crypto::SigningKey access = trust::recovery_access_key(key.secret().view());
  const DeviceId reader = trust::device_id_of(access.public_key());
  return {reader, std::move(access)};
}

}  // namespace

bool is_cluster_place(std::string_view text) {
  return text.starts_with(kScheme);
}

Result<ClusterPlace> parse_cluster_place(std::string_view text) {
  const std::size_t mark = text.find('#');
  const std::string_view url = text.substr(0, mark);
  const auto pin = mark == text.npos ? std::nullopt : Sha256::parse(text.substr(mark + 1));
  if (!is_cluster_place(text) || url.size() <= kScheme.size() || url.ends_with('/') || !pin) {
    return fail(ErrorKind::kInvalidInput,
                printable(text) +
                    ": a vault in the cluster is named https://HOST:PORT#PIN, as the recovery "
                    "sheet has it");
  }
  return ClusterPlace{std::string(url), *pin};
}

std::string place_text(const ClusterPlace& place) {
  return place.url + "#" + place.ca_pin.text();
}

struct ClusterVault::Layers {
  Layers(const ClusterPlace& place, const vault::RecoveryKey& key, Clock& the_clock)
      : clock(the_clock),
        transport({.ca_pem = {}, .spki_pin = place.ca_pin},
                  [](const std::string& url) { return std::vector{platform::system_proxy(url)}; }),
        control(transport, the_clock, place.url, reader_of(key)),
        pace(the_clock, [] { return std::uint64_t{0}; }) {}
  void read(const wire::RecoveryReply& reply) {
    vault = reply.vault;
    http =
        std::make_unique<wire::HttpStore>(control, transport, memory, pace,
                                          wire::HttpStore::Place{.vault = reply.vault,
                                                                 .device = reply.device,
                                                                 .signer = {},
                                                                 .cluster_key = reply.cluster_key,
                                                                 .others = true});
    retrying = std::make_unique<store::RetryingStore>(*http, clock, BackoffPolicy{}, kAttempts);
  }

  Clock& clock;
  wire::CpprestTransport transport;
  wire::ControlClient control;
  NoMemory memory;
  wire::UploadPace pace;
  VaultId vault;
  std::unique_ptr<wire::HttpStore> http;
  std::unique_ptr<store::RetryingStore> retrying;
};

ClusterVault::ClusterVault(std::unique_ptr<Layers> layers) : layers_(std::move(layers)) {}
ClusterVault::~ClusterVault() = default;
store::Store& ClusterVault::store() {
  return *layers_->retrying;
}
const VaultId& ClusterVault::id() const {
  return layers_->vault;
}

Result<std::unique_ptr<ClusterVault>> ClusterVault::open(const ClusterPlace& place,
                                                         const vault::KeySource& key, Clock& clock,
                                                         std::stop_token stop) {
  const auto* recovery = std::get_if<vault::RecoveryKey>(&key);
  if (recovery == nullptr) {
    return fail(ErrorKind::kInvalidInput,
                "only a recovery key opens a vault in the cluster without a device; with a "
                "passphrase, install the agent with a token that replaces the device, then `obhut "
                "key recover`");
  }
  auto layers = std::make_unique<Layers>(place, *recovery, clock);
  Result<wire::RecoveryReply> reply = layers->control.recovery(std::move(stop));
  if (!reply && reply.error().kind == ErrorKind::kRefused) {
    return pass_on(std::move(reply).error(), place.url + ": opens nothing with this recovery key");
  }
  if (!reply) return pass_on(std::move(reply).error(), place.url);
  layers->read(*reply);
  return std::unique_ptr<ClusterVault>(new ClusterVault(std::move(layers)));
}

}  // namespace obhut::cli

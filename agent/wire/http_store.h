#pragma once
// The vault in the cluster as a Store.

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/store/store.h"
#include "agent/wire/control_client.h"
#include "agent/wire/upload_pace.h"

namespace obhut::wire {

/// A head that this device signed itself.
struct OwnHead {
  std::uint64_t sequence = 0;
  Sha256 hash;
  bool acknowledged = false;  ///< the cluster's receipt was seen
  friend bool operator==(const OwnHead&, const OwnHead&) = default;
};

/// What the device remembers of its own heads, so that no cluster can show it an older vault.
/// Thread: any.
class HeadMemory {
 public:
  virtual ~HeadMemory() = default;
  /// The acknowledged head of the highest sequence.
  virtual std::optional<OwnHead> newest() = 0;
  /// Durable once it returns ok. A head that comes again as acknowledged replaces itself.
  virtual Result<void> remember(const OwnHead& head) = 0;
};

/// Uploads by tickets, reads by ranges, commits heads. The endpoint deletes nothing here.
///
/// put() of a head keeps it in the memory first, and counts as done only with a receipt that the
/// pinned cluster key signed for exactly this head.
/// list() of heads refuses (kRefused) a cluster that shows an older or another history than the
/// memory has. One that knows more than the memory, under this device's own signature, is right:
/// this machine was restored from an older state, and its memory is brought up to date.
/// Errors beside Store's: kRefused from put() into a place of others; kConflict from put() of a
/// head whose parent is not the newest.
class HttpStore final : public store::Store {
 public:
  struct Place {
    VaultId vault;
    DeviceId device;
    SigningKeyId signer;       ///< this device's key, under its heads
    SigningKeyId cluster_key;  ///< under the cluster's receipts
    /// The heads are other devices': read alone, and believed as far as the vault's own signers go.
    bool others = false;
  };
  /// `data` carries the bytes to and from the stores that the tickets name, `pace` limits those
  /// that go there. All must outlive it.
  HttpStore(ControlClient& control, Transport& data, HeadMemory& memory, UploadPace& pace,
            const Place& place);
  ~HttpStore() override;

  Result<void> put(const store::ObjectName& name, ByteView body, std::stop_token stop) override;
  Result<Bytes> get(const store::ObjectName& name, ByteRange range, std::stop_token stop) override;
  Result<std::optional<std::uint64_t>> size_of(const store::ObjectName& name,
                                               std::stop_token stop) override;
  Result<std::vector<store::ObjectInfo>> list(store::ObjectKind kind,
                                              std::stop_token stop) override;
  /// Addresses are then asked for a hundred at a time.
  void expect(std::span<const store::ObjectName> names) override;

 private:
  struct Cache;
  Result<void> commit(const store::ObjectName& name, ByteView body, std::stop_token stop);
  Result<void> upload(const Ticket& ticket, const store::ObjectName& name, ByteView body,
                      Pace& pace, std::stop_token stop);
  [[nodiscard]] std::optional<Bytes> kept_key(const store::ObjectName& name, ByteRange range) const;
  void keep_key(const store::ObjectName& name, ByteView bytes);
  std::vector<store::ObjectName> expected_with(const store::ObjectName& name);
  Result<Download> download_of(const store::ObjectName& name, bool fresh, std::stop_token stop);
  Result<Bytes> get_range(const Download& from, const store::ObjectName& name, ByteRange range,
                          std::stop_token stop);
  Result<std::shared_ptr<const Bytes>> whole_head(const Sha256& hash, std::stop_token stop);
  Result<Bytes> get_head(const Sha256& hash, ByteRange range, std::stop_token stop);
  Result<std::vector<ListedHead>> trusted_heads(std::stop_token stop);
  Result<void> adopt(const ListedHead& newest, std::stop_token stop);
  ControlClient& control_;
  Transport& data_;
  HeadMemory& memory_;
  UploadPace& pace_;
  Place place_;
  std::unique_ptr<Cache> cache_;
};

}  // namespace obhut::wire

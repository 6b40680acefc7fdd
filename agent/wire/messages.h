#pragma once
// What endpoint and cluster say to each other, as values. The routes and members stand in
// service/cluster/openapi.yaml.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/model/object_name.h"
#include "agent/wire/transport.h"

namespace obhut::wire {

/// An RFC 9457 problem document.
struct Problem {
  int status = 0;
  std::string code;    ///< a stable word
  std::string detail;  ///< for people
};

struct EnrollRequest {
  std::string token;  ///< compact JWS
  SigningKeyId device_key;
  std::string activation;  ///< obhut.activation/1, signed by the device's key
};
struct EnrollReply {
  DeviceId device;
  CustomerId customer;
  PartnerId partner;
  SigningKeyId cluster_key;  ///< signs receipts
  std::string trust;         ///< the partner's newest trust list, may be empty
  std::string receipt;       ///< obhut.receipt/1
};

struct NonceReply {
  std::string nonce;
  Instant expires{};
  Instant time{};  ///< what the cluster's clock shows
};
struct TokenReply {
  std::string access_token;
  std::chrono::seconds expires_in{};
};

struct DeviceReply {
  DeviceId device;
  std::string state;  ///< "active", "superseded", "removed"
};

struct PlanReply {
  std::uint64_t version = 0;
  std::string envelope;
  std::string trust;  ///< may be empty
};

/// What a recovery key reads.
struct RecoveryReply {
  VaultId vault;
  DeviceId device;  ///< whose vault it is now
  SigningKeyId cluster_key;
  std::uint64_t head_sequence = 0;  ///< of the newest recovery point ever; 0 before the first
};

/// One of the device's own vaults.
struct ListedVault {
  VaultId id;
  Instant created{};
  std::uint64_t head_sequence = 0;  ///< of the newest recovery point ever; 0 before the first
};

/// An object to be uploaded.
struct UploadWish {
  model::ObjectName name;
  std::uint64_t size = 0;
};
struct Ticket {
  Sha256 hash;
  bool stored = false;  ///< it is there already: nothing to upload
  std::string url;
  std::vector<Header> headers;
};
struct Download {
  Sha256 hash;
  std::uint64_t size = 0;
  std::string url;
  std::vector<Header> headers;
  Instant expires{};  ///< by the cluster's clock
};
struct ListedObject {
  model::ObjectName name;
  std::uint64_t size = 0;
};
struct ObjectPage {
  std::vector<ListedObject> objects;
  std::string next;  ///< cursor; empty at the end
};

/// What the cluster lets a vault take.
struct Allowance {
  std::optional<std::uint64_t> left_bytes;  ///< until a hard limit; nothing where there is none
  std::optional<std::uint64_t> room_bytes;  ///< before the running month's bill grows, if known
};

struct ListedHead {
  std::uint64_t sequence = 0;
  Sha256 hash;
  std::uint64_t size = 0;
  std::string receipt;
  std::string state;
};
struct HeadPage {
  std::vector<ListedHead> heads;
  bool more = false;  ///< ask again after the last sequence
};

/// That a restore grant was used. The partner's own words are in its document; nothing found on the
/// device stands beside it.
struct GrantReport {
  std::string document;              ///< obhut.grant/1
  std::string account;               ///< who used it, by id: "uid:1000", or a SID
  std::vector<std::uint64_t> paths;  ///< of its scope those that were used, by number
  std::string destination;           ///< "original", "folder" (the grant's), "elsewhere", "none"
};

/// What a run did, in numbers: nothing found on the device goes into it.
struct ActivityReport {
  std::string id;
  std::string kind;  ///< "backup" …
  Instant started{};
  Instant finished{};
  std::string outcome;  ///< "running", "done", "skipped", "failed", "cancelled"
  std::map<std::string, std::uint64_t> counts;
  std::optional<GrantReport> grant{};
};
struct AlertReport {
  std::string id;
  std::string code;
  std::string severity;  ///< "info", "warning", "critical"
  Instant since{};
  std::optional<Instant> cleared;
};

}  // namespace obhut::wire

#include "agent/wire/http_store.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "agent/crypto/digest.h"
#include "agent/model/head.h"
#include "agent/trust/receipt.h"

namespace obhut::wire {

namespace {

using store::ObjectInfo;
using store::ObjectKind;
using store::ObjectName;

/// A signed address is used for at most this long by the device's steady clock; the cluster's
/// expiry is a time of a clock that ours need not agree with.
constexpr std::chrono::minutes kAddressAge{10};
constexpr std::size_t kMaxAddresses = 10'000;
constexpr std::size_t kAddressesAtOnce = 100;
/// Key objects are small and few, and read by each step that opens or mends a vault.
constexpr std::size_t kMaxKeptKey = 64U << 10U;
constexpr std::size_t kMaxKeptKeys = 64;
/// 256 kbit/s is the slowest line on which a pack of 16 MiB still passes in one request.
constexpr std::size_t kSlowestBytesPerMs = 32;

std::chrono::milliseconds deadline_for(std::size_t bytes) {
  return std::chrono::milliseconds(120'000 + bytes / kSlowestBytesPerMs);
}

/// What a store's status means for an upload or a download.
Error store_error(int status, const ObjectName& name) {
  const std::string message = name.text() + ": the store answered " + std::to_string(status);
  switch (status) {
    case 404:
      return {ErrorKind::kNotFound, message};
    case 416:
      return {ErrorKind::kCorrupt, name.text() + ": shorter than the cluster said"};
    case 429:
      return {ErrorKind::kThrottled, message};
    case 507:
      return {ErrorKind::kQuotaExceeded,
              name.text() + ": the cluster's disk is full; its operator must make room"};
    default:
      break;
  }
  // 403 as well: an address that ran out is replaced by a new one on the next attempt.
  return {ErrorKind::kUnavailable, message};
}

/// Nothing where `whole` ends before the range does.
std::optional<Bytes> part_of(const Bytes& whole, ByteRange range) {
  if (range.offset > whole.size() || range.length > whole.size() - range.offset) {
    return std::nullopt;
  }
  const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(range.offset);
  return Bytes(begin, begin + static_cast<std::ptrdiff_t>(range.length));
}

}  // namespace

struct HttpStore::Cache {
  struct Address {
    Download download;
    std::chrono::steady_clock::time_point until;
  };
  std::mutex mutex;
  std::unordered_map<ObjectName, Address, model::ObjectNameHash> addresses;
  std::deque<ObjectName> expected;  ///< without an address yet, in the order of need
  std::unordered_map<ObjectName, Bytes, model::ObjectNameHash> keys;  ///< whole, as their names say
  /// The head read last: its reader asks for a size, then for parts.
  Sha256 head;
  std::shared_ptr<const Bytes> head_bytes;  // shared with those who read it at the moment
};

HttpStore::HttpStore(ControlClient& control, Transport& data, HeadMemory& memory, UploadPace& pace,
                     const Place& place)
    : control_(control),
      data_(data),
      memory_(memory),
      pace_(pace),
      place_(place),
      cache_(std::make_unique<Cache>()) {}

HttpStore::~HttpStore() = default;

Result<void> HttpStore::put(const ObjectName& name, ByteView body, std::stop_token stop) {
  if (place_.others) return fail(ErrorKind::kRefused, "this vault is read alone from here");
  if (name.kind == ObjectKind::kHead) return commit(name, body, stop);
  // Before the ticket, which would run out while others use the line.
  ASSIGN_OR_RETURN(const std::unique_ptr<UploadPace::Transfer> transfer, pace_.begin(stop));
  const UploadWish wish{name, body.size()};
  ASSIGN_OR_RETURN(const std::vector<Ticket> tickets,
                   control_.tickets(place_.vault, {&wish, 1}, stop));
  if (tickets.front().stored) return {};
  return upload(tickets.front(), name, body, *transfer, stop);
}

Result<void> HttpStore::upload(const Ticket& ticket, const ObjectName& name, ByteView body,
                               Pace& pace, std::stop_token stop) {
  Request request;
  request.method = Method::kPut;
  request.url = ticket.url;
  request.headers = ticket.headers;
  request.body = body;
  request.pace = &pace;
  request.deadline = deadline_for(body.size());
  request.max_response = 64U << 10U;
  ASSIGN_OR_RETURN(const Response response, data_.send(request, stop));
  if (response.status >= 200 && response.status < 300) return {};
  if (response.status == 409 || response.status == 412) {
    // Write-once: an earlier attempt whose answer was lost got through. The cluster says.
    const UploadWish wish{name, body.size()};
    ASSIGN_OR_RETURN(const std::vector<Ticket> again,
                     control_.tickets(place_.vault, {&wish, 1}, stop));
    if (again.front().stored) return {};
  }
  return std::unexpected(store_error(response.status, name));
}

Result<void> HttpStore::commit(const ObjectName& name, ByteView body, std::stop_token stop) {
  ASSIGN_OR_RETURN(const model::Head head, model::parse_head(body));
  if (head.vault != place_.vault || head.device != place_.device) {
    return fail(ErrorKind::kInvalidInput, name.text() + ": of another vault or device");
  }
  TRY(memory_.remember({head.sequence, name.hash, false}));
  ASSIGN_OR_RETURN(const std::string document, control_.commit(place_.vault, body, stop));
  Result<trust::Receipt> receipt = trust::read_receipt(document, place_.cluster_key);
  if (!receipt) return pass_on(std::move(receipt.error()), name.text());
  const bool ours = receipt->kind == trust::ReceiptKind::kCommit && receipt->head == name.hash &&
                    receipt->vault == place_.vault && receipt->device == place_.device &&
                    receipt->sequence == head.sequence;
  if (!ours) return fail(ErrorKind::kCorrupt, name.text() + ": the receipt is for another head");
  return memory_.remember({head.sequence, name.hash, true});
}

Result<Download> HttpStore::download_of(const ObjectName& name, bool fresh, std::stop_token stop) {
  const auto now = std::chrono::steady_clock::now();
  if (!fresh) {
    const std::scoped_lock lock(cache_->mutex);
    const auto at = cache_->addresses.find(name);
    if (at != cache_->addresses.end() && at->second.until > now) return at->second.download;
  }
  const std::vector<ObjectName> names = expected_with(name);
  Result<std::vector<Download>> found = control_.downloads(place_.vault, names, stop);
  // One of the others may be gone; whoever wants that one hears of it.
  const bool alone = !found && names.size() > 1 && found.error().kind == ErrorKind::kNotFound;
  if (alone) found = control_.downloads(place_.vault, {&name, 1}, stop);
  if (!found) return std::unexpected(std::move(found.error()));
  const std::scoped_lock lock(cache_->mutex);
  if (cache_->addresses.size() >= kMaxAddresses) cache_->addresses.clear();
  for (std::size_t i = 0; i < found->size(); ++i) {
    cache_->addresses[names[i]] = {(*found)[i], now + kAddressAge};
  }
  return std::move(found->front());
}

void HttpStore::expect(std::span<const ObjectName> names) {
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock(cache_->mutex);
  cache_->expected.clear();  // what was expected before and never asked for is wanted no more
  for (const ObjectName& name : names) {
    if (cache_->expected.size() >= kMaxAddresses) break;
    const auto at = cache_->addresses.find(name);
    if (at == cache_->addresses.end() || at->second.until <= now) cache_->expected.push_back(name);
  }
}

/// `name`, and behind it what is expected next.
std::vector<ObjectName> HttpStore::expected_with(const ObjectName& name) {
  std::vector<ObjectName> names{name};
  const std::scoped_lock lock(cache_->mutex);
  std::deque<ObjectName>& expected = cache_->expected;
  while (!expected.empty() && names.size() < kAddressesAtOnce) {
    if (expected.front() != name) names.push_back(expected.front());
    expected.pop_front();
  }
  return names;
}

Result<Bytes> HttpStore::get_range(const Download& from, const ObjectName& name, ByteRange range,
                                   std::stop_token stop) {
  Request request;
  request.url = from.url;
  request.headers = from.headers;
  request.headers.push_back({"Range", "bytes=" + std::to_string(range.offset) + "-" +
                                          std::to_string(range.offset + range.length - 1)});
  request.deadline = deadline_for(range.length);
  request.max_response = std::max<std::size_t>(range.length, 4096);  // a refusal says why
  request.expected_response = range.length;
  ASSIGN_OR_RETURN(Response response, data_.send(request, stop));
  const bool whole = range.offset == 0 && range.length == from.size;
  if (response.status != 206 && !(response.status == 200 && whole)) {
    if (response.status == 200)
      return fail(ErrorKind::kCorrupt, name.text() + ": the store ignores ranges");
    return std::unexpected(store_error(response.status, name));
  }
  if (response.body.size() != range.length) {
    return fail(ErrorKind::kCorrupt, name.text() + ": the store gave " +
                                         std::to_string(response.body.size()) +
                                         " bytes instead of " + std::to_string(range.length));
  }
  return std::move(response.body);
}

Result<Bytes> HttpStore::get(const ObjectName& name, ByteRange range, std::stop_token stop) {
  if (name.kind == ObjectKind::kHead) return get_head(name.hash, range, stop);
  if (name.kind == ObjectKind::kKey) {
    if (std::optional<Bytes> kept = kept_key(name, range)) return std::move(*kept);
  }
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const Download from, download_of(name, attempt > 0, stop));
    if (range.offset > from.size || range.length > from.size - range.offset) {
      return fail(ErrorKind::kCorrupt, name.text() + ": ends before the range asked for");
    }
    if (range.length == 0) return Bytes{};
    Result<Bytes> bytes = get_range(from, name, range, stop);
    if (bytes && name.kind == ObjectKind::kKey) keep_key(name, *bytes);
    // An address may have run out or moved: once more with a new one.
    const bool perhaps_stale = !bytes && (bytes.error().kind == ErrorKind::kNotFound ||
                                          bytes.error().kind == ErrorKind::kUnavailable);
    if (!perhaps_stale || attempt > 0) return bytes;
  }
}

std::optional<Bytes> HttpStore::kept_key(const ObjectName& name, ByteRange range) const {
  const std::scoped_lock lock(cache_->mutex);
  const auto at = cache_->keys.find(name);
  if (at == cache_->keys.end()) return std::nullopt;
  return part_of(at->second, range);
}

/// What is not the whole object, or damaged on its way, is not kept.
void HttpStore::keep_key(const ObjectName& name, ByteView bytes) {
  if (bytes.size() > kMaxKeptKey || crypto::sha256(bytes) != name.hash) return;
  const std::scoped_lock lock(cache_->mutex);
  if (cache_->keys.size() < kMaxKeptKeys) cache_->keys.emplace(name, to_bytes(bytes));
}

Result<std::shared_ptr<const Bytes>> HttpStore::whole_head(const Sha256& hash,
                                                           std::stop_token stop) {
  {
    const std::scoped_lock lock(cache_->mutex);
    if (cache_->head_bytes && cache_->head == hash) return cache_->head_bytes;
  }
  ASSIGN_OR_RETURN(Bytes fetched, control_.head(place_.vault, hash, stop));
  auto whole = std::make_shared<const Bytes>(std::move(fetched));
  const std::scoped_lock lock(cache_->mutex);
  cache_->head = hash;
  cache_->head_bytes = whole;
  return whole;
}

Result<Bytes> HttpStore::get_head(const Sha256& hash, ByteRange range, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Bytes> whole, whole_head(hash, stop));
  if (std::optional<Bytes> part = part_of(*whole, range)) return std::move(*part);
  return fail(ErrorKind::kCorrupt,
              "head " + hash.text().substr(0, 16) + ": ends before the range asked for");
}

Result<std::optional<std::uint64_t>> HttpStore::size_of(const ObjectName& name,
                                                        std::stop_token stop) {
  const Result<std::uint64_t> size = [&]() -> Result<std::uint64_t> {
    if (name.kind == ObjectKind::kHead) {
      ASSIGN_OR_RETURN(const std::shared_ptr<const Bytes> whole, whole_head(name.hash, stop));
      return whole->size();
    }
    ASSIGN_OR_RETURN(const Download found, download_of(name, false, stop));
    return found.size;
  }();
  if (size) return *size;
  if (size.error().kind == ErrorKind::kNotFound) return std::nullopt;
  return std::unexpected(size.error());
}

Result<std::vector<ObjectInfo>> HttpStore::list(ObjectKind kind, std::stop_token stop) {
  std::vector<ObjectInfo> all;
  if (kind == ObjectKind::kHead) {
    ASSIGN_OR_RETURN(const std::vector<ListedHead> heads, trusted_heads(stop));
    for (const ListedHead& head : heads) all.push_back({{kind, head.hash}, head.size});
  } else {
    ASSIGN_OR_RETURN(const std::vector<ListedObject> objects,
                     control_.objects(place_.vault, kind, stop));
    for (const ListedObject& object : objects) all.push_back({object.name, object.size});
  }
  std::ranges::sort(all);
  return all;
}

Result<std::vector<ListedHead>> HttpStore::trusted_heads(std::stop_token stop) {
  ASSIGN_OR_RETURN(std::vector<ListedHead> heads, control_.heads(place_.vault, 0, stop));
  if (place_.others) return heads;
  const std::optional<OwnHead> own = memory_.newest();
  const std::uint64_t shown = heads.empty() ? 0 : heads.back().sequence;
  if (own && shown < own->sequence) {
    return fail(ErrorKind::kRefused,
                "the cluster shows an older vault: its newest recovery point is number " +
                    std::to_string(shown) + ", this device made number " +
                    std::to_string(own->sequence));
  }
  if (own) {
    const auto same = std::ranges::find(heads, own->sequence, &ListedHead::sequence);
    if (same != heads.end() && same->hash != own->hash) {
      return fail(ErrorKind::kRefused, "the cluster shows another history: recovery point number " +
                                           std::to_string(own->sequence) +
                                           " is not the one that this device made");
    }
  }
  if (!heads.empty() && (!own || shown > own->sequence)) TRY(adopt(heads.back(), stop));
  return heads;
}

Result<void> HttpStore::adopt(const ListedHead& newest, std::stop_token stop) {
  ASSIGN_OR_RETURN(const Bytes bytes, control_.head(place_.vault, newest.hash, stop));
  Result<model::Head> head = model::open_head(bytes, {&place_.signer, 1});
  if (!head) {
    if (head.error().kind != ErrorKind::kCrypto && head.error().kind != ErrorKind::kCorrupt) {
      return std::unexpected(std::move(head).error());
    }
    return fail(ErrorKind::kRefused,
                "the cluster shows a recovery point that this device did not make: " +
                    head.error().message);
  }
  if (head->vault != place_.vault || head->device != place_.device ||
      head->sequence != newest.sequence) {
    return fail(ErrorKind::kRefused,
                "the cluster shows a recovery point of another vault or device");
  }
  return memory_.remember({newest.sequence, newest.hash, true});
}

}  // namespace obhut::wire

#include "agent/vault/index_file.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <unordered_set>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::vault {
namespace {

constexpr std::string_view kMagic = "OBHUTIC1";
constexpr std::size_t kHeaderSize = 8 + 16 + 8 + 4 + 4 + 4;
constexpr std::size_t kObjectSize = 32 + 8;
constexpr std::size_t kPackSize = 32 + 8 + 1 + 4 + 32 + 32;
constexpr std::size_t kMacSize = 32;
constexpr std::uint32_t kZstdBit = 1U << 31U;
/// Records of one run: 48 MiB while they are sorted.
constexpr std::size_t kRunRecords = 1U << 20U;

std::uint32_t load_u32(const std::uint8_t* in) {
  return static_cast<std::uint32_t>(in[0]) | static_cast<std::uint32_t>(in[1]) << 8U |
         static_cast<std::uint32_t>(in[2]) << 16U | static_cast<std::uint32_t>(in[3]) << 24U;
}
void store_u32(std::uint8_t* out, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
/// The first eight bytes as a big-endian number: ids are uniform, so it tells where they lie.
std::uint64_t prefix_of(ByteView id) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8U | id[i];
  return value;
}

void write_pack(Writer& out, const pack::PackInfo& pack) {
  out.id(pack.name);
  out.u64(pack.size);
  out.u8(static_cast<std::uint8_t>(pack.kind));
  out.u32(pack.epoch);
  out.id(pack.salt);
  out.id(pack.commitment);
}

/// Writes through a keyed hash, which ends the file.
class AuthenticWriter {
 public:
  AuthenticWriter(platform::AtomicFile file, ByteView key) : file_(std::move(file)), mac_(key) {}

  Result<void> write(ByteView bytes) {
    mac_.update(bytes);
    return file_.write(bytes);
  }
  Result<void> commit() {
    TRY(file_.write(mac_.finish().bytes()));
    return file_.commit();
  }

 private:
  platform::AtomicFile file_;
  crypto::KeyedBlake3Stream mac_;
};

/// A sorted sequence of records that is read once.
class Source {
 public:
  explicit Source(const IndexFile& file) : file_(&file) {}
  explicit Source(ByteView run) : run_(run) {}

  [[nodiscard]] std::uint64_t size() const {
    return file_ != nullptr ? file_->size() : run_.size() / IndexRecord::kSize;
  }
  [[nodiscard]] bool done() const { return at_ == size(); }
  [[nodiscard]] IndexRecord front() const {
    return file_ != nullptr ? file_->record(at_)
                            : IndexRecord::read(run_.data() + at_ * IndexRecord::kSize);
  }
  void pop() { ++at_; }

 private:
  const IndexFile* file_ = nullptr;
  ByteView run_;
  std::uint64_t at_ = 0;
};

Result<void> merge(std::vector<Source>& sources, AuthenticWriter& out) {
  struct Head {
    IndexRecord record;
    std::size_t source;
    bool operator>(const Head& other) const { return other.record < record; }
  };
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!sources[i].done()) heads.push({sources[i].front(), i});
  }
  constexpr std::size_t kBatch = 1U << 20U;
  Bytes batch;
  batch.reserve(kBatch + IndexRecord::kSize);
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    const std::size_t at = batch.size();
    batch.resize(at + IndexRecord::kSize);
    head.record.write(batch.data() + at);
    if (batch.size() >= kBatch) {
      TRY(out.write(batch));
      batch.clear();
    }
    Source& source = sources[head.source];
    source.pop();
    if (!source.done()) heads.push({source.front(), head.source});
  }
  return out.write(batch);
}

}  // namespace

pack::BlobEntry IndexRecord::entry() const {
  return {id, codec, offset, sealed_length, plain_length};
}

void IndexRecord::write(std::uint8_t* out) const {
  std::ranges::copy(id.bytes(), out);
  store_u32(out + 32, pack);
  store_u32(out + 36, number | (codec == model::Codec::kZstd ? kZstdBit : 0));
  store_u32(out + 40, offset);
  store_u32(out + 44, sealed_length);
  store_u32(out + 48, plain_length);
}

IndexRecord IndexRecord::read(const std::uint8_t* in) {
  IndexRecord record;
  record.id = *BlobId::from_bytes({in, BlobId::kSize});
  record.pack = load_u32(in + 32);
  const std::uint32_t number = load_u32(in + 36);
  record.number = number & ~kZstdBit;
  record.codec = (number & kZstdBit) != 0 ? model::Codec::kZstd : model::Codec::kRaw;
  record.offset = load_u32(in + 40);
  record.sealed_length = load_u32(in + 44);
  record.plain_length = load_u32(in + 48);
  return record;
}

Result<IndexFile> IndexFile::open(const std::string& path, const seal::Keyring& keyring) {
  ASSIGN_OR_RETURN(platform::MappedFile map, platform::MappedFile::open(path));
  const ByteView bytes = map.bytes();
  const auto stale = [&] { return fail(ErrorKind::kCorrupt, "index cache: not authentic"); };
  if (bytes.size() < kHeaderSize + kMacSize) return stale();
  const ByteView body = bytes.first(bytes.size() - kMacSize);
  const BlobId mac = crypto::keyed_blake3(keyring.keys().cache.view(), body);
  if (!crypto::equal_in_constant_time(mac.bytes(), bytes.last(kMacSize))) return stale();
  Reader in(body);
  if (as_text(in.raw(kMagic.size())) != kMagic || in.id<VaultId>() != keyring.vault()) {
    return stale();
  }
  IndexFile file(std::move(map));
  file.record_count_ = in.u64();
  file.pack_count_ = in.u32();
  const std::uint32_t included = in.u32();
  const std::uint32_t superseded = in.u32();
  const auto read_objects = [&](std::uint32_t count, std::vector<store::ObjectInfo>& out) {
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      const Sha256 name = in.id<Sha256>();
      out.push_back({{model::ObjectKind::kIndex, name}, in.u64()});
    }
  };
  read_objects(included, file.included_);
  read_objects(superseded, file.superseded_);
  file.packs_at_ = body.size() - in.remaining();
  file.records_at_ = file.packs_at_ + kPackSize * file.pack_count_;
  if (!in.ok() || file.records_at_ + file.record_count_ * IndexRecord::kSize != body.size()) {
    return stale();
  }
  file.map_.advise_random();
  return file;
}

IndexRecord IndexFile::record(std::uint64_t at) const {
  return IndexRecord::read(map_.bytes().data() + records_at_ + at * IndexRecord::kSize);
}

std::uint64_t IndexFile::lower_bound(const BlobId& id) const {
  const auto id_at = [&](std::uint64_t at) {
    return ByteView(map_.bytes().data() + records_at_ + at * IndexRecord::kSize, BlobId::kSize);
  };
  const auto less = [&](std::uint64_t at) {
    return std::memcmp(id_at(at).data(), id.bytes().data(), BlobId::kSize) < 0;
  };
  // Ids are hashes: the first guess is off by some square root of the count, so that the search
  // touches a few neighbouring pages instead of one page a halving.
  const auto guess =
      static_cast<std::uint64_t>(static_cast<double>(prefix_of(id.bytes())) /
                                 18446744073709551616.0 * static_cast<double>(record_count_));
  std::uint64_t low = 0;
  std::uint64_t high = record_count_;
  std::uint64_t reach = 8;
  while (reach < record_count_) {
    reach *= 4;
    const std::uint64_t left = guess > reach ? guess - reach : 0;
    const std::uint64_t right = std::min(record_count_, guess + reach);
    if (left > low && less(left - 1)) low = left;
    if (right < high && !less(right)) high = right;
    if (low >= left && high <= right) break;
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (less(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Sha256 IndexFile::pack_name(std::uint32_t number) const {
  CHECK(number < pack_count_);
  return *Sha256::from_bytes(map_.bytes().subspan(packs_at_ + kPackSize * number, Sha256::kSize));
}

pack::PackInfo IndexFile::pack(std::uint32_t number) const {
  CHECK(number < pack_count_);
  Reader in(map_.bytes().subspan(packs_at_ + kPackSize * number, kPackSize));
  pack::PackInfo pack;
  pack.name = in.id<Sha256>();
  pack.size = in.u64();
  pack.kind = static_cast<model::BlobKind>(in.u8());
  pack.epoch = in.u32();
  pack.salt = in.id<seal::Salt>();
  pack.commitment = in.id<seal::Commitment>();
  return pack;
}

struct IndexFileBuilder::State {
  std::string directory;
  const IndexFile* base = nullptr;
  std::uint32_t base_packs = 0;
  std::vector<pack::PackInfo> packs;
  std::unordered_set<Sha256, IdHash> names;
  std::vector<IndexRecord> records;
  std::vector<std::string> spilled;

  Bytes sorted_run() {
    std::sort(records.begin(), records.end());
    Bytes run(records.size() * IndexRecord::kSize);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].write(run.data() + i * IndexRecord::kSize);
    }
    records.clear();
    return run;
  }
  Result<void> spill() {
    const std::string path =
        platform::join(directory, "index-run-" + crypto::random_id<VaultId>().text());
    const Bytes run = sorted_run();
    spilled.push_back(path);
    return platform::write_file(path, run);
  }
};

IndexFileBuilder::IndexFileBuilder(std::string directory) : state_(std::make_unique<State>()) {
  state_->directory = std::move(directory);
}

IndexFileBuilder::~IndexFileBuilder() {
  for (const std::string& path : state_->spilled) {
    static_cast<void>(platform::remove_file(path));  // ignored: a leftover is in nobody's way
  }
}

void IndexFileBuilder::start_from(const IndexFile& base) {
  CHECK(state_->packs.empty());
  state_->base = &base;
  state_->base_packs = base.pack_count();
  for (std::uint32_t i = 0; i < base.pack_count(); ++i) state_->names.insert(base.pack_name(i));
}

Result<void> IndexFileBuilder::add(const pack::PackInfo& pack) {
  State& state = *state_;
  if (!state.names.insert(pack.name).second) return {};
  const auto number = static_cast<std::uint32_t>(state.base_packs + state.packs.size());
  pack::PackInfo alone = pack;
  alone.blobs = {};
  state.packs.push_back(std::move(alone));
  for (std::uint32_t i = 0; i < pack.blobs.size(); ++i) {
    const pack::BlobEntry& blob = pack.blobs[i];
    IndexRecord record;
    record.id = blob.id;
    record.pack = number;
    record.number = i;
    record.codec = blob.codec;
    record.offset = blob.offset;
    record.sealed_length = blob.sealed_length;
    record.plain_length = blob.plain_length;
    state.records.push_back(record);
  }
  if (state.records.size() >= kRunRecords) return state.spill();
  return {};
}

Result<void> IndexFileBuilder::write(const std::string& path, const seal::Keyring& keyring,
                                     const std::vector<store::ObjectInfo>& included,
                                     const std::vector<store::ObjectInfo>& superseded) {
  State& state = *state_;
  const Bytes last_run = state.sorted_run();
  std::vector<platform::MappedFile> maps;
  std::vector<Source> sources{Source(last_run)};
  if (state.base != nullptr) sources.emplace_back(*state.base);
  for (const std::string& spilled : state.spilled) {
    ASSIGN_OR_RETURN(platform::MappedFile map, platform::MappedFile::open(spilled));
    maps.push_back(std::move(map));
    sources.emplace_back(maps.back().bytes());
  }
  std::uint64_t records = 0;
  for (const Source& source : sources) records += source.size();
  Writer header;
  header.raw(as_bytes(kMagic));
  header.id(keyring.vault());
  header.u64(records);
  header.u32(static_cast<std::uint32_t>(state.base_packs + state.packs.size()));
  header.u32(static_cast<std::uint32_t>(included.size()));
  header.u32(static_cast<std::uint32_t>(superseded.size()));
  for (const std::vector<store::ObjectInfo>* objects : {&included, &superseded}) {
    for (const store::ObjectInfo& object : *objects) {
      header.id(object.name.hash);
      header.u64(object.size);
    }
  }
  for (std::uint32_t i = 0; i < state.base_packs; ++i) write_pack(header, state.base->pack(i));
  for (const pack::PackInfo& pack : state.packs) write_pack(header, pack);
  ASSIGN_OR_RETURN(platform::AtomicFile file, platform::AtomicFile::create(path));
  AuthenticWriter out(std::move(file), keyring.keys().cache.view());
  TRY(out.write(header.bytes()));
  TRY(merge(sources, out));
  return out.commit();
}

}  // namespace obhut::vault

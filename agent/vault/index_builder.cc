#include "agent/vault/index_builder.h"

#include <algorithm>
#include <queue>

#include "agent/base/check.h"
#include "agent/base/codec.h"
#include "agent/vault/pack_list.h"

namespace obhut::vault {
namespace {

/// Records of one run: 15 MiB while they are sorted.
constexpr std::size_t kRunRecords = 1U << 18U;

/// Sorted records, read once: of a file or of memory.
class SortedRecords {
 public:
  explicit SortedRecords(const IndexFile& file) : scan_(file), size_(file.size()) {}
  explicit SortedRecords(const std::vector<IndexRecord>& sorted)
      : sorted_(&sorted), size_(sorted.size()) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }
  Result<bool> next(IndexRecord& into) {
    if (scan_) return scan_->next(into);
    if (at_ == sorted_->size()) return false;
    into = (*sorted_)[at_++];
    return true;
  }

 private:
  std::optional<RecordScan> scan_;
  const std::vector<IndexRecord>* sorted_ = nullptr;
  std::uint64_t size_;
  std::size_t at_ = 0;
};

/// Writes the sections of a file in their order.
class IndexFileWriter {
 public:
  static Result<IndexFileWriter> create(const std::string& path, const std::string& folder,
                                        const seal::Keyring& keyring) {
    ASSIGN_OR_RETURN(PageWriter pages,
                     PageWriter::create(path, folder, keyring.keys().cache.view()));
    return IndexFileWriter(std::move(pages));
  }

  Result<void> header(const VaultId& vault, std::uint64_t records, std::uint32_t packs,
                      const std::vector<store::ObjectInfo>& included,
                      const std::vector<store::ObjectInfo>& superseded) {
    Writer header;
    header.raw(as_bytes(IndexLayout::kMagic));
    header.id(vault);
    header.u64(records);
    header.u32(packs);
    header.u32(static_cast<std::uint32_t>(included.size()));
    header.u32(static_cast<std::uint32_t>(superseded.size()));
    TRY(pages_.add(header.bytes()));
    TRY(pages_.end_page());
    for (const std::vector<store::ObjectInfo>* objects : {&included, &superseded}) {
      for (const store::ObjectInfo& object : *objects) {
        Writer item;
        item.id(object.name.hash);
        item.u64(object.size);
        TRY(pages_.add(item.bytes()));
      }
    }
    TRY(pages_.end_page());
    const std::uint64_t count = IndexLayout::pages(records, IndexLayout::kRecords);
    fences_.reserve(count);
    fingerprints_.reserve(records);
    return {};
  }
  Result<void> pack(ByteView record) { return pages_.add(record); }
  Result<void> end_packs() { return pages_.end_page(); }
  Result<void> record(const IndexRecord& record) {
    std::array<std::uint8_t, IndexRecord::kSize> bytes{};
    record.write(bytes.data());
    if (fingerprints_.size() % IndexLayout::kRecords == 0) fences_.push_back(prefix_of(record.id));
    fingerprints_.push_back(fingerprint_of(record.id));
    return pages_.add(bytes);
  }
  Result<void> finish() {
    TRY(pages_.end_page());
    for (const std::uint16_t fingerprint : fingerprints_) {
      const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(fingerprint),
                                                 static_cast<std::uint8_t>(fingerprint >> 8U)};
      TRY(pages_.add(bytes));
    }
    TRY(pages_.end_page());
    for (const std::uint64_t fence : fences_) {
      Writer item;
      item.u64(fence);
      TRY(pages_.add(item.bytes()));
    }
    return pages_.commit();
  }

 private:
  explicit IndexFileWriter(PageWriter pages) : pages_(std::move(pages)) {}
  PageWriter pages_;
  std::vector<std::uint64_t> fences_;
  std::vector<std::uint16_t> fingerprints_;
};

std::uint64_t sum_of(const std::vector<SortedRecords>& sources) {
  std::uint64_t sum = 0;
  for (const SortedRecords& source : sources) sum += source.size();
  return sum;
}

Result<void> merge(std::vector<SortedRecords>& sources, IndexFileWriter& out) {
  struct Front {
    IndexRecord record;
    std::size_t source;
    bool operator>(const Front& other) const { return other.record < record; }
  };
  std::priority_queue<Front, std::vector<Front>, std::greater<>> fronts;
  const auto advance = [&](std::size_t source) -> Result<void> {
    Front front{{}, source};
    ASSIGN_OR_RETURN(const bool more, sources[source].next(front.record));
    if (more) fronts.push(front);
    return {};
  };
  for (std::size_t i = 0; i < sources.size(); ++i) TRY(advance(i));
  while (!fronts.empty()) {
    const Front front = fronts.top();
    fronts.pop();
    TRY(out.record(front.record));
    TRY(advance(front.source));
  }
  return {};
}

Result<void> write_records(const std::string& path, const seal::Keyring& keyring,
                           std::vector<SortedRecords> sources) {
  ASSIGN_OR_RETURN(IndexFileWriter out, IndexFileWriter::create(path, {}, keyring));
  TRY(out.header(keyring.vault(), sum_of(sources), 0, {}, {}));
  TRY(merge(sources, out));
  return out.finish();
}

}  // namespace

Result<void> write_run(const std::string& path, const seal::Keyring& keyring,
                       const std::vector<IndexRecord>& sorted) {
  return write_records(path, keyring, {SortedRecords(sorted)});
}

Result<void> merge_runs(const std::string& path, const seal::Keyring& keyring,
                        const std::vector<const IndexFile*>& runs) {
  std::vector<SortedRecords> sources;
  sources.reserve(runs.size());
  for (const IndexFile* run : runs) sources.emplace_back(*run);
  return write_records(path, keyring, std::move(sources));
}

struct IndexFileBuilder::State {
  State(std::string where, const seal::Keyring& keys) : folder(std::move(where)), keyring(keys) {}

  std::string folder;
  const seal::Keyring& keyring;
  const IndexFile* base = nullptr;
  PackList packs;  // those of the base first
  std::vector<IndexRecord> records;
  std::vector<IndexFile> runs;

  Result<void> spill() {
    std::ranges::sort(records, std::less<>{});
    const std::string path = platform::join(folder, "run-" + std::to_string(runs.size()));
    TRY(write_run(path, keyring, records));
    records.clear();
    ASSIGN_OR_RETURN(IndexFile run, IndexFile::open(path, keyring, 64));
    runs.push_back(std::move(run));
    return {};
  }
};

IndexFileBuilder::IndexFileBuilder(std::string folder, const seal::Keyring& keyring)
    : state_(std::make_unique<State>(std::move(folder), keyring)) {}

IndexFileBuilder::~IndexFileBuilder() = default;

Result<void> IndexFileBuilder::start_from(const IndexFile& base) {
  CHECK(state_->packs.size() == 0);
  state_->base = &base;
  return base.for_each_pack([&](std::uint32_t, ByteView record) -> Result<void> {
    state_->packs.add(read_pack_record(record));
    return {};
  });
}

Result<void> IndexFileBuilder::add(const pack::PackInfo& pack) {
  State& state = *state_;
  const std::optional<std::uint32_t> number = state.packs.add(pack);
  if (!number) return {};
  for (std::uint32_t i = 0; i < pack.blobs.size(); ++i) {
    state.records.push_back(IndexRecord::of(pack.blobs[i], *number, i));
  }
  if (state.records.size() >= kRunRecords) return state.spill();
  return {};
}

Result<void> IndexFileBuilder::write(const std::string& path,
                                     const std::vector<store::ObjectInfo>& included,
                                     const std::vector<store::ObjectInfo>& superseded) {
  State& state = *state_;
  std::ranges::sort(state.records, std::less<>{});
  std::vector<SortedRecords> sources{SortedRecords(state.records)};
  if (state.base != nullptr) sources.emplace_back(*state.base);
  for (const IndexFile& run : state.runs) sources.emplace_back(run);
  ASSIGN_OR_RETURN(IndexFileWriter out, IndexFileWriter::create(path, state.folder, state.keyring));
  TRY(out.header(state.keyring.vault(), sum_of(sources), state.packs.size(), included, superseded));
  for (std::uint32_t i = 0; i < state.packs.size(); ++i) TRY(out.pack(state.packs.record(i)));
  TRY(out.end_packs());
  TRY(merge(sources, out));
  return out.finish();
}

}  // namespace obhut::vault

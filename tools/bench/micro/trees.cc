// What a backup does per entry and per blob rather than per byte: directory records both ways, and
// the lookup of a blob in the index of a large vault.

#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "agent/base/check.h"
#include "agent/crypto/digest.h"
#include "agent/model/node.h"
#include "agent/vault/index_builder.h"
#include "platform/local_files.h"

namespace obhut {
namespace {

constexpr std::uint64_t kEntries = 10'000;
constexpr std::uint64_t kPackBlobs = 1'000;

/// The same id for the same number, spread as real ones are.
BlobId numbered(std::uint64_t number) {
  Writer bytes;
  bytes.u64(number);
  return *BlobId::from_bytes(crypto::sha256(bytes.bytes()).bytes());
}

std::vector<model::Entry> entries_of_a_folder() {
  std::vector<model::Entry> entries(kEntries);
  std::uint64_t number = 0;
  for (model::Entry& entry : entries) {
    entry.name = "file-" + std::to_string(10 * kEntries + number) + ".dat";
    entry.mode = 0644;
    entry.user = "user";
    entry.group = "group";
    entry.modified = {1'700'000'000, static_cast<std::uint32_t>(number)};
    entry.changed = entry.modified;
    entry.size = 4096;
    entry.inode = 1'000'000 + number;
    entry.device = 64;
    // 256 small files share a segment.
    entry.content.pieces = {model::Piece::of(
        {numbered(number / 256), static_cast<std::uint32_t>(number % 256 * 4096), 4096})};
    ++number;
  }
  return entries;
}

std::vector<Bytes> parts_of(const std::vector<model::Entry>& entries) {
  std::vector<Bytes> parts;
  model::NodeWriter writer;
  for (const model::Entry& entry : entries) {
    Result<std::optional<Bytes>> part = writer.add(entry);
    CHECK(part.has_value());
    if (*part) parts.push_back(std::move(**part));
  }
  if (std::optional<Bytes> last = writer.finish()) parts.push_back(std::move(*last));
  return parts;
}

void count_entries(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kEntries));
}

void encode_nodes(benchmark::State& state) {
  const std::vector<model::Entry> entries = entries_of_a_folder();
  for (auto _ : state) benchmark::DoNotOptimize(parts_of(entries));
  count_entries(state);
}

void decode_nodes(benchmark::State& state) {
  const std::vector<Bytes> parts = parts_of(entries_of_a_folder());
  model::Entry entry;
  for (auto _ : state) {
    std::string after;
    for (const Bytes& part : parts) {
      Result<model::NodeReader> reader = model::NodeReader::open(part, after);
      CHECK(reader.has_value());
      while (true) {
        const Result<bool> more = reader->next(entry);
        CHECK(more.has_value());
        if (!*more) break;
      }
      after = reader->last_name();
    }
  }
  count_entries(state);
}

/// An index file of `packs` packs in a folder that goes with it.
class SyntheticIndex {
 public:
  explicit SyntheticIndex(std::uint64_t packs) {
    const Result<std::string> folder = platform::make_temporary_directory("obhut-bench-");
    CHECK(folder.has_value());
    folder_ = *folder;
    const std::string path = folder_ / "index";
    vault::IndexFileBuilder builder(folder_, keyring_);
    for (std::uint64_t number = 0; number < packs; ++number) {
      CHECK(builder.add(pack_of(number)));
    }
    CHECK(builder.write(path, {}, {}));
    file_ = vault::IndexFile::open(path, keyring_);
    CHECK(file_.has_value());
  }
  ~SyntheticIndex() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  SyntheticIndex(const SyntheticIndex&) = delete;
  SyntheticIndex& operator=(const SyntheticIndex&) = delete;

  [[nodiscard]] const vault::IndexFile& file() const { return *file_; }

 private:
  static pack::PackInfo pack_of(std::uint64_t number) {
    pack::PackInfo pack;
    pack.name = *Sha256::from_bytes(numbered(~number).bytes());
    pack.size = pack::kPackTarget;
    for (std::uint64_t blob = 0; blob < kPackBlobs; ++blob) {
      const auto offset = static_cast<std::uint32_t>(pack::kPackHeaderSize + blob * 16'384);
      pack.blobs.push_back(
          {numbered(number * kPackBlobs + blob), model::Codec::kZstd, offset, 16'384, 40'000});
    }
    return pack;
  }

  std::filesystem::path folder_;
  seal::Keyring keyring_ = seal::Keyring::generate();
  Result<vault::IndexFile> file_ = std::unexpected(Error{ErrorKind::kNotFound, "not built"});
};

/// In: how many packs, and of how many different ids. Either every blob asked for is in one of
/// the packs, or none. Few ids lie in pages that are kept; of many, each takes a page to read.
void look_up(benchmark::State& state, bool known) {
  const auto packs = static_cast<std::uint64_t>(state.range(0));
  const auto ids = static_cast<std::uint64_t>(state.range(1));
  const SyntheticIndex index(packs);
  const std::uint64_t first = known ? 0 : packs * kPackBlobs;
  std::vector<BlobId> asked;
  asked.reserve(ids);
  for (std::uint64_t number = 0; number < ids; ++number) {
    asked.push_back(numbered(first + number * packs * kPackBlobs / ids));
  }
  std::size_t at = 0;
  for (auto _ : state) {
    const BlobId& id = asked[at++ % asked.size()];
    bool found = false;
    CHECK(index.file().find(id, known, [&](const vault::IndexRecord&) {
      found = true;
      return false;
    }));
    CHECK(found == known);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

}  // namespace

BENCHMARK(encode_nodes);
BENCHMARK(decode_nodes);
BENCHMARK_CAPTURE(look_up, known, true)
    ->Args({10, 4096})
    ->Args({1000, 4096})
    ->Args({1000, 1'000'000});
BENCHMARK_CAPTURE(look_up, unknown, false)
    ->Args({10, 4096})
    ->Args({1000, 4096})
    ->Args({1000, 1'000'000});

}  // namespace obhut

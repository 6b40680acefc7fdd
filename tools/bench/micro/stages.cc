// GB/s of each stage between reading and storing and back, on one core, over real bytes:
//   find /usr/lib -type f -size +1M | head -n 200 | xargs cat | head -c 512M > sample
//   obhut-bench-stages sample

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include <benchmark/benchmark.h>

#include "agent/chunk/chunker.h"
#include "agent/crypto/digest.h"
#include "agent/pack/pack_writer.h"
#include "agent/seal/compressor.h"
#include "agent/seal/entropy.h"
#include "agent/seal/sealer.h"

namespace obhut {
namespace {

Bytes sample;                  // NOLINT: a benchmark's input, read once in main
std::vector<ByteView> chunks;  // NOLINT: the same, cut

const seal::Keyring& keyring() {
  static const seal::Keyring kRing = seal::Keyring::generate();
  return kRing;
}

chunk::Chunker chunker_with(chunk::Scanner scanner) {
  return {chunk::GearTable::from_key(keyring().keys().gear.view()), {}, scanner};
}

std::vector<ByteView> cut(const chunk::Chunker& chunker, ByteView bytes) {
  std::vector<ByteView> found;
  while (!bytes.empty()) {
    const std::size_t length = *chunker.first_cut(bytes, true);
    found.push_back(bytes.first(length));
    bytes = bytes.subspan(length);
  }
  return found;
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * sample.size()));
}

void cut_points(benchmark::State& state, chunk::Scanner scanner) {
  const chunk::Chunker chunker = chunker_with(scanner);
  for (auto _ : state) benchmark::DoNotOptimize(cut(chunker, sample));
  count_bytes(state);
}

void chunk_ids(benchmark::State& state) {
  for (auto _ : state) {
    for (const ByteView chunk : chunks) {
      benchmark::DoNotOptimize(seal::id_of(keyring().keys(), model::BlobKind::kData, chunk));
    }
  }
  count_bytes(state);
}

void entropy(benchmark::State& state) {
  for (auto _ : state) {
    for (const ByteView chunk : chunks) benchmark::DoNotOptimize(seal::looks_compressible(chunk));
  }
  count_bytes(state);
}

void compress(benchmark::State& state, seal::Effort effort) {
  seal::Compressor compressor(effort);
  Bytes out(model::kMaxBlobSize);
  std::uint64_t stored = 0;
  for (auto _ : state) {
    stored = 0;
    for (const ByteView chunk : chunks) {
      const std::size_t length = compressor.compress(chunk, out);
      stored += length == 0 ? chunk.size() : length;
    }
  }
  count_bytes(state);
  state.counters["ratio"] = static_cast<double>(sample.size()) / static_cast<double>(stored);
}

void encrypt(benchmark::State& state) {
  Result<seal::ObjectCipher> cipher =
      seal::ObjectCipher::derive(keyring(), seal::SealedKind::kDataPack, 1, seal::Salt());
  Bytes out(seal::sealed_bound(model::kMaxBlobSize));
  for (auto _ : state) {
    std::uint32_t position = 0;
    for (const ByteView chunk : chunks) {
      cipher->seal({position++, model::Codec::kRaw, static_cast<std::uint32_t>(chunk.size())},
                   chunk, MutableByteView(out).first(seal::sealed_bound(chunk.size())));
    }
  }
  count_bytes(state);
}

/// The way back: authenticated, decrypted, expanded.
void open_blobs(benchmark::State& state) {
  Result<seal::ObjectCipher> cipher =
      seal::ObjectCipher::derive(keyring(), seal::SealedKind::kDataPack, 1, seal::Salt());
  seal::Sealer sealer(keyring());
  std::vector<std::pair<seal::Place, Bytes>> sealed;
  for (const ByteView chunk : chunks) {
    Bytes out(seal::sealed_bound(chunk.size()));
    const auto position = static_cast<std::uint32_t>(sealed.size());
    const Result<seal::SealedBody> body = sealer.seal(*cipher, position, chunk, out);
    CHECK(body.has_value());
    out.resize(body->sealed_length);
    sealed.emplace_back(
        seal::Place{position, body->codec, static_cast<std::uint32_t>(chunk.size())},
        std::move(out));
  }
  seal::Opener opener;
  Bytes plain(model::kMaxBlobSize);
  for (auto _ : state) {
    for (const auto& [place, body] : sealed) {
      CHECK(opener.open(*cipher, place, body, MutableByteView(plain).first(place.plain_length)));
    }
  }
  count_bytes(state);
}

void name_packs(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(crypto::sha256(sample));
  count_bytes(state);
}

/// All of it, with what a backup adds: opened again and compared.
void seal_into_packs(benchmark::State& state, seal::Effort effort) {
  seal::Sealer sealer(keyring(), effort);
  pack::PackWriter writer(sealer, model::BlobKind::kData);
  const chunk::Chunker chunker = chunker_with(chunk::Scanner::kFourWay);
  for (auto _ : state) {
    const auto close = [&] {
      Result<pack::FinishedPack> pack = writer.finish();
      CHECK(pack.has_value());
      writer.reuse(std::move(pack->buffer));
    };
    for (const ByteView chunk : cut(chunker, sample)) {
      const BlobId id = sealer.id_of(model::BlobKind::kData, chunk);
      if (!writer.fits(chunk.size())) close();
      CHECK(writer.add(id, chunk));
    }
    close();
  }
  count_bytes(state);
}

}  // namespace

BENCHMARK_CAPTURE(cut_points, reference, chunk::Scanner::kReference);
BENCHMARK_CAPTURE(cut_points, four_way, chunk::Scanner::kFourWay);
BENCHMARK_CAPTURE(cut_points, wide, chunk::Scanner::kWide);
BENCHMARK(chunk_ids);
BENCHMARK(entropy);
BENCHMARK_CAPTURE(compress, quick, seal::Effort::kQuick);
BENCHMARK_CAPTURE(compress, thorough, seal::Effort::kThorough);
BENCHMARK(encrypt);
BENCHMARK(open_blobs);
BENCHMARK(name_packs);
BENCHMARK_CAPTURE(seal_into_packs, quick, seal::Effort::kQuick);
BENCHMARK_CAPTURE(seal_into_packs, thorough, seal::Effort::kThorough);

}  // namespace obhut

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: obhut-bench-stages FILE\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary | std::ios::ate);
  if (!file) {
    std::fprintf(stderr, "obhut-bench-stages: cannot read %s\n", argv[1]);
    return 2;
  }
  obhut::sample.resize(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(obhut::sample.data()),
            static_cast<std::streamsize>(obhut::sample.size()));
  obhut::chunks = obhut::cut(obhut::chunker_with(obhut::chunk::Scanner::kFourWay), obhut::sample);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

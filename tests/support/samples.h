#pragma once
// Values that many tests need, always the same for the same arguments.

#include <cstdint>
#include <map>
#include <random>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/check.h"
#include "agent/crypto/secret.h"
#include "agent/seal/keyring.h"

namespace obhut::tests {

inline Bytes bytes(std::string_view text) {
  return to_bytes(as_bytes(text));
}

/// Looks random: does not compress.
inline Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

/// Compresses to about a third.
inline Bytes text_bytes(std::size_t size, std::uint64_t seed) {
  constexpr std::string_view kWords[] = {"vault ", "pack ",    "head ",   "index ",
                                         "chunk ", "restore ", "ledger ", "partner "};
  std::mt19937_64 random(seed);
  Bytes out;
  while (out.size() < size) {
    const ByteView word = as_bytes(kWords[random() % std::size(kWords)]);
    out.insert(out.end(), word.begin(), word.end());
  }
  out.resize(size);
  return out;
}

/// An id whose every byte is `value`.
template <class IdType>
IdType id_of_all(std::uint8_t value) {
  std::array<std::uint8_t, IdType::kSize> all{};
  all.fill(value);
  return IdType(all);
}

/// A ring of `epochs` known roots: epoch n has the root of n, n, n …
inline seal::Keyring sample_keyring(std::uint8_t vault = 0x76, unsigned epochs = 1) {
  std::map<seal::Epoch, crypto::SecretBytes> roots;
  for (unsigned epoch = 1; epoch <= epochs; ++epoch) {
    const Bytes root(seal::kRootSize, static_cast<std::uint8_t>(epoch));
    roots.emplace(epoch, crypto::SecretBytes(ByteView(root)));
  }
  Result<seal::Keyring> ring =
      seal::Keyring::from_roots(id_of_all<VaultId>(vault), std::move(roots));
  CHECK(ring.has_value());
  return std::move(*ring);
}

}  // namespace obhut::tests

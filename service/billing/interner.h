#pragma once
// Byte strings as small numbers.

#include <cstdint>
#include <string_view>
#include <vector>

namespace obhut::billing {

/// An open-addressing table over one arena. A look-up costs two cache misses, one in the table and
/// one in the arena, where number and text lie side by side; with half a million vaults the misses
/// are what reading events spends its time on.
class Interner {
 public:
  Interner() : slots_(64, kEmpty) {}

  /// The number that `text` came in with; `number_if_new` where it has not been seen before.
  std::uint32_t intern(std::string_view text, std::uint32_t number_if_new);
  /// The same, numbers counting from 0 in the order of first appearance.
  std::uint32_t intern(std::string_view text) {
    return intern(text, static_cast<std::uint32_t>(offsets_.size()));
  }

  /// The `n`-th string, from 0, in the order of first appearance. Valid until the next intern().
  [[nodiscard]] std::string_view text(std::uint32_t n) const { return text_at(offsets_[n]); }
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }

 private:
  /// 24 bits of the hash above, 40 bits of the arena offset below: a terabyte of names.
  using Slot = std::uint64_t;
  static constexpr Slot kEmpty = ~Slot{0};

  [[nodiscard]] std::string_view text_at(std::uint64_t offset) const;
  void grow();

  std::vector<char> arena_;  ///< number[4] length[4] text, one after the other
  std::vector<std::uint64_t> offsets_;
  std::vector<Slot> slots_;
};

}  // namespace obhut::billing

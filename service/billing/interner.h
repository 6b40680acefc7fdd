#pragma once
// Byte strings as small numbers.

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace obhut::billing {

/// An open-addressing table over one arena. A look-up costs two cache misses, one in the table and
/// one in the arena, where number and text lie side by side. With half a million vaults the misses
/// are what reading events spends its time on: who knows the strings ahead asks for them ahead.
class Interner {
 public:
  Interner() : slots_(64, kEmpty) {}

  [[nodiscard]] static std::uint64_t hash_of(std::string_view text) {
    return std::hash<std::string_view>{}(text);
  }
  /// Two hints that a string of this hash will be asked for: first, and some time later.
  void expect(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  void expect_soon(std::uint64_t hash) const {
    const Slot slot = slots_[hash & (slots_.size() - 1)];
    if (slot != kEmpty) __builtin_prefetch(arena_.data() + (slot & kOffsetMask));
  }

  /// The number that `text` came in with; `number_if_new` where it has not been seen before.
  /// In: hash is hash_of(text).
  std::uint32_t intern(std::string_view text, std::uint64_t hash, std::uint32_t number_if_new);
  /// The same, numbers counting from 0 in the order of first appearance.
  std::uint32_t intern(std::string_view text) {
    return intern(text, hash_of(text), static_cast<std::uint32_t>(offsets_.size()));
  }

  /// The `n`-th string, from 0, in the order of first appearance. Valid until the next intern().
  [[nodiscard]] std::string_view text(std::uint32_t n) const { return text_at(offsets_[n]); }
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }

 private:
  /// 24 bits of the hash above, 40 bits of the arena offset below: a terabyte of names.
  using Slot = std::uint64_t;
  static constexpr Slot kEmpty = ~Slot{0};
  static constexpr Slot kOffsetMask = (Slot{1} << 40) - 1;

  /// The upper bits; the lower ones choose the slot.
  static constexpr Slot tag_of(std::uint64_t hash) { return hash & ~kOffsetMask; }
  [[nodiscard]] std::string_view text_at(std::uint64_t offset) const;
  void grow();

  std::vector<char> arena_;  ///< number[4] length[4] text, one after the other
  std::vector<std::uint64_t> offsets_;
  std::vector<Slot> slots_;
};

}  // namespace obhut::billing

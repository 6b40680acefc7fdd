#pragma once
// Exact arithmetic of quantities and amounts (BILLING.md section 3): integers of 128 bits, every
// step checked. A bill that does not fit is an error, never a wrong bill.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace obhut::billing {

__extension__ using Wide = unsigned __int128;

/// A decimal of at least 0: units / 10^decimals.
struct Decimal {
  Wide units = 0;
  int decimals = 0;

  /// In: digits, with at most one point between digits ("1", "0.1"), at most 18 digits in all.
  static std::optional<Decimal> parse(std::string_view text);
  /// Without trailing zeros behind the point, and without a point where nothing follows it.
  [[nodiscard]] std::string text() const;
};

/// `bytes` / `gb_bytes`, rounded up to a multiple of `step`. In: gb_bytes and step above 0.
/// Nothing where a step of the calculation does not fit.
std::optional<Decimal> gigabytes(Wide bytes, std::uint64_t gb_bytes, Decimal step);

/// quantity x micro-units, rounded half away from zero to whole cents (10^4 micro-units).
/// Nothing where it does not fit.
std::optional<std::int64_t> amount_cents(Decimal quantity, std::uint64_t unit_micro);

}  // namespace obhut::billing

#include "service/billing/money.h"

#include <algorithm>
#include <limits>

namespace obhut::billing {
namespace {

constexpr std::size_t kMaxDigits = 18;
constexpr Wide kMicroPerCent = 10'000;

Wide power_of_ten(int exponent) {
  Wide value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

std::string digits_of(Wide value) {
  std::string text;
  do {
    text.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::ranges::reverse(text);
  return text;
}

bool multiply(Wide a, Wide b, Wide& product) {
  return !__builtin_mul_overflow(a, b, &product);
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || (point != std::string_view::npos && fraction.empty())) return std::nullopt;
  if (whole.size() + fraction.size() > kMaxDigits) return std::nullopt;
  Decimal decimal{0, static_cast<int>(fraction.size())};
  for (std::string_view part : {whole, fraction}) {
    for (char c : part) {
      if (c < '0' || c > '9') return std::nullopt;
      decimal.units = decimal.units * 10 + static_cast<Wide>(c - '0');
    }
  }
  return decimal;
}

std::string Decimal::text() const {
  std::string digits = digits_of(units);
  if (decimals == 0) return digits;
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  digits.insert(digits.size() - places, 1, '.');
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::optional<Decimal> gigabytes(Wide bytes, std::uint64_t gb_bytes, Decimal step) {
  Wide scaled = 0;
  Wide step_bytes = 0;  // times 10^decimals, like `scaled`
  if (!multiply(bytes, power_of_ten(step.decimals), scaled) ||
      !multiply(gb_bytes, step.units, step_bytes)) {
    return std::nullopt;
  }
  const Wide steps = scaled / step_bytes + (scaled % step_bytes != 0 ? 1 : 0);
  Decimal quantity{0, step.decimals};
  if (!multiply(steps, step.units, quantity.units)) return std::nullopt;
  return quantity;
}

std::optional<std::int64_t> amount_cents(Decimal quantity, std::uint64_t unit_micro) {
  Wide micro = 0;  // times 10^decimals
  if (!multiply(quantity.units, unit_micro, micro)) return std::nullopt;
  const Wide cent = kMicroPerCent * power_of_ten(quantity.decimals);
  const Wide cents = micro / cent + (micro % cent >= cent - cent / 2 ? 1 : 0);
  if (cents > static_cast<Wide>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::int64_t>(cents);
}

}  // namespace obhut::billing

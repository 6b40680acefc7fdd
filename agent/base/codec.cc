#include "agent/base/codec.h"

namespace obhut {

void Writer::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  out_.push_back(static_cast<std::uint8_t>(value));
}

void Writer::svarint(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  varint((bits << 1U) ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

std::uint64_t Reader::fixed(unsigned width) {
  if (rest_.size() < width) {
    fail();
    return 0;
  }
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) value |= std::uint64_t{rest_[i]} << (8 * i);
  rest_ = rest_.subspan(width);
  return value;
}

std::uint64_t Reader::varint() {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 10; ++i) {
    if (i >= rest_.size()) break;
    const std::uint8_t byte = rest_[i];
    if (i == 9 && byte > 1) break;  // beyond 64 bits
    if (i > 0 && byte == 0) break;  // longer than needed: one value, one spelling
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80U) == 0) {
      rest_ = rest_.subspan(i + 1);
      return value;
    }
  }
  fail();
  return 0;
}

std::int64_t Reader::svarint() {
  const std::uint64_t bits = varint();
  return static_cast<std::int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1));
}

ByteView Reader::raw(std::size_t length) {
  if (length > rest_.size()) {
    fail();
    return {};
  }
  const ByteView bytes = rest_.first(length);
  rest_ = rest_.subspan(length);
  return bytes;
}

ByteView Reader::blob() {
  const std::uint64_t length = varint();
  if (length > rest_.size()) {
    fail();
    return {};
  }
  return raw(static_cast<std::size_t>(length));
}

std::size_t Reader::count(std::size_t least) {
  const std::uint64_t items = varint();
  if (items > rest_.size() / (least == 0 ? 1 : least)) {
    fail();
    return 0;
  }
  return static_cast<std::size_t>(items);
}

Result<void> Reader::finish(std::string_view what) const {
  if (!ok_) return obhut::fail(ErrorKind::kCorrupt, std::string(what) + ": cut off or malformed");
  if (!at_end())
    return obhut::fail(ErrorKind::kCorrupt, std::string(what) + ": bytes after its end");
  return {};
}

}  // namespace obhut

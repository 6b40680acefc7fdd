// Text codecs and times: what is read is written back, and read the same again.

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const std::string_view text = as_text(bytes);
  if (const auto hex = from_hex(text)) REQUIRE(from_hex(to_hex(*hex)) == hex);
  if (const auto url = from_base64url(text)) REQUIRE(to_base64url(*url) == text);
  if (const auto b64 = from_base64(text)) REQUIRE(from_base64(to_base64(*b64)) == b64);
  if (const auto b32 = from_base32(text)) REQUIRE(from_base32(to_base32(*b32)) == b32);
  REQUIRE(from_base64url(to_base64url(bytes)) == to_bytes(bytes));
  REQUIRE(is_utf8(printable(text)));
  if (const auto time = parse_time(text)) REQUIRE(parse_time(format_time_micro(*time)) == time);
  Reader reader(bytes);
  while (reader.ok() && !reader.at_end()) {
    const std::uint64_t value = reader.varint();
    if (!reader.ok()) break;
    Writer writer;
    writer.varint(value);
    Reader again(writer.bytes());
    REQUIRE(again.varint() == value && again.finish("varint").has_value());
  }
  return 0;
}

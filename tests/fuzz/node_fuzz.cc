// Whatever a node part or a piece list holds: no crash, and what was read is read the same again.

#include "agent/model/node.h"
#include "tests/fuzz/require.h"

using namespace obhut;

namespace {

std::vector<Bytes> parts_of(const std::vector<model::Entry>& entries) {
  model::NodeWriter writer;
  std::vector<Bytes> parts;
  for (const model::Entry& entry : entries) {
    auto part = writer.add(entry);
    REQUIRE(part.has_value());
    if (*part) parts.push_back(std::move(**part));
  }
  if (auto last = writer.finish()) parts.push_back(std::move(*last));
  return parts;
}

std::vector<model::Entry> entries_of(const std::vector<Bytes>& parts) {
  std::vector<model::Entry> entries;
  std::string after;
  for (const Bytes& part : parts) {
    auto reader = model::NodeReader::open(part, after);
    REQUIRE(reader.has_value());
    for (;;) {
      auto entry = reader->next();
      REQUIRE(entry.has_value());
      if (!*entry) break;
      entries.push_back(std::move(**entry));
    }
    after = reader->last_name();
  }
  return entries;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto entries = model::parse_node_part(bytes)) {
    std::string last;
    for (const model::Entry& entry : *entries) {
      REQUIRE(entry.name > last);
      REQUIRE(entry.name != "." && entry.name != "..");
      REQUIRE(entry.name.find('/') == std::string::npos);
      REQUIRE(entry.name.find('\0') == std::string::npos);
      last = entry.name;
    }
    REQUIRE(entries_of(parts_of(*entries)) == *entries);
  }
  if (const auto pieces = model::parse_pieces(bytes)) {
    const auto again = model::encode_pieces(*pieces);
    REQUIRE(again.has_value());
    const auto reread = model::parse_pieces(*again);
    REQUIRE(reread.has_value() && *reread == *pieces);
  }
  return 0;
}

#include "agent/model/node.h"

#include <set>

#include <gtest/gtest.h>

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "tests/model/entries.h"

namespace obhut::model {
namespace {

using namespace std::string_view_literals;

std::vector<Bytes> parts_of(const std::vector<Entry>& entries, PartSizes sizes = {}) {
  NodeWriter writer(sizes);
  std::vector<Bytes> parts;
  for (const Entry& entry : entries) {
    Result<std::optional<Bytes>> part = writer.add(entry);
    EXPECT_TRUE(part) << (part ? "" : part.error().message);
    if (part && *part) parts.push_back(std::move(**part));
  }
  if (std::optional<Bytes> last = writer.finish()) parts.push_back(std::move(*last));
  return parts;
}

/// Reads parts one after the other, as a restore does.
Result<std::vector<Entry>> entries_of(const std::vector<Bytes>& parts) {
  std::vector<Entry> entries;
  std::string after;
  for (const Bytes& part : parts) {
    ASSIGN_OR_RETURN(NodeReader reader, NodeReader::open(part, after));
    while (true) {
      ASSIGN_OR_RETURN(std::optional<Entry> entry, reader.next());
      if (!entry) break;
      entries.push_back(std::move(*entry));
    }
    after = reader.last_name();
  }
  return entries;
}

std::vector<Entry> many(std::size_t count) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry = file_named("file-" + std::to_string(1'000'000 + i));
    entry.inode = i;
    entry.content.pieces[0].ref->offset = static_cast<std::uint32_t>(i);
    entries.push_back(std::move(entry));
  }
  return entries;
}

TEST(Node, GivesBackEntriesOfEveryType) {
  const std::vector<Entry> entries = one_of_each();

  const Result<std::vector<Entry>> read = entries_of(parts_of(entries));

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, entries);
}

TEST(Node, OfAnEmptyDirectoryIsOnePartWithoutEntries) {
  const std::vector<Bytes> parts = parts_of({});

  ASSERT_EQ(parts.size(), 1U);
  EXPECT_TRUE(entries_of(parts)->empty());
}

TEST(Node, OfTheSameEntriesIsTheSameBytes) {
  EXPECT_EQ(parts_of(many(5000)), parts_of(many(5000)));
}

TEST(Node, OfAHugeDirectoryComesInParts) {
  const std::vector<Entry> entries = many(20'000);

  const std::vector<Bytes> parts = parts_of(entries);

  EXPECT_GT(parts.size(), 3U);
  for (const Bytes& part : parts) EXPECT_LE(part.size(), kMaxNodePart);
  const Result<std::vector<Entry>> read = entries_of(parts);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, entries);
}

TEST(Node, ChangesFewPartsWhenAnEntryIsInserted) {
  const PartSizes small{4096, 16384, 65536};
  std::vector<Entry> entries = many(20'000);
  std::set<Bytes> before;
  for (Bytes& part : parts_of(entries, small)) before.insert(std::move(part));
  entries.insert(entries.begin() + 7000, file_named("file-" + std::to_string(1'006'999) + "x"));

  std::size_t fresh = 0;
  for (const Bytes& part : parts_of(entries, small)) fresh += before.contains(part) ? 0 : 1;

  EXPECT_GT(before.size(), 50U);
  EXPECT_LE(fresh, 6U);
}

TEST(Node, NamesItsBlobsWithoutReadingEntries) {
  const std::vector<Bytes> parts = parts_of(one_of_each());

  const Result<NodeReader> reader = NodeReader::open(parts[0]);

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->blobs(),
            (std::vector<BlobId>{tests::id_of_all<BlobId>(0xcc), tests::id_of_all<BlobId>(0xaa),
                                 tests::id_of_all<BlobId>(0xbb)}));
  EXPECT_EQ(reader->size(), 8U);
}

TEST(Node, WriterRefusesWhatItCouldNotReadBack) {
  const auto refused = [](const char* what, auto change) {
    NodeWriter writer;
    Entry entry = file_named("name");
    change(entry);
    const Result<std::optional<Bytes>> added = writer.add(entry);
    EXPECT_FALSE(added) << what;
    EXPECT_TRUE(writer.add(file_named("name"))) << "the writer is unharmed after: " << what;
  };
  for (const std::string_view name : {""sv, "."sv, ".."sv, "a/b"sv, "/"sv, "a\0"sv}) {
    refused("name", [&](Entry& entry) { entry.name = name; });
  }
  refused("long name", [](Entry& entry) { entry.name = std::string(1021, 'n'); });
  refused("mode", [](Entry& entry) { entry.mode = 010000; });
  refused("nanoseconds", [](Entry& entry) { entry.modified.nanoseconds = 1'000'000'000; });
  refused("type", [](Entry& entry) { entry.type = static_cast<EntryType>(9); });
  refused("content of a FIFO", [](Entry& entry) { entry.type = EntryType::kFifo; });
  refused("size", [](Entry& entry) { ++entry.size; });
  refused("piece", [](Entry& entry) { entry.content.pieces[0].length = 999; });
  refused("ref", [](Entry& entry) { entry.content.pieces[0].ref->offset = kMaxBlobSize; });
  refused("level", [](Entry& entry) { entry.content.level = 4; });
  refused("pieces", [](Entry& entry) {
    entry.content.pieces.assign(65, Piece::hole(1));
    entry.size = 65;
  });
  refused("xattr order", [](Entry& entry) { std::swap(entry.xattrs[0], entry.xattrs[1]); });
  refused("xattr twice", [](Entry& entry) { entry.xattrs[1] = entry.xattrs[0]; });
  refused("extension order", [](Entry& entry) { entry.extensions[1].tag = 7; });
  refused("target of a file", [](Entry& entry) { entry.symlink_target = "x"; });
  refused("rdev of a file", [](Entry& entry) { entry.rdev = 1; });
  refused("too large", [](Entry& entry) { entry.xattrs[1].value.resize(3U << 20U); });
}

TEST(Node, WriterRefusesNamesOutOfOrder) {
  NodeWriter writer;
  ASSERT_TRUE(writer.add(file_named("m")));

  EXPECT_FALSE(writer.add(file_named("m")));
  EXPECT_FALSE(writer.add(file_named("a")));
  EXPECT_TRUE(writer.add(file_named("z")));
}

/// A part with one empty file of this name, made without the writer's checks.
Bytes raw_part(std::initializer_list<std::string_view> names) {
  Writer out;
  out.u8(1);
  out.varint(0);
  out.varint(0);
  out.varint(names.size());
  for (const std::string_view name : names) {
    out.text(name);
    out.u8(1);
    // mode uid gid user group, mtime, ctime, size inode device links flags marks, level pieces,
    // xattrs extensions
    for (int i = 0; i < 19; ++i) out.u8(0);
  }
  return std::move(out).take();
}

TEST(Node, ReaderRefusesNamesThatCouldLeaveTheTarget) {
  ASSERT_TRUE(parse_node_part(raw_part({"fine"}))) << "the raw part is well-formed otherwise";
  for (const std::string_view name : {""sv, "."sv, ".."sv, "a/b"sv, "/etc"sv, "a\0b"sv}) {
    EXPECT_FALSE(parse_node_part(raw_part({name}))) << name;
  }
}

TEST(Node, ReaderRefusesNamesOutOfOrderOrTwice) {
  ASSERT_TRUE(parse_node_part(raw_part({"a", "b"})));
  EXPECT_FALSE(parse_node_part(raw_part({"b", "a"})));
  EXPECT_FALSE(parse_node_part(raw_part({"a", "a"})));
}

TEST(Node, ReaderRefusesAPartInAnothersPlace) {
  const Bytes part = raw_part({"b"});

  Result<NodeReader> fits = NodeReader::open(part, "a");
  ASSERT_TRUE(fits);
  EXPECT_TRUE(fits->next());
  Result<NodeReader> again = NodeReader::open(part, "b");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->next());
}

// Not authentication: nodes are sealed. But no parser may crash, hang or accept two spellings.
TEST(Node, EveryChangedByteIsRefusedOrMeansSomethingElse) {
  const std::vector<Entry> entries = one_of_each();
  const Bytes part = parts_of(entries)[0];

  for (std::size_t at = 0; at < part.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes changed = part;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << bit));
      const Result<std::vector<Entry>> read = parse_node_part(changed);
      if (!read) continue;
      ASSERT_NE(*read, entries) << "byte " << at << " says nothing";
      NodeWriter writer;
      for (const Entry& entry : *read) ASSERT_TRUE(writer.add(entry)) << "byte " << at;
      ASSERT_EQ(*writer.finish(), changed) << "two spellings, byte " << at;
    }
    ASSERT_FALSE(parse_node_part(ByteView(part).first(at))) << "cut at " << at;
  }
}

TEST(Node, HugeCountsAreRefused) {
  for (std::size_t field = 0; field < 3; ++field) {
    Writer out;
    out.u8(1);
    for (std::size_t i = 0; i < field; ++i) out.varint(0);
    out.varint(std::uint64_t{1} << 60U);

    EXPECT_FALSE(parse_node_part(out.bytes())) << field;
  }
}

TEST(PieceList, GivesBackWhatWentIn) {
  std::vector<Piece> pieces;
  for (std::uint32_t i = 0; i < kMaxListedPieces; ++i) {
    pieces.push_back(
        i % 3 == 0 ? Piece::hole(1 + i)
                   : Piece::of({tests::id_of_all<BlobId>(static_cast<std::uint8_t>(i)), i, 1 + i}));
  }

  const Result<Bytes> bytes = encode_pieces(pieces);
  ASSERT_TRUE(bytes);
  const Result<std::vector<Piece>> read = parse_pieces(*bytes);

  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, pieces);
}

TEST(PieceList, RefusesNoneAndTooMany) {
  EXPECT_FALSE(encode_pieces({}));
  EXPECT_FALSE(encode_pieces(std::vector<Piece>(kMaxListedPieces + 1, Piece::hole(1))));
  EXPECT_FALSE(encode_pieces({Piece::hole(0)}));
}

}  // namespace
}  // namespace obhut::model

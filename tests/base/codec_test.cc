#include "agent/base/codec.h"

#include <limits>

#include <gtest/gtest.h>

namespace obhut {
namespace {

TEST(Codec, GivesBackWhatWasWritten) {
  Writer out;
  out.u8(1);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090a0b0c0d0e0f);
  out.varint(300);
  out.svarint(-2);
  out.text("name");
  out.blob(Bytes{9, 8});
  out.id(VaultId());

  Reader in(out.bytes());

  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x04050607U);
  EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fU);
  EXPECT_EQ(in.varint(), 300U);
  EXPECT_EQ(in.svarint(), -2);
  EXPECT_EQ(in.text(), "name");
  EXPECT_EQ(to_bytes(in.blob()), (Bytes{9, 8}));
  EXPECT_EQ(in.id<VaultId>(), VaultId());
  EXPECT_TRUE(in.finish("sample"));
}

TEST(Codec, IsLittleEndianAndLeb128) {
  Writer out;
  out.u32(1);
  out.varint(128);

  EXPECT_EQ(out.bytes(), (Bytes{1, 0, 0, 0, 0x80, 0x01}));
}

TEST(Codec, HoldsTheExtremes) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  for (const std::int64_t value :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
        std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-64}}) {
    Writer out;
    out.svarint(value);
    out.varint(kMost);
    Reader in(out.bytes());
    EXPECT_EQ(in.svarint(), value);
    EXPECT_EQ(in.varint(), kMost);
    EXPECT_TRUE(in.finish("extremes"));
  }
}

TEST(Codec, RefusesASecondSpelling) {
  for (const Bytes& bytes :
       {Bytes{0x80, 0x00}, Bytes{0xff, 0x80, 0x00},
        Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},
        Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, Bytes{0x80}}) {
    Reader in(bytes);
    in.varint();
    EXPECT_FALSE(in.ok());
  }
}

TEST(Codec, RemembersItsFirstFailure) {
  Reader in(Bytes{});
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);

  const Result<void> finished = in.finish("sample");

  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().kind, ErrorKind::kCorrupt);
}

TEST(Codec, RefusesLengthsThatCannotFollow) {
  Writer out;
  out.varint(std::uint64_t{1} << 62U);
  Reader as_blob(out.bytes());
  Reader as_count(out.bytes());

  EXPECT_TRUE(as_blob.blob().empty());
  EXPECT_FALSE(as_blob.ok());
  EXPECT_EQ(as_count.count(1), 0U);
  EXPECT_FALSE(as_count.ok());
}

TEST(Codec, RefusesWhatFollowsTheEnd) {
  const Bytes bytes = {1, 2};
  Reader in(bytes);
  in.u8();

  EXPECT_FALSE(in.finish("sample"));
}

}  // namespace
}  // namespace obhut

#include "agent/pipeline/checkpoint.h"

#include <fstream>

#include <gtest/gtest.h>

#include "platform/local_files.h"
#include "tests/support/fake_clock.h"

namespace obhut::pipeline {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : folder_(*platform::make_temporary_directory("checkpoint")) {}
  ~CheckpointTest() override { (void)platform::remove_tree(folder_); }

  static model::Entry entry(std::uint8_t number) {
    model::Entry entry;
    entry.name = "name";
    entry.size = number;
    entry.inode = 1000U + number;
    entry.modified = {-5, 6};
    entry.changed = {7, 8};
    entry.xattrs = {{"user.a", {1, 2}}};
    std::array<std::uint8_t, 32> id{};
    id[0] = number;
    entry.content = {0, {model::Piece::of({BlobId(id), 3, number}), model::Piece::hole(9)}};
    return entry;
  }
  void write(std::chrono::seconds quiet = {}) {
    auto writer = CheckpointWriter::create(path(), key_, clock_, quiet);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE((*writer)->add("/a/b", entry(1)));
    ASSERT_TRUE((*writer)->add("/a/b.txt", entry(2)));
    ASSERT_TRUE((*writer)->add("/z", entry(3)));
    (*writer)->flush();
  }
  [[nodiscard]] std::string path() const { return folder_ + "/checkpoint"; }

  std::string folder_;
  tests::FakeClock clock_;
  Bytes key_ = Bytes(32, 9);
};

TEST_F(CheckpointTest, GivesBackWhatWasReadInTheOrderOfTheWalk) {
  write();

  const auto reader = CheckpointReader::open(path(), key_);

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->started(), clock_.now());
  EXPECT_EQ(reader->find("/a"), nullptr);
  const model::Entry* found = reader->find("/a/b");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->content, entry(1).content);
  EXPECT_EQ(found->xattrs, entry(1).xattrs);
  EXPECT_EQ(found->modified, entry(1).modified);
  EXPECT_EQ(found->inode, 1001u);
  EXPECT_EQ(reader->find("/a/c"), nullptr);
  ASSERT_NE(reader->find("/z"), nullptr);
  EXPECT_EQ(reader->find("/zz"), nullptr);
}

TEST_F(CheckpointTest, SaysNothingAboutARunTooShortToMatter) {
  write(std::chrono::seconds(20));

  const auto reader = CheckpointReader::open(path(), key_);

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->find("/a/b"), nullptr);
}

TEST_F(CheckpointTest, BelievesNothingUnderAnotherKey) {
  write();

  const auto reader = CheckpointReader::open(path(), Bytes(32, 8));

  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->find("/a/b"), nullptr);
}

TEST_F(CheckpointTest, BelievesNothingThatWasChangedOrCutOff) {
  write();
  const auto size = platform::status_of_path(path())->size;
  for (std::uint64_t at = 8; at < size; ++at) {
    write();
    {
      std::fstream file(platform::system_text(path()),
                        std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const char old = static_cast<char>(file.get());
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(old ^ 0x20));
    }
    const auto reader = CheckpointReader::open(path(), key_);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->find("/a/b"), nullptr) << "byte " << at;
  }
}

TEST(WalkOrder, GoesNameByName) {
  EXPECT_TRUE(walk_order_less("/a", "/a/b"));
  EXPECT_TRUE(walk_order_less("/a/z", "/a.txt"));
  EXPECT_TRUE(walk_order_less("/a\x01", "/a-"));
  EXPECT_FALSE(walk_order_less("/a.txt", "/a/z"));
  EXPECT_TRUE(walk_order_less("/a", "/\xff"));
  EXPECT_FALSE(walk_order_less("/a", "/a"));
}

}  // namespace
}  // namespace obhut::pipeline

#include "platform/caller.h"

#include <future>

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/posix_caller.h"
#include "platform/tree_writer.h"
#include "tests/platform/temp_folder.h"

namespace obhut::platform {
namespace {

using test::shell;
using test::TempFolder;

constexpr uid_t kSomebody = 4242;
constexpr gid_t kTheirGroup = 4343;

class CallerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to act as somebody else";
    ASSERT_TRUE(shell(folder_.path(),
                      "chmod 755 . && mkdir ours theirs shared && chmod 700 ours && "
                      "chown 4242 theirs && chgrp 4343 shared && chmod 770 shared && "
                      "echo secret > ours/file && echo secret > file && chmod 600 file"));
  }

  [[nodiscard]] Result<void> put(const std::string& name) const {
    return write_file(folder_ / name, as_bytes("x"));
  }

  const TempFolder folder_;
  const CallerPtr somebody_ = caller_of(kSomebody, kSomebody, {kTheirGroup});
};

TEST_F(CallerTest, IsNobodyElseWhereItIsUs) {
  EXPECT_EQ(caller_of(::geteuid(), ::getegid(), {}), nullptr);
  EXPECT_TRUE(ActingAs::begin(nullptr));
}

TEST_F(CallerTest, HasItsOwnRightsAndNoOthers) {
  {
    const auto acting = ActingAs::begin(somebody_);
    ASSERT_TRUE(acting) << acting.error().message;

    EXPECT_EQ(read_file(folder_ / "file", 100).error().kind, ErrorKind::kRefused);
    EXPECT_EQ(read_file(folder_ / "ours/file", 100).error().kind, ErrorKind::kRefused);
    EXPECT_EQ(put("ours/new").error().kind, ErrorKind::kRefused);
    EXPECT_TRUE(put("theirs/new"));
    EXPECT_TRUE(put("shared/new")) << "by the group it is in beside its first";
  }

  EXPECT_TRUE(put("ours/later")) << "ourselves again";
  EXPECT_EQ(status_of_path(folder_ / "theirs/new")->uid, kSomebody);
  EXPECT_EQ(status_of_path(folder_ / "ours/later")->uid, 0U);
}

TEST_F(CallerTest, IsOfOneThreadAlone) {
  std::promise<void> go;
  std::future<bool> other = std::async(std::launch::async, [&] {
    go.get_future().wait();
    return put("ours/other").has_value();
  });
  const auto acting = ActingAs::begin(somebody_);
  ASSERT_TRUE(acting);
  go.set_value();

  EXPECT_TRUE(other.get());
  EXPECT_FALSE(put("ours/mine"));
}

TEST_F(CallerTest, WritesATreeThatIsTheirs) {
  TreeWriterOptions options;
  options.caller = somebody_;
  options.set_owner = false;
  Result<TreeWriter> writer = TreeWriter::open(folder_ / "theirs/restored", options);
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(writer->make_directory("a"));
  Result<std::optional<TargetFile>> file = writer->create_file("a/file");
  ASSERT_TRUE(file && *file) << file.error().message;
  ASSERT_TRUE((*file)->write_at(0, as_bytes("content")));
  EntryMetadata metadata;
  metadata.mode = 0640;
  ASSERT_TRUE((*file)->commit(7, metadata));
  const Result<Placed> link = writer->make_symlink("link", "a", metadata);
  ASSERT_TRUE(link) << link.error().message;
  ASSERT_TRUE(writer->finish_directory("a", metadata));
  EXPECT_EQ(writer->make_special("null", FileType::kCharDevice, 259, metadata).error().kind,
            ErrorKind::kRefused);

  for (const char* name : {"theirs/restored", "theirs/restored/a/file", "theirs/restored/link"}) {
    EXPECT_EQ(status_of_path(folder_ / name)->uid, kSomebody) << name;
  }
  EXPECT_EQ(status_of_path(folder_ / "theirs/restored/a/file")->mode, 0640U);
  EXPECT_TRUE(put("ours/later"));
}

TEST_F(CallerTest, WritesNoTreeWhereItMayNot) {
  TreeWriterOptions options;
  options.caller = somebody_;
  EXPECT_EQ(TreeWriter::open(folder_ / "ours/restored", options).error().kind, ErrorKind::kRefused);
  EXPECT_FALSE(exists(folder_ / "ours/restored"));
  ASSERT_TRUE(shell(folder_.path(), "mkdir theirs/closed && chmod 700 theirs/closed"));
  Result<TreeWriter> writer = TreeWriter::open(folder_ / "theirs", options);
  ASSERT_TRUE(writer);

  EXPECT_EQ(writer->create_file("closed/file").error().kind, ErrorKind::kRefused);
  EXPECT_EQ(writer->make_directory("closed/more").error().kind, ErrorKind::kRefused);
}

}  // namespace
}  // namespace obhut::platform

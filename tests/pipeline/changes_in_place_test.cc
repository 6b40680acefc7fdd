#include "agent/pipeline/changes_in_place.h"

#include <string>

#include <gtest/gtest.h>

namespace obhut::pipeline {
namespace {

/// `bytes` at `at`, among zeros.
bool by_content(std::size_t at, std::string_view bytes, std::size_t size = kHeadOfFile) {
  std::string head(size, '\0');
  for (std::size_t i = 0; i < bytes.size() && at + i < size; ++i) head[at + i] = bytes[i];
  return changes_in_place("name", as_bytes(head));
}

TEST(ChangesInPlace, KnowsAnEndingInEitherCaseAndNoOther) {
  for (const char* name : {"disk.img", "Disk.VMDK", "a.b.qcow2", "mail.PST", ".hidden.db"}) {
    EXPECT_TRUE(changes_in_place(name, {})) << name;
  }
  for (const char* name : {"img", ".db", "photo.jpg", "db", "notdb", "disk.img.gz", "", "x."}) {
    EXPECT_FALSE(changes_in_place(name, {})) << name;
  }
}

TEST(ChangesInPlace, KnowsDisksAndDatabasesByWhatTheyBeginWith) {
  EXPECT_TRUE(by_content(0, "QFI\xfb"));
  EXPECT_TRUE(by_content(510, "\x55\xaa"));
  EXPECT_TRUE(by_content(512, "EFI PART"));
  EXPECT_TRUE(by_content(1080, "\x53\xef"));
  EXPECT_TRUE(by_content(0, std::string_view("SQLite format 3\0", 16)));
  EXPECT_FALSE(by_content(1, "QFI\xfb"));
  EXPECT_FALSE(by_content(0, "SQLite format 4"));
  EXPECT_FALSE(by_content(0, ""));
}

TEST(ChangesInPlace, LooksNoFurtherThanTheFile) {
  EXPECT_FALSE(by_content(510, "\x55\xaa", 511));
  EXPECT_FALSE(by_content(510, "\x55\xaa", 510));
  EXPECT_FALSE(by_content(0, "QFI\xfb", 3));
  EXPECT_FALSE(changes_in_place("name", {}));
}

}  // namespace
}  // namespace obhut::pipeline

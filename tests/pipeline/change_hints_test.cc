// What a volume records of changes makes more be read, never less.

#include "agent/pipeline/change_hints.h"

#include <gtest/gtest.h>

#include "platform/atomic_file.h"
#include "platform/filesystem.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using platform::JournalPosition;

/// A volume's record, shared by the runs that look at it.
struct Record {
  std::uint64_t device = 0;
  std::uint64_t number = 7;
  std::int64_t next = 100;
  std::vector<std::pair<std::int64_t, std::uint64_t>> written;  // at, inode
  std::vector<JournalPosition> asked;
  bool there = true;

  [[nodiscard]] JournalPosition end() const { return {device, number, next}; }
  void write(std::uint64_t inode) { written.emplace_back(next++, inode); }
};

class FakeJournal final : public platform::ChangeJournal {
 public:
  explicit FakeJournal(Record& record) : record_(record) {}

  std::optional<JournalPosition> end_of(const platform::Handle& directory) override {
    if (!record_.there || !directory.valid()) return std::nullopt;
    return record_.end();
  }
  std::optional<std::unordered_set<std::uint64_t>> written_since(const platform::Handle&,
                                                                 const JournalPosition& from,
                                                                 std::size_t most) override {
    record_.asked.push_back(from);
    if (from.journal != record_.number) return std::nullopt;
    std::unordered_set<std::uint64_t> inodes;
    for (const auto& [at, inode] : record_.written) {
      if (at >= from.next) inodes.insert(inode);
    }
    if (inodes.size() > most) return std::nullopt;
    return inodes;
  }

 private:
  Record& record_;
};

class ChangeHintsTest : public testing::Test {
 protected:
  ChangeHintsTest() {
    for (const char* name : {"one", "two"}) {
      write_file(bench_.source() + "/" + name, content_of(1, 300'000, false));
    }
    record_.device = platform::Directory::open(bench_.source())->status()->device;
  }

  /// Files that were read, of the two.
  std::uint64_t read_by_a_backup() {
    pipeline::BackupOptions options = bench_.options();
    options.cache_directory = bench_.folder / "cache";
    options.journal = [this] { return std::make_unique<FakeJournal>(record_); };
    const auto report = bench_.backup(std::move(options));
    EXPECT_TRUE(report) << report.error().message;
    return report->summary.new_files + report->summary.changed_files;
  }
  [[nodiscard]] std::uint64_t inode_of(const std::string& name) const {
    return platform::Directory::open(bench_.source())->status_of(name)->inode;
  }

  VaultBench bench_;
  Record record_;
};

TEST_F(ChangeHintsTest, MakeAFileBeReadThatLooksUnchanged) {
  EXPECT_EQ(read_by_a_backup(), 2U);
  EXPECT_EQ(read_by_a_backup(), 0U);
  record_.write(inode_of("two"));

  EXPECT_EQ(read_by_a_backup(), 1U);
  EXPECT_EQ(read_by_a_backup(), 0U) << "it was before the run before";
  ASSERT_EQ(record_.asked.size(), 3U);
  EXPECT_EQ(record_.asked.back(), record_.end());
}

TEST_F(ChangeHintsTest, OfWhatHappensWhileARunGoesOnAreForTheNext) {
  EXPECT_EQ(read_by_a_backup(), 2U);
  const JournalPosition before = record_.end();
  EXPECT_EQ(read_by_a_backup(), 0U);
  record_.write(inode_of("one"));

  EXPECT_EQ(read_by_a_backup(), 1U);
  EXPECT_EQ(record_.asked.back(), before);
}

TEST_F(ChangeHintsTest, SayNothingWhereTheRecordBeganAnew) {
  EXPECT_EQ(read_by_a_backup(), 2U);
  record_.write(inode_of("one"));
  record_.number = 8;

  EXPECT_EQ(read_by_a_backup(), 0U) << "the status of the file decides alone";
  record_.write(inode_of("one"));
  EXPECT_EQ(read_by_a_backup(), 1U) << "and the new record counts from here";
}

TEST_F(ChangeHintsTest, SayNothingOfAnotherPoint) {
  EXPECT_EQ(read_by_a_backup(), 2U);
  const std::string file = bench_.folder / "cache/journal";
  const std::string kept(as_text(*platform::read_file(file, 4096)));
  EXPECT_EQ(read_by_a_backup(), 0U);
  record_.asked.clear();
  write_file(file, kept);

  EXPECT_EQ(read_by_a_backup(), 0U);
  EXPECT_TRUE(record_.asked.empty());
}

TEST_F(ChangeHintsTest, SurviveADamagedNoteAndAMissingRecord) {
  EXPECT_EQ(read_by_a_backup(), 2U);
  const std::string file = bench_.folder / "cache/journal";
  const std::string kept(as_text(*platform::read_file(file, 4096)));
  for (std::size_t size = 0; size < kept.size(); ++size) {
    record_.asked.clear();
    write_file(file, kept.substr(0, size));
    pipeline::ChangeHints hints(std::make_unique<FakeJournal>(record_), bench_.folder / "cache");
    hints.begin({bench_.source()}, *Sha256::from_bytes(as_bytes(kept).subspan(1, 32)));
    EXPECT_TRUE(record_.asked.empty()) << size;
  }
  record_.there = false;

  EXPECT_EQ(read_by_a_backup(), 0U);
}

}  // namespace
}  // namespace obhut::tests

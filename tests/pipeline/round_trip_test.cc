// There and back: what is restored is what was there, by two judges that share no code with us.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "agent/model/node.h"
#include "tests/support/vault_bench.h"

namespace rc {

template <>
struct Arbitrary<obhut::tests::TreeItem> {
  static Gen<obhut::tests::TreeItem> arbitrary() {
    using obhut::tests::ItemKind;
    using obhut::tests::TreeItem;
    return gen::build<TreeItem>(
        gen::set(&TreeItem::kind, gen::map(gen::inRange(0, obhut::tests::kItemKinds),
                                           [](int kind) { return static_cast<ItemKind>(kind); })),
        gen::set(&TreeItem::folders, gen::resize(4, gen::arbitrary<std::vector<std::uint8_t>>())),
        gen::set(&TreeItem::name), gen::set(&TreeItem::size), gen::set(&TreeItem::variant));
  }
};

}  // namespace rc

namespace obhut::tests {
namespace {

void back_up_and_restore(VaultBench& bench, const std::string& into) {
  const auto report = bench.backup();
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->skipped, 0u);
  ASSERT_EQ(report->changed, 0u);
  const auto restored = bench.restore(report->summary, into);
  ASSERT_TRUE(restored) << restored.error().message;
  ASSERT_EQ(restored->missing, 0u)
      << restored->problems[0].path << ": " << restored->problems[0].reason.message;
  ASSERT_EQ(restored->metadata_problems, 0u)
      << restored->problems[0].path << ": " << restored->problems[0].reason.message;
  ASSERT_EQ(manifest_difference(bench.source(), bench.landed(into)), "");
  ASSERT_EQ(rsync_difference(bench.source(), bench.landed(into)), "");
}

RC_GTEST_PROP(RoundTrip, RestoresAnyTreeBitForBit, (const std::vector<TreeItem>& items)) {
  VaultBench bench;
  make_tree(bench.source(), items);

  const auto report = bench.backup();
  RC_ASSERT(report.has_value());
  RC_ASSERT(report->complete());
  const auto restored = bench.restore(report->summary, bench.target());
  RC_ASSERT(restored.has_value() || items.empty());
  if (restored) {
    RC_ASSERT(restored->complete());
    RC_ASSERT(manifest_difference(bench.source(), bench.landed(bench.target())) == "");
    RC_ASSERT(rsync_difference(bench.source(), bench.landed(bench.target())) == "");
  }
}

TEST(RoundTrip, RestoresABusyTreeAndEveryChangeToIt) {
  VaultBench bench;
  make_tree(bench.source(), random_items(11, 400));
  back_up_and_restore(bench, bench.folder / "first");
  const std::string before = bench.folder / "before";
  run_shell("cp -a " + shell_quoted(bench.source()) + " " + shell_quoted(before));

  make_tree(bench.source(), random_items(12, 100));
  run_shell(
      "cd " + shell_quoted(bench.source()) +
      " && find . -type f | sort | awk 'NR%7==0' | head -20 | tr '\\n' '\\0' | xargs -0 -r rm -f;"
      " find . -type f -size +0 | sort | awk 'NR%5==0' | head -20 | while IFS= read -r f; do"
      " echo more >> \"$f\"; done; touch a/new; mv a moved; true");
  back_up_and_restore(bench, bench.folder / "second");

  // The first point still gives what was there first.
  const auto chain = bench.vault->heads({});
  ASSERT_TRUE(chain);
  const auto first = bench.vault->summary(*chain->kept().front());
  ASSERT_TRUE(first);
  const std::string again = bench.folder / "again";
  const auto restored = bench.restore(*first, again);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(manifest_difference(before, bench.landed(again)), "");
}

// What is not in the page cache is read in another way: many small files at once, and ahead of
// large ones. Larger and smaller ones than each step are among them.
TEST(RoundTrip, ReadsFromTheDiskWhatItReadsFromTheCache) {
  VaultBench bench;
  make_tree(bench.source(), random_items(41, 300));
  for (int i = 0; i < 150; ++i) {
    write_file(bench.source() + "/small" + std::to_string(i),
               content_of(i, std::size_t{10} * static_cast<std::size_t>(i), true));
  }
  write_file(bench.source() + "/large", content_of(2, 13'000'123, true));
  write_file(bench.source() + "/image.img", content_of(3, 6'000'007, true));
  run_shell("sync; find " + shell_quoted(bench.source()) +
            " -type f -exec dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none \\;");

  back_up_and_restore(bench, bench.target());
}

TEST(RoundTrip, StoresNothingWhenNothingChanged) {
  VaultBench bench;
  make_tree(bench.source(), random_items(21, 300));
  const auto first = bench.backup();
  ASSERT_TRUE(first) << first.error().message;
  const std::size_t packs = bench.memory.count(model::ObjectKind::kPack);

  const auto second = bench.backup();

  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->summary.read_bytes, 0u);
  EXPECT_EQ(second->summary.unchanged_files,
            first->summary.new_files + first->summary.unchanged_files);
  // Others make files in /tmp meanwhile, which lies above the source: that node may change.
  EXPECT_LT(second->summary.stored_bytes, 20'000u);
  EXPECT_LE(bench.memory.count(model::ObjectKind::kPack), packs + 1);
}

TEST(RoundTrip, StoresASecondCopyOfATreeForLittle) {
  VaultBench bench;
  make_tree(bench.source() + "/one", random_items(31, 300));
  const auto first = bench.backup();
  ASSERT_TRUE(first);
  run_shell("cp -a " + shell_quoted(bench.source() + "/one") + " " +
            shell_quoted(bench.source() + "/two"));

  const auto second = bench.backup();

  ASSERT_TRUE(second);
  EXPECT_GT(second->summary.totals.bytes, first->summary.totals.bytes * 3 / 2);
  EXPECT_LT(second->summary.stored_bytes, first->summary.stored_bytes / 8);
}

TEST(RoundTrip, ReadsAgainWhatChangedWithinTheClockTickOfTheRunBefore) {
  VaultBench bench;
  write_file(bench.source() + "/file", "one");
  // A run whose clock is not ahead of the file system's: nothing is settled.
  bench.clock.advance(-std::chrono::hours(3));
  ASSERT_TRUE(bench.backup());

  const auto second = bench.backup();

  ASSERT_TRUE(second);
  EXPECT_EQ(second->summary.unchanged_files, 0u);
  EXPECT_EQ(second->summary.read_bytes, 3u);
}

TEST(RoundTrip, KeepsHolesOfALargeFile) {
  VaultBench bench;
  run_shell("truncate -s 300M " + shell_quoted(bench.source() + "/image"));
  run_shell("printf here | dd of=" + shell_quoted(bench.source() + "/image") +
            " bs=1 seek=200000000 conv=notrunc status=none");

  back_up_and_restore(bench, bench.target());

  EXPECT_LT(bench.memory.bytes(), 2'000'000u);
  const std::string blocks =
      run_shell("stat -c %b " + shell_quoted(bench.landed(bench.target()) + "/image"));
  EXPECT_LT(std::stoul(blocks), 1000u) << "the copy is not sparse";
}

TEST(RoundTrip, StoresLittleMoreThanTheBytesThatChangedInADatabase) {
  VaultBench bench;
  constexpr std::size_t kSize = 40'000'000;
  const auto change = [&](const char* name) {
    // Some bytes in each of ten places.
    run_shell("for at in 1 5 9 13 17 21 25 29 33 37; do printf changed | dd of=" +
              shell_quoted(bench.source() + "/" + name) +
              " bs=1 seek=${at}000000 conv=notrunc status=none; done");
  };
  write_file(bench.source() + "/books.sqlite", content_of(5, kSize, false));
  ASSERT_TRUE(bench.backup());
  change("books.sqlite");

  const auto second = bench.backup();

  ASSERT_TRUE(second);
  EXPECT_LT(second->summary.new_bytes, 10u * (512U << 10U));
  ASSERT_EQ(second->changed, 0u);
  back_up_and_restore(bench, bench.target());
}

TEST(RoundTrip, HoldsAFileOfMorePiecesThanItsEntryDoes) {
  VaultBench bench;
  write_file(bench.source() + "/large", content_of(5, 90'000'000, false));

  back_up_and_restore(bench, bench.target());
}

// A shell keeps the path of where it is, and gives up; chdir by name does not.
std::string down(const std::string& from, const std::string& each, const std::string& then) {
  return run_shell("python3 -c \"import os; os.chdir('" + from +
                   "'); n='d'*100\nfor i in range(60): " + each + "os.chdir(n)\n" + then + "\"");
}

TEST(RoundTrip, GoesDeeperThanAPathMayBeLong) {
  VaultBench bench;
  down(bench.source(), "os.mkdir(n); ", "open('file','w').write('deep')");

  const auto report = bench.backup();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->skipped, 0u);
  EXPECT_EQ(report->summary.totals.files, 1u);
  const auto restored = bench.restore(report->summary, bench.target());

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->missing, 0u);
  EXPECT_EQ(down(bench.landed(bench.target()), "", "print(open('file').read(), end='')"), "deep");
}

using Parts = std::vector<std::vector<model::Entry>>;

// The parts of a folder's node, without what hangs on a vault's own keys.
Parts parts_of(VaultBench& bench, const model::Summary& point, const std::string& folder) {
  const std::unique_ptr<vault::IndexCache> index = bench.index();
  vault::BlobReader reader(bench.store, bench.vault->keyring(), *index, {.alignment = 1});
  const auto entries_of = [&](const model::Ref& part) {
    auto entries = model::parse_node_part(reader.slice(part, {}).value().bytes);
    return std::move(entries).value();
  };
  std::vector<model::Ref> refs = point.root;
  for (std::size_t at = 1; at <= folder.size();) {
    const std::size_t end = std::min(folder.find('/', at), folder.size());
    std::vector<model::Ref> below;
    for (const model::Ref& ref : refs) {
      const std::vector<model::Entry> entries = entries_of(ref);
      for (const model::Entry& entry : entries) {
        if (entry.name == folder.substr(at, end - at)) below = entry.children;
      }
    }
    refs = std::move(below);
    at = end + 1;
  }
  Parts parts;
  for (const model::Ref& ref : refs) {
    parts.push_back(entries_of(ref));
    for (model::Entry& entry : parts.back()) {
      entry.content = {};
      entry.children = {};
    }
  }
  return parts;
}

// Parts that are whole as before are taken over unread. Whatever was changed around them, the
// directory must be cut as one is that is read for the first time: else parts would crumble from
// run to run.
TEST(RoundTrip, CutsADirectoryAsIfNothingHadBeenThereBefore) {
  VaultBench bench;
  const std::string folder = bench.source() + "/many";
  const std::string in = "cd " + shell_quoted(folder) + " && ";
  const std::string name = "a-name-that-is-long-enough-to-fill-several-parts-with-few-entries-";
  run_shell("mkdir " + shell_quoted(folder) + " && " + in + "seq -f " + name +
            "%06.0f 1000 12000 | xargs touch");
  const auto first = bench.backup();
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_GT(parts_of(bench, first->summary, folder).size(), 3u);

  const std::vector<std::string> changes = {
      "true",
      "touch zz-1 zz-2",                                        // behind the last part
      "rm zz-2",                                                // its last entry
      "touch zz-3",                                             //
      "touch 0-first",                                          // before the first
      "rm 0-first " + name + "001000",                          // the first entry
      "echo more > " + name + "006500",                         // one in the middle
      "rm " + name + "0065[0-9][0-9]",                          // some there
      "mkdir " + name + "009000-folder",                        // a folder among files
      "chmod 600 " + name + "011999",                           // metadata alone
      "rmdir " + name + "009000-folder",                        //
      "rm -f " + name + "0[01][0-9][2-9][0-9][0-9] zz-1 zz-3",  // most of it
      "rm -f *",                                                //
      "seq -f " + name + "%06.0f 1000 9000 | xargs touch",      // and all anew
  };
  for (const std::string& change : changes) {
    run_shell(in + change);
    const auto next = bench.backup();
    ASSERT_TRUE(next) << change << ": " << next.error().message;
    VaultBench fresh;
    pipeline::BackupOptions options = fresh.options();
    options.sources = {bench.source()};
    const auto anew = fresh.backup(std::move(options));
    ASSERT_TRUE(anew) << anew.error().message;

    // Compared as a whole: to print a difference would take megabytes.
    EXPECT_TRUE(parts_of(bench, next->summary, folder) == parts_of(fresh, anew->summary, folder))
        << change;
    EXPECT_EQ(next->summary.totals, anew->summary.totals) << change;
  }
}

TEST(RoundTrip, HoldsADirectoryOfManyEntries) {
  VaultBench bench;
  run_shell("cd " + shell_quoted(bench.source()) + " && seq 12000 | xargs touch");

  back_up_and_restore(bench, bench.target());
}

}  // namespace
}  // namespace obhut::tests

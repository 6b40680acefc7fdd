// Looking into points: by part of a name, by path, by what changed, and at what a restore would do.

#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/restore/dry_run.h"
#include "agent/restore/point_changes.h"
#include "agent/restore/point_search.h"
#include "agent/restore/restore_job.h"
#include "agent/restore/selection.h"
#include "platform/local_files.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using restore::NameQuery;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Lets nobody into directories and at files whose names say so.
class ByName final : public restore::EntryRights {
 public:
  bool may_read(const model::Entry& entry, std::string_view /*path*/) override {
    return !entry.name.starts_with("secret") && !entry.name.starts_with("unlisted");
  }
  bool may_enter(const model::Entry& entry, std::string_view /*path*/) override {
    return !entry.name.starts_with("secret");
  }
};

class Lookup : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content = "x") {
    const std::string path = bench.source() + "/" + name;
    make_folder(path.substr(0, path.rfind('/')));
    write_file(path, content);
  }
  model::Summary backup() {
    const auto report = bench.backup();
    EXPECT_TRUE(report) << report.error().message;
    bench.clock.advance(std::chrono::hours(1));
    index_ = bench.index();
    reader_ = std::make_unique<vault::BlobReader>(bench.store, bench.vault->keyring(), *index_,
                                                  vault::BlobReaderLimits{.alignment = 1});
    return report->summary;
  }
  vault::BlobReader& reader() { return *reader_; }
  /// As the point has it: "home/anna/x".
  std::string in_point(const std::string& name) {
    return model::RelPath::parse_typed(bench.source() + "/" + name)->bytes();
  }
  std::string short_name(std::string_view path) {
    const std::string above = in_point("x");
    return std::string(path.substr(std::min(path.size(), above.size() - 1)));
  }

  std::vector<std::string> search(restore::PointSearch& search, const model::Summary& point,
                                  const std::string& text) {
    std::vector<std::string> names;
    EXPECT_TRUE(search.search(point.root, NameQuery(text),
                              [&](const restore::PointSearch::Hit& hit) {
                                names.push_back(short_name(hit.path) +
                                                (hit.denied ? " (denied)" : ""));
                                return true;
                              },
                              {}));
    return names;
  }
  std::set<std::string> changes(const std::vector<model::Ref>& before,
                                const std::vector<model::Ref>& after,
                                restore::EntryRights* rights = nullptr) {
    std::set<std::string> found;
    EXPECT_TRUE(restore::compare_points(reader(), before, after, rights,
                                        [&](const restore::Change& change) {
                                          if (change.path.size() < in_point("x").size())
                                            return;  // on the way to the source
                                          found.insert(
                                              std::string(restore::to_string(change.kind)) + " " +
                                              short_name(change.path));
                                        },
                                        {}));
    return found;
  }

  VaultBench bench;
  std::unique_ptr<vault::IndexCache> index_;
  std::unique_ptr<vault::BlobReader> reader_;
};

TEST(NameQueryTest, WantsAllWordsInAnyOrderAndCase) {
  const NameQuery query("Rechnung 2026");

  EXPECT_TRUE(query.matches("home/anna/2026-03 RECHNUNG.pdf"));
  EXPECT_FALSE(query.matches("home/anna/2026/rechnung.pdf")) << "in the name, not on the way to it";
  EXPECT_FALSE(query.matches("home/anna/2026-03.pdf"));
}

TEST(NameQueryTest, FoldsWhatIsNoAscii) {
  EXPECT_TRUE(NameQuery("über").matches("home/ÜBERSICHT.ods"));
  EXPECT_TRUE(NameQuery("ÉTÉ").matches("photos/été.jpg"));
  EXPECT_TRUE(NameQuery("\xff").matches("odd/a\xff name")) << "and leaves what is no text";
}

TEST(NameQueryTest, LooksAtThePathForAWordWithASlash) {
  EXPECT_TRUE(NameQuery("anna/let").matches("home/Anna/letter"));
  EXPECT_TRUE(NameQuery("/home letter").matches("home/anna/letter"));
  EXPECT_FALSE(NameQuery("bert/ letter").matches("home/anna/letter"));
  EXPECT_TRUE(NameQuery("  ").empty());
}

TEST_F(Lookup, FindsInEachPointWhatTheNewerOnesDidNotHave) {
  put("stays/letter one");
  put("goes/letter two");
  const model::Summary first = backup();
  EXPECT_TRUE(platform::remove_file(bench.source() + "/goes/letter two"));
  put("comes/letter three");
  put("stays/other");
  const model::Summary second = backup();
  restore::PointSearch points(reader(), nullptr);

  EXPECT_THAT(search(points, second, "letter"),
              UnorderedElementsAre("stays/letter one", "comes/letter three"));
  EXPECT_THAT(search(points, first, "letter"), ElementsAre("goes/letter two"))
      << "each version once, also in a folder that changed";
  EXPECT_THAT(search(points, first, "letter"), IsEmpty());
}

TEST_F(Lookup, SearchesWhereItsAskerMayLook) {
  put("open/letter");
  put("secret/letter");
  put("unlisted/letter");
  put("open/secret letter");
  const model::Summary point = backup();
  ByName rights;
  restore::PointSearch points(reader(), &rights);

  EXPECT_THAT(search(points, point, "letter"),
              UnorderedElementsAre("open/letter", "open/secret letter (denied)"));
}

/// Two points of files and folders whose names have much in common, and what to ask of them.
class KnownNames : public Lookup {
 protected:
  void SetUp() override {
    for (int folder = 0; folder < 12; ++folder) {
      const std::string name = "projects/letter box " + std::to_string(folder);
      for (int file = 0; file < 30; ++file) put(name + "/Sheet " + std::to_string(file));
      put(name + "/ÜBER/deep/note " + std::to_string(folder));
    }
    put("secret/letter");
    put("unlisted/letter");
    first = backup();
    put("projects/letter box 3/letter");
    put("projects/Sheet of letters");
    second = backup();
  }
  std::vector<std::string> all(restore::NameIndex* names, restore::EntryRights* rights,
                               const std::string& text) {
    restore::PointSearch points(reader(), rights, names);
    std::vector<std::string> found = search(points, second, text);
    const std::vector<std::string> older = search(points, first, text);
    found.insert(found.end(), older.begin(), older.end());
    return found;
  }
  const std::vector<std::string> questions{"letter",
                                           "sheet 7",
                                           "SHEET",
                                           "über",
                                           "note 1",
                                           "deep",
                                           "nothing of it",
                                           "sheet",
                                           "box 1",
                                           "x/she",
                                           "/note",
                                           "letters sheet",
                                           "Secret",
                                           "projects/letter box 3/let",
                                           "letter/",
                                           "s",
                                           "3",
                                           "ÜBER",
                                           "sheet 29 letter",
                                           "unlisted"};
  model::Summary first;
  model::Summary second;
};

TEST_F(KnownNames, AreFoundAsTheyAreWithoutBeingKnown) {
  restore::NameIndex names;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& question : questions) {
      EXPECT_EQ(all(&names, nullptr, question), all(nullptr, nullptr, question)) << question;
    }
  }
  EXPECT_GT(names.parts(), 24u);
}

// Whoever asked first had other rights.
TEST_F(KnownNames, AreShownToEachByTheirOwnRights) {
  ByName rights;
  restore::NameIndex of_a_user;
  restore::NameIndex of_an_administrator;
  (void)all(&of_a_user, &rights, "nothing of it");
  (void)all(&of_an_administrator, nullptr, "nothing of it");
  for (const std::string& question : questions) {
    EXPECT_EQ(all(&of_a_user, nullptr, question), all(nullptr, nullptr, question)) << question;
    EXPECT_EQ(all(&of_an_administrator, &rights, question), all(nullptr, &rights, question))
        << question;
  }
}

TEST_F(KnownNames, AreFoundWhereThereIsNoRoomToKeepThem) {
  restore::NameIndex small(2000);
  for (const std::string& question : questions) {
    EXPECT_EQ(all(&small, nullptr, question), all(nullptr, nullptr, question)) << question;
  }
  EXPECT_LT(small.parts(), 10u);
}

// The parts of folders in which it cannot be are not read again.
TEST_F(KnownNames, SpareReadingWhatCannotHoldTheName) {
  restore::NameIndex names;
  restore::PointSearch learns(reader(), nullptr, &names);
  ASSERT_TRUE(learns.search(second.root, NameQuery::nothing(),
                            [](const restore::PointSearch::Hit&) { return false; }, {}));
  const auto parts_read = [&](const NameQuery& query) {
    std::size_t read = 0;
    restore::PointTree tree(reader(), second.root);
    restore::NameIndex::Use use(names, query);
    struct Counting final : restore::PartStandIns {
      Counting(restore::NameIndex::Use& counted, std::size_t& sum) : use(counted), read(sum) {}
      std::shared_ptr<const Bytes> of(const model::Ref& part) override { return use.of(part); }
      void was_read(const model::Ref&, ByteView, std::string_view) override { ++read; }
      restore::NameIndex::Use& use;
      std::size_t& read;
    } counting(use, read);
    tree.read_less(&counting);
    for (;;) {
      const auto step = tree.next({});
      EXPECT_TRUE(step);
      if (!step || !*step) return read;
    }
  };

  EXPECT_EQ(parts_read(NameQuery("nothing of it")), 0u);
  EXPECT_EQ(parts_read(NameQuery("note 7")), 1u);
  EXPECT_EQ(parts_read(NameQuery("sheet 7")), 12u);
}

/// Goes by what the owner of a file may do.
class ByOwnerBits final : public restore::EntryRights {
 public:
  bool may_read(const model::Entry& entry, std::string_view /*path*/) override {
    return entry.type == model::EntryType::kDirectory || (entry.mode & 0400U) != 0;
  }
  bool may_enter(const model::Entry& /*entry*/, std::string_view /*path*/) override { return true; }
};

TEST_F(Lookup, TellsOfAReadableVersionBehindOneThatIsNot) {
  if (kWindows) GTEST_SKIP() << "needs modes";
  put("letter");
  const model::Summary first = backup();
  run_shell("chmod 000 " + shell_quoted(bench.source() + "/letter"));
  const model::Summary second = backup();
  ByOwnerBits rights;
  restore::PointSearch points(reader(), &rights);

  EXPECT_THAT(search(points, second, "letter"), ElementsAre("letter (denied)"));
  EXPECT_THAT(search(points, first, "letter"), ElementsAre("letter"));
}

TEST_F(Lookup, FindsAnEntryByItsPath) {
  put("folder/file", "content");
  put("unlisted/known", "known");
  put("secret/file");
  const model::Summary point = backup();
  ByName rights;
  const auto find = [&](const std::string& name) {
    return restore::find_entry(reader(), point.root, *model::RelPath::parse(in_point(name)),
                               &rights, {});
  };

  ASSERT_TRUE(find("folder/file").value());
  EXPECT_EQ(find("folder/file")->value().entry.size, 7U);
  EXPECT_FALSE(find("folder/none").value());
  EXPECT_TRUE(find("unlisted/known").value()) << "its name is enough";
  EXPECT_FALSE(find("secret/file").value());
  EXPECT_TRUE(find("secret").value()->denied);
}

/// As ByName, and with one folder opened to its asker.
class ByNameAndGrant final : public restore::EntryRights {
 public:
  explicit ByNameAndGrant(std::string opened) : opened_(std::move(opened)) {}
  bool may_read(const model::Entry& entry, std::string_view path) override {
    return alone_.may_read(entry, path) || restore::is_below(path, opened_);
  }
  bool may_enter(const model::Entry& entry, std::string_view path) override {
    return alone_.may_enter(entry, path) || restore::is_below(path, opened_);
  }
  bool is_opened(const model::Entry& entry, std::string_view path) override {
    return restore::is_below(path, opened_) ||
           (entry.type == model::EntryType::kDirectory && restore::is_below(opened_, path));
  }

 private:
  ByName alone_;
  std::string opened_;
};

TEST_F(Lookup, ShowsOfAClosedFolderWhatLeadsToAnOpenedOneAndNothingElse) {
  put("secret/opened/secret letter", "content");
  put("secret/opened/deep/letter");
  put("secret/other/letter");
  put("secret/letter");
  put("secret/opened letter");
  const model::Summary point = backup();
  ByNameAndGrant rights(in_point("secret/opened"));
  restore::PointSearch points(reader(), &rights);
  const auto find = [&](const std::string& name) {
    return restore::find_entry(reader(), point.root, *model::RelPath::parse(in_point(name)),
                               &rights, {})
        .value();
  };

  EXPECT_THAT(search(points, point, "letter"),
              UnorderedElementsAre("secret/opened/secret letter", "secret/opened/deep/letter"));
  ASSERT_TRUE(find("secret"));
  EXPECT_FALSE(find("secret")->denied) << "one can go on from there";
  EXPECT_FALSE(find("secret/opened/secret letter")->denied);
  EXPECT_FALSE(find("secret/letter")) << "a name that is known opens nothing";
  EXPECT_FALSE(find("secret/other/letter"));
  EXPECT_FALSE(find("secret/opened letter"));
}

TEST_F(Lookup, TellsOfChangesInWhatWasOpened) {
  put("secret/opened/file", "before");
  put("secret/other", "before");
  const model::Summary first = backup();
  put("secret/opened/file", "after that");
  put("secret/other", "after that");
  const model::Summary second = backup();
  ByNameAndGrant rights(in_point("secret/opened"));

  EXPECT_THAT(changes(first.root, second.root, &rights), ElementsAre("changed secret/opened/file"));
}

TEST_F(Lookup, SaysOfARestoreThatPartOfAClosedFolderStaysBehind) {
  put("secret/opened/file", "12345");
  put("secret/other", "123");
  const model::Summary point = backup();
  ByNameAndGrant rights(in_point("secret/opened"));
  restore::RestoreOptions options;
  options.target = bench.target();
  options.rights = &rights;
  options.selection.paths = {*model::RelPath::parse(in_point("secret"))};
  restore::RestoreJob job(reader(), *index_, options);

  const auto report = job.run(point.root, {});

  ASSERT_TRUE(report) << report.error().message;
  const std::string here = bench.landed(bench.target());
  EXPECT_EQ(read_file(here + "/secret/opened/file"), "12345");
  EXPECT_FALSE(platform::exists(here + "/secret/other"));
  EXPECT_EQ(report->missing, 1U) << "the folder itself";
}

TEST_F(Lookup, ReadsTheBeginningOfAFile) {
  const std::string content = content_of(3, 3'000'000, true);
  put("large", content);
  put("empty", "");
  const model::Summary point = backup();
  const auto beginning = [&](const std::string& name, std::size_t most) {
    const auto found = restore::find_entry(reader(), point.root,
                                           *model::RelPath::parse(in_point(name)), nullptr, {});
    return restore::read_beginning(reader(), found->value().entry, most, {});
  };

  EXPECT_EQ(as_text(beginning("large", 1'500'000).value()), content.substr(0, 1'500'000));
  EXPECT_EQ(as_text(beginning("large", 5'000'000).value()), content);
  EXPECT_THAT(beginning("empty", 100).value(), IsEmpty());
}

TEST_F(Lookup, TellsWhatChangedBetweenTwoPoints) {
  put("same/file");
  put("folder/changes", "before");
  put("folder/goes");
  put("gone folder/with/file");
  put("becomes a folder");
  const model::Summary first = backup();
  put("folder/changes", "after that");
  EXPECT_TRUE(platform::remove_file(bench.source() + "/folder/goes"));
  EXPECT_TRUE(platform::remove_tree(bench.source() + "/gone folder"));
  EXPECT_TRUE(platform::remove_file(bench.source() + "/becomes a folder"));
  put("becomes a folder/file");
  put("folder/comes");
  const model::Summary second = backup();

  std::set<std::string> found = changes(first.root, second.root);
  // Wine tells another time of creation once something in a folder changed.
  if (kWindows) found.erase("changed folder");
  EXPECT_THAT(found, UnorderedElementsAre(
                         "changed folder/changes", "removed folder/goes", "added folder/comes",
                         "removed gone folder", "removed gone folder/with",
                         "removed gone folder/with/file", "removed becomes a folder",
                         "added becomes a folder", "added becomes a folder/file"));
  EXPECT_THAT(changes(first.root, first.root), IsEmpty());
  EXPECT_EQ(changes({}, second.root).size(), 7U) << "all of it, against nothing";
}

TEST_F(Lookup, TellsOfNoChangeThatItsAskerMayNotSee) {
  put("secret/file", "before");
  put("open/file", "before");
  const model::Summary first = backup();
  put("secret/file", "after that");
  put("open/file", "after that");
  const model::Summary second = backup();
  ByName rights;

  EXPECT_THAT(changes(first.root, second.root, &rights), ElementsAre("changed open/file"));
}

TEST_F(Lookup, SaysWhatARestoreWouldDo) {
  put("folder/there", "12345");
  put("folder/missing", "123");
  put("new/deep/file", "1");
  const model::Summary point = backup();
  const std::string here = bench.landed(bench.target());
  make_folder(here + "/folder");
  write_file(here + "/folder/there", "older");
  const auto would = [&](platform::ExistingPolicy policy) {
    restore::RestoreOptions options;
    options.target = bench.target();
    options.writer.existing = policy;
    options.selection.paths = {*model::RelPath::parse(in_point("folder")),
                               *model::RelPath::parse(in_point("new"))};
    return restore::dry_run(reader(), point.root, options, {}).value();
  };

  const auto keeping = would(platform::ExistingPolicy::kKeep);
  EXPECT_EQ(keeping.create, 4U) << "new, deep, two files";
  EXPECT_EQ(keeping.keep, 1U);
  EXPECT_EQ(keeping.bytes, 4U);
  const auto overwriting = would(platform::ExistingPolicy::kOverwrite);
  EXPECT_EQ(overwriting.overwrite, 1U);
  EXPECT_EQ(overwriting.bytes, 9U);
  EXPECT_EQ(would(platform::ExistingPolicy::kKeepBoth).rename, 1U);
  EXPECT_EQ(read_file(here + "/folder/there"), "older") << "nothing was written";
  std::map<std::string, std::string> examples;
  for (const auto& [path, action] : overwriting.examples) {
    examples[short_name(path)] = restore::to_string(action);
  }
  EXPECT_EQ(examples["folder/there"], "overwrite");
  EXPECT_EQ(examples["folder/missing"], "create");
}

TEST_F(Lookup, DoesARestoreOnlyWhileItsGateIsOpen) {
  for (int i = 0; i < 50; ++i) put("file " + std::to_string(i), content_of(i, 20'000, true));
  const model::Summary point = backup();
  PauseGate gate;
  gate.pause();
  std::stop_source cancel;
  const auto restore_into = [&](const std::string& target) {
    restore::RestoreOptions options;
    options.pause = &gate;
    options.target = target;
    restore::RestoreJob job(reader(), *index_, std::move(options));
    return job.run(point.root, cancel.get_token());
  };
  Result<restore::RestoreReport> paused = fail(ErrorKind::kInternal, "has not run");
  {
    const std::jthread restoring([&] { paused = restore_into(bench.target()); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(platform::exists(bench.landed(bench.target()) + "/file 0"));
    gate.resume();
  }
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_EQ(paused->files, 50U);

  gate.pause();
  {
    const std::jthread restoring([&] { paused = restore_into(bench.folder / "again"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancel.request_stop();
  }
  ASSERT_FALSE(paused);
  EXPECT_EQ(paused.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace obhut::tests

// Looking into points here and there.

#include "agent/restore/point_browser.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/local_files.h"
#include "tests/support/vault_bench.h"

namespace obhut::tests {
namespace {

using restore::PointBrowser;
using testing::ElementsAre;
using testing::IsEmpty;

/// Lets nobody into directories and at files whose names say so.
class NamedRights final : public restore::EntryRights {
 public:
  bool may_read(const model::Entry& entry, std::string_view /*path*/) override {
    return !entry.name.starts_with("secret") && !entry.name.starts_with("unlisted");
  }
  bool may_enter(const model::Entry& entry, std::string_view /*path*/) override {
    return !entry.name.starts_with("secret");
  }
  bool is_opened(const model::Entry& /*entry*/, std::string_view path) override {
    return path.ends_with("secret way") || path.find("secret way/opened") != std::string_view::npos;
  }
};

class PointBrowserTest : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content = "x") {
    const std::string path = bench.source() + "/" + name;
    make_folder(path.substr(0, path.rfind('/')));
    write_file(path, content);
  }
  PointBrowser& backup(restore::EntryRights* rights = nullptr) {
    const auto report = bench.backup();
    EXPECT_TRUE(report) << report.error().message;
    root_ = report->summary.root;
    index_ = bench.index();
    reader_ = std::make_unique<vault::BlobReader>(bench.store, bench.vault->keyring(), *index_,
                                                  vault::BlobReaderLimits{.alignment = 1});
    browser_ = std::make_unique<PointBrowser>(*reader_, *index_, rights);
    return *browser_;
  }
  PointBrowser::Root root() { return {"point", root_}; }
  model::RelPath in_point(const std::string& name) {
    return *model::RelPath::parse_typed(bench.source() + "/" + name);
  }
  Result<std::optional<PointBrowser::Batch>> list(const std::string& name,
                                                  const std::string& after = "",
                                                  std::size_t most = SIZE_MAX) {
    names_.clear();
    return browser_->list(root(), in_point(name), after,
                          [&](const model::Entry& entry, bool denied) {
                            if (names_.size() == most) return false;
                            names_.push_back(entry.name + (denied ? " (denied)" : ""));
                            return true;
                          },
                          {});
  }
  std::string read(const std::string& name, std::uint64_t offset, std::uint64_t length) {
    const auto bytes = browser_->read(root(), in_point(name), {offset, length}, {});
    if (!bytes) return bytes.error().message;
    return *bytes ? std::string(as_text(**bytes)) : "(nothing)";
  }
  /// Bytes that do not repeat within a block.
  static std::string noise(std::size_t size) {
    std::string text(size, '\0');
    std::uint64_t state = 88172645463325252U;
    for (char& c : text) {
      state ^= state << 13U;
      state ^= state >> 7U;
      state ^= state << 17U;
      c = static_cast<char>(state);
    }
    return text;
  }

  VaultBench bench;
  std::vector<model::Ref> root_;
  std::unique_ptr<vault::IndexCache> index_;
  std::unique_ptr<vault::BlobReader> reader_;
  std::unique_ptr<PointBrowser> browser_;
  std::vector<std::string> names_;
};

TEST_F(PointBrowserTest, ListsADirectoryWithoutWhatIsBelow) {
  put("a/b/c");
  put("a/z");
  put("beside/x");
  backup();

  ASSERT_TRUE(list("a"));
  EXPECT_THAT(names_, ElementsAre("b", "z"));
  EXPECT_FALSE(*list("a/nothing"));
  EXPECT_FALSE(*list("a/z")) << "a file is no directory";
  EXPECT_FALSE(*list("a/z/below"));
}

TEST_F(PointBrowserTest, ListsAWideDirectoryInBatchesFromAnyName) {
  std::vector<std::string> all;
  for (int i = 0; i < 5000; ++i) {
    all.push_back("name " + std::to_string(10'000 + i));
    put("wide/" + all.back());
  }
  backup();

  std::vector<std::string> seen;
  bool more = true;
  while (more) {
    const auto batch = list("wide", seen.empty() ? "" : seen.back(), 700);
    ASSERT_TRUE(batch && *batch);
    more = (*batch)->more;
    seen.insert(seen.end(), names_.begin(), names_.end());
  }
  EXPECT_EQ(seen, all);
  ASSERT_TRUE(list("wide", "name 12345 and a bit", 1));
  EXPECT_THAT(names_, ElementsAre("name 12346")) << "from a name that is not there";
  ASSERT_TRUE(list("wide", "name 14999"));
  EXPECT_THAT(names_, IsEmpty());
}

TEST_F(PointBrowserTest, FindsEntriesByPathInAnyOrder) {
  for (int i = 0; i < 5000; ++i) put("wide/" + std::to_string(10'000 + i), std::to_string(i));
  PointBrowser& browser = backup();

  for (const int i : {4999, 0, 2500, 2499, 17, 4998}) {
    const auto found = browser.entry(root(), in_point("wide/" + std::to_string(10'000 + i)), {});
    ASSERT_TRUE(found && *found) << i;
    EXPECT_EQ((*found)->entry.size, std::to_string(i).size());
  }
  for (const char* missing : {"wide/0", "wide/12500a", "wide/99999", "none/x", "wide/10000/x"}) {
    const auto found = browser.entry(root(), in_point(missing), {});
    ASSERT_TRUE(found) << missing;
    EXPECT_FALSE(*found) << missing;
  }
}

TEST_F(PointBrowserTest, ReadsAnyRangeOfALargeFile) {
  const std::string content = noise(9'000'000);
  put("large", content);
  put("small", "0123456789");
  put("empty", "");
  backup();

  EXPECT_EQ(read("small", 3, 4), "3456");
  EXPECT_EQ(read("small", 8, 100), "89") << "to the end and no further";
  EXPECT_EQ(read("small", 100, 1), "");
  EXPECT_EQ(read("empty", 0, 10), "");
  for (const std::uint64_t offset : {0U, 8'999'990U, 4'194'303U, 1U, 7'000'001U}) {
    EXPECT_TRUE(read("large", offset, 1000) == content.substr(offset, 1000)) << offset;
  }
  std::string whole;
  while (whole.size() < content.size()) whole += read("large", whole.size(), 1 << 20);
  EXPECT_TRUE(whole == content) << "one after the other, with what is fetched ahead";
  EXPECT_EQ(read("nothing", 0, 1), "(nothing)");
}

TEST_F(PointBrowserTest, ReadsHolesAsZeros) {
  put("x");
  const std::string path = bench.source() + "/sparse";
  write_file(path, "begin");
  std::filesystem::resize_file(platform::system_text(path), 3'000'000);
  backup();

  EXPECT_EQ(read("sparse", 3, 6), std::string("in\0\0\0\0", 6));
  EXPECT_EQ(read("sparse", 2'999'999, 10), std::string(1, '\0'));
}

TEST_F(PointBrowserTest, ShowsWhatItsAskerCouldHaveReadAndNoMore) {
  put("secret folder/x");
  put("unlisted folder/inner/x", "reached");
  put("secret file");
  put("open");
  NamedRights rights;
  PointBrowser& browser = backup(&rights);

  ASSERT_TRUE(list(""));
  EXPECT_THAT(names_, ElementsAre("open", "secret file (denied)", "secret folder (denied)",
                                  "unlisted folder (denied)"));
  EXPECT_EQ(list("secret folder").error().kind, ErrorKind::kRefused);
  EXPECT_EQ(list("unlisted folder").error().kind, ErrorKind::kRefused);
  EXPECT_EQ(browser.entry(root(), in_point("secret folder/x"), {}).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(browser.entry(root(), in_point("secret folder/no such"), {}).error().kind,
            ErrorKind::kRefused)
      << "nor whether there is such a name";
  EXPECT_EQ(read("unlisted folder/inner/x", 0, 10), "reached") << "by a name that is known";
  EXPECT_EQ(browser.read(root(), in_point("secret file"), {0, 1}, {}).error().kind,
            ErrorKind::kRefused);
}

TEST_F(PointBrowserTest, ShowsWhatWasOpenedOfAClosedDirectoryAndNoMore) {
  put("secret way/opened/x", "reached");
  put("secret way/hidden");
  NamedRights rights;
  PointBrowser& browser = backup(&rights);

  ASSERT_TRUE(list(""));
  EXPECT_THAT(names_, ElementsAre("secret way"));
  ASSERT_TRUE(list("secret way"));
  EXPECT_THAT(names_, ElementsAre("opened"));
  EXPECT_EQ(read("secret way/opened/x", 0, 10), "reached");
  for (const char* name : {"secret way/hidden", "secret way/no such"}) {
    const auto found = browser.entry(root(), in_point(name), {});
    ASSERT_TRUE(found) << name;
    EXPECT_FALSE(*found) << name;
  }
  EXPECT_EQ(read("secret way/hidden", 0, 10), "(nothing)");
}

TEST_F(PointBrowserTest, RefusesToReadWhatIsNoFile) {
  put("folder/x");
  PointBrowser& browser = backup();

  EXPECT_EQ(browser.read(root(), in_point("folder"), {0, 1}, {}).error().kind,
            ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace obhut::tests

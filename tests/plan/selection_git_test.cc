// Selection against `git check-ignore` on random patterns and paths. Git asks the same question of
// an independent implementation.
#include <cstdlib>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "agent/plan/selection.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::plan {
namespace {

/// A repository whose .gitignore is replaced for each question.
class GitOracle {
 public:
  GitOracle() : folder_(platform::make_temporary_directory("obhut-gitignore").value()) {
    run("git init -q .");
  }
  ~GitOracle() { (void)platform::remove_tree(folder_); }  // ignored: a temporary folder

  /// Which of `paths` git ignores, where `directories` exist and nothing else does.
  std::set<std::string> ignored(const std::vector<std::string>& patterns,
                                const std::vector<std::string>& paths,
                                const std::set<std::string>& directories) {
    const std::vector<std::string> names = platform::list_directory(folder_).value();
    for (const std::string& name : names) {
      if (name != ".git" && !platform::remove_tree(folder_ + "/" + name)) std::abort();
    }
    for (const std::string& path : directories) {
      if (!platform::make_directories(folder_ + "/" + path)) std::abort();
    }
    std::string ignore;
    for (const std::string& pattern : patterns) ignore += pattern + "\n";
    std::string asked;
    for (const std::string& path : paths) asked += path + '\0';
    write(".gitignore", ignore);
    write(".asked", asked);
    run("git check-ignore --no-index -z --stdin < .asked > .answer");
    const Bytes answer = platform::read_file(folder_ + "/.answer", 1 << 20).value();
    std::istringstream stream{std::string(as_text(answer))};
    std::set<std::string> out;
    for (std::string path; std::getline(stream, path, '\0');) out.insert(path);
    return out;
  }

 private:
  void write(const std::string& name, const std::string& text) {
    if (!platform::write_file(folder_ + "/" + name, as_bytes(text))) std::abort();
  }
  void run(const std::string& command) const {
    const std::string line = "cd '" + folder_ + "' && GIT_CONFIG_GLOBAL=/dev/null " + command;
    const int code = std::system(line.c_str());
    // 1: nothing is ignored.
    if (code != 0 && code != 256) std::abort();
  }
  std::string folder_;
};

rc::Gen<std::string> pieces(std::vector<std::string> alphabet, int longest) {
  return rc::gen::map(rc::gen::resize(longest, rc::gen::container<std::vector<std::string>>(
                                                   rc::gen::elementOf(std::move(alphabet)))),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const std::string& part : parts) out += part;
                        return out;
                      });
}

/// Few letters, so that matches are common, and everything that is special.
rc::Gen<std::string> pattern() {
  return pieces({"a",   "b",   "ab",  ".",           "*",    "**",   "/",     "/**/",
                 "**/", "/**", "?",   "[ab]",        "[!a]", "[^b]", "[a-b]", "[]a]",
                 "!",   "\\*", "\\a", "[[:alpha:]]", "[b-]", " ",    "*.a",   "a/b"},
                7);
}

/// One to four names.
rc::Gen<std::string> path() {
  const auto name = rc::gen::map(pieces({"a", "b", "ab", ".", "*", "-"}, 3), [](std::string text) {
    return text.empty() || text == "." || text == ".." ? std::string("a") : text;
  });
  return rc::gen::map(rc::gen::pair(name, rc::gen::container<std::vector<std::string>>(name)),
                      [](const std::pair<std::string, std::vector<std::string>>& names) {
                        std::string out = names.first;
                        for (std::size_t i = 0; i < std::min<std::size_t>(names.second.size(), 3);
                             ++i) {
                          out += "/" + names.second[i];
                        }
                        return out;
                      });
}

/// Git cuts the literal beginning off a pattern before it matches the rest, so that the two
/// asterisks of `a**/` come to stand at the beginning, where they mean "any folders or none": it
/// then takes `a` itself for a match of `a**/**`. Its own documentation says that asterisks which
/// share their path component with something else are ordinary ones; we do as it says.
bool meets_a_quirk_of_git(const std::string& pattern) {
  for (std::size_t at = pattern.find("**/"); at != pattern.npos; at = pattern.find("**/", at + 1)) {
    if (at > 0 && pattern[at - 1] != '/') return true;
  }
  return false;
}

TEST(SelectionAgainstGit, AgreesOnRandomPatternsAndPaths) {
  GitOracle git;
  const bool passed = rc::check("selection equals git check-ignore", [&] {
    const auto patterns =
        *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(pattern()));
    std::vector<std::string> good;
    for (const std::string& one : patterns) {
      if (meets_a_quirk_of_git(one)) continue;
      if (Selection::make({{}, {one}, false})) good.push_back(one);
    }
    RC_PRE(!good.empty());
    const auto paths =
        *rc::gen::resize(30, rc::gen::container<std::vector<std::string>>(30, path()));
    // Git asks the disk what is a directory; so does a path given with others below it.
    std::set<std::string> directories;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const std::string& path = paths[i];
      for (std::size_t at = path.find('/'); at != path.npos; at = path.find('/', at + 1)) {
        directories.insert(path.substr(0, at));
      }
      if (i % 3 == 0) directories.insert(path);
    }
    const Selection selection = Selection::make({{}, good, false}).value();

    const std::set<std::string> ignored = git.ignored(good, paths, directories);

    for (const std::string& one : paths) {
      const bool ours = selection.of(one, directories.contains(one)) == Verdict::kExclude;
      if (ours != ignored.contains(one)) {
        RC_LOG() << "path " << one << " patterns:";
        for (const std::string& shown : good) RC_LOG() << " '" << shown << "'";
        RC_LOG() << (ours ? " we exclude" : " git excludes") << std::endl;
      }
      RC_ASSERT(ours == ignored.contains(one));
    }
  });
  EXPECT_TRUE(passed);
}

}  // namespace
}  // namespace obhut::plan

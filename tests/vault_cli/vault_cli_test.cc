// `obhut vault …` as scripts see it: arguments, exit codes, JSON.

#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "tests/support/tree_generator.h"
#include "tools/cli/exit_codes.h"

namespace obhut::tests {
namespace {

using nlohmann::json;

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
  [[nodiscard]] json document() const { return json::parse(out, nullptr, false); }
};

class VaultCli : public testing::Test {
 protected:
  void SetUp() override {
    run_shell("chmod 755 " + shell_quoted(folder.path()) + "; mkdir " + shell_quoted(source));
    write_file(folder / "key", "a passphrase\n");
    write_file(folder / "wrong", "another\n");
  }
  Ran run(const std::string& arguments, const std::string& environment = "") {
    Ran ran;
    const std::string errors = folder / "stderr";
    ran.out =
        run_shell(environment + " OBHUT_CACHE=" + shell_quoted(folder / "cache") + " " +
                      OBHUT_PROGRAM + " " + arguments + " </dev/null 2>" + shell_quoted(errors),
                  &ran.status);
    ran.err = read_file(errors);
    return ran;
  }
  /// `command` on the vault of this test.
  Ran vault(const std::string& command, const std::string& rest = "",
            const std::string& environment = "") {
    return run("vault " + command + " --vault " + shell_quoted(folder / "vault") + " --key-file " +
                   shell_quoted(folder / "key") + " " + rest,
               environment);
  }
  TempFolder folder;
  std::string source = folder / "source";
};

TEST_F(VaultCli, GoesThereAndBack) {
  make_tree(source, random_items(7, 60));
  ASSERT_EQ(vault("init").status, cli::kExitDone);
  const Ran backup = vault("backup", "--json " + shell_quoted(source));
  ASSERT_EQ(backup.status, cli::kExitDone) << backup.err << backup.out;

  const Ran points = vault("points", "--json");
  ASSERT_EQ(points.status, cli::kExitDone);
  ASSERT_EQ(points.document().size(), 1u);
  const json point = points.document()[0];
  for (const char* field : {"files", "bytes", "stored_bytes"}) {
    EXPECT_TRUE(point.at(field).is_number_unsigned()) << field;
  }
  EXPECT_EQ(point.at("id").get<std::string>().size(), 16u);
  EXPECT_EQ(point.at("id"), backup.document().at("id"));
  EXPECT_TRUE(point.at("time").get<std::string>().ends_with("Z"));

  for (const std::string& name : {std::string("latest"), point.at("id").get<std::string>(),
                                  point.at("id").get<std::string>().substr(0, 6)}) {
    const std::string into = folder / ("into-" + name);
    const Ran restored = vault("restore", name + " --to " + shell_quoted(into));
    ASSERT_EQ(restored.status, cli::kExitDone) << restored.err << restored.out;
    EXPECT_EQ(rsync_difference(source, into + source), "");
  }
  EXPECT_EQ(vault("check", "--read-data").status, cli::kExitDone);
}

TEST_F(VaultCli, TakesPathsPoliciesAndPatterns) {
  run_shell("cd " + shell_quoted(source) +
            " && mkdir a b && echo 1 > a/x.txt && echo 2 > a/y && echo 3 > b/z.txt");
  ASSERT_EQ(vault("init").status, 0);
  ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);
  const std::string into = folder / "into";

  ASSERT_EQ(
      vault("restore", "latest " + shell_quoted(source + "/a") + " --to " + shell_quoted(into))
          .status,
      0);
  EXPECT_EQ(run_shell("cd " + shell_quoted(into + source) + " && find . -type f | sort"),
            "./a/x.txt\n./a/y\n");

  write_file(into + source + "/a/y", "mine");
  const Ran kept = vault("restore", "latest --json --to " + shell_quoted(into));
  EXPECT_EQ(kept.document().at("kept"), 2);
  EXPECT_EQ(read_file(into + source + "/a/y"), "mine");
  ASSERT_EQ(vault("restore", "latest --existing overwrite --to " + shell_quoted(into)).status, 0);
  EXPECT_EQ(read_file(into + source + "/a/y"), "2\n");

  const std::string some = folder / "some";
  ASSERT_EQ(vault("restore", "latest --pattern '*.txt' --to " + shell_quoted(some)).status, 0);
  EXPECT_EQ(run_shell("cd " + shell_quoted(some + source) + " && find . -type f | sort"),
            "./a/x.txt\n./b/z.txt\n");
}

TEST_F(VaultCli, RestoresWhatPatternsMatchWithAllBelowIt) {
  run_shell("cd " + shell_quoted(source) +
            " && mkdir -p a/b/c b bb/d d && touch 0 a/1 a/b/2 a/b/c/3 a/z b/4 bb/5 bb/d/6 d/7 z");
  ASSERT_EQ(vault("init").status, 0);
  ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);
  const std::string root = source.substr(1);
  const std::pair<std::string, std::string> expected[] = {
      {"--pattern b", "./a/b/2 ./a/b/c/3 ./b/4"},
      {"--pattern d/", "./bb/d/6 ./d/7"},
      {"--pattern z", "./a/z ./z"},
      {"--pattern '[0-2]' --pattern d", "./0 ./a/1 ./a/b/2 ./bb/d/6 ./d/7"},
      {"--pattern " + shell_quoted("/" + root + "/b"), "./b/4"},
      {"--pattern " + shell_quoted(root + "/*/b"), "./a/b/2 ./a/b/c/3"},
      {"--pattern " + shell_quoted(root + "/**/c"), "./a/b/c/3"},
      {"--pattern b --pattern '!c'", "./a/b/2 ./b/4"},
  };
  int number = 0;
  for (const auto& [patterns, files] : expected) {
    const std::string into = folder / ("into" + std::to_string(number++));
    const Ran restored = vault("restore", "latest " + patterns + " --to " + shell_quoted(into));
    EXPECT_EQ(restored.status, 0) << restored.err;
    EXPECT_EQ(
        run_shell("cd " + shell_quoted(into + source) + " && find . -type f | sort | tr '\\n' ' '"),
        files + " ")
        << patterns;
  }
}

TEST_F(VaultCli, LeavesOutWhatIsExcluded) {
  run_shell("cd " + shell_quoted(source) + " && mkdir keep tmp && touch keep/a keep/b.o tmp/c");
  ASSERT_EQ(vault("init").status, 0);

  ASSERT_EQ(vault("backup", "--exclude '*.o' --exclude /tmp/ " + shell_quoted(source)).status, 0);

  const json listed = vault("ls", "latest " + shell_quoted(source) + " -r --json").document();
  std::string names;
  for (const json& entry : listed)
    names += entry.at("path").get<std::string>().substr(source.size()) + " ";
  EXPECT_EQ(names, "keep keep/a ");
}

TEST_F(VaultCli, NeverBacksUpItsOwnVault) {
  const std::string inside = source + "/vault";
  const std::string at =
      " --vault " + shell_quoted(inside) + " --key-file " + shell_quoted(folder / "key") + " ";
  ASSERT_EQ(run("vault init" + at).status, 0);
  write_file(source + "/file", "x");

  const Ran backup = run("vault backup --json" + at + shell_quoted(source));

  ASSERT_EQ(backup.status, 0) << backup.err;
  EXPECT_EQ(backup.document().at("files"), 1);
}

TEST_F(VaultCli, FindsAndLists) {
  run_shell("cd " + shell_quoted(source) +
            " && mkdir d && echo hello > d/needle.txt && ln -s needle.txt d/link");
  ASSERT_EQ(vault("init").status, 0);
  ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);

  const json found = vault("find", "--json 'needle*'").document();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("path"), source.substr(1) + "/d/needle.txt");
  EXPECT_EQ(found[0].at("size"), 6);
  const json listed = vault("ls", "--json latest " + shell_quoted(source + "/d")).document();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].at("target"), "needle.txt");
  EXPECT_EQ(vault("ls", "latest no/such/thing").status, cli::kExitUsage);
}

TEST_F(VaultCli, FindsInEveryPointWhatEachOneHolds) {
  run_shell("cd " + shell_quoted(source) + " && mkdir -p a/b c && touch a/b/x c/needle1 c/y");
  ASSERT_EQ(vault("init").status, 0);
  const auto back_up_and_count = [&] {
    EXPECT_EQ(vault("backup", shell_quoted(source)).status, 0);
    return vault("find", "--json 'needle*'").document().size();
  };

  EXPECT_EQ(back_up_and_count(), 1u);
  EXPECT_EQ(back_up_and_count(), 2u);  // nothing changed: once in each point
  run_shell("touch " + shell_quoted(source + "/a/b/needle2"));
  EXPECT_EQ(back_up_and_count(), 4u);  // in a folder where nothing was found before
  run_shell("rm " + shell_quoted(source + "/c/needle1"));
  EXPECT_EQ(back_up_and_count(), 5u);
  run_shell("mv " + shell_quoted(source + "/a") + " " + shell_quoted(source + "/needle-folder"));
  EXPECT_EQ(back_up_and_count(), 6u);  // a folder that matches stands for what is in it
}

TEST_F(VaultCli, EndsWithOneWhereSomethingCouldNotBeRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  write_file(source + "/good", "x");
  write_file(source + "/secret", "y");
  run_shell("cd " + shell_quoted(folder.path()) +
            " && chmod 600 source/secret && chmod 755 source && chmod 644 key && "
            "mkdir home && chown 65534:65534 home");
  const std::string as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups env";
  const std::string at = " --vault " + shell_quoted(folder / "home/vault") + " --key-file " +
                         shell_quoted(folder / "key") + " ";
  const std::string cache =
      " OBHUT_CACHE=" + shell_quoted(folder / "home/cache") + " " + OBHUT_PROGRAM;
  int status = 0;
  run_shell(as_nobody + cache + " vault init" + at + "</dev/null", &status);
  ASSERT_EQ(status, 0);
  run_shell(as_nobody + cache + " vault backup" + at + shell_quoted(source) + " </dev/null 2>&1",
            &status);
  ASSERT_EQ(status, cli::kExitSkipped);

  const std::string out = run_shell(
      as_nobody + cache + " vault backup --json" + at + shell_quoted(source) + " </dev/null",
      &status);

  EXPECT_EQ(status, cli::kExitSkipped);
  const json report = json::parse(out, nullptr, false);
  EXPECT_EQ(report.at("skipped"), 1);
  EXPECT_EQ(report.at("incidents")[0].at("path"), source + "/secret");
  EXPECT_EQ(report.at("incidents")[0].at("kind"), "skipped");
  EXPECT_EQ(report.at("files"), 1)
      << "what cannot be read is not in the point, in no older form either";
}

TEST_F(VaultCli, HoldsToItsExitCodes) {
  ASSERT_EQ(vault("init").status, cli::kExitDone);
  const std::string at = " --vault " + shell_quoted(folder / "vault") + " ";
  struct Case {
    std::string arguments;
    int status;
  };
  const std::vector<Case> cases = {
      {"--help", cli::kExitDone},
      {"--version", cli::kExitDone},
      {"", cli::kExitUsage},
      {"vault", cli::kExitUsage},
      {"vault nonsense", cli::kExitUsage},
      {"vault points" + at, cli::kExitUsage},
      {"vault points" + at + "--key-file /no/such/file", cli::kExitUsage},
      {"vault points" + at + "--key-file " + shell_quoted(folder / "wrong"), cli::kExitRefused},
      {"vault points --vault /no/such/vault --key-file " + shell_quoted(folder / "key"),
       cli::kExitFailed},
      {"vault init" + at + "--key-file " + shell_quoted(folder / "key"), cli::kExitFailed},
      {"vault backup" + at + "--key-file " + shell_quoted(folder / "key"), cli::kExitUsage},
      {"vault backup" + at + "--key-file " + shell_quoted(folder / "key") + " /no/such/source",
       cli::kExitUsage},
      {"vault restore" + at + "--key-file " + shell_quoted(folder / "key") + " latest",
       cli::kExitUsage},
      {"vault restore" + at + "--key-file " + shell_quoted(folder / "key") +
           " abcdef --to /nowhere",
       cli::kExitUsage},
      {"vault prune" + at + "--key-file " + shell_quoted(folder / "key"), cli::kExitUsage},
      {"vault prune" + at + "--keep-last -1 --key-file " + shell_quoted(folder / "key"),
       cli::kExitUsage},
      {"vault check" + at + "--key-file " + shell_quoted(folder / "key"), cli::kExitDone},
  };
  for (const Case& one : cases) {
    const Ran ran = run(one.arguments);
    EXPECT_EQ(ran.status, one.status) << one.arguments << "\n" << ran.out << ran.err;
    EXPECT_TRUE(one.status == cli::kExitDone || !ran.err.empty()) << one.arguments;
  }
}

TEST_F(VaultCli, NamesWhatItDoesNotKnow) {
  for (const char* command : {"nonsense", "vault nonsense", "--nonsense"}) {
    EXPECT_NE(run(command).err.find("nonsense: no such command or option; see"), std::string::npos)
        << command;
  }
  EXPECT_NE(run("").err.find("vault"), std::string::npos) << "what there is";
}

TEST_F(VaultCli, TellsErrorsAsJsonToMachines) {
  const Ran ran =
      run("vault points --json --vault /no/such/vault --key-file " + shell_quoted(folder / "key"));

  EXPECT_EQ(ran.status, cli::kExitFailed);
  EXPECT_EQ(ran.out, "");
  const json error = json::parse(ran.err, nullptr, false);
  EXPECT_EQ(error.at("error").at("kind"), "not-found");
  EXPECT_EQ(error.at("error").at("exit_code"), 3);
}

TEST_F(VaultCli, SpeaksGermanWhereTheLocaleDoes) {
  ASSERT_EQ(vault("init").status, 0);

  EXPECT_NE(vault("points", "", "LC_ALL=de_AT.UTF-8").out.find("noch keinen"), std::string::npos);
  EXPECT_NE(vault("points", "", "LC_ALL=C").out.find("no recovery point"), std::string::npos);
}

TEST_F(VaultCli, RestoresEverythingWithTheRecoveryKeyAlone) {
  write_file(source + "/file", "content");
  const std::string paper = folder / "paper";
  ASSERT_EQ(vault("init", "--recovery-key-out " + shell_quoted(paper)).status, 0);
  ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);
  EXPECT_EQ(run_shell("stat -c %a " + shell_quoted(paper)), "600\n");
  const std::string with_paper =
      " --vault " + shell_quoted(folder / "vault") + " --key-file " + shell_quoted(paper) + " ";

  EXPECT_EQ(run("vault key confirm" + with_paper).status, 0);
  EXPECT_EQ(run("vault key list --json" + with_paper).document().size(), 2u);
  EXPECT_EQ(run("vault key show-recovery --json" + with_paper)
                    .document()
                    .at("recovery_key")
                    .get<std::string>() +
                "\n",
            read_file(paper));
  EXPECT_EQ(vault("key show-recovery").status, cli::kExitRefused);
  const std::string into = folder / "into";
  ASSERT_EQ(run("vault restore latest --to " + shell_quoted(into) + with_paper).status, 0);
  EXPECT_EQ(read_file(into + source + "/file"), "content");

  std::string typo = read_file(paper);
  typo[3] = typo[3] == 'A' ? 'B' : 'A';
  write_file(paper, typo);
  EXPECT_EQ(run("vault points" + with_paper).status, cli::kExitUsage) << "a typo is told as one";
}

TEST_F(VaultCli, AddsAPassphrase) {
  ASSERT_EQ(vault("init").status, 0);
  ASSERT_EQ(vault("key add-passphrase", "--new-key-file " + shell_quoted(folder / "wrong")).status,
            0);

  EXPECT_EQ(run("vault points --vault " + shell_quoted(folder / "vault") + " --key-file " +
                shell_quoted(folder / "wrong"))
                .status,
            0);
}

TEST_F(VaultCli, RemovesAKeySlotButNeverTheLastWayIn) {
  ASSERT_EQ(vault("init").status, 0);
  const json first = vault("key list", "--json").document().at(0);
  const std::string other = shell_quoted(folder / "wrong");
  const json second = vault("key add-passphrase", "--json --new-key-file " + other).document();
  const std::string with_other =
      " --vault " + shell_quoted(folder / "vault") + " --key-file " + other;

  EXPECT_EQ(vault("key remove", first.at("id").get<std::string>()).status, cli::kExitRefused);
  EXPECT_EQ(vault("key remove", "0000").status, cli::kExitUsage);
  EXPECT_EQ(vault("key remove", "''").status, cli::kExitUsage) << "every id begins with nothing";
  EXPECT_EQ(vault("key list", "--json").document().size(), 2u);
  ASSERT_EQ(vault("key remove", second.at("id").get<std::string>()).status, 0);
  EXPECT_EQ(vault("key list", "--json").document(), json::array({first}));
  EXPECT_EQ(run("vault points" + with_other).status, cli::kExitRefused);
  EXPECT_EQ(vault("points").status, 0);
}

TEST_F(VaultCli, PrunesAndChecks) {
  ASSERT_EQ(vault("init").status, 0);
  for (int i = 0; i < 3; ++i) {
    write_file(source + "/file", content_of(static_cast<std::uint64_t>(i), 300'000, false));
    ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);
  }

  const json plan = vault("prune", "--keep-last 1 --dry-run --json").document();
  EXPECT_EQ(plan.at("dropped").size(), 2u);
  EXPECT_EQ(vault("points", "--json").document().size(), 3u);
  const json pruned = vault("prune", "--keep-last 1 --json").document();
  EXPECT_EQ(pruned.at("kept_points"), 1);
  EXPECT_GT(pruned.at("freed_bytes").get<std::uint64_t>(), 500'000u);
  EXPECT_EQ(vault("points", "--json").document().size(), 1u);
  EXPECT_TRUE(vault("check", "--read-data --json").document().at("ok").get<bool>());

  run_shell("find " + shell_quoted(folder / "vault/packs") + " -type f -delete");
  const Ran check = vault("check", "--json");
  EXPECT_EQ(check.status, cli::kExitFailed);
  EXPECT_FALSE(check.document().at("ok").get<bool>());
}

TEST_F(VaultCli, ExportsAnArchiveToAPipe) {
  write_file(source + "/file", "content");
  ASSERT_EQ(vault("init").status, 0);
  ASSERT_EQ(vault("backup", shell_quoted(source)).status, 0);

  const Ran ran = vault("export", "latest --format tar --to - > " + shell_quoted(folder / "a.tar"));

  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(run_shell("tar -xOf " + shell_quoted(folder / "a.tar") + " " +
                      shell_quoted(source.substr(1) + "/file")),
            "content");
}

}  // namespace
}  // namespace obhut::tests

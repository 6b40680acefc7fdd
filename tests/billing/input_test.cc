// What bad events, prices and options get: one error that names file, line and field.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kC = created("c", "2026-01-05T10:00:00");
constexpr std::string_view kLevel =
    R"({"id":"s","type":"storage.level","at":"2026-03-01T00:00:00Z","customer":"c1","vault":"v","location":"local","bytes":1})";

/// The error of a second line, less its beginning.
std::string fault(std::string_view line) {
  const std::string error = error_of(kC + std::string(line) + "\n");
  const std::string begin = "events.jsonl: line 2: ";
  return error.starts_with(begin) ? error.substr(begin.size()) : error;
}
std::string level_fault(std::string_view from, std::string_view to) {
  return fault(with(kLevel, from, to));
}

TEST(Events, AreOneJsonObjectALine) {
  EXPECT_EQ(fault(kLevel), "no error");
  EXPECT_EQ(fault(""), "not valid JSON at byte 1");
  EXPECT_EQ(fault("[]"), "not a JSON object");
  EXPECT_EQ(fault("{}"), "field \"id\": is missing");
  EXPECT_EQ(fault(std::string(kLevel) + "x"), "not valid JSON at byte 119");
  EXPECT_EQ(fault(std::string(kLevel) + " " + std::string(kLevel)), "not valid JSON at byte 120");
  EXPECT_EQ(fault("\xEF\xBB\xBF" + std::string(kLevel)), "not valid JSON at byte 1");
  EXPECT_EQ(fault(std::string(kLevel.substr(0, 50))), "not valid JSON at byte 51");
  EXPECT_EQ(level_fault("\"c1\"", "\"\xFF\""), "not valid JSON at byte 74");
  EXPECT_EQ(level_fault("c1", std::string(kMaxLine, 'x')), "is too long");
}

TEST(Events, NeedNoLineEndAndTakeWindowsOnes) {
  EXPECT_EQ(rated(kC + std::string(kLevel), "2026-03").size(), 1u);
  EXPECT_EQ(rated(kC + std::string(kLevel) + "\r\n", "2026-03").size(), 1u);
  EXPECT_EQ(rated("", "2026-03"), Lines{});
}

TEST(Events, NeedEveryField) {
  EXPECT_EQ(level_fault("\"id\":\"s\",", ""), "field \"id\": is missing");
  EXPECT_EQ(level_fault("\"type\"", "\"typ\""), "field \"type\": is missing");
  EXPECT_EQ(level_fault("\"at\"", "\"At\""), "field \"at\": is missing");
  EXPECT_EQ(level_fault("\"customer\"", "\"c\""), "field \"customer\": is missing");
  EXPECT_EQ(level_fault("\"vault\"", "\"c\""), "field \"vault\": is missing");
  EXPECT_EQ(level_fault("\"location\"", "\"c\""), "field \"location\": is missing");
  EXPECT_EQ(level_fault("\"bytes\"", "\"c\""), "field \"bytes\": is missing");
  const std::string activation = on("e", "2026-03-01T00:00:00");
  EXPECT_EQ(fault(with(activation, "\"workload\"", "\"c\"")), "field \"workload\": is missing");
  EXPECT_EQ(fault(with(activation, "\"kind\"", "\"c\"")), "field \"kind\": is missing");
  EXPECT_EQ(fault(with(off("e", "2026-03-01T00:00:00"), "\"workload\"", "\"c\"")),
            "field \"workload\": is missing");
  EXPECT_EQ(fault(event("e", "customer.created", "2026-03-01T00:00:00", "c1")),
            "field \"mode\": is missing");
  EXPECT_EQ(fault(event("e", "customer.mode", "2026-03-01T00:00:00", "c1")),
            "field \"mode\": is missing");
}

TEST(Events, NeedFieldsOfTheRightKind) {
  EXPECT_EQ(level_fault("\"id\":\"s\"", "\"id\":7"), "field \"id\": must be a string");
  EXPECT_EQ(level_fault("\"customer\":\"c1\"", "\"customer\":null"),
            "field \"customer\": must be a string");
  EXPECT_EQ(level_fault("\"vault\":\"v\"", "\"vault\":[\"v\"]"),
            "field \"vault\": must be a string");
  EXPECT_EQ(level_fault("storage.level", "storage.size"),
            "field \"type\": unknown event type \"storage.size\"");
  EXPECT_EQ(level_fault("local", "cloud"),
            "field \"location\": must be one of local provider vendor, not \"cloud\"");
  EXPECT_EQ(fault(created("x", "2026-03-01T00:00:00", "per_byte")),
            "field \"mode\": must be one of per_gb per_workload, not \"per_byte\"");
  EXPECT_EQ(fault(on("e", "2026-03-01T00:00:00", "w", "server", "sundial")),
            "field \"clock\": must be one of endpoint receipt, not \"sundial\"");
}

TEST(Events, TakeBytesWrittenAsPlainIntegersOnly) {
  const std::string wanted = "must be an integer of at least 0, without fraction or exponent";
  for (const char* bytes : {"1.0", "1e3", "1E3", "-1", "\"1\"", "null", "0.0", "-0.0", "true"}) {
    EXPECT_EQ(level_fault("\"bytes\":1", "\"bytes\":" + std::string(bytes)),
              "field \"bytes\": " + wanted)
        << bytes;
  }
  for (const char* bytes : {"01", "+1", ".5", "1.", "0x1", "1e", "NaN", "-"}) {
    EXPECT_TRUE(level_fault("\"bytes\":1", "\"bytes\":" + std::string(bytes))
                    .starts_with("not valid JSON at byte "))
        << bytes;
  }
  EXPECT_EQ(level_fault("\"bytes\":1", "\"bytes\":18446744073709551615"), "no error");
  EXPECT_EQ(level_fault("\"bytes\":1", "\"bytes\":18446744073709551616"),
            "field \"bytes\": is larger than 18446744073709551615");
  EXPECT_EQ(level_fault("\"bytes\":1", "\"bytes\":-0"), "no error");
}

TEST(Events, TakeInstantsOfSixFractionDigits) {
  const auto at = [](std::string_view text) { return level_fault("2026-03-01T00:00:00Z", text); };
  for (const char* good : {"2026-03-01T00:00:00.123456Z", "2026-03-01T00:00:00.1+14:00",
                           "2026-03-01t00:00:00z", "2026-02-28T23:59:59-00:30"}) {
    EXPECT_EQ(at(good), "no error") << good;
  }
  for (const char* bad :
       {"2026-03-01T00:00:00.1234567Z", "2026-03-01T00:00:00.0000000Z", "2026-03-01T00:00:00",
        "2026-03-01", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01 00:00:00Z",
        "2026-03-01T00:00Z", ""}) {
    EXPECT_EQ(at(bad),
              "field \"at\": must be an RFC 3339 instant of at most six fraction digits, "
              "not \"" +
                  std::string(bad) + "\"");
  }
}

TEST(Events, IgnoreUnknownFieldsAndThoseOfOtherTypes) {
  EXPECT_EQ(level_fault("\"bytes\":1", R"("bytes":1,"x":{"y":[1,{"z":null}]},"kind":7,"n":1e999)"),
            "no error");
}

TEST(Events, RefuseAFieldThatAppearsTwice) {
  EXPECT_EQ(level_fault("\"bytes\":1", R"("bytes":1,"bytes":1)"), "field \"bytes\": appears twice");
  EXPECT_EQ(level_fault("\"bytes\":1", R"("bytes":1,"\u0062ytes":2)"),
            "field \"bytes\": appears twice");
  EXPECT_EQ(level_fault("\"bytes\":1", R"("bytes":1,"x":{"a":1,"a":2})"),
            "field \"a\": appears twice");
}

TEST(Events, NeedACreatedCustomer) {
  EXPECT_EQ(error_of(kC + with(kLevel, "c1", "ghost")),
            "events.jsonl: line 2: field \"customer\": \"ghost\" is never created (no "
            "customer.created event)");
  EXPECT_EQ(error_of(std::string(kLevel) + "\n" + created("c", "2027-01-01T00:00:00")), "no error")
      << "created later is created";
}

// --- repeated events ---

TEST(Repeated, EventsAreOne) {
  const std::string line = on("e", "2026-03-01T00:00:00");
  EXPECT_EQ(rated(kC + line + kC + line + line, "2026-03").size(), 1u);
  const std::string late = level("n", "2026-01-01T00:00:00", "v", 1);
  EXPECT_EQ(rated(kC + late + late, "2026-01"), Lines{"n not_alive"}) << "one notice, too";
}

TEST(Repeated, EventsMayBeSpelledDifferently) {
  const std::string spelled =
      "{ \"bytes\":1, \"location\" : \"loc\\u0061l\",\"vault\":\"v\", \"customer\":\"c1\","
      "\"at\":\"2026-03-01T00:00:00Z\",\"type\":\"storage.level\",\"id\":\"s\"}";
  EXPECT_EQ(fault(std::string(kLevel) + "\n" + spelled), "no error");
}

TEST(Repeated, EventsOfDifferentContentAreRefused) {
  const auto conflict = [](std::string_view from, std::string_view to) {
    return error_of(kC + std::string(kLevel) + "\n" + with(kLevel, from, to));
  };
  const std::string error =
      "events.jsonl: line 3: field \"id\": \"s\" stands in line 2 with different content";
  EXPECT_EQ(conflict("\"bytes\":1", "\"bytes\":2"), error);
  EXPECT_EQ(conflict("local", "vendor"), error);
  EXPECT_EQ(conflict("\"bytes\":1", "\"bytes\":1,\"x\":1"), error) << "unknown fields are content";
  EXPECT_EQ(conflict("00:00:00Z", "00:00:00.0Z"), error) << "as JSON values the texts differ";
  EXPECT_EQ(conflict("\"bytes\":1", "\"bytes\":1"), "no error");
  EXPECT_EQ(error_of(kC + created("c", "2026-01-05T10:00:00", "per_workload", "c2")),
            "events.jsonl: line 2: field \"id\": \"c\" stands in line 1 with different content");
}

TEST(Repeated, NumbersAreEqualOnlyIfWrittenAlike) {
  const auto pair = [](std::string_view a, std::string_view b) {
    return error_of(kC + with(kLevel, "\"bytes\":1", "\"bytes\":1,\"n\":" + std::string(a)) + "\n" +
                    with(kLevel, "\"bytes\":1", "\"n\":" + std::string(b) + ",\"bytes\":1"));
  };
  EXPECT_EQ(pair("1.50", "1.50"), "no error");
  EXPECT_NE(pair("1.50", "1.5"), "no error");
  EXPECT_NE(pair("100", "1e2"), "no error");
  EXPECT_NE(pair("0", "-0"), "no error");
  EXPECT_NE(pair("1", "\"1\""), "no error");
  EXPECT_NE(pair("{\"a\":[1,2]}", "{\"a\":[2,1]}"), "no error");
  EXPECT_EQ(pair("{\"a\":1,\"b\":2}", "{\"b\": 2, \"a\":1}"), "no error");
  EXPECT_NE(pair("null", "false"), "no error");
}

TEST(Repeated, ReportsTheFirstConflictOfTheFile) {
  std::string events = kC;
  for (int i = 0; i < 50; ++i) {
    events += level("e" + std::to_string(i), "2026-03-01T00:00:00", "v", i);
  }
  events +=
      level("e40", "2026-03-02T00:00:00", "v", 1) + level("e3", "2026-03-02T00:00:00", "v", 1);
  EXPECT_EQ(
      error_of(events),
      "events.jsonl: line 52: field \"id\": \"e40\" stands in line 42 with different content");
}

// --- prices ---

TEST(Prices, NameWhatIsWrong) {
  const auto error = [](std::string_view from, std::string_view to) {
    return error_of(kC, "2026-03", with(kPrices, from, to));
  };
  const std::string p = "prices.json: field ";
  EXPECT_EQ(error("\"currency\":\"EUR\",", ""), p + "\"currency\": is missing");
  EXPECT_EQ(error("\"EUR\"", "7"), p + "\"currency\": must be a string");
  EXPECT_EQ(error("Europe/Berlin", "Europe/Bielefeld"),
            p + "\"time_zone\": unknown time zone \"Europe/Bielefeld\" (is tzdata installed?)");
  EXPECT_EQ(error("\"policies\":[", "\"policies\":7,\"p\":["),
            p + "\"policies\": must be an array");
  EXPECT_EQ(error("\"policies\":[", "\"policies\":[7,"), p + "\"policies[0]\": must be an object");
  EXPECT_EQ(error("2025-01", "2025-1"),
            p + "\"policies[0].from\": must be a month as YYYY-MM, not \"2025-1\"");
  EXPECT_EQ(error("\"gb_bytes\":1000000000,", ""), p + "\"policies[0].gb_bytes\": is missing");
  EXPECT_EQ(error("\"gb_bytes\":1000000000", "\"gb_bytes\":0"),
            p + "\"policies[0].gb_bytes\": must be an integer of at least 1, without fraction or "
                "exponent");
  EXPECT_EQ(error("\"trial_days\":28", "\"trial_days\":2.5"),
            p + "\"policies[0].trial_days\": must be an integer of at least 0, without fraction or "
                "exponent");
  EXPECT_EQ(error("\"trial_days\":28", "\"trial_days\":36501"),
            p + "\"policies[0].trial_days\": is larger than 36500");
  EXPECT_EQ(error("storage/vendor\"]", "storage/moon\"]"),
            p + "\"policies[0].trial_free[1]\": must be a product or end in /*, not "
                "\"storage/moon\"");
  EXPECT_EQ(error("\"trial_free\"", "\"free\""), p + "\"policies[0].trial_free\": is missing");
  EXPECT_EQ(error("\"mode\":\"per_workload\"", "\"mode\":\"flat\""),
            p + "\"prices[0].mode\": must be one of per_gb per_workload, not \"flat\"");
  EXPECT_EQ(error("\"workload/server\"", "\"server\""),
            p + "\"prices[0].product\": must be workload/<kind> or storage/<local, provider or "
                "vendor>, not \"server\"");
  for (const char* micro : {"-1", "12.5", "1e6", "\"1\""}) {
    EXPECT_EQ(error("\"micro\":12500000", "\"micro\":" + std::string(micro)),
              p + "\"prices[0].micro\": must be an integer of at least 0, without fraction or "
                  "exponent");
  }
  EXPECT_EQ(error("\"micro\":12500000", "\"micro\":18446744073709551616"),
            p + "\"prices[0].micro\": is larger than 18446744073709551615");
  EXPECT_EQ(error("\"micro\":12500000", "\"micro\":1,\"micro\":2"),
            "prices.json: field \"micro\": appears twice");
  EXPECT_EQ(error_of(kC, "2026-03", "[]"), "prices.json: not a JSON object");
  EXPECT_EQ(error_of(kC, "2026-03", "{\"currency\":"), "prices.json: not valid JSON at byte 13");
}

TEST(Prices, TakeAStepOfDecimals) {
  for (const char* step : {"0", "0.0", "-1", "+1", "1e1", ".5", "1.", "", " 1", "1,5", "abc",
                           "1.0000000000000000000"}) {
    EXPECT_EQ(
        error_of(kC, "2026-03",
                 with(kPrices, "\"gb_step\":\"1\"", "\"gb_step\":\"" + std::string(step) + "\"")),
        "prices.json: field \"policies[0].gb_step\": must be a decimal above 0 of at most 18 "
        "digits, as \"1\" or \"0.1\", not \"" +
            std::string(step) + "\"");
  }
  EXPECT_EQ(error_of(kC, "2026-03", with(kPrices, "\"gb_step\":\"1\"", "\"gb_step\":1")),
            "prices.json: field \"policies[0].gb_step\": must be a string");
}

TEST(Prices, RefuseTwoOfTheSameMonth) {
  EXPECT_EQ(
      error_of(
          kC, "2026-03",
          with(
              kPrices, "\"prices\":[",
              R"("prices":[{"mode":"per_gb","product":"storage/vendor","from":"2025-01","micro":110000},)")),
      "prices.json: field \"prices[8].from\": a second per_gb price of \"storage/vendor\" "
      "from 2025-01");
  EXPECT_EQ(
      error_of(
          kC, "2026-03",
          with(
              kPrices, "\"policies\":[",
              R"("policies":[{"from":"2025-01","gb_bytes":1,"gb_step":"1","trial_days":1,"trial_free":[]},)")),
      "prices.json: field \"policies[1].from\": a second policy from 2025-01");
}

TEST(Prices, MustCoverWhatIsUsed) {
  EXPECT_EQ(error_of(kC + on("e", "2026-03-01T00:00:00", "w1", "mailbox")),
            "prices.json: field \"prices\": no per_workload price of \"workload/mailbox\" for "
            "2026-03, used by customer \"c1\"");
  EXPECT_EQ(error_of(kC + on("e", "2026-04-01T00:00:00", "w1", "mailbox")), "no error")
      << "not used in March";
  EXPECT_EQ(
      error_of(created("c", "2024-01-05T10:00:00") + on("e", "2024-03-01T00:00:00"), "2024-12"),
      "prices.json: field \"policies\": no policy for 2024-12, which is rated");
  const std::string later = with(kPrices, R"("product":"workload/server","from":"2025-01")",
                                 R"("product":"workload/server","from":"2026-04")");
  EXPECT_EQ(error_of(kC + on("e", "2026-03-01T00:00:00"), "2026-03", later),
            "prices.json: field \"prices\": no per_workload price of \"workload/server\" for "
            "2026-03, used by customer \"c1\"");
  EXPECT_EQ(error_of(kC + on("e", "2026-03-01T00:00:00"), "2026-04", later), "no error");
}

TEST(Prices, AreAskedForInTheModeOfTheCustomer) {
  const std::string gb = created("c", "2026-01-05T10:00:00", "per_gb");
  EXPECT_EQ(error_of(gb + on("e", "2026-03-01T00:00:00", "w1", "mailbox")), "no error")
      << "workloads cost nothing there";
}

// --- the command ---

class RateCommand : public testing::Test {
 protected:
  RateCommand() {
    std::string name = (std::filesystem::temp_directory_path() / "obhut-rate-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    write("events.jsonl", kC + on("w", "2026-01-10T00:00:00"));
    write("prices.json", kPrices);
  }
  ~RateCommand() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }
  RateOptions options() const {
    return {path("events.jsonl"), path("prices.json"), "2026-03", "", "json"};
  }
  int run(const RateOptions& options) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = rate_command(options, out, err);
    out_ = out.str();
    err_ = err.str();
    return code;
  }
  std::string error() const {
    const std::string begin = "obhut-cluster rate: ";
    EXPECT_TRUE(err_.starts_with(begin)) << err_;
    EXPECT_TRUE(out_.empty()) << "no output at all";
    return err_.substr(begin.size(), err_.size() - begin.size() - 1);
  }

  std::filesystem::path directory_;
  std::string out_;
  std::string err_;
};

TEST_F(RateCommand, GivesTheSameBytesAsTheLibrary) {
  EXPECT_EQ(run(options()), 0);
  EXPECT_EQ(out_, bill_to_json(bill_of(kC + on("w", "2026-01-10T00:00:00"), "2026-03")));
  EXPECT_EQ(err_, "");
  RateOptions csv = options();
  csv.format = "csv";
  EXPECT_EQ(run(csv), 0);
  EXPECT_EQ(out_, bill_to_csv(bill_of(kC + on("w", "2026-01-10T00:00:00"), "2026-03")));
}

TEST_F(RateCommand, NamesFileLineAndField) {
  write("events.jsonl", kC + "\n");
  EXPECT_EQ(run(options()), 2);
  EXPECT_EQ(error(), path("events.jsonl") + ": line 2: not valid JSON at byte 1");

  write("events.jsonl", kC + std::string(with(kLevel, "c1", "x")));
  EXPECT_EQ(run(options()), 2);
  EXPECT_EQ(error(), path("events.jsonl") +
                         ": line 2: field \"customer\": \"x\" is never created "
                         "(no customer.created event)");
}

TEST_F(RateCommand, RefusesOptionsThatAreNone) {
  RateOptions wrong = options();
  wrong.month = "2026-3";
  EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(error(), "--month: must be a month as YYYY-MM, not \"2026-3\"");
  wrong = options();
  wrong.format = "xml";
  EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(error(), "--format: must be json or csv, not \"xml\"");
  wrong = options();
  wrong.events = path("none");
  EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(error(), path("none") + ": cannot be opened as a file");
  wrong = options();
  wrong.prices = directory_.string();
  EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(error(), directory_.string() + ": cannot be opened as a file");
  wrong = options();
  wrong.closed_dir = path("none");
  EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(error(), path("none") + ": cannot be read as a directory of bills");
}

TEST_F(RateCommand, ReadsADirectoryOfClosedMonths) {
  RateOptions next = options();
  next.month = "2026-01";
  ASSERT_EQ(run(next), 0);
  write("closed/january", out_);
  write("closed/.hidden", "not a bill");
  write("events.jsonl", kC + on("w", "2026-01-10T00:00:00") + on("v", "2026-01-11T00:00:00", "w2"));
  next.month = "2026-02";
  next.closed_dir = path("closed");
  EXPECT_EQ(run(next), 0);
  EXPECT_NE(
      out_.find(R"("corrects":"2026-01","amount_cents":1250,"was_cents":1250,"now_cents":2500)"),
      std::string::npos)
      << out_;

  write("closed/notes.txt", "paid");
  EXPECT_EQ(run(next), 2);
  EXPECT_EQ(error(), path("closed/notes.txt") + ": not valid JSON at byte 1");
}

TEST_F(RateCommand, FindsLinesFarIntoALargeFile) {
  // Longer than every block that is read at once, and a line across each border.
  std::string events = kC;
  for (int i = 0; i < 40'000; ++i) {
    events += level("s" + std::to_string(i), "2026-03-01T00:00:00", "v" + std::to_string(i % 7), i);
  }
  write("events.jsonl", events);
  EXPECT_EQ(run(options()), 0);
  EXPECT_EQ(out_, bill_to_json(bill_of(events, "2026-03")));

  write("events.jsonl", events + level("s39999", "2026-03-01T00:00:00", "v", 1));
  EXPECT_EQ(run(options()), 2);
  EXPECT_EQ(error(), path("events.jsonl") +
                         ": line 40002: field \"id\": \"s39999\" stands in line "
                         "40001 with different content");
}

TEST_F(RateCommand, ReadsLongLinesAgain) {
  const std::string id(20'000, 'i');
  write("events.jsonl", kC + on(id, "2026-03-01T00:00:00") + on(id, "2026-03-01T00:00:00"));
  EXPECT_EQ(run(options()), 0);
  EXPECT_NE(out_.find("\"evidence\":[\"" + id + "\"]"), std::string::npos);
}

}  // namespace
}  // namespace obhut::billing::test

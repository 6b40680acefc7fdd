// The two spellings of a bill, byte by byte, and the arithmetic below them.

#include "service/billing/money.h"
#include "tests/billing/rating.h"

namespace obhut::billing::test {
namespace {

const std::string kEvents = created("c", "2026-01-05T10:00:00") +
                            on("e1", "2026-03-02T00:00:00", "w1", "server", "receipt") +
                            on("e2", "2026-03-03T00:00:00", "w2") +
                            level("s1", "2026-03-04T00:00:00", "v", 3) +
                            trial("t1", "2026-03-20T00:00:00") + trial("t2", "2026-03-21T00:00:00");

TEST(BillText, IsThisJson) {
  EXPECT_EQ(
      bill_to_json(bill_of(kEvents, "2026-03")),
      "{\"month\":\"2026-03\",\"currency\":\"EUR\",\n"
      "\"lines\":[\n"
      "{\"customer\":\"c1\",\"product\":\"storage/provider\",\"quantity\":\"3\",\"unit\":\"GB\","
      "\"unit_micro\":50000,\"amount_cents\":15,\"first_use\":\"2026-03-04T00:00:00Z\","
      "\"evidence\":[\"s1\"],\"note\":\"\"},\n"
      "{\"customer\":\"c1\",\"product\":\"workload/server\",\"quantity\":\"2\",\"unit\":"
      "\"workload\",\"unit_micro\":12500000,\"amount_cents\":2500,\"first_use\":"
      "\"2026-03-02T00:00:00Z\",\"evidence\":[\"e1\",\"e2\"],\"note\":\"receipt clock\"}\n"
      "],\n"
      "\"corrections\":[],\n"
      "\"totals\":[\n"
      "{\"customer\":\"c1\",\"amount_cents\":2515}\n"
      "],\n"
      "\"notices\":[\n"
      "{\"event\":\"t2\",\"code\":\"trial_used\"}\n"
      "]}\n");
}

TEST(BillText, IsThisJsonWithACorrection) {
  const Bill bill = bill_of(kEvents, "2026-04", kPrices,
                            {closed(created("c", "2026-01-05T10:00:00"), "2026-03")});
  EXPECT_NE(bill_to_json(bill).find(
                "\"corrections\":[\n"
                "{\"customer\":\"c1\",\"product\":\"storage/provider\",\"corrects\":\"2026-03\","
                "\"amount_cents\":15,\"was_cents\":0,\"now_cents\":15,\"evidence\":[\"s1\"]},\n"),
            std::string::npos)
      << bill_to_json(bill);
}

TEST(BillText, IsThisCsv) {
  const Bill bill = bill_of(kEvents, "2026-04", kPrices,
                            {closed(created("c", "2026-01-05T10:00:00"), "2026-03")});
  EXPECT_EQ(bill_to_csv(bill),
            "customer,product,quantity,unit,unit_micro,amount_cents,first_use,evidence,note,"
            "corrects,was_cents,now_cents\r\n"
            "c1,storage/provider,3,GB,50000,15,2026-03-04T00:00:00Z,s1,,,,\r\n"
            "c1,workload/server,2,workload,12500000,2500,2026-03-02T00:00:00Z,e1 e2,receipt "
            "clock,,,\r\n"
            "c1,storage/provider,,,,15,,s1,,2026-03,0,15\r\n"
            "c1,workload/server,,,,2500,,e1 e2,,2026-03,0,2500\r\n");
}

TEST(BillText, QuotesWhatCsvAndJsonNeedQuoted) {
  Bill bill;
  bill.month = {2026, 3};
  bill.currency = "EUR";
  BillLine line;
  line.customer = "Schmidt, \"Hof\"\nGmbH \\ \xC3\xA4\x01";
  line.product = "workload/a b";
  line.quantity = "1";
  line.unit = "workload";
  bill.lines.push_back(line);
  EXPECT_NE(
      bill_to_csv(bill).find("\r\n\"Schmidt, \"\"Hof\"\"\nGmbH \\ \xC3\xA4\x01\",workload/a b,"),
      std::string::npos);
  EXPECT_NE(bill_to_json(bill).find(
                "\"customer\":\"Schmidt, \\\"Hof\\\"\\u000aGmbH \\\\ \xC3\xA4\\u0001\""),
            std::string::npos);
}

TEST(BillText, RunsNothingInASpreadsheet) {
  Bill bill;
  bill.month = {2026, 3};
  for (const char* name : {"=1+1", "+49", "-2", "@SUM(A1)", "\tx", "\rx", "plain", "a=b"}) {
    bill.lines.push_back({name, "workload/=x", "1", "workload", 1, -5, {}, {"=e"}, ""});
  }
  bill.corrections.push_back({"=c", "workload/server", {2026, 2}, -150, 150, 0, {"-e"}});
  const std::string table = bill_to_csv(bill);
  for (const char* cell : {"\n'=1+1,", "\n'+49,", "\n'-2,", "\n'@SUM(A1),", "\n'\tx,",
                           "\n\"'\rx\",", "\nplain,", "\na=b,", ",'=e,", "\n'=c,", ",'-e,"}) {
    EXPECT_NE(table.find(cell), std::string::npos) << cell << " in\n" << table;
  }
  EXPECT_NE(table.find(",-150,"), std::string::npos) << "numbers stay numbers";
}

TEST(BillText, ComesBackAsItWas) {
  for (const char* month : {"2026-01", "2026-03", "2026-04"}) {
    std::vector<ClosedBill> before;
    if (std::string_view(month) == "2026-04") {
      before.push_back(closed(created("c", "2026-01-05T10:00:00"), "2026-03"));
    }
    const std::string text = bill_to_json(bill_of(kEvents, month, kPrices, before));
    const Result<Bill> read = bill_of_json("bill", text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(bill_to_json(*read), text);
  }
}

TEST(BillText, NamesWhatIsWrongInIt) {
  const std::string good = bill_to_json(bill_of(kEvents, "2026-03"));
  const struct {
    const char* from;
    const char* to;
    const char* named;
  } cases[] = {
      {"\"month\":\"2026-03\"", "\"month\":\"2026-3\"", "\"month\": must be a month"},
      {"\"amount_cents\":15", "\"amount_cents\":1.5", "\"lines[0].amount_cents\": must be an"},
      {"\"evidence\":[\"s1\"]", "\"evidence\":[1]", "\"lines[0].evidence\": must hold strings"},
      {"\"note\":\"\"", "\"n\":\"\"", "\"lines[0].note\": is missing"},
      {"2026-03-04T00:00:00Z", "yesterday", "\"lines[0].first_use\": must be a time"},
      {"\"corrections\":[]", "\"corrections\":{}", "\"corrections\": must be an array"},
  };
  for (const auto& each : cases) {
    std::string bad = good;
    bad.replace(bad.find(each.from), std::string_view(each.from).size(), each.to);
    const Result<Bill> read = bill_of_json("b.json", bad);
    ASSERT_FALSE(read) << each.to;
    EXPECT_NE(read.error().message.find(std::string("b.json: field ") + each.named),
              std::string::npos)
        << read.error().message;
  }
  EXPECT_FALSE(bill_of_json("b.json", "[]"));
  EXPECT_FALSE(bill_of_json("b.json", good.substr(0, good.size() / 2)));
}

TEST(BillText, IsThisInFocusColumns) {
  Bill bill = bill_of(kEvents, "2026-03");
  bill.corrections.push_back({"c1", "workload/server", {2026, 2}, -1005, 1005, 0, {"e"}});
  const auto calendar = BillingCalendar::open("Europe/Berlin");
  EXPECT_EQ(bill_to_focus(bill, *calendar),
            "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
            "ChargeClass,ChargeDescription,SubAccountId,SkuId,ServiceCategory,PricingQuantity,"
            "PricingUnit,ContractedUnitPrice,BilledCost,BillingCurrency,x_Evidence\r\n"
            "2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,"
            "Usage,,,c1,storage/provider,Storage,3,GB,0.05,0.15,EUR,s1\r\n"
            "2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,"
            "Usage,,receipt clock,c1,workload/server,Storage,2,workload,12.5,25.00,EUR,e1 e2\r\n"
            "2026-02-28T23:00:00Z,2026-03-31T22:00:00Z,2026-01-31T23:00:00Z,2026-02-28T23:00:00Z,"
            "Usage,Correction,,c1,workload/server,Storage,,,,-10.05,EUR,e\r\n");
}

TEST(BillText, OfNothingIsWhole) {
  EXPECT_EQ(bill_to_json(bill_of("", "2026-03")),
            "{\"month\":\"2026-03\",\"currency\":\"EUR\",\n\"lines\":[],\n\"corrections\":[],\n"
            "\"totals\":[],\n\"notices\":[]}\n");
}

// --- quantities and amounts ---

struct GbCase {
  const char* bytes;
  const char* step;
  const char* quantity;
  std::int64_t cents;  // at 0.05 a GB
};

TEST(Money, RoundsBytesUpToTheStep) {
  const GbCase cases[] = {
      {"1", "1", "1", 5},
      {"999999999", "1", "1", 5},
      {"1000000000", "1", "1", 5},
      {"1000000001", "1", "2", 10},
      {"1", "0.1", "0.1", 1},           // 0.5 cents: away from zero
      {"1250000000", "0.1", "1.3", 7},  // 6.5 cents
      {"1300000000", "0.1", "1.3", 7},
      {"1300000001", "0.1", "1.4", 7},
      {"1000000000", "0.10", "1", 5},
      {"1", "0.001", "0.001", 0},
      {"98000001", "0.001", "0.099", 0},  // 0.495 cents
      {"99000001", "0.001", "0.1", 1},    // 0.5 cents
      {"1", "2.5", "2.5", 13},            // 12.5 cents
      {"2500000001", "2.5", "5", 25},
      {"18000000000000000000", "1", "18000000000", 90000000000},
      {"1", "100", "100", 500},
  };
  for (const GbCase& c : cases) {
    const std::string prices =
        with(kPrices, "\"gb_step\":\"1\"", "\"gb_step\":\"" + std::string(c.step) + "\"");
    const std::string events = created("c", "2026-01-05T10:00:00") +
                               level_bytes("s", "2026-03-02T00:00:00", "v", "provider", c.bytes);
    EXPECT_EQ(rated(events, "2026-03", prices),
              Lines{"c1 storage/provider " + std::string(c.quantity) + " " +
                    std::to_string(c.cents) + " 2026-03-02T00:00:00Z [s]"})
        << c.bytes << " by " << c.step;
  }
}

TEST(Money, RoundsHalfACentAwayFromZeroOncePerLine) {
  const auto cents = [](std::uint64_t count, std::uint64_t micro) {
    return amount_cents(Decimal{count, 0}, micro).value();
  };
  EXPECT_EQ(cents(1, 4'999), 0);
  EXPECT_EQ(cents(1, 5'000), 1);
  EXPECT_EQ(cents(1, 14'999), 1);
  EXPECT_EQ(cents(1, 15'000), 2);
  EXPECT_EQ(cents(3, 3'333), 1) << "0.9999 cents, not three times 0";
  EXPECT_EQ(cents(0, 12'500'000), 0);
}

TEST(Money, AddsLevelsBeyond64Bits) {
  const std::string most = "18446744073709551615";
  const std::string events = created("c", "2026-01-05T10:00:00") +
                             level_bytes("s1", "2026-03-02T00:00:00", "A", "provider", most) +
                             level_bytes("s2", "2026-03-02T00:00:00", "B", "provider", most);
  EXPECT_EQ(rated(events, "2026-03"),
            Lines{"c1 storage/provider 36893488148 184467440740 2026-03-02T00:00:00Z [s2]"});
}

TEST(Money, RefusesWhatDoesNotFit) {
  const std::string dear = with(kPrices, "\"micro\":50000", "\"micro\":18446744073709551615");
  const std::string most = "18446744073709551615";
  const std::string events = created("c", "2026-01-05T10:00:00") +
                             level_bytes("s1", "2026-03-02T00:00:00", "A", "provider", most);
  EXPECT_EQ(
      error_of(events, "2026-03", dear),
      "events.jsonl: customer \"c1\", product \"storage/provider\", 2026-03: the amount is too "
      "large to be billed");
  const std::string fine =
      with(kPrices, "\"gb_step\":\"1\"", "\"gb_step\":\"0.00000000000000001\"");
  std::string vaults = created("c", "2026-01-05T10:00:00");
  for (int i = 0; i < 200; ++i) {
    const std::string name = std::to_string(i);
    vaults += level_bytes("s" + name, "2026-03-02T00:00:00", name, "provider", most);
  }
  EXPECT_EQ(error_of(vaults, "2026-03", fine),
            "events.jsonl: customer \"c1\", product \"storage/provider\", 2026-03: the quantity is "
            "too large to be billed");
  const std::string total = with(with(kPrices, "\"micro\":50000", "\"micro\":5000000000000000000"),
                                 "\"micro\":70000", "\"micro\":5000000000000000000");
  const std::string two = created("c", "2026-01-05T10:00:00") +
                          level("s1", "2026-03-02T00:00:00", "A", 18000) +
                          level("s2", "2026-03-02T00:00:00", "A", 18000, "vendor");
  EXPECT_EQ(error_of(two, "2026-03", total),
            "customer \"c1\", 2026-03: the sum is too large to be billed");
}

TEST(Money, ReadsAndWritesDecimals) {
  EXPECT_EQ(Decimal::parse("0.10").value().text(), "0.1");
  EXPECT_EQ(Decimal::parse("10").value().text(), "10");
  EXPECT_EQ(Decimal::parse("0.000").value().text(), "0");
  EXPECT_EQ(Decimal::parse("007.50").value().text(), "7.5");
  EXPECT_EQ((Decimal{5, 3}.text()), "0.005");
  EXPECT_FALSE(Decimal::parse("1.2.3"));
}

}  // namespace
}  // namespace obhut::billing::test

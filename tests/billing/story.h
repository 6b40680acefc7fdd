#pragma once
// Stories: what happened to customers, and the bills that follow, as short texts.
//
//   create 01-05; on w1 03-31T23:59:59+02; off w1 04-01T00:00+02
//   2026-03: workload/server 1 1250 since 2026-03-31T21:59:59Z by e2
//
// Events are named e1, e2 … as they are told, or by an id of their own in front ("x9=on …"):
//   create TIME [MODE], mode TIME MODE, delete TIME, trial TIME, cancel TIME,
//   on WORKLOAD TIME [KIND] [receipt], off WORKLOAD TIME, level VAULT TIME BYTES [LOCATION]
// In between may stand:
//   customer NUMBER    whom the next events are about (else c1)
//   say FIELD TEXT     one more member of the next events
//   repeat             all events so far are delivered again, the last one first
//   close MONTH        with the events and prices known so far
//   zone NAME, price MODE PRODUCT MONTH MICRO, policy MONTH [gb=…] [step=…] [days=…] [free=…]
//
// A time may leave out the year 2026, the seconds, and the minutes of its offset; a day alone is
// its noon in UTC. Bytes may end in GB. What is left out is per_workload, server, provider.

#include <sstream>

#include "tests/billing/rating.h"

namespace obhut::billing::test {

using Words = std::vector<std::string>;

inline Words split(std::string_view text, char separator) {
  Words parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) {
    const std::size_t begin = part.find_first_not_of(' ');
    if (begin != std::string::npos) parts.push_back(part.substr(begin));
  }
  return parts;
}

/// "03-31T23:59+02" in full.
inline std::string time_of(std::string text) {
  if (text[2] == '-') text = "2026-" + text;
  const std::size_t clock = text.find('T');
  if (clock == std::string::npos) return text + "T12:00:00Z";
  const std::size_t offset = text.find_first_of("Z+-", clock);
  if (text.size() - offset == 3) text += ":00";
  if (offset - clock == 6) text.insert(offset, ":00");
  return text;
}

inline std::string bytes_of(const std::string& text) {
  return text.ends_with("GB") ? text.substr(0, text.size() - 2) + "000000000" : text;
}

class Story {
 public:
  explicit Story(std::string_view text) {
    for (const std::string& part : split(text, ';')) tell(split(part, ' '));
  }

  [[nodiscard]] Result<Bill> bill(std::string_view month) const {
    return try_rate(events(), month, prices_, closed_);
  }

 private:
  void tell(Words words) {
    const std::string& verb = words[0];
    if (verb == "customer") {
      customer_ = words[1];
    } else if (verb == "say") {
      said_ += ",\"" + words[1] + "\":\"" + words[2] + "\"";
    } else if (verb == "repeat") {
      const Words backwards(lines_.rbegin(), lines_.rend());
      lines_.insert(lines_.end(), backwards.begin(), backwards.end());
    } else if (verb == "close") {
      closed_.push_back(closed(events(), words[1], closed_, prices_));
    } else if (verb == "zone") {
      prices_ = with(prices_, "Europe/Berlin", words[1]);
    } else if (verb == "price") {
      prices_ = with(prices_, "\"prices\":[",
                     "\"prices\":[{\"mode\":\"" + words[1] + "\",\"product\":\"" + words[2] +
                         "\",\"from\":\"" + words[3] + "\",\"micro\":" + words[4] + "},");
    } else if (verb == "policy") {
      add_policy(words);
    } else {
      happen(std::move(words));
    }
  }

  void add_policy(const Words& words) {
    std::string gb = "1000000000", step = "1", days = "28";
    std::string free = R"("workload/*","storage/vendor")";
    for (const std::string& word : words) {
      if (word.starts_with("gb=")) gb = word.substr(3);
      if (word.starts_with("step=")) step = word.substr(5);
      if (word.starts_with("days=")) days = word.substr(5);
      if (word.starts_with("free=")) free = "\"" + word.substr(5) + "\"";
    }
    prices_ =
        with(prices_, "\"policies\":[",
             "\"policies\":[{\"from\":\"" + words[1] + "\",\"gb_bytes\":" + gb + ",\"gb_step\":\"" +
                 step + "\",\"trial_days\":" + days + ",\"trial_free\":[" + free + "]},");
  }

  void happen(Words words) {
    std::string id = "e" + std::to_string(++events_);
    if (const std::size_t own = words[0].find('='); own != std::string::npos) {
      id = words[0].substr(0, own);
      words[0].erase(0, own + 1);
    }
    const std::string verb = words[0];
    const bool has_object = verb == "on" || verb == "off" || verb == "level";
    const std::string at = time_of(words[has_object ? 2 : 1]);
    if (verb == "cancel") {
      lines_.push_back("{\"id\":\"" + id + "\",\"type\":\"partner.cancelled\",\"at\":\"" + at +
                       "\"}\n");
      return;
    }
    const auto [type, rest] = type_of(verb, words);
    std::string members = rest + said_;
    if (members.starts_with(',')) members.erase(0, 1);
    lines_.push_back(event(id, type, at, customer_, members));
  }

  /// The event's type, and what follows the customer in it.
  static std::pair<const char*, std::string> type_of(std::string_view verb, const Words& words) {
    const auto word = [&](std::size_t i, const char* usual) {
      return words.size() > i ? words[i] : std::string(usual);
    };
    if (verb == "create") return {"customer.created", member("mode", word(2, "per_workload"))};
    if (verb == "mode") return {"customer.mode", member("mode", words.at(2))};
    if (verb == "delete") return {"customer.deleted", ""};
    if (verb == "trial") return {"trial.started", ""};
    if (verb == "off") return {"workload.removed", member("workload", words.at(1))};
    if (verb == "on") {
      const bool receipt = words.back() == "receipt";
      const bool named = words.size() > (receipt ? 4U : 3U);
      return {"workload.activated", member("workload", words.at(1)) +
                                        member("kind", named ? words[3] : "server") +
                                        member("clock", receipt ? "receipt" : "endpoint")};
    }
    EXPECT_EQ(verb, "level") << "no verb of a story";
    return {"storage.level", member("vault", words.at(1)) +
                                 member("location", word(4, "provider")) +
                                 ",\"bytes\":" + bytes_of(words.at(3))};
  }
  static std::string member(std::string_view name, std::string_view text) {
    return ",\"" + std::string(name) + "\":\"" + std::string(text) + "\"";
  }

  [[nodiscard]] std::string events() const {
    std::string text;
    for (const std::string& line : lines_) text += line;
    return text;
  }

  std::string prices_{kPrices};
  std::string customer_ = "c1";
  std::string said_;
  int events_ = 0;
  Words lines_;
  std::vector<ClosedBill> closed_;
};

struct Case {
  const char* name;  ///< begins with what it is an example of
  const char* story;
  /// "2026-03 2026-04: LINE, LINE", "2026-05: nothing" or "2026-05: refused". A line is
  /// "[CUSTOMER] PRODUCT QUANTITY CENTS [receipt clock] [since FIRST_USE] [by EVIDENCE]",
  /// "[CUSTOMER] PRODUCT of MONTH: WAS -> NOW" or "EVENT NOTICE".
  std::vector<const char*> bills;
  std::vector<const char*> unsaid = {};  ///< stands nowhere in these bills

  friend std::ostream& operator<<(std::ostream& out, const Case& each) { return out << each.name; }
};

/// A bill's lines, as much of each as is said in the one of `wanted` at its place.
inline Lines told_as(const Bill& bill, const Lines& wanted) {
  Lines lines;
  const auto whose = [](const std::string& customer) {
    return customer == "c1" ? "" : customer + " ";
  };
  for (const BillLine& line : bill.lines) {
    const std::string like = lines.size() < wanted.size() ? wanted[lines.size()] : "";
    std::string text = whose(line.customer) + line.product + " " + line.quantity + " " +
                       std::to_string(line.amount_cents);
    if (!line.note.empty()) text += " " + line.note;
    if (like.find(" since ") != std::string::npos) text += " since " + format_time(line.first_use);
    if (like.find(" by ") != std::string::npos) {
      text += " by";
      for (const std::string& id : line.evidence) text += " " + id;
    }
    lines.push_back(text);
  }
  for (const Correction& c : bill.corrections) {
    lines.push_back(whose(c.customer) + c.product + " of " + c.corrects.text() + ": " +
                    std::to_string(c.was_cents) + " -> " + std::to_string(c.now_cents));
  }
  for (const Notice& notice : bill.notices) lines.push_back(notice.event + " " + notice.code);
  return lines;
}

inline void expect_bills(const Case& each) {
  const Story story(each.story);
  for (const std::string wanted : each.bills) {
    const std::size_t colon = wanted.find(": ");
    const std::string rest = wanted.substr(colon + 2);
    for (const std::string& month : split(wanted.substr(0, colon), ' ')) {
      SCOPED_TRACE(month + " of: " + each.story);
      const Result<Bill> bill = story.bill(month);
      EXPECT_EQ(bill.has_value(), rest != "refused") << (bill ? "" : bill.error().message);
      if (!bill || rest == "refused") continue;
      const Lines lines = rest == "nothing" ? Lines{} : split(rest, ',');
      EXPECT_EQ(told_as(*bill, lines), lines);
      for (const char* word : each.unsaid) {
        EXPECT_EQ(bill_to_json(*bill).find(word), std::string::npos) << word;
        EXPECT_EQ(bill_to_csv(*bill).find(word), std::string::npos) << word;
      }
    }
  }
}

/// GoogleTest takes letters, digits and underscores.
inline std::string test_name(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char* c = info.param.name; *c != '\0'; ++c) {
    const bool plain = std::isalnum(static_cast<unsigned char>(*c)) != 0;
    if (plain) name += *c;
    if (!plain && !name.ends_with('_')) name += '_';
  }
  return name;
}

}  // namespace obhut::billing::test

#include <string>

#include "agent/base/time_text.h"
#include "service/billing/bill.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

/// Writes the members of one JSON object after another.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }
  ~JsonObject() { out_.push_back('}'); }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  void text(std::string_view name, std::string_view value) {
    this->name(name);
    append_json_string(out_, value);
  }
  template <class Integer>
  void number(std::string_view name, Integer value) {
    this->name(name);
    out_ += std::to_string(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    this->name(name);
    out_.push_back('[');
    for (const std::string& value : values) {
      if (&value != &values.front()) out_.push_back(',');
      append_json_string(out_, value);
    }
    out_.push_back(']');
  }

 private:
  void name(std::string_view name) {
    if (out_.back() != '{') out_.push_back(',');
    append_json_string(out_, name);
    out_.push_back(':');
  }
  std::string& out_;
};

/// One element a line of text, so that two bills can be compared by eye and by diff.
template <class T, class Write>
void append_list(std::string& out, std::string_view name, const std::vector<T>& items,
                 Write write) {
  out += ",\n";
  append_json_string(out, name);
  out += ":[";
  for (const T& item : items) {
    out += &item == &items.front() ? "\n" : ",\n";
    JsonObject object(out);
    write(object, item);
  }
  out += items.empty() ? "]" : "\n]";
}

void write_line(JsonObject& object, const BillLine& line) {
  object.text("customer", line.customer);
  object.text("product", line.product);
  object.text("quantity", line.quantity);
  object.text("unit", line.unit);
  object.number("unit_micro", line.unit_micro);
  object.number("amount_cents", line.amount_cents);
  object.text("first_use", format_time(line.first_use));
  object.texts("evidence", line.evidence);
  object.text("note", line.note);
}

void write_correction(JsonObject& object, const Correction& correction) {
  object.text("customer", correction.customer);
  object.text("product", correction.product);
  object.text("corrects", correction.corrects.text());
  object.number("amount_cents", correction.amount_cents);
  object.number("was_cents", correction.was_cents);
  object.number("now_cents", correction.now_cents);
  object.texts("evidence", correction.evidence);
}

}  // namespace

std::string bill_to_json(const Bill& bill) {
  std::string out = "{\"month\":" + json_string(bill.month.text()) +
                    ",\"currency\":" + json_string(bill.currency);
  append_list(out, "lines", bill.lines, write_line);
  append_list(out, "corrections", bill.corrections, write_correction);
  append_list(out, "totals", bill.totals, [](JsonObject& object, const CustomerTotal& total) {
    object.text("customer", total.customer);
    object.number("amount_cents", total.amount_cents);
  });
  append_list(out, "notices", bill.notices, [](JsonObject& object, const Notice& notice) {
    object.text("event", notice.event);
    object.text("code", notice.code);
  });
  return out + "}\n";
}

}  // namespace obhut::billing

#include "service/billing/table.h"

namespace obhut::billing {
namespace {

std::string in_quotes(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

std::string cell(std::string_view text) {
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos;
  return formula ? in_quotes("'" + std::string(text)) : in_quotes(text);
}

void append_row(std::string& out, std::initializer_list<std::string_view> fields) {
  const char* separator = "";
  for (std::string_view field : fields) {
    out += separator;
    out += field;
    separator = ",";
  }
  out += "\r\n";
}

}  // namespace obhut::billing

#pragma once
// Tables for spreadsheets: CSV as in RFC 4180.

#include <initializer_list>
#include <string>
#include <string_view>

namespace obhut::billing {

/// Text that others chose, fit for a field: what a spreadsheet would run as a formula gets an
/// apostrophe in front.
std::string cell(std::string_view text);
/// The fields are fit for the table already: cells, numbers, times.
void append_row(std::string& out, std::initializer_list<std::string_view> fields);

}  // namespace obhut::billing

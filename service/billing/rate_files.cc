#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>

#include "agent/base/text.h"
#include "service/billing/calculator.h"
#include "service/billing/rate.h"

namespace obhut::billing {
namespace {

namespace fs = std::filesystem;

/// Price lists and bills are read whole; events are not.
constexpr std::uintmax_t kMaxWhole = std::uintmax_t{4} << 30;

Result<std::string> read_whole(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
  if (size > kMaxWhole) return fail(ErrorKind::kInvalidInput, path.string() + ": is too large");
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, error)) {
    return fail(ErrorKind::kNotFound, path.string() + ": cannot be opened as a file");
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return fail(ErrorKind::kUnavailable, path.string() + ": cannot be read");
  return text;
}

/// Every file of the directory but hidden ones must be a bill: a bill that is passed over in
/// silence would leave out corrections.
Result<std::vector<ClosedBill>> read_closed(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> paths;
  fs::directory_iterator entry(directory, error);
  while (!error && entry != fs::directory_iterator{}) {
    if (!entry->path().filename().string().starts_with('.')) paths.push_back(entry->path());
    entry.increment(error);
  }
  if (error) {
    return fail(ErrorKind::kNotFound, directory + ": cannot be read as a directory of bills");
  }
  std::ranges::sort(paths);
  std::vector<ClosedBill> bills;
  for (const fs::path& path : paths) {
    ASSIGN_OR_RETURN(const std::string json, read_whole(path));
    ASSIGN_OR_RETURN(ClosedBill bill, ClosedBill::parse(path.string(), json));
    bills.push_back(std::move(bill));
  }
  return bills;
}

Result<BillFormat> parse_format(const std::string& text) {
  if (text == "json") return BillFormat::kJson;
  if (text == "csv") return BillFormat::kCsv;
  return fail(ErrorKind::kInvalidInput,
              "--format: must be json or csv, not \"" + printable(text) + "\"");
}

}  // namespace

Result<std::string> rate_files(const RateOptions& options) {
  ASSIGN_OR_RETURN(const BillFormat format, parse_format(options.format));
  const std::optional<Month> month = Month::parse(options.month);
  if (!month) {
    return fail(ErrorKind::kInvalidInput,
                "--month: must be a month as YYYY-MM, not \"" + printable(options.month) + "\"");
  }
  ASSIGN_OR_RETURN(const std::string price_text, read_whole(options.prices));
  ASSIGN_OR_RETURN(const PriceList prices, PriceList::parse(options.prices, price_text));
  std::vector<ClosedBill> closed;
  if (!options.closed_dir.empty()) {
    ASSIGN_OR_RETURN(closed, read_closed(options.closed_dir));
  }
  ASSIGN_OR_RETURN(const EventSet events, EventSet::from_file(options.events));
  ASSIGN_OR_RETURN(const Bill bill, rate(events, prices, *month, closed));
  return bill_to_text(bill, format);
}

namespace {

/// To `out` whole, or one line to `err`. Out: the exit code.
int answer(std::string_view command, const Result<std::string>& text, std::ostream& out,
           std::ostream& err) {
  if (!text) {
    err << "obhut-cluster " << command << ": " << text.error().message << '\n';
    return 2;
  }
  out << *text << std::flush;
  if (!out) {
    err << "obhut-cluster " << command << ": the answer cannot be written out\n";
    return 3;
  }
  return 0;
}

}  // namespace

int rate_command(const RateOptions& options, std::ostream& out, std::ostream& err) {
  return answer("rate", rate_files(options), out, err);
}

int calculate_command(const CalculateOptions& options, std::ostream& out, std::ostream& err) {
  const auto estimate = [&]() -> Result<std::string> {
    ASSIGN_OR_RETURN(const std::string price_text, read_whole(options.prices));
    ASSIGN_OR_RETURN(const PriceList prices, PriceList::parse(options.prices, price_text));
    ASSIGN_OR_RETURN(const std::string plan_text, read_whole(options.plan));
    ASSIGN_OR_RETURN(const PlannedCustomer plan, PlannedCustomer::parse(options.plan, plan_text));
    ASSIGN_OR_RETURN(const Estimate estimated, calculate(plan, prices));
    return estimate_to_json(estimated);
  };
  return answer("calculate", estimate(), out, err);
}

}  // namespace obhut::billing

#include "tools/tray/folder_listings.h"

#include <algorithm>
#include <tuple>

#include <nlohmann/json.hpp>

#include "platform/fold_case.h"
#include "service/endpoint/json_fields.h"
#include "tools/tray/entry_text.h"

namespace obhut::tray {

using endpoint::flag_or;
using endpoint::text_or;
using nlohmann::json;

namespace {

constexpr std::size_t kRemembered = 8;

}  // namespace

Answer<std::string> FolderListings::page(const Folder& folder, std::size_t first, std::size_t limit,
                                         const std::stop_token& gone) {
  ASSIGN_OR_RETURN(const Rows rows, rows_of(folder, gone));
  const std::size_t start = std::min(first, rows->size());
  const std::size_t end = start + std::min(limit, rows->size() - start);
  // Put together by hand: the rows are text already, up to 5,000 of them a page.
  std::string text = R"({"path":)" + json_text(folder.path) + R"(,"entries":[)";
  for (std::size_t i = start; i < end; ++i) {
    if (i > start) text += ',';
    text += (*rows)[i].text;
  }
  text += R"(],"next":)";
  text += end < rows->size() ? json_text(std::to_string(end)) : "null";
  return text + "}";
}

void FolderListings::forget() {
  recent_.with([](auto& recent) { recent.clear(); });
}

Answer<FolderListings::Rows> FolderListings::rows_of(const Folder& folder,
                                                     const std::stop_token& gone) {
  Rows known = recent_.with([&](const auto& recent) {
    const auto at =
        std::ranges::find_if(recent, [&](const auto& one) { return one.first == folder; });
    return at == recent.end() ? Rows() : at->second;
  });
  if (known) return known;
  ASSIGN_OR_RETURN(Rows rows, read(folder, gone));
  recent_.with([&](auto& recent) {
    recent.emplace_front(folder, rows);
    if (recent.size() > kRemembered) recent.pop_back();
  });
  return rows;
}

Answer<FolderListings::Rows> FolderListings::read(const Folder& folder,
                                                  const std::stop_token& gone) const {
  auto rows = std::make_shared<std::vector<Row>>();
  const json request = {{"command", "ls"},
                        {"target", folder.location},
                        {"point", folder.point},
                        {"path", folder.path},
                        {"escaped", true}};
  ASSIGN_OR_RETURN(const json answer, daemon_.list(request, gone, [&](const json& entry) {
    json shown = page_entry(entry);
    const std::string name = text_or(shown, "name");
    rows->push_back({text_or(entry, "type") == "directory", platform::fold_case(name),
                     shown.dump(-1, ' ', false, json::error_handler_t::replace)});
    return true;
  }));
  const auto itself = answer.find("self");
  if (itself == answer.end() || !itself->is_object()) {
    return fail(ErrorKind::kNotFound, folder.path + ": is not in this recovery point");
  }
  if (text_or(*itself, "type") != "directory") {
    return fail(ErrorKind::kInvalidInput, folder.path + ": is no folder");
  }
  if (flag_or(*itself, "denied")) {
    return fail(ErrorKind::kRefused, folder.path + ": belongs to somebody else");
  }
  std::ranges::stable_sort(*rows, {}, [](const Row& row) {
    return std::tuple<bool, const std::string&>(!row.directory, row.order);
  });
  return Rows(std::move(rows));
}

}  // namespace obhut::tray

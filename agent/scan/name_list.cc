#include "agent/scan/name_list.h"

#include <algorithm>

#include "agent/base/check.h"

namespace obhut::scan {

void NameList::add(std::string_view name, platform::FileType type) {
  CHECK(name.size() <= 0xffff);
  places_.push_back({text_.size(), static_cast<std::uint16_t>(name.size()), type});
  text_.append(name);
}

void NameList::sort() {
  const auto name_of = [this](const Place& place) {
    return std::string_view(text_.data() + place.offset, place.length);
  };
  // char_traits<char> compares as unsigned bytes, which is the order that the node format wants.
  std::ranges::stable_sort(places_, {}, name_of);
  const auto twice = std::ranges::unique(places_, {}, name_of);
  places_.erase(twice.begin(), twice.end());
}

}  // namespace obhut::scan

#pragma once
// The names of one directory, packed: a directory may have ten million of them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/file_status.h"

namespace obhut::scan {

class NameList {
 public:
  void add(std::string_view name, platform::FileType type);
  /// By the names' bytes; of equal names the first stays.
  void sort();
  template <class Predicate>
  void keep(Predicate wanted) {
    std::erase_if(places_, [&](const Place& place) {
      return !wanted(std::string_view(text_).substr(place.offset, place.length), place.type);
    });
  }

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  /// A view into the list.
  [[nodiscard]] std::string_view name(std::size_t index) const {
    return std::string_view(text_).substr(places_[index].offset, places_[index].length);
  }
  [[nodiscard]] platform::FileType type(std::size_t index) const { return places_[index].type; }

 private:
  struct Place {
    std::uint64_t offset;
    std::uint16_t length;
    platform::FileType type;
  };
  std::string text_;
  std::vector<Place> places_;
};

}  // namespace obhut::scan

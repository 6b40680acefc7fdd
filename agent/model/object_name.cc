#include "agent/model/object_name.h"

#include "agent/base/check.h"

namespace obhut::model {

std::string_view to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kPack:
      return "pack";
    case ObjectKind::kIndex:
      return "index";
    case ObjectKind::kHead:
      return "head";
    case ObjectKind::kKey:
      return "key";
  }
  check_failed("object kind", std::source_location::current());
}

std::string_view folder_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kPack:
      return "packs";
    case ObjectKind::kIndex:
      return "index";
    case ObjectKind::kHead:
      return "heads";
    case ObjectKind::kKey:
      return "keys";
  }
  check_failed("object kind", std::source_location::current());
}

std::optional<ObjectKind> object_kind(std::uint8_t number) {
  if (number < 1 || number > 4) return std::nullopt;
  return static_cast<ObjectKind>(number);
}

std::string ObjectName::text() const {
  return std::string(to_string(kind)) + " " + hash.text().substr(0, 16);
}

}  // namespace obhut::model

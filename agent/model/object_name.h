#pragma once
// What lies in a store, and what it is called there: ARCHITECTURE.md section 6.

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/ids.h"

namespace obhut::model {

/// The four kinds of object in a vault. The numbers are part of the formats.
enum class ObjectKind : std::uint8_t { kPack = 1, kIndex = 2, kHead = 3, kKey = 4 };

inline constexpr ObjectKind kAllObjectKinds[] = {ObjectKind::kPack, ObjectKind::kIndex,
                                                 ObjectKind::kHead, ObjectKind::kKey};

/// "pack", "index", "head", "key".
std::string_view to_string(ObjectKind kind);
/// The folder of the kind: "packs", "index", "heads", "keys".
std::string_view folder_of(ObjectKind kind);
/// Nothing for numbers that no kind has.
std::optional<ObjectKind> object_kind(std::uint8_t number);

/// The logical name of an object: its kind and the SHA-256 of its sealed bytes.
struct ObjectName {
  ObjectKind kind = ObjectKind::kPack;
  Sha256 hash;

  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;

  /// For logs and errors: "pack 0123456789abcdef".
  [[nodiscard]] std::string text() const;
};

struct ObjectNameHash {
  std::size_t operator()(const ObjectName& name) const {
    return IdHash{}(name.hash) ^ static_cast<std::size_t>(name.kind);
  }
};

}  // namespace obhut::model

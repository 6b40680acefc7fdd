#pragma once
// Paths inside a recovery point: raw bytes, '/' between the names, never absolute, never "..".

#include <compare>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace obhut::model {

/// 255 bytes on Linux; Windows names have up to 255 UTF-16 units, 1020 bytes at most as WTF-8.
inline constexpr std::size_t kMaxNameSize = 1020;
/// Linux refuses more than 4096 in one call, but trees may be deeper: names are opened one by one.
inline constexpr std::size_t kMaxPathSize = 1U << 20U;

/// True for 1 to 1020 bytes without '/' and NUL that are neither "." nor "..".
bool is_entry_name(std::string_view name);

/// A relative path. The empty path is the root of the point. Ordered name by name, as a walk
/// that visits each directory's children in byte order meets them.
class RelPath {
 public:
  RelPath() = default;

  /// In: names with one '/' between them, none before or after; "" is the root.
  /// Errors: kInvalidInput.
  static Result<RelPath> parse(std::string_view text);
  /// What a person types: leading, trailing and doubled '/' are dropped, so that "/etc//ssh/" means
  /// etc/ssh. "." and ".." are refused still.
  static Result<RelPath> parse_typed(std::string_view text);

  /// Errors: kInvalidInput for what is no entry name and for a path that grows too long.
  [[nodiscard]] Result<RelPath> child(std::string_view name) const;

  [[nodiscard]] bool is_root() const { return text_.empty(); }
  /// Raw bytes; not UTF-8 always.
  [[nodiscard]] const std::string& bytes() const { return text_; }
  /// Fit for terminals, logs and JSON.
  [[nodiscard]] std::string printable() const;
  /// Views into this path.
  [[nodiscard]] std::vector<std::string_view> names() const;
  [[nodiscard]] std::string_view last_name() const;
  /// The root's parent is the root.
  [[nodiscard]] RelPath parent() const;
  /// True where this path is `ancestor` or lies below it.
  [[nodiscard]] bool is_within(const RelPath& ancestor) const;

  friend bool operator==(const RelPath&, const RelPath&) = default;
  friend std::strong_ordering operator<=>(const RelPath& a, const RelPath& b);

 private:
  explicit RelPath(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// The deepest folder that all of them lie in. The root for none.
RelPath common_folder(std::span<const RelPath> paths);

}  // namespace obhut::model

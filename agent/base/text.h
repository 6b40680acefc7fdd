#pragma once
// Bytes as text and back: hex, base64url (RFC 4648 section 5, no padding), base32 (section 6).

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"

namespace obhut {

std::string to_hex(ByteView bytes);
/// Nothing for odd lengths and other characters; upper case is read too.
std::optional<Bytes> from_hex(std::string_view text);

std::string to_base64url(ByteView bytes);
/// Strict: no padding, no white space, no stray bits after the last byte.
std::optional<Bytes> from_base64url(std::string_view text);

/// With padding and the standard alphabet, as PEM and HTTP headers want it.
std::string to_base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

/// Upper case, without padding.
std::string to_base32(ByteView bytes);
/// Either case, dashes and spaces skipped; nothing for stray bits after the last byte.
std::optional<Bytes> from_base32(std::string_view text);

/// True for well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// `text` with every control character and every byte that is not UTF-8 written as \xNN, and the
/// backslash doubled: fit for a terminal, a log and a JSON string, and never ambiguous.
std::string printable(std::string_view text);

}  // namespace obhut

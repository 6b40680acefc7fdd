#include "platform/win.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "agent/base/text.h"

namespace obhut::platform::win {
namespace {

constexpr std::int64_t kTicksOf1970 = 116'444'736'000'000'000;
constexpr std::int64_t kTick = 100;

bool is_high(std::uint32_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(std::uint32_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

void append_wtf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0U | (point >> 6U));
  } else if (point < 0x10000) {
    put(0xE0U | (point >> 12U));
    put(0x80U | ((point >> 6U) & 0x3FU));
  } else {
    put(0xF0U | (point >> 18U));
    put(0x80U | ((point >> 12U) & 0x3FU));
    put(0x80U | ((point >> 6U) & 0x3FU));
  }
  put(0x80U | (point & 0x3FU));
}

/// The code point at `text[at]`, which moves behind it. Nothing for a malformed one.
std::optional<std::uint32_t> next_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  struct Form {
    unsigned mask, mark, more;
    std::uint32_t least;
  };
  constexpr std::array kForms{Form{0xE0, 0xC0, 1, 0x80}, Form{0xF0, 0xE0, 2, 0x800},
                              Form{0xF8, 0xF0, 3, 0x10000}};
  const auto* form = std::ranges::find_if(
      kForms, [&](const Form& candidate) { return (first & candidate.mask) == candidate.mark; });
  if (form == kForms.end() || text.size() - at < form->more) return std::nullopt;
  std::uint32_t point = first & ~form->mask & 0xFFU;
  for (unsigned i = 0; i < form->more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    if ((byte & 0xC0U) != 0x80) return std::nullopt;
    point = (point << 6U) | (byte & 0x3FU);
  }
  if (point < form->least || point > 0x10FFFF) return std::nullopt;
  return point;
}

std::optional<std::wstring> absolute(const std::wstring& path) {
  const DWORD room = ::GetFullPathNameW(path.c_str(), 0, nullptr, nullptr);
  if (room == 0) return std::nullopt;
  std::wstring whole(room, L'\0');
  const DWORD length = ::GetFullPathNameW(path.c_str(), room, whole.data(), nullptr);
  if (length == 0 || length >= room) return std::nullopt;
  whole.resize(length);
  return whole;
}

bool has_drive(std::wstring_view path) {
  return path.size() >= 3 && path[1] == L':' && path[2] == L'\\';
}

}  // namespace

std::optional<std::wstring> to_wide(std::string_view text) {
  std::wstring wide;
  wide.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::optional<std::uint32_t> point = next_point(text, at);
    if (!point) return std::nullopt;
    // Two surrogates that make a pair are one code point, which has one spelling only.
    if (is_low(*point) && !wide.empty() && is_high(wide.back()) && *point < 0x10000) {
      return std::nullopt;
    }
    if (*point < 0x10000) {
      wide.push_back(static_cast<wchar_t>(*point));
    } else {
      wide.push_back(static_cast<wchar_t>(0xD800U + ((*point - 0x10000) >> 10U)));
      wide.push_back(static_cast<wchar_t>(0xDC00U + ((*point - 0x10000) & 0x3FFU)));
    }
  }
  return wide;
}

std::string to_wtf8(std::wstring_view wide) {
  std::string text;
  text.reserve(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    std::uint32_t point = wide[i];
    if (is_high(point) && i + 1 < wide.size() && is_low(wide[i + 1])) {
      point = 0x10000 + ((point - 0xD800) << 10U) + (std::uint32_t{wide[++i]} - 0xDC00);
    }
    append_wtf8(text, point);
  }
  return text;
}

Result<std::wstring> native_path(std::string_view path) {
  const auto bad = [&](const char* why) {
    return fail(ErrorKind::kInvalidInput, "path " + printable(path) + ": " + why);
  };
  if (path.empty()) return fail(ErrorKind::kInvalidInput, "the empty path names nothing");
  if (path.find('\0') != std::string_view::npos) return bad("holds a zero");
  std::optional<std::wstring> wide = to_wide(path);
  if (!wide) return bad("is not UTF-8");
  std::ranges::replace(*wide, L'/', L'\\');
  if (wide->starts_with(L"\\\\?\\") || wide->starts_with(L"\\\\.\\")) return std::move(*wide);
  if (!has_drive(*wide) && !wide->starts_with(L"\\\\")) {
    wide = absolute(*wide);
    if (!wide) return bad("cannot be made absolute");
  }
  // Behind the prefix nothing is interpreted: neither doubled separators nor one at the end.
  std::wstring clean;
  const bool unc = wide->starts_with(L"\\\\");
  for (const wchar_t c : std::wstring_view(*wide).substr(unc ? 2 : 0)) {
    if (c == L'\\' && clean.ends_with(L'\\')) continue;
    clean.push_back(c);
  }
  while (clean.size() > 3 && clean.ends_with(L'\\')) clean.pop_back();
  return (unc ? L"\\\\?\\UNC\\" : L"\\\\?\\") + clean;
}

std::string inner_path(std::wstring_view native) {
  std::wstring plain;
  if (native.starts_with(L"\\\\?\\UNC\\")) {
    plain = L"\\\\" + std::wstring(native.substr(8));
  } else {
    plain = native.starts_with(L"\\\\?\\") ? native.substr(4) : native;
  }
  std::ranges::replace(plain, L'\\', L'/');
  return to_wtf8(plain);
}

std::unexpected<Error> failure_of(DWORD code, std::string_view action, std::string_view path,
                                  Whose whose) {
  return std::unexpected(os_error(static_cast<int>(code), whose, action, path));
}

std::unexpected<Error> failure(std::string_view action, std::string_view path, Whose whose) {
  return failure_of(::GetLastError(), action, path, whose);
}

std::int64_t unix_ns_of(const LARGE_INTEGER& time) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kTick;
  return std::clamp(time.QuadPart - kTicksOf1970, -kMost, kMost) * kTick;
}

std::int64_t unix_ns_of(const FILETIME& time) {
  LARGE_INTEGER whole;
  whole.LowPart = time.dwLowDateTime;
  whole.HighPart = static_cast<LONG>(time.dwHighDateTime);
  return unix_ns_of(whole);
}

LARGE_INTEGER file_time_of(std::int64_t unix_ns) {
  // Downwards, before 1970 too. Zero and below mean "leave it" to the system: the first tick.
  std::int64_t ticks = unix_ns / kTick;
  if (unix_ns % kTick < 0) --ticks;
  LARGE_INTEGER time;
  time.QuadPart = std::max<std::int64_t>(ticks + kTicksOf1970, 1);
  return time;
}

bool status_of(HANDLE file, FileStatus& into) {
  BY_HANDLE_FILE_INFORMATION known{};
  if (::GetFileInformationByHandle(file, &known) == 0) return false;
  FILE_BASIC_INFO basic{};
  if (::GetFileInformationByHandleEx(file, FileBasicInfo, &basic, sizeof basic) == 0) return false;
  FILE_STANDARD_INFO standard{};
  if (::GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard) == 0) {
    return false;
  }
  into = {};
  const DWORD attributes = known.dwFileAttributes;
  if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    FILE_ATTRIBUTE_TAG_INFO tag{};
    const bool told =
        ::GetFileInformationByHandleEx(file, FileAttributeTagInfo, &tag, sizeof tag) != 0;
    const bool link = told && (tag.ReparseTag == IO_REPARSE_TAG_SYMLINK ||
                               tag.ReparseTag == IO_REPARSE_TAG_MOUNT_POINT);
    into.type = link ? FileType::kSymlink : FileType::kUnknown;
  }
  if (into.type == FileType::kUnknown) {
    into.type =
        (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileType::kDirectory : FileType::kRegular;
  }
  const bool directory = into.type == FileType::kDirectory;
  const bool fixed = (attributes & FILE_ATTRIBUTE_READONLY) != 0 && !directory;
  into.mode = directory ? 0755U : (fixed ? 0444U : 0644U);
  into.size = static_cast<std::uint64_t>(standard.EndOfFile.QuadPart);
  if (directory) into.size = 0;
  into.blocks = static_cast<std::uint64_t>(standard.AllocationSize.QuadPart) / 512;
  into.mtime_ns = unix_ns_of(basic.LastWriteTime);
  into.ctime_ns = unix_ns_of(basic.ChangeTime);
  into.birth_ns = unix_ns_of(basic.CreationTime);
  into.inode = (std::uint64_t{known.nFileIndexHigh} << 32U) | known.nFileIndexLow;
  into.device = known.dwVolumeSerialNumber;
  into.links = known.nNumberOfLinks;
  return true;
}

std::string fresh_name() {
  static std::atomic<std::uint32_t> made{0};
  LARGE_INTEGER now{};
  ::QueryPerformanceCounter(&now);
  return std::to_string(::GetCurrentProcessId()) + "-" + std::to_string(now.QuadPart) + "-" +
         std::to_string(made++);
}

bool enable_privilege(const wchar_t* name) {
  HANDLE token = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token) ==
      0) {
    return false;
  }
  const Handle held = handle_of(token);
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (::LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid) == 0) return false;
  // It answers yes where the token holds none of it: the last error tells.
  return ::AdjustTokenPrivileges(token, FALSE, &wanted, 0, nullptr, nullptr) != 0 &&
         ::GetLastError() == ERROR_SUCCESS;
}

}  // namespace obhut::platform::win

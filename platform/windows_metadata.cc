#include "platform/windows_metadata.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "agent/base/codec.h"
#include "agent/base/text.h"

namespace obhut::platform::win {
namespace {

constexpr std::string_view kAttributes = "windows.attributes";
constexpr std::string_view kCreated = "windows.created";
constexpr std::string_view kReparse = "windows.reparse";
constexpr std::string_view kSecurity = "windows.security";
constexpr std::string_view kStreams = "windows.streams";

/// Those that say what an entry is, and can be set again.
constexpr DWORD kKeptAttributes =
    FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM |
    FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_TEMPORARY |
    FILE_ATTRIBUTE_SPARSE_FILE | FILE_ATTRIBUTE_COMPRESSED | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
/// By SetFileInformationByHandle; the others have calls of their own.
constexpr DWORD kSetByMask = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN |
                             FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
                             FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

// Missing in MinGW's winnt.h.
constexpr SECURITY_INFORMATION kAttributeSecurity = 0x20;
constexpr SECURITY_INFORMATION kScopeSecurity = 0x40;
constexpr SECURITY_INFORMATION kOpenSecurity =
    OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION |
    LABEL_SECURITY_INFORMATION;
constexpr SECURITY_INFORMATION kGuardedSecurity =
    SACL_SECURITY_INFORMATION | kAttributeSecurity | kScopeSecurity;

bool may_use_sacl() {
  static const bool may = enable_privilege(L"SeSecurityPrivilege");
  return may;
}

Bytes u32_bytes(std::uint32_t value) {
  Writer out;
  out.u32(value);
  return std::move(out).take();
}

Bytes i64_bytes(std::int64_t value) {
  Writer out;
  out.u64(static_cast<std::uint64_t>(value));
  return std::move(out).take();
}

const Xattr* find(const Xattrs& xattrs, std::string_view name) {
  const auto found = std::ranges::find(xattrs, name, &Xattr::name);
  return found == xattrs.end() ? nullptr : &*found;
}

// Reading

Result<Bytes> read_security(HANDLE file, std::string_view path) {
  const SECURITY_INFORMATION parts = kOpenSecurity | (may_use_sacl() ? kGuardedSecurity : 0);
  Bytes descriptor(1024);
  for (;;) {
    DWORD needed = 0;
    if (::GetKernelObjectSecurity(file, parts, descriptor.data(),
                                  static_cast<DWORD>(descriptor.size()), &needed) != 0) {
      descriptor.resize(::GetSecurityDescriptorLength(descriptor.data()));
      return descriptor;
    }
    if (::GetLastError() != ERROR_INSUFFICIENT_BUFFER || needed <= descriptor.size()) {
      return failure("read the rights of", path, Whose::kSource);
    }
    descriptor.resize(needed);
  }
}

struct StreamName {
  std::wstring name;  // ":name:$DATA"
  std::uint64_t size = 0;
};

/// Without the unnamed one, which is the file's content. Empty where the file system has none.
std::vector<StreamName> stream_names(HANDLE file) {
  std::vector<std::uint64_t> room(512);
  for (;;) {
    const auto size = static_cast<DWORD>(room.size() * sizeof(std::uint64_t));
    if (::GetFileInformationByHandleEx(file, FileStreamInfo, room.data(), size) != 0) break;
    constexpr std::size_t kMost = 1U << 20U;
    if (::GetLastError() != ERROR_MORE_DATA || room.size() >= kMost) return {};
    room.resize(room.size() * 4);
  }
  std::vector<StreamName> found;
  const auto* at = reinterpret_cast<const std::uint8_t*>(room.data());
  for (;;) {
    const auto* entry = reinterpret_cast<const FILE_STREAM_INFO*>(at);
    std::wstring name(entry->StreamName, entry->StreamNameLength / sizeof(wchar_t));
    const bool content = name.empty() || name.starts_with(L"::");
    if (!content) {
      found.push_back({std::move(name), static_cast<std::uint64_t>(entry->StreamSize.QuadPart)});
    }
    if (entry->NextEntryOffset == 0) break;
    at += entry->NextEntryOffset;
  }
  std::ranges::sort(found, {}, &StreamName::name);
  return found;
}

bool read_whole(HANDLE file, Bytes& into) {
  std::size_t done = 0;
  while (done < into.size()) {
    DWORD got = 0;
    if (::ReadFile(file, into.data() + done, static_cast<DWORD>(into.size() - done), &got,
                   nullptr) == 0) {
      return false;
    }
    if (got == 0) break;
    done += got;
  }
  into.resize(done);
  return true;
}

Result<Bytes> read_streams(HANDLE file, std::string_view path) {
  Writer all;
  for (const StreamName& stream : stream_names(file)) {
    // ":name:$DATA" -> "name"
    const std::wstring_view plain =
        std::wstring_view(stream.name).substr(1, stream.name.rfind(L':') - 1);
    const std::string name = to_wtf8(plain);
    if (stream.size > kMostStreamBytes || all.size() + stream.size > kMostStreamBytes) {
      return fail(ErrorKind::kUnsupported,
                  "read stream " + printable(name) + " of " + printable(path) +
                      ": its alternate streams hold more than the 1 MiB that is kept");
    }
    const Handle opened = open_at(file, stream.name, {.access = GENERIC_READ});
    if (!opened.valid()) return failure("open stream " + name + " of", path, Whose::kSource);
    Bytes content(static_cast<std::size_t>(stream.size));
    if (!read_whole(native_of(opened), content)) {
      return failure("read stream " + name + " of", path, Whose::kSource);
    }
    for (const ByteView part : {as_bytes(name), ByteView(content)}) {
      all.u32(static_cast<std::uint32_t>(part.size()));
      all.raw(part);
    }
  }
  return std::move(all).take();
}

/// Empty for what is no reparse point.
Result<Bytes> read_reparse(HANDLE file, std::string_view path) {
  Bytes data(MAXIMUM_REPARSE_DATA_BUFFER_SIZE);
  DWORD got = 0;
  if (::DeviceIoControl(file, FSCTL_GET_REPARSE_POINT, nullptr, 0, data.data(),
                        static_cast<DWORD>(data.size()), &got, nullptr) == 0) {
    if (::GetLastError() == ERROR_NOT_A_REPARSE_POINT) return Bytes();
    return failure("read link", path, Whose::kSource);
  }
  data.resize(got);
  return data;
}

// Of the driver kit's headers: what follows tag and length in a link's data.
struct LinkNames {
  USHORT substitute_at, substitute_bytes, print_at, print_bytes;
};
constexpr std::size_t kReparseHeader = 8;

std::wstring_view part_of(ByteView data, std::size_t names_at, USHORT at, USHORT bytes) {
  if (names_at + at + bytes > data.size()) return {};
  return {reinterpret_cast<const wchar_t*>(data.data() + names_at + at), bytes / sizeof(wchar_t)};
}

// Writing

/// The system's own check trusts the offsets of a descriptor: that its parts lie within it is ours
/// to see.
bool is_whole(ByteView bytes) {
  SECURITY_DESCRIPTOR_RELATIVE head{};
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  if ((head.Control & SE_SELF_RELATIVE) == 0) return false;
  const auto holds = [&](std::size_t at, std::size_t least, auto size_of) {
    if (at == 0) return true;
    if (at > bytes.size() || bytes.size() - at < least) return false;
    return size_of(bytes.subspan(at)) <= bytes.size() - at;
  };
  const auto sid = [](ByteView part) { return std::size_t{8} + 4U * part[1]; };
  const auto acl = [](ByteView part) { return part[2] | std::size_t{part[3]} << 8U; };
  return holds(head.Owner, 8, sid) && holds(head.Group, 8, sid) && holds(head.Sacl, 8, acl) &&
         holds(head.Dacl, 8, acl);
}

void write_security(HANDLE file, std::string_view path, const Xattr& security,
                    const TreeWriterOptions& options, std::vector<Error>& problems) {
  // A copy, since the calls take no const, and lie where numbers may.
  std::vector<std::uint64_t> room(security.value.size() / sizeof(std::uint64_t) + 1);
  std::memcpy(room.data(), security.value.data(), security.value.size());
  void* descriptor = room.data();
  SECURITY_DESCRIPTOR_CONTROL control{};
  DWORD revision = 0;
  if (!is_whole(security.value) || ::IsValidSecurityDescriptor(descriptor) == 0 ||
      ::GetSecurityDescriptorControl(descriptor, &control, &revision) == 0) {
    problems.push_back({ErrorKind::kCorrupt, "set the rights of " + printable(path) +
                                                 ": what was stored is no security descriptor"});
    return;
  }
  SECURITY_INFORMATION parts = DACL_SECURITY_INFORMATION;
  parts |= (control & SE_DACL_PROTECTED) != 0 ? PROTECTED_DACL_SECURITY_INFORMATION
                                              : UNPROTECTED_DACL_SECURITY_INFORMATION;
  if (may_use_sacl() && (control & SE_SACL_PRESENT) != 0) parts |= SACL_SECURITY_INFORMATION;
  if (::SetKernelObjectSecurity(file, parts, descriptor) == 0) {
    problems.push_back(failure("set the rights of", path).error());
  }
  if (!options.set_owner) return;
  constexpr SECURITY_INFORMATION kOwner = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION;
  if (::SetKernelObjectSecurity(file, kOwner, descriptor) == 0) {
    problems.push_back(failure("set the owner of", path).error());
  }
}

void write_streams(HANDLE file, std::string_view path, ByteView all, std::vector<Error>& problems) {
  Reader in(all);
  while (!in.at_end()) {
    const ByteView name = in.raw(in.u32());
    const ByteView content = in.raw(in.u32());
    const std::optional<std::wstring> plain =
        in.ok() ? entry_name(as_text(name)) : std::optional<std::wstring>();
    if (!plain) {
      problems.push_back({ErrorKind::kCorrupt, "set the streams of " + printable(path) +
                                                   ": what was stored is no list of streams"});
      return;
    }
    const Handle stream = open_at(file, L":" + *plain + L":$DATA",
                                  {.access = FILE_WRITE_DATA, .disposition = FILE_OVERWRITE_IF});
    DWORD done = 0;
    const bool written = stream.valid() &&
                         ::WriteFile(native_of(stream), content.data(),
                                     static_cast<DWORD>(content.size()), &done, nullptr) != 0 &&
                         done == content.size();
    if (!written) {
      problems.push_back(failure("write stream " + printable(as_text(name)) + " of", path).error());
    }
  }
}

bool control(HANDLE file, DWORD code, void* in = nullptr, DWORD size = 0) {
  DWORD got = 0;
  return ::DeviceIoControl(file, code, in, size, nullptr, 0, &got, nullptr) != 0;
}

/// Flags with a call of their own. Where the volume has no such thing, nothing is lost by it.
void write_flags(HANDLE file, DWORD attributes) {
  // ignored twice: how a file lies on its volume changes nothing of what it holds.
  if ((attributes & FILE_ATTRIBUTE_COMPRESSED) != 0) {
    USHORT format = COMPRESSION_FORMAT_DEFAULT;
    static_cast<void>(control(file, FSCTL_SET_COMPRESSION, &format, sizeof format));
  }
  const bool sparse = (attributes & FILE_ATTRIBUTE_SPARSE_FILE) != 0;
  if (sparse && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
    static_cast<void>(control(file, FSCTL_SET_SPARSE));
  }
}

DWORD attributes_of(const EntryMetadata& metadata) {
  const Xattr* kept = find(metadata.xattrs, kAttributes);
  if (kept != nullptr && kept->value.size() == 4) {
    return Reader(kept->value).u32() & kKeptAttributes;
  }
  // Of another system: the one thing that its mode and ours have in common.
  const bool writable = metadata.mode == 0 || (metadata.mode & 0222U) != 0;
  return writable ? 0 : FILE_ATTRIBUTE_READONLY;
}

}  // namespace

ACCESS_MASK security_access() {
  return READ_CONTROL | (may_use_sacl() ? ACCESS_SYSTEM_SECURITY : 0);
}

ACCESS_MASK security_write_access(const TreeWriterOptions& options) {
  return WRITE_DAC | (options.set_owner ? WRITE_OWNER : 0) |
         (may_use_sacl() ? ACCESS_SYSTEM_SECURITY : 0);
}

void prepare_to_read() {
  static const bool done = enable_privilege(L"SeBackupPrivilege") && may_use_sacl();
  static_cast<void>(done);  // without them, what the account may read is read
}

void prepare_to_write() {
  static const bool done = [] {
    bool all = may_use_sacl();
    for (const wchar_t* name :
         {L"SeRestorePrivilege", L"SeCreateSymbolicLinkPrivilege", L"SeTakeOwnershipPrivilege"}) {
      all = enable_privilege(name) && all;
    }
    return all;
  }();
  static_cast<void>(done);
}

Result<Xattrs> read_metadata(HANDLE file, std::string_view path) {
  FILE_BASIC_INFO basic{};
  if (::GetFileInformationByHandleEx(file, FileBasicInfo, &basic, sizeof basic) == 0) {
    return failure("read attributes of", path, Whose::kSource);
  }
  Xattrs found;
  const auto add = [&](std::string_view name, Bytes value) {
    found.push_back({std::string(name), std::move(value)});
  };
  add(kAttributes, u32_bytes(basic.FileAttributes & kKeptAttributes));
  add(kCreated, i64_bytes(unix_ns_of(basic.CreationTime)));
  if (names_another_place(reparse_tag_of(file))) {
    ASSIGN_OR_RETURN(Bytes reparse, read_reparse(file, path));
    add(kReparse, std::move(reparse));
  }
  ASSIGN_OR_RETURN(Bytes security, read_security(file, path));
  add(kSecurity, std::move(security));
  ASSIGN_OR_RETURN(Bytes streams, read_streams(file, path));
  if (!streams.empty()) add(kStreams, std::move(streams));
  return found;
}

Result<std::string> read_link_target(HANDLE file, std::string_view path) {
  ASSIGN_OR_RETURN(const Bytes data, read_reparse(file, path));
  if (data.size() < kReparseHeader + sizeof(LinkNames)) {
    return fail(ErrorKind::kSourceGone,
                "read link " + printable(path) + ": something else took its place");
  }
  const auto tag = Reader(data).u32();
  if (tag != IO_REPARSE_TAG_SYMLINK && tag != IO_REPARSE_TAG_MOUNT_POINT) {
    return "reparse point 0x" + to_hex(u32_bytes(__builtin_bswap32(tag)));
  }
  LinkNames names{};
  std::memcpy(&names, data.data() + kReparseHeader, sizeof names);
  // A symbolic link has its flags before the names.
  const std::size_t at =
      kReparseHeader + sizeof names + (tag == IO_REPARSE_TAG_SYMLINK ? sizeof(ULONG) : 0);
  std::wstring target(part_of(data, at, names.print_at, names.print_bytes));
  if (target.empty()) target = part_of(data, at, names.substitute_at, names.substitute_bytes);
  if (target.starts_with(L"\\??\\")) target.erase(0, 4);
  std::ranges::replace(target, L'\\', L'/');
  return to_wtf8(target);
}

void write_metadata(HANDLE file, std::string_view path, const EntryMetadata& metadata,
                    const TreeWriterOptions& options, std::vector<Error>& problems) {
  const DWORD attributes = attributes_of(metadata);
  write_flags(file, attributes);
  if (const Xattr* streams = find(metadata.xattrs, kStreams)) {
    write_streams(file, path, streams->value, problems);
  }
  if (const Xattr* security = find(metadata.xattrs, kSecurity)) {
    write_security(file, path, *security, options, problems);
  }
  FILE_BASIC_INFO basic{};
  const LARGE_INTEGER modified = file_time_of(metadata.mtime_ns);
  basic.LastWriteTime = modified;
  // The access time has no backup; a file just restored was last used when it was last changed.
  basic.LastAccessTime = modified;
  const Xattr* created = find(metadata.xattrs, kCreated);
  basic.CreationTime = created != nullptr && created->value.size() == 8
                           ? file_time_of(static_cast<std::int64_t>(Reader(created->value).u64()))
                           : modified;
  const DWORD settable = attributes & kSetByMask;
  basic.FileAttributes = settable != 0 ? settable : DWORD{FILE_ATTRIBUTE_NORMAL};
  if (::SetFileInformationByHandle(file, FileBasicInfo, &basic, sizeof basic) == 0) {
    problems.push_back(failure("set the times of", path).error());
  }
}

bool is_directory_link(const EntryMetadata& metadata) {
  return (attributes_of(metadata) & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

Result<void> make_link(HANDLE file, std::string_view path, std::string_view points_to,
                       const EntryMetadata& metadata) {
  Bytes data;
  if (const Xattr* kept = find(metadata.xattrs, kReparse)) {
    data = kept->value;
    // Nothing but links: other tags belong to drivers, which trust what they find in them.
    if (data.size() < kReparseHeader || !names_another_place(Reader(data).u32())) {
      return fail(ErrorKind::kRefused,
                  "restore " + printable(path) + ": what was stored is no link");
    }
  } else {
    std::optional<std::wstring> target = to_wide(points_to);
    if (!target) {
      return fail(ErrorKind::kInvalidInput,
                  "restore " + printable(path) + ": a link to what is not UTF-8");
    }
    std::ranges::replace(*target, L'/', L'\\');
    const bool absolute =
        target->size() > 1 && ((*target)[1] == L':' || target->starts_with(L"\\"));
    const std::wstring substitute =
        target->size() > 1 && (*target)[1] == L':' ? L"\\??\\" + *target : *target;
    const auto bytes_of = [](const std::wstring& text) {
      return static_cast<USHORT>(text.size() * sizeof(wchar_t));
    };
    const LinkNames names{0, bytes_of(substitute), bytes_of(substitute), bytes_of(*target)};
    constexpr ULONG kRelative = 1;
    const ULONG flags = absolute ? 0 : kRelative;
    const auto put = [&](const void* what, std::size_t size) {
      const auto* from = static_cast<const std::uint8_t*>(what);
      data.insert(data.end(), from, from + size);
    };
    const std::size_t text = names.substitute_bytes + std::size_t{names.print_bytes};
    const ULONG tag = IO_REPARSE_TAG_SYMLINK;
    const auto length = static_cast<ULONG>(sizeof names + sizeof flags + text);
    put(&tag, sizeof tag);
    put(&length, sizeof length);  // 16 bits, and 16 that are reserved
    put(&names, sizeof names);
    put(&flags, sizeof flags);
    put(substitute.data(), names.substitute_bytes);
    put(target->data(), names.print_bytes);
  }
  if (data.size() > MAXIMUM_REPARSE_DATA_BUFFER_SIZE) {
    return fail(ErrorKind::kInvalidInput, "restore " + printable(path) + ": the link is too long");
  }
  if (control(file, FSCTL_SET_REPARSE_POINT, data.data(), static_cast<DWORD>(data.size())))
    return {};
  return failure("make link", path);
}

}  // namespace obhut::platform::win

bool obhut::platform::holds_attribute(std::string_view name) {
  return name.starts_with("windows.");
}

#include "platform/windows_rights.h"

#include <algorithm>
#include <array>
#include <vector>

#include "agent/base/text.h"

namespace obhut::platform::win {
namespace {

struct LocalFree {
  void operator()(void* memory) const { ::LocalFree(memory); }
};

constexpr std::string_view kSystem = "S-1-5-18";
constexpr std::string_view kAdministrators = "S-1-5-32-544";
constexpr std::string_view kInstaller =
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
/// Stands for the owner in what is handed down: checked where it is owned.
constexpr std::string_view kCreatorOwner = "S-1-3-0";

constexpr ACCESS_MASK kWriting = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA |
                                 FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER |
                                 GENERIC_WRITE | GENERIC_ALL;
constexpr ACCESS_MASK kReading = FILE_READ_DATA | GENERIC_READ | GENERIC_ALL;

bool is_trusted(std::string_view sid) {
  return is_administrative(sid) || sid == own_sid() || sid == kCreatorOwner;
}

std::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorKind::kRefused,
              printable(path) + ": " + why +
                  "; take the rights of others away (icacls /inheritance:r) if you trust it");
}

std::string ask_own_sid() {
  HANDLE token = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) return {};
  const Handle held = handle_of(token);
  std::array<std::uint64_t, 32> room{};
  DWORD size = 0;
  if (::GetTokenInformation(token, TokenUser, room.data(), sizeof room, &size) == 0) return {};
  return sid_text(reinterpret_cast<const TOKEN_USER*>(room.data())->User.Sid);
}

}  // namespace

std::string sid_text(PSID sid) {
  wchar_t* text = nullptr;
  if (sid == nullptr || ::ConvertSidToStringSidW(sid, &text) == 0) return {};
  const std::unique_ptr<wchar_t, LocalFree> owned(text);
  return to_wtf8(text);
}

const std::string& own_sid() {
  static const std::string sid = ask_own_sid();
  return sid;
}

bool is_administrative(std::string_view sid) {
  return sid == kSystem || sid == kAdministrators || sid == kInstaller;
}

Rights::Rights(const std::string& text) {
  const std::optional<std::wstring> wide = to_wide(text);
  attributes_.nLength = sizeof attributes_;
  ready_ =
      wide && ::ConvertStringSecurityDescriptorToSecurityDescriptorW(
                  wide->c_str(), SDDL_REVISION_1, &attributes_.lpSecurityDescriptor, nullptr) != 0;
}

Rights::~Rights() {
  if (ready_) ::LocalFree(attributes_.lpSecurityDescriptor);
}

// Protected; full rights for each, handed down to files and folders.
PrivateRights::PrivateRights()
    : Rights("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)" +
             (own_sid().empty() ? "" : "(A;OICI;FA;;;" + own_sid() + ")")) {}

Result<void> check_closed(const std::string& path, Against against) {
  ASSIGN_OR_RETURN(const std::wstring native, native_path(path));
  PSID owner = nullptr;
  PACL list = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD code = ::GetNamedSecurityInfoW(native.c_str(), SE_FILE_OBJECT,
                                             OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                             &owner, nullptr, &list, nullptr, &descriptor);
  if (code != ERROR_SUCCESS) return failure_of(code, "read the rights of", path);
  const std::unique_ptr<void, LocalFree> held(descriptor);
  const std::string owned_by = sid_text(owner);
  if (!is_trusted(owned_by)) return refuse(path, "belongs to " + owned_by);
  if (list == nullptr) return refuse(path, "everybody may do anything with it");
  const ACCESS_MASK forbidden = kWriting | (against == Against::kReadingToo ? kReading : 0);
  for (WORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (::GetAce(list, i, &entry) == 0) return failure("read the rights of", path);
    const auto* head = static_cast<const ACE_HEADER*>(entry);
    if (head->AceType != ACCESS_ALLOWED_ACE_TYPE || (head->AceFlags & INHERIT_ONLY_ACE) != 0) {
      continue;
    }
    auto* allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
    if ((allowed->Mask & forbidden) == 0) continue;
    const std::string who = sid_text(&allowed->SidStart);
    if (!is_trusted(who)) return refuse(path, "may be used by " + who);
  }
  return {};
}

}  // namespace obhut::platform::win

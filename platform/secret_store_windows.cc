

#include "agent/base/text.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/secret_store.h"
#include "platform/windows_rights.h"

namespace obhut::platform {
namespace {

/// What DPAPI puts around a secret is some hundred bytes.
constexpr std::size_t kLargestFile = kLargestSecret + 4096;

/// So that what another program of this machine protected does not pass for ours.
Bytes purpose() {
  return to_bytes(as_bytes(std::string_view("obhut secret 1")));
}

DATA_BLOB blob_of(Bytes& bytes) {
  return {static_cast<DWORD>(bytes.size()), bytes.data()};
}

/// Wiped and given back to the system in the end.
class Answer {
 public:
  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() {
    if (blob.pbData == nullptr) return;
    ::SecureZeroMemory(blob.pbData, blob.cbData);
    ::LocalFree(blob.pbData);
  }
  [[nodiscard]] ByteView bytes() const { return {blob.pbData, blob.cbData}; }
  DATA_BLOB blob{};
};

}  // namespace

Result<SecretStore> SecretStore::open(const std::string& folder) {
  TRY(make_directories(folder, 0700));
  TRY(win::check_closed(folder, win::Against::kReadingToo));
  return SecretStore(folder);
}

// The machine's key, not the account's: the service and an administrator's shell read the same
// secrets, and on another machine the files are worth nothing. The folder's rights keep others out.
Result<void> SecretStore::save(const std::string& name, ByteView secret) {
  ASSIGN_OR_RETURN(const std::string path, path_of(name));
  if (secret.size() > kLargestSecret) {
    return fail(ErrorKind::kInvalidInput, "secret " + printable(path) + ": too long to be one");
  }
  Bytes plain = to_bytes(secret);
  Bytes extra = purpose();
  DATA_BLOB in = blob_of(plain);
  DATA_BLOB entropy = blob_of(extra);
  Answer sealed;
  const BOOL done =
      ::CryptProtectData(&in, nullptr, &entropy, nullptr, nullptr,
                         CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &sealed.blob);
  const DWORD code = ::GetLastError();
  ::SecureZeroMemory(plain.data(), plain.size());
  if (done == 0) return win::failure_of(code, "protect secret", path);
  return write_file(path, sealed.bytes(), 0600);
}

Result<Bytes> SecretStore::load(const std::string& name) const {
  ASSIGN_OR_RETURN(const std::string path, path_of(name));
  ASSIGN_OR_RETURN(Bytes sealed, read_file(path, kLargestFile));
  TRY(win::check_closed(path, win::Against::kReadingToo));
  Bytes extra = purpose();
  DATA_BLOB in = blob_of(sealed);
  DATA_BLOB entropy = blob_of(extra);
  Answer plain;
  if (::CryptUnprotectData(&in, nullptr, &entropy, nullptr, nullptr, CRYPTPROTECT_UI_FORBIDDEN,
                           &plain.blob) == 0) {
    return fail(ErrorKind::kRefused,
                "secret " + printable(path) +
                    ": this machine cannot open it: it was made on another one, or changed");
  }
  return to_bytes(plain.bytes());
}

}  // namespace obhut::platform

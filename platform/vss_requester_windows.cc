#include "platform/vss_requester_windows.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>

#include "agent/base/text.h"
#include "platform/win.h"

// Each needs those before it.
// clang-format off
#include <vss.h>
#include <vswriter.h>
#include <vsbackup.h>
#include <vsserror.h>
// clang-format on

namespace obhut::platform::win {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// What writers are given by the service itself, and some room.
constexpr seconds kToGather{180};
constexpr seconds kToPrepare{300};
constexpr seconds kToHold{600};
constexpr seconds kToComplete{120};

template <class T>
class Com {
 public:
  Com() = default;
  Com(const Com&) = delete;
  Com& operator=(const Com&) = delete;
  ~Com() {
    if (held_ != nullptr) held_->Release();
  }
  T** put() { return &held_; }
  T* operator->() const { return held_; }

 private:
  T* held_ = nullptr;
};

class Text {
 public:
  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { ::SysFreeString(text_); }
  BSTR* put() { return &text_; }
  [[nodiscard]] std::string get() const {
    return text_ == nullptr ? std::string() : to_wtf8({text_, ::SysStringLen(text_)});
  }

 private:
  BSTR text_ = nullptr;
};

std::string code_text(HRESULT code) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08lx", static_cast<unsigned long>(code));
  return text.data();
}

struct Known {
  HRESULT code;
  ErrorKind kind;
  std::string_view words;
};

constexpr std::array kKnown{
    Known{VSS_E_SNAPSHOT_SET_IN_PROGRESS, ErrorKind::kUnavailable,
          "another program makes a snapshot just now"},
    Known{VSS_E_FLUSH_WRITES_TIMEOUT, ErrorKind::kUnavailable,
          "the volume was too busy to be held still"},
    Known{VSS_E_HOLD_WRITES_TIMEOUT, ErrorKind::kUnavailable,
          "the volume was too busy to be held still"},
    Known{VSS_E_PROVIDER_VETO, ErrorKind::kUnavailable,
          "the provider of snapshots refused (see the system log)"},
    Known{VSS_E_VOLUME_NOT_SUPPORTED, ErrorKind::kUnsupported,
          "the volume's file system has no snapshots"},
    Known{VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER, ErrorKind::kUnsupported,
          "the volume's file system has no snapshots"},
    Known{VSS_E_INSUFFICIENT_STORAGE, ErrorKind::kUnsupported,
          "there is no room for a snapshot (vssadmin resize shadowstorage)"},
    Known{VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED, ErrorKind::kUnsupported,
          "the volume has all the snapshots that it may have (vssadmin list shadows)"},
    Known{E_NOTIMPL, ErrorKind::kUnsupported, "this system has no Volume Shadow Copy Service"},
    Known{E_ACCESSDENIED, ErrorKind::kRefused, "only an administrator may make a snapshot"},
};

Error step_error(std::string_view step, HRESULT code) {
  const auto* known =
      std::ranges::find_if(kKnown, [&](const Known& one) { return one.code == code; });
  const std::string words = known == kKnown.end()
                                ? "the snapshot service failed (see the application log)"
                                : std::string(known->words);
  return {known == kKnown.end() ? ErrorKind::kUnsupported : known->kind,
          "snapshot: " + std::string(step) + ": " + words + ", " + code_text(code)};
}

std::string writer_failure(HRESULT code) {
  switch (code) {
    case VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT:
      return "its files lie on more volumes than the snapshot holds, " + code_text(code);
    case VSS_E_WRITERERROR_OUTOFRESOURCES:
      return "it ran out of memory, " + code_text(code);
    case VSS_E_WRITERERROR_TIMEOUT:
      return "it took too long, " + code_text(code);
    case VSS_E_WRITERERROR_RETRYABLE:
      return "it failed for the moment, " + code_text(code);
    default:
      return "it failed, " + code_text(code);
  }
}

/// The service and the function of it that nobody declares in a header.
class Service {
 public:
  using Create = HRESULT(STDAPICALLTYPE*)(IVssBackupComponents**);

  static Result<Create> get() {
    static const Service service;
    if (service.create_ != nullptr) return service.create_;
    return fail(ErrorKind::kUnsupported, "snapshot: this system has no Volume Shadow Copy Service");
  }

 private:
  Service() {
    // Its answers come from the service's process: it, and administrators, may call us.
    const HRESULT com = ::CoInitializeEx(nullptr, COINIT_MULTITHREADED);
    if (FAILED(com) && com != RPC_E_CHANGED_MODE) return;
    // ignored: somebody chose before us, and the service will say if it does not suit it.
    static_cast<void>(
        ::CoInitializeSecurity(nullptr, -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                               RPC_C_IMP_LEVEL_IDENTIFY, nullptr, EOAC_DYNAMIC_CLOAKING, nullptr));
    const HMODULE library = ::LoadLibraryExW(L"vssapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (library == nullptr) return;
    create_ = reinterpret_cast<Create>(
        reinterpret_cast<void*>(::GetProcAddress(library, "CreateVssBackupComponentsInternal")));
  }
  Create create_ = nullptr;
};

class Requester final : public VssRequester {
 public:
  explicit Requester() = default;
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;
  ~Requester() override {
    // ignored: what was not finished goes with the last reference in any case.
    if (begun_ && !completed_) static_cast<void>(parts_->AbortBackup());
  }

  Result<void> open() {
    ASSIGN_OR_RETURN(const Service::Create create, Service::get());
    // Threads that join no kind of COM themselves share this one's.
    const HRESULT made = create(parts_.put());
    if (FAILED(made)) return std::unexpected(step_error("begin", made));
    return {};
  }

  Result<void> begin() override {
    TRY(did("begin", parts_->InitializeForBackup()));
    // A copy: other programs' chains of differential backups are left alone.
    TRY(did("begin", parts_->SetBackupState(FALSE, FALSE, VSS_BT_COPY, FALSE)));
    begun_ = true;
    TRY(wait("ask the programs", kToGather,
             [&](IVssAsync** job) { return parts_->GatherWriterMetadata(job); }));
    return did("begin a set", parts_->StartSnapshotSet(&set_));
  }

  Result<void> add(const std::string& volume) override {
    ASSIGN_OR_RETURN(std::wstring native, native_path(volume));
    if (!native.ends_with(L'\\')) native += L'\\';
    return did("add the volume", parts_->AddToSnapshotSet(native.data(), GUID{}, &snapshot_));
  }

  Result<void> prepare() override {
    return wait("prepare", kToPrepare,
                [&](IVssAsync** job) { return parts_->PrepareForBackup(job); });
  }

  Result<void> hold() override {
    return wait("make", kToHold, [&](IVssAsync** job) { return parts_->DoSnapshotSet(job); });
  }

  Result<std::vector<VssWriter>> writers() override {
    TRY(wait("ask how it went", kToGather,
             [&](IVssAsync** job) { return parts_->GatherWriterStatus(job); }));
    UINT count = 0;
    TRY(did("ask how it went", parts_->GetWriterStatusCount(&count)));
    std::vector<VssWriter> found;
    for (UINT i = 0; i < count; ++i) {
      VSS_ID instance{};
      VSS_ID writer{};
      Text name;
      VSS_WRITER_STATE state{};
      HRESULT failure = S_OK;
      if (FAILED(parts_->GetWriterStatus(i, &instance, &writer, name.put(), &state, &failure))) {
        continue;
      }
      const bool failed = FAILED(failure);
      found.push_back(
          {name.get(), failed ? writer_failure(failure) : std::string(),
           failure == VSS_E_WRITERERROR_RETRYABLE || failure == VSS_E_WRITERERROR_TIMEOUT});
    }
    // ignored: frees memory.
    static_cast<void>(parts_->FreeWriterStatus());
    return found;
  }

  Result<std::string> folder() override {
    VSS_SNAPSHOT_PROP known{};
    TRY(did("find", parts_->GetSnapshotProperties(snapshot_, &known)));
    std::string folder = to_wtf8(known.m_pwszSnapshotDeviceObject);
    free_properties(known);
    std::ranges::replace(folder, '\\', '/');
    return folder + "/";
  }

  Result<void> complete() override {
    completed_ = true;
    return wait("complete", kToComplete,
                [&](IVssAsync** job) { return parts_->BackupComplete(job); });
  }

 private:
  static Result<void> did(std::string_view step, HRESULT code) {
    if (SUCCEEDED(code)) return {};
    return std::unexpected(step_error(step, code));
  }

  /// VssFreeSnapshotProperties, which only the library's import file has.
  static void free_properties(VSS_SNAPSHOT_PROP& known) {
    for (VSS_PWSZ text : {known.m_pwszSnapshotDeviceObject, known.m_pwszOriginalVolumeName,
                          known.m_pwszOriginatingMachine, known.m_pwszServiceMachine,
                          known.m_pwszExposedName, known.m_pwszExposedPath}) {
      ::CoTaskMemFree(text);
    }
  }

  template <class Begin>
  Result<void> wait(std::string_view step, seconds patience, Begin begin) {
    Com<IVssAsync> job;
    TRY(did(step, begin(job.put())));
    const auto deadline = steady_clock::now() + patience;
    for (;;) {
      constexpr DWORD kLook = 500;
      HRESULT result = S_OK;
      TRY(did(step, job->Wait(kLook)));
      TRY(did(step, job->QueryStatus(&result, nullptr)));
      if (result != VSS_S_ASYNC_PENDING) {
        if (result == VSS_S_ASYNC_FINISHED) return {};
        return std::unexpected(step_error(step, result));
      }
      if (steady_clock::now() < deadline) continue;
      // ignored: it is given up, whether it hears it or not.
      static_cast<void>(job->Cancel());
      return fail(ErrorKind::kTimeout, "snapshot: " + std::string(step) + ": not done after " +
                                           std::to_string(patience.count()) + " s");
    }
  }

  Com<IVssBackupComponents> parts_;
  VSS_ID set_{};
  VSS_ID snapshot_{};
  bool begun_ = false;
  bool completed_ = false;
};

}  // namespace

Result<std::unique_ptr<VssRequester>> make_vss_requester() {
  auto requester = std::make_unique<Requester>();
  TRY(requester->open());
  return requester;
}

Result<std::optional<VolumePlace>> locate_volume(const Handle& directory) {
  if (!directory.valid()) return std::nullopt;
  std::wstring path(32768, L'\0');
  const DWORD length = ::GetFinalPathNameByHandleW(
      native_of(directory), path.data(), static_cast<DWORD>(path.size()), VOLUME_NAME_GUID);
  // A share, a RAM disk: no volume that the service knows.
  if (length == 0 || length >= path.size()) return std::nullopt;
  path.resize(length);
  const std::size_t end = path.find(L'\\', 4);
  if (!path.starts_with(L"\\\\?\\Volume{") || end == std::wstring::npos) return std::nullopt;
  FileStatus status;
  if (!status_of(native_of(directory), status)) {
    return failure("stat", to_wtf8(path), Whose::kSource);
  }
  VolumePlace place;
  place.volume = to_wtf8(path.substr(0, end + 1));
  std::ranges::replace(place.volume, '\\', '/');
  place.inner = to_wtf8(path.substr(end + 1));
  std::ranges::replace(place.inner, '\\', '/');
  place.device = status.device;
  return place;
}

}  // namespace obhut::platform::win

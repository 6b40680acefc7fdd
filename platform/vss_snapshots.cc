#include "platform/vss_snapshots.h"

#include <algorithm>
#include <array>

#include "agent/base/text.h"
#include "platform/filesystem.h"

namespace obhut::platform {
namespace {

class VssSnapshot final : public OpenSnapshot {
 public:
  VssSnapshot(std::unique_ptr<VssRequester> requester, std::string folder)
      : requester_(std::move(requester)), folder_(std::move(folder)) {}
  VssSnapshot(const VssSnapshot&) = delete;
  VssSnapshot& operator=(const VssSnapshot&) = delete;
  ~VssSnapshot() override {
    // ignored: what was read is good, whatever the writers think of the end.
    static_cast<void>(requester_->complete());
  }

  [[nodiscard]] std::string folder() const override { return folder_; }
  // A snapshot has the serial number of its volume.
  [[nodiscard]] std::uint64_t device() const override { return 0; }
  /// The service drops the oldest snapshots where the room for them runs out.
  [[nodiscard]] Result<void> still_whole() const override {
    const Result<Directory> there = Directory::open(folder_);
    if (there) return {};
    return fail(ErrorKind::kSourceGone,
                "snapshot " + printable(folder_) +
                    ": the system removed it while it was read; give shadow copies more room "
                    "(vssadmin resize shadowstorage)");
  }

 private:
  std::unique_ptr<VssRequester> requester_;
  std::string folder_;
};

/// Those that failed, by name; nothing where all is well.
std::optional<Error> failed_writers(VssRequester& requester) {
  Result<std::vector<VssWriter>> writers = requester.writers();
  if (!writers) return std::move(writers).error();
  std::string text;
  bool may_pass = true;
  for (const VssWriter& writer : *writers) {
    if (writer.failure.empty()) continue;
    text += (text.empty() ? "" : "; ") + printable(writer.name) + " (" + writer.failure + ")";
    may_pass = may_pass && writer.may_pass;
  }
  if (text.empty()) return std::nullopt;
  return Error{may_pass ? ErrorKind::kUnavailable : ErrorKind::kUnsupported,
               "snapshot: these programs could not hold still: " + text +
                   "; restart their services, or see the application log"};
}

/// A step that failed is a writer's fault more often than not: then it is the writer that is named.
Error explained(VssRequester& requester, Error failure) {
  std::optional<Error> writers = failed_writers(requester);
  const bool named = writers && writers->message.starts_with("snapshot: these programs");
  return named ? std::move(*writers) : std::move(failure);
}

Result<std::unique_ptr<OpenSnapshot>> attempt(const MakeVssRequester& make_requester,
                                              const std::string& volume) {
  ASSIGN_OR_RETURN(std::unique_ptr<VssRequester> requester, make_requester());
  TRY(requester->begin());
  TRY(requester->add(volume));
  if (Result<void> ready = requester->prepare(); !ready) {
    return std::unexpected(explained(*requester, std::move(ready).error()));
  }
  if (Result<void> held = requester->hold(); !held) {
    return std::unexpected(explained(*requester, std::move(held).error()));
  }
  if (std::optional<Error> failed = failed_writers(*requester)) {
    return std::unexpected(std::move(*failed));
  }
  ASSIGN_OR_RETURN(std::string folder, requester->folder());
  return std::make_unique<VssSnapshot>(std::move(requester), std::move(folder));
}

}  // namespace

Result<std::unique_ptr<OpenSnapshot>> VssSnapshots::make(const std::string& volume,
                                                         const std::string& /*name*/) {
  // Another backup's snapshot, or a program that was busy: both pass.
  constexpr std::array kPauses{std::chrono::seconds(10), std::chrono::seconds(30)};
  for (std::size_t tries = 0;; ++tries) {
    Result<std::unique_ptr<OpenSnapshot>> made = attempt(make_, volume);
    if (made) return made;
    const ErrorKind kind = made.error().kind;
    const bool passing = kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout;
    if (passing && tries < kPauses.size()) {
      pause_(kPauses.at(tries));
      continue;
    }
    return fail(ErrorKind::kUnsupported, std::move(made).error().message);
  }
}

}  // namespace obhut::platform

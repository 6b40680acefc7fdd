#include <cstring>
#include <vector>

#include "platform/change_journal.h"
#include "platform/vss_requester_windows.h"
#include "platform/win.h"

namespace obhut::platform {
namespace {

/// Content, alternate streams and extended attributes. What else is recorded (names, rights,
/// attributes) moves the change time in any case.
constexpr DWORD kWritten = USN_REASON_DATA_OVERWRITE | USN_REASON_DATA_EXTEND |
                           USN_REASON_DATA_TRUNCATION | USN_REASON_NAMED_DATA_OVERWRITE |
                           USN_REASON_NAMED_DATA_EXTEND | USN_REASON_NAMED_DATA_TRUNCATION |
                           USN_REASON_STREAM_CHANGE | USN_REASON_EA_CHANGE;

// The first version of each, which NTFS always speaks; headers give their names to newer ones.
struct JournalData {
  std::uint64_t id;
  std::int64_t first;
  std::int64_t next;
  std::int64_t lowest_valid;
  std::int64_t most;
  std::uint64_t most_size;
  std::uint64_t step;
};
struct Wanted {
  std::int64_t start;
  DWORD reasons;
  DWORD only_when_closed;
  std::uint64_t timeout;
  std::uint64_t wait_for_bytes;
  std::uint64_t id;
};
struct Record {
  DWORD length;
  WORD major;
  WORD minor;
  std::uint64_t file;
  std::uint64_t folder;
  std::int64_t at;
  std::int64_t time;
  DWORD reasons;
  DWORD source;
  DWORD security;
  DWORD attributes;  // a name follows
};

struct Volume {
  Handle handle;
  std::uint64_t device = 0;
};

/// Invalid where it is not ours to open.
Volume volume_of(const Handle& directory) {
  const Result<std::optional<VolumePlace>> place = win::locate_volume(directory);
  if (!place || !*place) return {};
  Result<std::wstring> path = win::native_path((*place)->volume);
  if (!path) return {};
  while (path->ends_with(L'\\')) path->pop_back();
  return {win::handle_of(::CreateFileW(path->c_str(), GENERIC_READ,
                                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                       nullptr, OPEN_EXISTING, 0, nullptr)),
          (*place)->device};
}

std::optional<JournalData> journal_of(const Volume& volume) {
  JournalData data{};
  DWORD size = 0;
  if (!volume.handle.valid() ||
      ::DeviceIoControl(win::native_of(volume.handle), FSCTL_QUERY_USN_JOURNAL, nullptr, 0, &data,
                        sizeof data, &size, nullptr) == 0 ||
      size < sizeof data) {
    return std::nullopt;
  }
  return data;
}

/// What follows the eight bytes of the next position. False for a record that does not add up.
bool take_records(ByteView records, std::unordered_set<std::uint64_t>& inodes) {
  while (!records.empty()) {
    Record record{};
    if (records.size() < sizeof record) return false;
    std::memcpy(&record, records.data(), sizeof record);
    if (record.major != 2 || record.length < sizeof record || record.length > records.size()) {
      return false;
    }
    if ((record.reasons & kWritten) != 0) inodes.insert(record.file);
    records = records.subspan(record.length);
  }
  return true;
}

class UsnJournal final : public ChangeJournal {
 public:
  std::optional<JournalPosition> end_of(const Handle& directory) override {
    const Volume volume = volume_of(directory);
    const auto journal = journal_of(volume);
    if (!journal) return std::nullopt;
    return JournalPosition{volume.device, journal->id, journal->next};
  }

  std::optional<std::unordered_set<std::uint64_t>> written_since(const Handle& directory,
                                                                 const JournalPosition& from,
                                                                 std::size_t most) override {
    const Volume volume = volume_of(directory);
    const auto journal = journal_of(volume);
    if (!journal || journal->id != from.journal || from.next < journal->first ||
        from.next > journal->next) {
      return std::nullopt;
    }
    std::unordered_set<std::uint64_t> inodes;
    Bytes buffer(64U << 10U);
    Wanted wanted{};
    wanted.start = from.next;
    wanted.reasons = kWritten;
    wanted.id = from.journal;
    // To where it ended when we began: what comes meanwhile is of the run after this one.
    while (wanted.start < journal->next) {
      DWORD size = 0;
      if (::DeviceIoControl(win::native_of(volume.handle), FSCTL_READ_USN_JOURNAL, &wanted,
                            sizeof wanted, buffer.data(), static_cast<DWORD>(buffer.size()), &size,
                            nullptr) == 0 ||
          size < sizeof(std::int64_t)) {
        return std::nullopt;
      }
      std::int64_t next = 0;
      std::memcpy(&next, buffer.data(), sizeof next);
      if (!take_records(ByteView(buffer).subspan(sizeof next, size - sizeof next), inodes) ||
          inodes.size() > most || next <= wanted.start) {
        return std::nullopt;
      }
      wanted.start = next;
    }
    return inodes;
  }
};

}  // namespace

std::unique_ptr<ChangeJournal> change_journal() {
  return std::make_unique<UsnJournal>();
}

}  // namespace obhut::platform

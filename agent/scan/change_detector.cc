#include "agent/scan/change_detector.h"

#include <algorithm>

namespace obhut::scan {

std::optional<model::EntryType> entry_type_of(platform::FileType type) {
  switch (type) {
    case platform::FileType::kRegular:
      return model::EntryType::kFile;
    case platform::FileType::kDirectory:
      return model::EntryType::kDirectory;
    case platform::FileType::kSymlink:
      return model::EntryType::kSymlink;
    case platform::FileType::kFifo:
      return model::EntryType::kFifo;
    case platform::FileType::kCharDevice:
      return model::EntryType::kCharDevice;
    case platform::FileType::kBlockDevice:
      return model::EntryType::kBlockDevice;
    case platform::FileType::kSocket:
      return model::EntryType::kSocket;
    case platform::FileType::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

model::FileTime file_time_of(std::int64_t nanoseconds_since_1970) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = nanoseconds_since_1970 / kSecond;
  std::int64_t rest = nanoseconds_since_1970 % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {seconds, static_cast<std::uint32_t>(rest)};
}

bool ChangeDetector::is_unchanged(const platform::FileStatus& now,
                                  const model::Entry& earlier) const {
  constexpr std::chrono::seconds kCoarsestTick{2};
  const std::int64_t settled =
      std::chrono::nanoseconds((earlier_scan_ - kCoarsestTick).time_since_epoch()).count();
  return entry_type_of(now.type) == earlier.type && now.size == earlier.size &&
         now.inode == earlier.inode && now.device == earlier.device &&
         file_time_of(now.mtime_ns) == earlier.modified &&
         file_time_of(now.ctime_ns) == earlier.changed &&
         std::max(now.mtime_ns, now.ctime_ns) < settled &&
         (earlier.marks & model::kChangedWhileRead) == 0;
}

}  // namespace obhut::scan

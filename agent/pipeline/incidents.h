#pragma once
// What a run could not take as it was: listed, never passed over in silence.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace obhut::pipeline {

enum class IncidentKind : std::uint8_t {
  kSkipped,  ///< not in the point: it could not be read
  kChanged,  ///< in the point, marked: it changed every time it was read
  kIgnored,  ///< no backup holds such entries: sockets, memory paged out
};

/// "skipped", "changed", "ignored": stable words for JSON.
std::string_view to_string(IncidentKind kind);

struct Incident {
  IncidentKind kind = IncidentKind::kSkipped;
  std::string path;  ///< raw bytes, absolute
  Error reason;
};

/// Counts all, remembers the first kRemembered, so that a tree of a million unreadable files does
/// not eat the machine. Thread: any.
class Incidents {
 public:
  static constexpr std::size_t kRemembered = 10'000;

  void add(Incident incident);
  [[nodiscard]] std::uint64_t count(IncidentKind kind) const;
  /// In the order in which they happened.
  [[nodiscard]] std::vector<Incident> remembered() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Incident> remembered_;
  std::uint64_t counts_[3] = {};
};

}  // namespace obhut::pipeline

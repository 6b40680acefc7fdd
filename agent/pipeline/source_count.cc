#include "agent/pipeline/source_count.h"

#include <algorithm>
#include <ctime>

namespace obhut::pipeline {
namespace {

using Seconds = std::chrono::duration<double>;

/// Some tenths of a millisecond of work.
constexpr unsigned kBurst = 256;
constexpr std::chrono::milliseconds kRest{100};

Seconds processor_time() {
  return Seconds(static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
}

struct Count {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// False at the end of the tree.
bool count_burst(scan::Walker& walker, Count& count) {
  for (unsigned i = 0; i < kBurst; ++i) {
    const std::optional<scan::WalkEvent> step = walker.next();
    if (!step) return false;
    if (step->kind != scan::WalkKind::kEntry) continue;
    ++count.files;
    if (step->status.type == platform::FileType::kRegular) count.bytes += step->status.size;
  }
  return true;
}

}  // namespace

void count_sources(scan::Walker walker, const CountBudget& budget, Clock& clock,
                   ProgressBoard& board, const std::stop_token& stop) {
  const auto began = clock.steady();
  const Seconds processor_began = processor_time();
  if (!clock.sleep_for(budget.begin_after, stop)) return;
  Count count;
  Seconds spent{0};
  while (!stop.stop_requested() && !board.walked) {
    const auto before = clock.steady();
    const bool more = count_burst(walker, count);
    const auto after = clock.steady();
    spent += after - before;
    board.counted_files = count.files;
    board.counted_bytes = count.bytes;
    if (!more) {
      board.counted = true;
      return;
    }
    const auto allowed = [&] {
      return budget.share *
             std::max(Seconds(clock.steady() - began), processor_time() - processor_began);
    };
    while (spent > allowed()) {
      if (!clock.sleep_for(kRest, stop)) return;
    }
  }
}

}  // namespace obhut::pipeline

#pragma once
// Lines of events, read block by block and on a thread of its own: reading them is most of what
// rating costs.

#include <cstdint>
#include <deque>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "service/billing/event.h"

namespace obhut::billing {

struct EventLine {
  EventView event;             ///< its names lie in what the block was read from, or in `decoded`
  std::uint64_t position = 0;  ///< the byte at which the line begins
};

/// Whole lines, in their order, up to the first that is no event. Its memory is used again.
struct EventBlock {
  std::vector<EventLine> lines;
  std::uint64_t bytes = 0;          ///< of the text that was read
  std::deque<std::string> decoded;  ///< names that do not stand in the text as they are meant
  std::optional<Error> fault;       ///< of the line behind the last; it names no line
};

/// Takes a block; an error ends the reading.
using TakeEvents = std::function<Result<void>(const EventBlock&)>;

/// Gives all lines to `take`, in their order and on the calling thread, while another one reads
/// ahead. The end of the last line may be missing. Memory: some 15 MB.
/// Errors: those of `take`. Where the stream breaks off, its state says so afterwards.
Result<void> read_event_lines(std::istream& stream, const TakeEvents& take);

}  // namespace obhut::billing

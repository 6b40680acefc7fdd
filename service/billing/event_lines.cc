#include "service/billing/event_lines.h"

#include <algorithm>
#include <array>
#include <functional>
#include <istream>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "agent/base/queue.h"
#include "service/billing/json_reader.h"
#include "service/billing/line_store.h"

namespace obhut::billing {
namespace {

constexpr std::size_t kTextSize = kMaxLine * 2;
/// One being read, one waiting, one being taken.
constexpr std::size_t kBlocks = 3;

/// A block and the text that its names lie in.
struct Stretch {
  std::unique_ptr<char[]> text = std::make_unique_for_overwrite<char[]>(kTextSize);
  EventBlock block;
};

/// Names of plain lines lie in the line; others in the reader, which forgets them.
void keep_names(std::string_view line, EventView& event, EventBlock& block) {
  const auto lies_in_line = [line](std::string_view name) {
    return name.empty() || (std::less_equal<>{}(line.data(), name.data()) &&
                            std::less<>{}(name.data(), line.data() + line.size()));
  };
  for (std::string_view* name : {&event.id, &event.customer, &event.object, &event.kind}) {
    if (!lies_in_line(*name)) *name = block.decoded.emplace_back(*name);
  }
}

Result<EventView> read_line(std::string_view line, ObjectReader& reader) {
  if (line.size() > kMaxLine) return fail(ErrorKind::kInvalidInput, "is too long");
  ASSIGN_OR_RETURN(const auto fields, reader.read(line));
  return event_of(fields);
}

void read_lines(std::string_view text, std::uint64_t position, ObjectReader& reader,
                EventBlock& block) {
  block.lines.clear();
  block.decoded.clear();
  block.fault.reset();
  block.bytes = text.size();
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    auto event = read_line(line, reader);
    if (!event) {
      block.fault = std::move(event.error());
      return;
    }
    keep_names(line, *event, block);
    block.lines.push_back({*event, position});
    const std::size_t taken = std::min(line.size() + 1, text.size());
    position += taken;
    text.remove_prefix(taken);
  }
}

/// Cuts what comes into stretches of whole lines; what follows the last line end of one begins the
/// next.
class StretchReader {
 public:
  explicit StretchReader(std::istream& stream) : stream_(stream) {}

  /// False where nothing is left, or what came last had a fault.
  bool read(Stretch& into) {
    if (ended_) return false;
    std::ranges::copy(rest_, into.text.get());
    stream_.read(into.text.get() + rest_.size(),
                 static_cast<std::streamsize>(kTextSize - rest_.size()));
    const auto got = static_cast<std::size_t>(stream_.gcount());
    const std::string_view text(into.text.get(), rest_.size() + got);
    std::size_t lines = text.rfind('\n') + 1;
    // A stretch without any line end is the last line, or one that is too long and will be refused.
    if (got == 0 || lines == 0) {
      lines = text.size();
      ended_ = true;
    }
    rest_ = text.substr(lines);
    read_lines(text.substr(0, lines), position_, reader_, into.block);
    position_ += lines;
    ended_ = ended_ || into.block.fault;
    return !text.empty();
  }

 private:
  std::istream& stream_;
  ObjectReader reader_;
  std::string rest_;
  std::uint64_t position_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<void> read_event_lines(std::istream& stream, const TakeEvents& take) {
  std::array<Stretch, kBlocks> stretches;
  BoundedQueue<Stretch*> empty(kBlocks);
  BoundedQueue<Stretch*> full(kBlocks);
  for (Stretch& stretch : stretches) empty.push(&stretch, {});
  const std::jthread ahead([&](const std::stop_token& stop) {
    StretchReader reader(stream);
    while (const auto stretch = empty.pop(stop)) {
      if (!reader.read(**stretch) || !full.push(*stretch, stop)) break;
    }
    full.close();
  });
  while (const auto stretch = full.pop({})) {
    TRY(take((*stretch)->block));
    empty.push(*stretch, {});
  }
  return {};
}

}  // namespace obhut::billing

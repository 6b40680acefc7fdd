#include "agent/maintain/repack_stamp.h"

#include <optional>
#include <string_view>

#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::maintain {
namespace {

constexpr std::size_t kMostBytes = 16U << 20U;

}  // namespace

RepackStamp::RepackStamp(const std::string& directory)
    : path_(directory.empty() ? "" : platform::join(directory, "repacked")) {}

bool RepackStamp::covers(const vault::HeadChain& chain) const {
  if (path_.empty()) return false;
  const Result<Bytes> bytes = platform::read_file(path_, kMostBytes);
  if (!bytes) return false;
  std::string_view rest = as_text(*bytes);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    const std::optional<Sha256> head = Sha256::parse(rest.substr(0, end));
    const vault::Point* point = head ? chain.find(*head) : nullptr;
    if (point == nullptr || point->dropped) return false;
    rest.remove_prefix(end + 1);
  }
  return true;
}

void RepackStamp::write(const vault::HeadChain& chain) const {
  if (path_.empty()) return;
  std::string text;
  for (const vault::Point* point : chain.kept()) text += point->id.text() + "\n";
  // ignored: without it the next run walks the trees once more
  (void)platform::write_file(path_, as_bytes(text));
}

}  // namespace obhut::maintain

#include "agent/maintain/leave_packs.h"

#include <algorithm>
#include <optional>

#include "agent/base/time_text.h"
#include "agent/maintain/live_blobs.h"
#include "agent/maintain/repack_stamp.h"
#include "agent/vault/sparse_blobs.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::maintain {
namespace {

/// When trees were walked last, told by a file of its own.
class WalkTime {
 public:
  explicit WalkTime(const std::string& directory) : path_(platform::join(directory, "walked")) {}

  /// A time to come is a clock that was wrong: it counts as none.
  [[nodiscard]] bool is_within(std::chrono::hours interval, Instant now) const {
    const Result<Bytes> bytes = platform::read_file(path_, 64);
    if (!bytes) return false;
    const std::optional<Instant> at = parse_time(as_text(*bytes));
    return at && *at <= now && now - *at < interval;
  }
  void write(Instant now) const {
    // ignored: without it the next run walks the trees once more
    (void)platform::write_file(path_, as_bytes(format_time(now)));
  }

 private:
  std::string path_;
};

/// Of the packs of files that `point` needs. Packs of directories stay: the next backup reads them.
Result<std::vector<PackShare>> pack_shares(const vault::Vault& vault,
                                           const vault::IndexCache& index,
                                           const vault::HeadChain& chain, const vault::Point& point,
                                           const LiveBlobs& live) {
  vault::ReferenceWalk walk(chain);
  ASSIGN_OR_RETURN(const model::ReferenceSet* needed, walk.at(point));
  std::vector<PackShare> shares;
  for (std::uint32_t number = 0; number < index.pack_count(); ++number) {
    const pack::PackInfo pack = index.pack(number);
    if (pack.kind != model::BlobKind::kData || pack.epoch != vault.keyring().current()) continue;
    if (!needed->contains({model::ObjectKind::kPack, pack.name})) continue;
    shares.push_back({number, pack.size, std::min(pack.size, live.live_bytes(number))});
  }
  return shares;
}

}  // namespace

Result<LeaveReport> leave_mostly_dead_packs(vault::Vault& vault, const LeaveOptions& options,
                                            const std::stop_token& stop) {
  LeaveReport report;
  const std::string& folder = options.cache_directory;
  if (folder.empty()) return report;
  const WalkTime walked(folder);
  if (walked.is_within(options.interval, options.now)) return report;
  const RepackStamp stamp(folder);
  ASSIGN_OR_RETURN(const vault::HeadChain chain, vault.heads(stop));
  const vault::Point* const latest = chain.latest();
  if (latest == nullptr || stamp.covers(chain)) return report;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<vault::IndexCache> index,
      vault::IndexCache::load(vault.store(), vault.keyring(), folder + "/index", stop));
  LiveBlobs live(*index);
  vault::BlobReader reader(vault.store(), vault.keyring(), *index, {});
  ASSIGN_OR_RETURN(std::optional<Error> unread,
                   mark_kept_points(vault, reader, chain, live, {}, stop));
  if (unread) return std::unexpected(std::move(*unread));
  ASSIGN_OR_RETURN(std::vector<PackShare> shares, pack_shares(vault, *index, chain, *latest, live));
  TRY(index->intact());
  const RepackChoice choice = choose_packs(std::move(shares), options.limits);
  // What was left before stays left, as long as there is something of it: blobs have copies there.
  vault::LeftPacks left = vault::read_left_packs(folder);
  std::erase_if(left, [&](const Sha256& name) { return !index->find_pack(name); });
  for (const PackShare& share : choice.packs) {
    left.insert(index->pack(share.pack).name);
    ++report.packs;
    report.live_bytes += share.live;
  }
  TRY(vault::write_left_packs(folder, {left.begin(), left.end()}));
  if (choice.complete) stamp.write(chain);
  walked.write(options.now);
  return report;
}

}  // namespace obhut::maintain

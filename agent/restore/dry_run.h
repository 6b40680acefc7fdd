#pragma once
// What a restore would do, without doing it.

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/restore/restore_job.h"

namespace obhut::restore {

enum class WouldDo : std::uint8_t { kCreate, kOverwrite, kKeep, kRename };
/// "create", "overwrite", "keep", "rename".
std::string_view to_string(WouldDo action);

struct DryRunReport {
  std::uint64_t create = 0;     ///< entries that are not there, directories among them
  std::uint64_t overwrite = 0;  ///< here and below: what is no directory on both sides
  std::uint64_t keep = 0;
  std::uint64_t rename = 0;  ///< written under another name
  std::uint64_t denied = 0;  ///< whoever asks could not have read them
  std::uint64_t bytes = 0;   ///< that would be written
  struct Example {
    std::string path;  ///< relative to the root of the point
    WouldDo action;
  };
  std::vector<Example> examples;  ///< the first of each kind
};

/// As things stand now: what changes until the restore runs, and what the disk or the rights of its
/// target do not allow, shows only then. Looks with the rights of `options.writer.caller`.
/// Errors: kInvalidInput where the selection matches nothing; kCancelled; those of a walk.
Result<DryRunReport> dry_run(vault::BlobReader& reader, std::vector<model::Ref> root,
                             const RestoreOptions& options, const std::stop_token& stop);

}  // namespace obhut::restore

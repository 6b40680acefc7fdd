#pragma once
// What a head says to those who have the key: where the tree begins and what the run did.
// Bytes: FORMAT.md section 4.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/model/entry.h"

namespace obhut::model {

/// Of the weakest source.
enum class Consistency : std::uint8_t {
  kBestEffort = 0,  ///< files were read while others could write to them
  kSnapshot = 1,    ///< all of it is as it was at one moment of each volume
};

/// "best-effort", "snapshot": stable words for JSON.
std::string_view to_string(Consistency consistency);

struct Summary {
  std::vector<Ref> root;           ///< parts of the virtual directory "/"
  Totals totals;                   ///< of the whole point
  std::uint64_t stored_bytes = 0;  ///< sealed bytes that this run added
  std::uint64_t new_bytes = 0;     ///< plain bytes that were not stored before
  std::uint64_t read_bytes = 0;    ///< plain bytes read from the sources
  std::uint64_t new_files = 0;
  std::uint64_t changed_files = 0;
  std::uint64_t unchanged_files = 0;
  std::uint64_t skipped_entries = 0;  ///< could not be read: the run ended with exit code 1
  Instant started{};
  Instant finished{};
  Consistency consistency = Consistency::kBestEffort;
  std::string host;                  ///< the machine's name
  std::vector<std::string> sources;  ///< as they were given, raw bytes
  std::vector<Extension> extensions;

  friend bool operator==(const Summary&, const Summary&) = default;
};

/// Errors: kInvalidInput for more than a head can carry.
Result<Bytes> encode_summary(const Summary& summary);
/// Errors: kCorrupt.
Result<Summary> parse_summary(ByteView bytes);

}  // namespace obhut::model

#pragma once
// A few small files of ours as one zip. Recovery points are exported by archive_target.h.

#include <span>
#include <string>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace obhut::restore {

struct ZipMember {
  std::string name;  ///< relative, ASCII
  std::string content;
};

/// The whole archive, in memory; members in their order, for their owner alone (0600).
/// Errors: kInternal, what the library says.
Result<Bytes> make_zip(std::span<const ZipMember> members, Instant written);

}  // namespace obhut::restore

#pragma once
// Tells whether compressing is worth its time.

#include "agent/base/bytes.h"

namespace obhut::chunk {

/// False where a sample of `bytes` looks random (compressed, encrypted): its byte values are spread
/// so evenly that zstd's entropy stage could not win 3%. Looks at 4 KiB in sixteen places.
bool looks_compressible(ByteView bytes);

}  // namespace obhut::chunk

#pragma once
// Tells whether compressing is worth its time.

#include "agent/base/bytes.h"

namespace obhut::seal {

/// False where a sample of `bytes` looks random (compressed, encrypted): sixteen stretches of 256
/// bytes whose values are spread as evenly as chance would. True for less than 64 KiB: trying costs
/// less than being wrong. Repeats of long random stretches are missed; they are rare, and whole
/// chunks of them are found by their ids.
bool looks_compressible(ByteView bytes);

}  // namespace obhut::seal

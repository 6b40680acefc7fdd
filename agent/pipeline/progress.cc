#include "agent/pipeline/progress.h"

namespace obhut::pipeline {

Progress ProgressBoard::snapshot() const {
  return {.phase = phase,
          .files = files,
          .directories = directories,
          .bytes = bytes,
          .read_bytes = read_bytes,
          .new_bytes = new_bytes,
          .stored_bytes = stored_bytes,
          .skipped = skipped,
          .expected_files = expected_files,
          .expected_bytes = expected_bytes};
}

}  // namespace obhut::pipeline

#include "platform/backup_exclusions.h"

namespace obhut::platform {

BackupExclusions backup_exclusions() {
  return {};
}

}  // namespace obhut::platform

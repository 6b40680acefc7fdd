#include "platform/change_journal.h"

namespace obhut::platform {

std::unique_ptr<ChangeJournal> change_journal() {
  return nullptr;
}

}  // namespace obhut::platform

#include "platform/startup.h"

namespace obhut::platform {

std::vector<std::string> start_program(int argc, char** argv) {
  return {argv, argv + argc};
}

}  // namespace obhut::platform

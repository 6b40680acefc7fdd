// Has a file for itself alone until standard input ends: hold_file PATH

#include <cstdio>

#include "platform/startup.h"
#include "platform/win.h"

int main(int argc, char** argv) {
  using namespace obhut::platform;
  const std::vector<std::string> given = start_program(argc, argv);
  const auto path = win::native_path(given.at(1));
  const Handle held = win::handle_of(
      ::CreateFileW(path->c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING, 0, nullptr));
  std::puts(held.valid() ? "held" : "not held");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

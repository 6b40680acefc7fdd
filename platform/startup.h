#pragma once
// What a program does before anything else.

#include <string>
#include <vector>

namespace obhut::platform {

/// First thing in main. Closes what another user of the machine could use against us (libraries out
/// of the current folder), has the standard streams carry bytes as they are, and text in UTF-8.
/// Out: the arguments in UTF-8 (WTF-8 where they are no Unicode), the program's name first.
std::vector<std::string> start_program(int argc, char** argv);

}  // namespace obhut::platform

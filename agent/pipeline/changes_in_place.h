#pragma once
// Which files are changed here and there by the programs that hold them, rather than written anew.

#include <cstddef>
#include <string_view>

#include "agent/base/bytes.h"

namespace obhut::pipeline {

/// What changes_in_place() looks at: superblocks lie within it.
inline constexpr std::size_t kHeadOfFile = 8192;

/// True for disk images, those of virtual machines, databases and mailboxes, by the name's ending
/// or by what the content begins with. Of these a nightly run finds few bytes changed, in many
/// places: smaller chunks store little more than those bytes. In: a file's name and its first
/// kHeadOfFile bytes, fewer where it is shorter. The answer hangs on nothing else: the same file is
/// cut in the same places in every run.
bool changes_in_place(std::string_view name, ByteView head);

}  // namespace obhut::pipeline

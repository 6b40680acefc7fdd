#pragma once
// Where what a person picked lies.

#include <span>
#include <string>

namespace obhut::model {

/// The deepest folder that all of them lie in, without a slash before it: what was picked lands in
/// the chosen folder itself, not far below it. What is no path counts as the root: to refuse it is
/// the daemon's.
std::string folder_of(std::span<const std::string> paths);

}  // namespace obhut::model

#pragma once
// Completions for shells, made of the commands themselves, so that none can be forgotten.

#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace obhut::cli {

struct Context;

enum class Shell { kBash, kZsh, kFish };
std::optional<Shell> parse_shell(std::string_view text);

/// A script that completes the commands and options of `app`; where neither fits, names of files.
std::string completion_script(const CLI::App& app, Shell shell);

/// `completion SHELL`, left out of the help: packages call it.
void add_completion_command(CLI::App& app, Context& context);

}  // namespace obhut::cli

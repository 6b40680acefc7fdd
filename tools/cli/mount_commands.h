#pragma once
// `obhut mount` and `obhut unmount`: recovery points as a folder.

namespace CLI {
class App;
}

namespace obhut::cli {

struct Context;

void add_mount_commands(CLI::App& app, Context& context);

}  // namespace obhut::cli

#include "tools/cli/context.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"

namespace obhut::cli {
namespace {

constexpr Message kError{"obhut: {}\n", "obhut: {}\n"};

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidInput:
      return kExitUsage;
    case ErrorKind::kRefused:
      return kExitRefused;
    // Of a vault in a folder all is local: only the managed commands reach for a cluster, and they
    // map these kinds themselves.
    default:
      return kExitFailed;
  }
}

void print(std::string_view text) {
  // ignored: a reader that has gone (head, less) wants no more
  (void)std::fwrite(text.data(), 1, text.size(), stdout);
}

void report_error(Context& context, const Error& error) {
  context.exit_code = exit_code_of(error);
  std::string line;
  if (context.json) {
    line = nlohmann::json{{"error",
                           {{"kind", std::string(to_string(error.kind))},
                            {"message", printable(error.message)},
                            {"exit_code", context.exit_code}}}}
               .dump() +
           "\n";
  } else {
    line = context.say(kError, {error.message});
  }
  // ignored: there is nobody left to tell
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace obhut::cli

// walk_bench FOLDER [ahead]: how long a walk over FOLDER takes, per entry.

#include <chrono>
#include <cstdio>

#include "agent/scan/walker.h"
#include "platform/machine.h"

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: walk_bench FOLDER [ahead]\n", stderr);
    return 2;
  }
  obhut::scan::WalkOptions options;
  options.look_ahead = argc == 3;
  obhut::Result<obhut::scan::Walker> walker = obhut::scan::Walker::create({argv[1]}, options);
  if (!walker) {
    std::fprintf(stderr, "walk_bench: %s\n", walker.error().message.c_str());
    return 2;
  }
  const auto cpu = [] {
    const obhut::platform::ResourceUsage used = obhut::platform::resource_usage();
    return static_cast<double>((used.user_cpu + used.system_cpu).count());
  };
  const double cpu_before = cpu();
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t entries = 0;
  while (const auto event = walker->next()) {
    if (event->kind != obhut::scan::WalkKind::kLeaveDirectory) ++entries;
  }
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - began;
  const double count = static_cast<double>(entries);
  std::printf("%llu entries, %.3f us wall and %.3f us CPU each, peak %.1f MB\n",
              static_cast<unsigned long long>(entries), wall.count() / count,
              (cpu() - cpu_before) / count,
              static_cast<double>(obhut::platform::resource_usage().peak_memory_bytes) / 1e6);
  return 0;
}

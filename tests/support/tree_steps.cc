// What the tests of every system share of tree_generator.h.

#include <atomic>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/process.h"
#include "tests/support/tree_generator.h"

namespace obhut::tests {
std::vector<TreeItem> random_items(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<TreeItem> items(count);
  for (TreeItem& item : items) {
    // Mostly small files, as in real trees.
    const auto kind = random() % 24;
    item.kind = kind < kItemKinds ? static_cast<ItemKind>(kind) : ItemKind::kSmallFile;
    item.folders.resize(random() % 5);
    for (std::uint8_t& folder : item.folders) folder = static_cast<std::uint8_t>(random());
    item.name = static_cast<std::uint8_t>(random());
    item.size = static_cast<std::uint32_t>(random());
    item.variant = static_cast<std::uint32_t>(random());
  }
  return items;
}

std::string run_shell(const std::string& command, int* status) {
  platform::Command shell;
  shell.program = "/bin/sh";
  shell.arguments = {"-c", command};
  shell.timeout = std::chrono::minutes(10);
  shell.output_cap = std::size_t{1} << 30U;
  const Result<platform::Outcome> ended = platform::run(shell);
  if (!ended) throw std::runtime_error("run a shell: " + ended.error().message);
  if (status != nullptr) *status = ended->exit_code;
  return ended->output;
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string content_of(std::uint64_t seed, std::size_t size, bool compressible) {
  std::mt19937_64 random(seed);
  std::string out;
  out.reserve(size + 16);
  while (out.size() < size) {
    const std::uint64_t value = random();
    if (compressible) {
      out += "line " + std::to_string(value % 1000) + "\n";
    } else {
      out.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  out.resize(size);
  return out;
}

void make_folder(const std::string& path) {
  if (!platform::make_directories(path, 0755)) throw std::runtime_error("make " + path);
}

void move_path(const std::string& from, const std::string& to) {
  if (!platform::rename_path(from, to)) throw std::runtime_error("move " + from);
}

void remove_path(const std::string& path) {
  if (!platform::remove_tree(path)) throw std::runtime_error("remove " + path);
}

std::string names_in(const std::string& folder) {
  std::string names;
  const std::vector<std::string> found = platform::list_directory(folder).value();
  for (const std::string& name : found) names += name + "\n";
  return names;
}

void write_file(const std::string& path, const std::string& content) {
  // In its place, as any program would.
  Result<platform::LocalFile> file = platform::LocalFile::open_for_appending(path, 0644);
  if (file) {
    const Result<void> done = [&]() -> Result<void> {
      TRY(file->truncate(0));
      return file->append(as_bytes(content));
    }();
    if (done) return;
  }
  throw std::runtime_error("write " + path);
}

std::string read_file(const std::string& path) {
  const Result<Bytes> content = platform::read_file(path, std::size_t{1} << 31U);
  return content ? std::string(as_text(*content)) : std::string();
}

TempFolder::TempFolder() {
  const char* base = std::getenv("TMPDIR");
  static std::atomic<unsigned> made = 0;
  std::random_device random;
  const std::string name = "obhut-test-" + std::to_string(random()) + "-" + std::to_string(made++);
  if (kWindows) {
    const Result<std::string> folder = platform::make_temporary_directory(name);
    if (!folder) throw std::runtime_error(folder.error().message);
    path_ = *folder;
    return;
  }
  path_ = std::string(base != nullptr ? base : "/tmp") + "/" + name;
  make_folder(path_);
}

TempFolder::~TempFolder() {
  if (kWindows) {
    (void)platform::remove_tree(path_);
  } else {
    run_shell("chmod -R u+rwX " + shell_quoted(path_) + "; rm -rf " + shell_quoted(path_));
  }
}

}  // namespace obhut::tests

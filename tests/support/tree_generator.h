#pragma once
// Trees to back up: every kind of entry, odd names, holes, hard links across folders. As values
// that RapidCheck can shrink, laid down on disk by make_tree(); and two ways to compare trees that
// share no code with the product: a manifest of our own, and rsync.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace obhut::tests {

enum class ItemKind : std::uint8_t {
  kEmptyFile,
  kSmallFile,
  kMediumFile,
  kLargeFile,
  kSparseFile,
  kSymlink,
  kHardLink,
  kFifo,
  kDevice,
  kSocket,
  kDirectory,
};
inline constexpr int kItemKinds = 11;

/// One entry. Everything is a number, so that any value is valid and shrinks toward the plain.
struct TreeItem {
  ItemKind kind = ItemKind::kEmptyFile;
  std::vector<std::uint8_t> folders;  ///< which of a few folder names, outermost first
  std::uint8_t name = 0;              ///< which of the odd names
  std::uint32_t size = 0;
  std::uint32_t variant = 0;  ///< mode, owner, times, attributes: bits of it decide
};

/// Lays the items down below `root`, which is made. Items whose path is taken are left out.
void make_tree(const std::string& root, const std::vector<TreeItem>& items);

/// A tree of about `count` items for one seed, the same each time.
std::vector<TreeItem> random_items(std::uint64_t seed, std::size_t count);

/// Path below `root` to one line that says all about the entry: type, mode, owner, time, size,
/// device, link target, attributes, SHA-256 of the content, first path of its hard link group.
/// Sockets are left out, since no backup holds them.
std::map<std::string, std::string> manifest_of(const std::string& root);

/// What rsync would change to make `copy` like `original`: empty when they are alike.
std::string rsync_difference(const std::string& original, const std::string& copy);

/// Where there is no shell, and no owners, modes and devices.
inline constexpr bool kWindows = sizeof(wchar_t) == sizeof(char16_t);

/// Runs a shell command; its output, and its exit status in `status`.
std::string run_shell(const std::string& command, int* status = nullptr);

/// `text` in single quotes for the shell.
std::string shell_quoted(const std::string& text);

/// Deterministic bytes that compress about as well as text does where `compressible`.
std::string content_of(std::uint64_t seed, std::size_t size, bool compressible);

void make_folder(const std::string& path);
void move_path(const std::string& from, const std::string& to);
/// With all that is in it.
void remove_path(const std::string& path);
/// As `ls -A` prints them.
std::string names_in(const std::string& folder);

void write_file(const std::string& path, const std::string& content);
std::string read_file(const std::string& path);

/// A folder of its own below $TMPDIR or /tmp, removed at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace obhut::tests

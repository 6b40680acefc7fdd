// Trees of what the tests can make under Wine: files, holes, folders and hard links.

#include <array>

#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/win.h"
#include "tests/support/tree_generator.h"

namespace obhut::tests {
namespace {

const std::array<const char*, 6> kFolders = {"a", "b with space", "c", "\xc3\xa4", "d", "z"};

std::string name_of(const TreeItem& item) {
  static const std::string kLongest(250, 'n');
  static const std::array<std::string, 10> kNames = {
      "plain",   "with space",   "-rf",  "\xc3\xa4\xc3\xb6\xc3\xbc", "...x", ".hidden", kLongest,
      "'quote'", "\xe2\x98\x83", "UPPER"};
  const std::string& base = kNames[item.name % kNames.size()];
  const unsigned copy = item.name / kNames.size();
  return copy == 0 || base.size() > 200 ? base : base + std::to_string(copy);
}

using Links = std::map<platform::FileIdentity, std::string>;

void collect(const platform::Directory& folder, const std::string& relative, Links& links,
             std::map<std::string, std::string>& out) {
  std::vector<std::string> names;
  (void)folder.list([&](std::string_view name, platform::FileType) {
    names.emplace_back(name);
    return true;
  });
  for (const std::string& name : names) {
    const std::string path = relative.empty() ? name : relative + "/" + name;
    const Result<platform::FileStatus> status = folder.status_of(name);
    if (!status) {
      out[path] = status.error().message;
      continue;
    }
    std::string line = "type " + std::to_string(static_cast<int>(status->type)) + " time " +
                       std::to_string(status->mtime_ns);
    if (status->type == platform::FileType::kDirectory) {
      if (const auto child = folder.open_child(name)) collect(*child, path, links, out);
    } else {
      line += " size " + std::to_string(status->size) + " content " +
              to_hex(crypto::sha256(as_bytes(read_file(folder.path() + "/" + name))).bytes());
      if (status->links > 1) {
        line += " first " + links.try_emplace(status->identity(), path).first->second;
      }
    }
    out[path] = line;
  }
}

}  // namespace

void make_tree(const std::string& root, const std::vector<TreeItem>& items) {
  (void)platform::make_directories(root, 0755);
  std::vector<std::string> files;
  for (const TreeItem& item : items) {
    std::string folder = root;
    for (const std::uint8_t index : item.folders) {
      folder += "/" + std::string(kFolders[index % kFolders.size()]);
    }
    (void)platform::make_directories(folder, 0755);
    const std::string path = folder + "/" + name_of(item);
    if (platform::exists(path)) continue;
    std::size_t size = item.size % 2000;
    switch (item.kind) {
      case ItemKind::kDirectory:
        (void)platform::make_directories(path, 0755);
        continue;
      case ItemKind::kHardLink:
        if (files.empty()) continue;
        ::CreateHardLinkW(platform::win::native_path(path)->c_str(),
                          platform::win::native_path(files[item.size % files.size()])->c_str(),
                          nullptr);
        continue;
      case ItemKind::kEmptyFile:
        size = 0;
        break;
      case ItemKind::kMediumFile:
        size = item.size % 300'000;
        break;
      case ItemKind::kLargeFile:
      case ItemKind::kSparseFile:
        size = item.size % 3'000'000;
        break;
      default:
        break;
    }
    write_file(path, content_of(item.variant, size, item.variant % 2 == 0));
    files.push_back(path);
  }
}

std::map<std::string, std::string> manifest_of(const std::string& root) {
  std::map<std::string, std::string> out;
  Links links;
  if (const auto folder = platform::Directory::open(root)) collect(*folder, "", links, out);
  return out;
}

// There is no second judge.
std::string rsync_difference(const std::string& /*original*/, const std::string& /*copy*/) {
  return {};
}

}  // namespace obhut::tests

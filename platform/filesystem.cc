#include "platform/filesystem.h"

#include <vector>

#include "agent/base/text.h"
#include "platform/filesystem_trail.h"

namespace obhut::platform {

std::string Directory::path() const {
  std::vector<const std::string*> names;
  for (const Trail* at = trail_.get(); at != nullptr; at = at->parent.get()) {
    names.push_back(&at->name);
  }
  std::string path = *names.back();
  for (auto name = names.rbegin() + 1; name != names.rend(); ++name) {
    if (!path.ends_with('/')) path += '/';
    path += **name;
  }
  return path;
}

std::string Directory::path_of(std::string_view name) const {
  std::string path = this->path();
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

Result<Directory> Directory::open(const std::string& path) {
  return open_as(path, path, {});
}

Result<SourceFile> Directory::open_file(std::string_view name, const FileIdentity& expected) const {
  ASSIGN_OR_RETURN(SourceFile file, open_file(name));
  ASSIGN_OR_RETURN(const FileStatus status, file.status());
  if (status.identity() != expected) {
    return fail(ErrorKind::kSourceGone,
                "open " + printable(path_of(name)) + ": something else took its place");
  }
  return file;
}

bool Directory::is_cache() const {
  static constexpr std::string_view kSignature = "Signature: 8a477f597d28d172789f06886806bc55";
  const Result<SourceFile> tag = open_file("CACHEDIR.TAG");
  if (!tag) return false;
  Bytes beginning(kSignature.size());
  const Result<std::size_t> got = tag->read_at(0, beginning);
  return got && *got == kSignature.size() && as_text(beginning) == kSignature;
}

}  // namespace obhut::platform

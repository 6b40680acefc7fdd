#include "service/cluster/objects/directory_store.h"

#include <algorithm>

#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"

namespace obhut::cluster::objects {
namespace {

constexpr std::string_view kFolders[] = {"packs", "index", "heads", "keys", "releases"};

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(platform::AtomicFile file, std::uint64_t length, const Sha256& hash)
      : file_(std::move(file)), length_(length), hash_(hash) {}

  Result<void> write(ByteView bytes) override {
    if (bytes.size() > length_ - written_) {
      return fail(ErrorKind::kInvalidInput, "object is longer than announced");
    }
    digest_.update(bytes);
    written_ += bytes.size();
    return file_.write(bytes);
  }

  Result<void> finish() override {
    if (written_ != length_) {
      return fail(ErrorKind::kInvalidInput, "object is shorter than announced");
    }
    if (digest_.finish() != hash_) {
      return fail(ErrorKind::kInvalidInput, "object's sha-256 is not the one announced");
    }
    return file_.commit();
  }

 private:
  platform::AtomicFile file_;
  crypto::Sha256Stream digest_;
  std::uint64_t length_;
  std::uint64_t written_ = 0;
  Sha256 hash_;
};

class FileReader final : public ObjectReader {
 public:
  FileReader(platform::LocalFile file, ByteRange range) : file_(std::move(file)), range_(range) {}

  Result<std::size_t> read(MutableByteView out) override {
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), range_.length));
    if (want == 0) return std::size_t{0};
    ASSIGN_OR_RETURN(const std::size_t n, file_.read_at(range_.offset, out.first(want)));
    range_.offset += n;
    range_.length -= n;
    return n;
  }

 private:
  platform::LocalFile file_;
  ByteRange range_;
};

}  // namespace

Result<std::unique_ptr<DirectoryStore>> DirectoryStore::open(const std::string& directory) {
  const std::string temporary = platform::join(directory, "tmp");
  TRY(platform::make_directories(temporary));
  ASSIGN_OR_RETURN(const std::vector<std::string> left_over, platform::list_directory(temporary));
  for (const std::string& name : left_over) {
    TRY(platform::remove_file(platform::join(temporary, name)));
  }
  for (const std::string_view folder : kFolders) {
    TRY(platform::make_directories(platform::join(directory, folder)));
  }
  TRY(platform::sync_directory(directory));
  return std::unique_ptr<DirectoryStore>(new DirectoryStore(directory));
}

Result<std::string> DirectoryStore::path_of(const std::string& key) const {
  if (!is_key(key)) return fail(ErrorKind::kInvalidInput, "no object key: " + key);
  const std::size_t slash = key.find('/');
  return directory_ + "/" + key.substr(0, slash + 1) + key.substr(slash + 1, 2) + key.substr(slash);
}

Result<std::unique_ptr<ObjectWriter>> DirectoryStore::create(const std::string& key,
                                                             std::uint64_t length,
                                                             const Sha256& hash) {
  ASSIGN_OR_RETURN(const std::string path, path_of(key));
  if (platform::exists(path)) return fail(ErrorKind::kConflict, "object " + key + " exists");
  const std::string folder = platform::parent_of(path);
  if (!platform::exists(folder)) {
    TRY(platform::make_directories(folder));
    TRY(platform::sync_directory(platform::parent_of(folder)));
  }
  ASSIGN_OR_RETURN(platform::AtomicFile file,
                   platform::AtomicFile::create(path, 0600, platform::join(directory_, "tmp")));
  return std::make_unique<FileWriter>(std::move(file), length, hash);
}

Result<std::unique_ptr<ObjectReader>> DirectoryStore::open(const std::string& key,
                                                           ByteRange range) {
  ASSIGN_OR_RETURN(const std::string path, path_of(key));
  ASSIGN_OR_RETURN(platform::LocalFile file, platform::LocalFile::open_for_reading(path));
  ASSIGN_OR_RETURN(const std::uint64_t size, file.size());
  if (range.offset > size || range.length > size - range.offset) {
    return fail(ErrorKind::kCorrupt, "object " + key + " is shorter than expected");
  }
  return std::make_unique<FileReader>(std::move(file), range);
}

Result<std::optional<std::uint64_t>> DirectoryStore::size_of(const std::string& key) {
  ASSIGN_OR_RETURN(const std::string path, path_of(key));
  const Result<platform::FileStatus> status = platform::status_of_path(path);
  if (!status && status.error().kind == ErrorKind::kNotFound) return std::optional<std::uint64_t>{};
  if (!status) return std::unexpected(status.error());
  return std::optional<std::uint64_t>(status->size);
}

Result<void> DirectoryStore::remove(const std::string& key) {
  ASSIGN_OR_RETURN(const std::string path, path_of(key));
  return platform::remove_file(path);
}

Result<void> DirectoryStore::list(std::string_view prefix,
                                  const std::function<bool(const StoredObject&)>& each) {
  // True where something below `path` may begin with the prefix.
  const auto leads = [&](const std::string& path) {
    return prefix.starts_with(path) || path.starts_with(prefix);
  };
  for (const std::string_view folder : kFolders) {
    if (!leads(std::string(folder) + "/")) continue;
    const std::string top = platform::join(directory_, folder);
    ASSIGN_OR_RETURN(const std::vector<std::string> shards, platform::list_directory(top));
    for (const std::string& shard : shards) {
      if (!leads(std::string(folder) + "/" + shard)) continue;
      ASSIGN_OR_RETURN(const std::vector<std::string> names,
                       platform::list_directory(platform::join(top, shard)));
      for (const std::string& name : names) {
        const std::string key = std::string(folder) + "/" + name;
        if (!is_key(key) || !key.starts_with(prefix)) continue;
        // Gone since it was listed: retention works beside us.
        ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, size_of(key));
        if (size && !each({key, *size})) return {};
      }
    }
  }
  return {};
}

}  // namespace obhut::cluster::objects

#include "service/cluster/objects/object_store.h"

#include <algorithm>
#include <array>

#include "agent/crypto/random.h"

namespace obhut::cluster::objects {

using RandomPart = Id<struct RandomPartTag, 16>;

Result<Bytes> read_all(ObjectStore& store, const std::string& key, std::size_t cap) {
  ASSIGN_OR_RETURN(const std::optional<std::uint64_t> size, store.size_of(key));
  if (!size) return fail(ErrorKind::kNotFound, "object " + key + " is missing");
  if (*size > cap) return fail(ErrorKind::kCorrupt, "object " + key + " is too large");
  ASSIGN_OR_RETURN(const std::unique_ptr<ObjectReader> reader, store.open(key, {0, *size}));
  Bytes bytes(static_cast<std::size_t>(*size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    ASSIGN_OR_RETURN(const std::size_t n, reader->read(MutableByteView(bytes).subspan(filled)));
    if (n == 0) return fail(ErrorKind::kCorrupt, "object " + key + " ended early");
    filled += n;
  }
  return bytes;
}

Result<void> write_all(ObjectStore& store, const std::string& key, ByteView bytes,
                       const Sha256& hash) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ObjectWriter> writer,
                   store.create(key, bytes.size(), hash));
  TRY(writer->write(bytes));
  return writer->finish();
}

std::string new_key(std::string_view folder, const Sha256& hash) {
  return std::string(folder) + "/" + hash.text() + "." + crypto::random_id<RandomPart>().text();
}

bool is_key(std::string_view key) {
  static constexpr std::array<std::string_view, 5> kFolders{"packs/", "index/", "heads/", "keys/",
                                                            "releases/"};
  for (const std::string_view folder : kFolders) {
    if (!key.starts_with(folder)) continue;
    const std::string_view name = key.substr(folder.size());
    return name.size() == 64 + 1 + 32 && name[64] == '.' && Sha256::parse(name.substr(0, 64)) &&
           RandomPart::parse(name.substr(65));
  }
  return false;
}

}  // namespace obhut::cluster::objects

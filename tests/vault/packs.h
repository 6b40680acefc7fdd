#pragma once
// Packs and index objects in a store, as a backup leaves them.

#include <vector>

#include "agent/base/check.h"
#include "agent/pack/pack_index.h"
#include "agent/pack/pack_writer.h"
#include "agent/store/store.h"
#include "tests/support/samples.h"

namespace obhut::vault {

struct StoredPack {
  pack::PackInfo info;
  std::vector<BlobId> ids;
};

inline StoredPack put_pack(store::Store& store, const seal::Keyring& keyring,
                           const std::vector<Bytes>& blobs,
                           model::BlobKind kind = model::BlobKind::kData) {
  seal::Sealer sealer(keyring);
  pack::PackWriter writer(sealer, kind);
  StoredPack stored;
  for (const Bytes& blob : blobs) {
    stored.ids.push_back(sealer.id_of(kind, blob));
    CHECK(writer.add(stored.ids.back(), blob));
  }
  Result<pack::FinishedPack> pack = writer.finish();
  CHECK(pack.has_value());
  CHECK(store.put({model::ObjectKind::kPack, pack->info.name}, pack->bytes(), {}));
  stored.info = pack->info;
  return stored;
}

inline Sha256 put_index(store::Store& store, const seal::Keyring& keyring,
                        const pack::IndexObject& index) {
  const Result<Bytes> sealed = pack::seal_index(keyring, index);
  CHECK(sealed.has_value());
  const Result<model::ObjectName> name =
      store::put_named(store, model::ObjectKind::kIndex, *sealed, {});
  CHECK(name.has_value());
  return name->hash;
}

}  // namespace obhut::vault

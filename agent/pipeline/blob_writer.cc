#include "agent/pipeline/blob_writer.h"

#include "agent/base/check.h"

namespace obhut::pipeline {

BlobWriter::BlobWriter(const seal::Keyring& keyring, model::BlobKind kind, PackSink& sink,
                       ProgressBoard& progress)
    : sealer_(keyring), kind_(kind), sink_(sink), progress_(progress), writer_(sealer_, kind) {}

Result<BlobId> BlobWriter::store(ByteView plain, const std::stop_token& stop) {
  CHECK(!plain.empty() && plain.size() <= model::kMaxBlobSize);
  const BlobId id = sealer_.id_of(kind_, plain);
  if (sink_.claim(id)) TRY(store_claimed(id, plain, stop));
  return id;
}

Result<void> BlobWriter::store_claimed(const BlobId& id, ByteView plain,
                                       const std::stop_token& stop) {
  if (!writer_.fits(plain.size())) TRY(flush(stop));
  TRY(writer_.add(id, plain));
  progress_.new_bytes += plain.size();
  return {};
}

Result<void> BlobWriter::flush(const std::stop_token& stop) {
  if (writer_.empty()) return {};
  ASSIGN_OR_RETURN(pack::FinishedPack pack, writer_.finish());
  ASSIGN_OR_RETURN(const bool waited, sink_.submit(std::move(pack), stop));
  // Only now: while it waited, the full buffer was all that this writer held.
  writer_.reuse(sink_.spare_buffer());
  // For the next pack: while the store is behind there is time to make it smaller.
  sealer_.set_effort(waited ? seal::Effort::kThorough : seal::Effort::kQuick);
  return {};
}

}  // namespace obhut::pipeline

// A head is parsed by the cluster from whoever holds a credential.

#include "agent/model/head.h"
#include "agent/model/summary.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto head = model::parse_head(bytes)) {
    REQUIRE(head->sequence > 0);
    REQUIRE(!head->full || head->removed.empty());
    model::ReferenceSet references;
    if (model::apply_head(*head, references)) REQUIRE(references.size() <= head->added.size());
    REQUIRE(!model::verify_head(bytes, SigningKeyId{}));
  }
  if (const auto summary = model::parse_summary(bytes)) {
    const auto again = model::encode_summary(*summary);
    REQUIRE(again.has_value());
    const auto reread = model::parse_summary(*again);
    REQUIRE(reread.has_value() && *reread == *summary);
  }
  return 0;
}

// Slots, signers and replacement lists come from a store that may be hostile, recovery keys from a
// person's hand.

#include "agent/vault/key_slot.h"
#include "agent/vault/recovery_key.h"
#include "agent/vault/replacements.h"
#include "agent/vault/signer.h"
#include "tests/fuzz/require.h"

using namespace obhut;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (const auto header = vault::parse_slot(bytes)) {
    REQUIRE(header->cost.n <= 1U << 20U && header->cost.r <= 8 && header->cost.p <= 4);
  }
  (void)vault::parse_signer(bytes);
  if (const auto list = vault::parse_replacements(bytes)) {
    const auto again = vault::parse_replacements(vault::encode_replacements(*list));
    REQUIRE(again.has_value() && *again == *list);
  }
  if (const auto key = vault::RecoveryKey::parse(as_text(bytes))) {
    const auto again = vault::RecoveryKey::parse(key->text());
    REQUIRE(again.has_value() && again->text() == key->text());
  }
  (void)vault::key_source_from_file_text(as_text(bytes));
  return 0;
}

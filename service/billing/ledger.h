#pragma once
// The ledger's rows and the chain that binds them (BILLING.md section 5). No storage here: the
// cluster keeps the rows in its database and calls this inside the transaction of the fact.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/bytes.h"
#include "agent/base/clock.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"

namespace obhut::billing {

/// One event, as received. Source: FORMAT.md section 1.
struct LedgerRow {
  PartnerId partner;
  std::uint64_t sequence = 0;  ///< 1, 2, 3 … for each partner
  Instant received_at{};       ///< the cluster's clock
  std::string event_id;
  std::string event_json;  ///< one line, without its end
  Sha256 previous;         ///< hash of the row before, or genesis_hash(partner)
};

/// Where a partner's chain stands.
struct LedgerHead {
  std::uint64_t sequence = 0;
  Sha256 hash;
  friend bool operator==(const LedgerHead&, const LedgerHead&) = default;
};

/// The id inside the event's own text.
/// Errors: kInvalidInput where `event_json` is not one event on one line.
Result<std::string> event_id_of(std::string_view event_json);

/// The head of a ledger without rows; bound to the partner, so that no chain passes for another's.
LedgerHead genesis(const PartnerId& partner);

/// The bytes that are hashed: every field, lengths included, so that no two rows share them.
Bytes row_bytes(const LedgerRow& row);
Sha256 row_hash(const LedgerRow& row);

/// The row that follows `head`. Deciding whether the event is there already, by its id and
/// same_event, is the caller's, who has the rows.
/// Errors: kInvalidInput where `event_json` is not one event on one line.
Result<LedgerRow> next_row(const PartnerId& partner, const LedgerHead& head, std::string event_json,
                           Instant received_at);

/// True where two event texts are equal as JSON values, numbers being equal only if written alike:
/// a repeated delivery. False also where either is no JSON object.
bool same_event(std::string_view a, std::string_view b);

/// Walks one partner's rows in order and recomputes the chain.
class ChainVerifier {
 public:
  explicit ChainVerifier(const PartnerId& partner) : partner_(partner), head_(genesis(partner)) {}

  /// In: the next row, and the hash stored with it.
  /// Errors: kCorrupt naming the row's sequence and what does not fit; the head stays where it was.
  Result<void> next(const LedgerRow& row, const Sha256& stored_hash);

  /// The head after the rows seen so far: what a closed month must have been stored with.
  [[nodiscard]] const LedgerHead& head() const { return head_; }

 private:
  PartnerId partner_;
  LedgerHead head_;
};

}  // namespace obhut::billing

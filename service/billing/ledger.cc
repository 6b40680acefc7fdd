#include "service/billing/ledger.h"

#include <algorithm>

#include "agent/base/codec.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "service/billing/event.h"
#include "service/billing/json_reader.h"

namespace obhut::billing {
namespace {

constexpr std::string_view kRowMagic = "obhut.ledger.row/1";
constexpr std::string_view kGenesisMagic = "obhut.ledger.genesis/1";

std::unexpected<Error> broken(const LedgerRow& row, std::string_view what) {
  return fail(ErrorKind::kCorrupt,
              "ledger row " + std::to_string(row.sequence) + ": " + std::string(what));
}

}  // namespace

Result<std::string> event_id_of(std::string_view event_json) {
  if (event_json.find_first_of("\r\n") != std::string_view::npos) {
    return fail(ErrorKind::kInvalidInput, "event: must be one line");
  }
  ObjectReader reader;
  auto fields = reader.read(event_json);
  if (!fields) return pass_on(std::move(fields.error()), "event");
  auto event = event_of(*fields);
  if (!event) return pass_on(std::move(event.error()), "event");
  return std::string(event->id);
}

LedgerHead genesis(const PartnerId& partner) {
  Writer writer;
  writer.text(kGenesisMagic);
  writer.id(partner);
  return {0, crypto::sha256(writer.bytes())};
}

Bytes row_bytes(const LedgerRow& row) {
  Writer writer;
  writer.text(kRowMagic);
  writer.id(row.partner);
  writer.u64(row.sequence);
  writer.u64(static_cast<std::uint64_t>(row.received_at.time_since_epoch().count()));
  writer.id(row.previous);
  writer.text(row.event_id);
  writer.text(row.event_json);
  return std::move(writer).take();
}

Sha256 row_hash(const LedgerRow& row) {
  return crypto::sha256(row_bytes(row));
}

Result<LedgerRow> next_row(const PartnerId& partner, const LedgerHead& head, std::string event_json,
                           Instant received_at) {
  ASSIGN_OR_RETURN(std::string id, event_id_of(event_json));
  return LedgerRow{partner,       head.sequence + 1,     received_at,
                   std::move(id), std::move(event_json), head.hash};
}

bool same_event(std::string_view a, std::string_view b) {
  const auto first = parse_json(a);
  const auto second = parse_json(b);
  if (!first || !second || first->kind != JsonKind::kObject) return false;
  return canonical_json(*first) == canonical_json(*second);
}

Result<void> ChainVerifier::next(const LedgerRow& row, const Sha256& stored_hash) {
  if (row.partner != partner_) return broken(row, "belongs to another partner");
  if (row.sequence != head_.sequence + 1) {
    return broken(row, "follows row " + std::to_string(head_.sequence) + ", a row is missing");
  }
  if (row.previous != head_.hash) return broken(row, "does not hold the hash of the row before");
  const Sha256 hash = row_hash(row);
  if (hash != stored_hash) return broken(row, "does not have the hash stored with it");
  const auto id = event_id_of(row.event_json);
  if (!id) return broken(row, id.error().message);
  if (*id != row.event_id) return broken(row, "names another event than its text");
  head_ = {row.sequence, hash};
  return {};
}

}  // namespace obhut::billing

#include "tests/support/faulty_store.h"

namespace obhut::tests {

void FaultyStore::fail_next(unsigned count, Error error) {
  plan_.with([&](Plan& plan) {
    plan.fail = count;
    plan.error = std::move(error);
  });
}

void FaultyStore::lose_answers(unsigned count) {
  plan_.with([&](Plan& plan) { plan.lose = count; });
}

void FaultyStore::fail_from(std::uint64_t number, Error error) {
  plan_.with([&](Plan& plan) {
    plan.fail_from = number;
    plan.error = std::move(error);
  });
}

void FaultyStore::tamper(std::function<void(const model::ObjectName&, ByteRange, Bytes&)> with) {
  plan_.with([&](Plan& plan) { plan.tamper = std::move(with); });
}

std::uint64_t FaultyStore::calls() const {
  return plan_.with([](const Plan& plan) { return plan.calls; });
}

std::optional<Error> FaultyStore::next_failure() {
  return plan_.with([](Plan& plan) -> std::optional<Error> {
    const std::uint64_t number = plan.calls++;
    if (plan.fail_from && number >= *plan.fail_from) return plan.error;
    if (plan.fail == 0) return std::nullopt;
    --plan.fail;
    return plan.error;
  });
}

Result<void> FaultyStore::put(const model::ObjectName& name, ByteView body, std::stop_token stop) {
  if (std::optional<Error> error = next_failure()) return std::unexpected(std::move(*error));
  TRY(inner_.put(name, body, stop));
  const bool lost = plan_.with([](Plan& plan) {
    if (plan.lose == 0) return false;
    --plan.lose;
    return true;
  });
  if (lost) return fail(ErrorKind::kUnavailable, "the answer was lost");
  return {};
}

Result<Bytes> FaultyStore::get(const model::ObjectName& name, ByteRange range,
                               std::stop_token stop) {
  if (std::optional<Error> error = next_failure()) return std::unexpected(std::move(*error));
  ASSIGN_OR_RETURN(Bytes bytes, inner_.get(name, range, stop));
  const auto tamper = plan_.with([](const Plan& plan) { return plan.tamper; });
  if (tamper) tamper(name, range, bytes);
  return bytes;
}

Result<std::optional<std::uint64_t>> FaultyStore::size_of(const model::ObjectName& name,
                                                          std::stop_token stop) {
  if (std::optional<Error> error = next_failure()) return std::unexpected(std::move(*error));
  return inner_.size_of(name, stop);
}

Result<std::vector<store::ObjectInfo>> FaultyStore::list(model::ObjectKind kind,
                                                         std::stop_token stop) {
  if (std::optional<Error> error = next_failure()) return std::unexpected(std::move(*error));
  return inner_.list(kind, stop);
}

}  // namespace obhut::tests

#pragma once
// A request that reads content by a grant: what of it needs which grant, whether the grant lets it
// go where it is to go, and that the cluster hears of it.
//
// All of that is known before anything is read out or written: a use that could not be told is
// none.

#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "service/endpoint/outbox.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// Requests that give out content: restore, export, preview. Names and sizes are no use of a grant.
bool uses_grants(std::string_view command);

/// Whether a grant lets what `command` asks for go to `to`. A rule for who restores, no barrier
/// against what he does with it afterwards: links on the way are not looked at.
bool allows(const trust::GrantDestination& destination, std::string_view command,
            std::string_view to);

/// A grant that a request cannot do without, and the paths of its scope (by number) that it needs.
struct NeededGrant {
  HeldGrant held;
  std::set<std::size_t> paths;
};

/// In: of `asker` its grants. Out: those without which part of what is asked for would be denied.
/// Errors: kRefused where the destination of one forbids it; those of the points.
Result<std::vector<NeededGrant>> needed_grants(const PointSource& source, const Asker& asker,
                                               std::string_view command,
                                               const nlohmann::json& request,
                                               const std::stop_token& stop);

/// What is told of one request.
class GrantUse {
 public:
  /// Durable once it returns ok. Borrows the outbox. Errors: those of Outbox::add_use().
  static Result<GrantUse> begin(Outbox& outbox, Clock& clock, const platform::Account& who,
                                const std::vector<NeededGrant>& needed, std::string_view command,
                                std::string_view to);
  /// In: the last word of whoever carried it out, or an error. Null where it was
  /// never heard: then "running" is all that is known.
  void end(const Result<nlohmann::json>& answer);

 private:
  GrantUse(Outbox& outbox, Clock& clock) : outbox_(&outbox), clock_(&clock) {}
  Outbox* outbox_;
  Clock* clock_;
  std::vector<wire::ActivityReport> activities_;
};

}  // namespace obhut::endpoint

#include "agent/pipeline/incidents.h"

namespace obhut::pipeline {

std::string_view to_string(IncidentKind kind) {
  switch (kind) {
    case IncidentKind::kSkipped:
      return "skipped";
    case IncidentKind::kChanged:
      return "changed";
    case IncidentKind::kIgnored:
      return "ignored";
  }
  return "skipped";
}

void Incidents::add(Incident incident) {
  const std::scoped_lock lock(mutex_);
  ++counts_[static_cast<std::size_t>(incident.kind)];
  if (remembered_.size() < kRemembered) remembered_.push_back(std::move(incident));
}

std::uint64_t Incidents::count(IncidentKind kind) const {
  const std::scoped_lock lock(mutex_);
  return counts_[static_cast<std::size_t>(kind)];
}

std::vector<Incident> Incidents::remembered() const {
  const std::scoped_lock lock(mutex_);
  return remembered_;
}

}  // namespace obhut::pipeline

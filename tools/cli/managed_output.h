#pragma once
// What the daemon answers, for people.

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/model/job_progress.h"
#include "tools/cli/context.h"

namespace obhut::cli {

std::string status_text(const Context& context, const nlohmann::json& status);
std::string billing_text(const Context& context, const nlohmann::json& billing);
std::string pause_text(const Context& context, const nlohmann::json& pause);
std::string outcome_text(const Context& context, const nlohmann::json& outcome);
std::string points_text(const Context& context, const nlohmann::json& points);
std::string entry_line(const Context& context, const nlohmann::json& entry);
std::string restore_text(const Context& context, const nlohmann::json& report);
std::string verify_text(const Context& context, const nlohmann::json& report);
std::string plan_text(const Context& context, const nlohmann::json& plan);
/// Of an event of obhutd; nothing where there is nothing to show yet.
std::optional<model::ProgressView> progress_in(const nlohmann::json& event);
/// The same as one line, however long.
std::string progress_text(const Context& context, const nlohmann::json& event);

}  // namespace obhut::cli

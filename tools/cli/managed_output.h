#pragma once
// What the daemon answers, for people.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/cli/context.h"

namespace obhut::cli {

/// The text of a member, "" where it is missing or no text.
std::string text_of(const nlohmann::json& object, const char* name);

std::string status_text(const Context& context, const nlohmann::json& status);
std::string pause_text(const Context& context, const nlohmann::json& pause);
std::string outcome_text(const Context& context, const nlohmann::json& outcome);
std::string points_text(const Context& context, const nlohmann::json& points);
std::string entry_line(const Context& context, const nlohmann::json& entry);
std::string restore_text(const Context& context, const nlohmann::json& report);
std::string verify_text(const Context& context, const nlohmann::json& report);
std::string plan_text(const Context& context, const nlohmann::json& plan);
/// One line of progress: "reading: 1,200 files, 1.3 GB".
std::string progress_text(const Context& context, const nlohmann::json& event);

}  // namespace obhut::cli

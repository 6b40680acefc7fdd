#pragma once
// Small things that the commands share.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/trust/trust_list.h"
#include "tools/sign/commands.h"

namespace obhut::sign {

Answer answer(const nlohmann::ordered_json& json, std::string text);
nlohmann::ordered_json operator_json(const trust::Operator& entry);
std::string roles_text(const trust::Operator& entry);

/// A whole file of ours or of a user's. Errors: kNotFound, kInvalidInput (longer than `cap`).
Result<std::string> read_input(const std::string& path, std::size_t cap);
/// Writes durably. `secret`: for the owner alone.
Result<void> write_output(const std::string& path, std::string_view text, bool secret);

/// `at` plus days, to the second, so that what is signed reads back the same.
Instant days_later(Instant at, std::uint32_t days);
Instant to_second(Instant at);

/// Errors: kInvalidInput where `text` is no UTF-8, empty, longer than 128 bytes or holds control
/// characters: it would make a document that no one can read back.
Result<void> check_name(std::string_view what, std::string_view text);

}  // namespace obhut::sign

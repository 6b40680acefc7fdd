#pragma once
// One request that reads recovery points, and what answers to such requests share.

#include <chrono>
#include <memory>

#include <nlohmann/json_fwd.hpp>

#include "agent/model/rel_path.h"
#include "agent/restore/point_tree.h"
#include "service/endpoint/point_reader.h"
#include "service/endpoint/requests.h"

namespace obhut::endpoint {

/// What is asked, by whom and with which rights.
struct PointRequest {
  const PointSource& source;
  PointReader& reader;
  const Asker& asker;
  restore::EntryRights* rights;  ///< null: an administrator's
  const nlohmann::json& request;
  Reply& reply;
  const std::stop_token& stop;
};

/// A path that was asked for, as it was typed, or, with "escaped": true, as answers write paths:
/// what is no UTF-8 can be asked for in that form alone. Errors: kInvalidInput.
Result<std::string> path_bytes(const nlohmann::json& request, const std::string& path);
Result<model::RelPath> path_in_point(const nlohmann::json& request, const std::string& path);

/// A point as lists show it; what it is made of for administrators alone.
nlohmann::json point_json(const PointReader::Row& row, Audience audience);
/// An entry as lists show it. `path` is relative to the root of the point.
nlohmann::json entry_json(const model::Entry& entry, std::string_view path, bool denied);

/// Sends objects in batches: {"event": "entries", "entries": […]}.
class EntryStream {
 public:
  explicit EntryStream(Reply& reply);
  ~EntryStream();
  EntryStream(const EntryStream&) = delete;
  EntryStream& operator=(const EntryStream&) = delete;
  /// False where nobody listens any more; so with flush().
  bool add(nlohmann::json entry);
  bool flush();
  /// As add(), for somebody who watches: nothing waits longer than a tenth of a second.
  bool add_promptly(nlohmann::json entry);
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  Reply& reply_;
  std::unique_ptr<nlohmann::json> batch_;
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point flushed_{};
};

}  // namespace obhut::endpoint

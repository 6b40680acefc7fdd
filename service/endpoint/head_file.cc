#include "service/endpoint/head_file.h"

#include <nlohmann/json.hpp>

#include "service/endpoint/json_fields.h"

namespace obhut::endpoint {

namespace {

using nlohmann::json;

json to_json(const wire::OwnHead& head) {
  return {{"sequence", head.sequence}, {"sha256", head.hash.text()}};
}

std::optional<wire::OwnHead> head_from(const json& all, const char* name, bool acknowledged) {
  const auto at = all.find(name);
  if (at == all.end() || !at->is_object()) return std::nullopt;
  const std::optional<Sha256> hash = id_of<Sha256>(*at, "sha256");
  if (!hash) return std::nullopt;
  return wire::OwnHead{number_or(*at, "sequence"), *hash, acknowledged};
}

}  // namespace

Result<std::unique_ptr<HeadFile>> HeadFile::open(StateFolder& state, const VaultId& vault) {
  std::unique_ptr<HeadFile> file(new HeadFile(state, "heads-" + vault.text() + ".json"));
  ASSIGN_OR_RETURN(const std::optional<json> stored, state.load(file->name_));
  if (stored) {
    file->acknowledged_ = head_from(*stored, "acknowledged", true);
    file->sent_ = head_from(*stored, "sent", false);
  }
  return file;
}

std::optional<wire::OwnHead> HeadFile::newest() {
  const std::scoped_lock lock(mutex_);
  return acknowledged_;
}

Result<void> HeadFile::remember(const wire::OwnHead& head) {
  const std::scoped_lock lock(mutex_);
  if (!head.acknowledged) {
    sent_ = head;
    return save();
  }
  if (acknowledged_ && acknowledged_->sequence > head.sequence) return {};
  acknowledged_ = head;
  if (sent_ && sent_->sequence <= head.sequence) sent_.reset();
  return save();
}

Result<void> HeadFile::save() {
  json all = json::object();
  if (acknowledged_) all["acknowledged"] = to_json(*acknowledged_);
  if (sent_) all["sent"] = to_json(*sent_);
  return state_.save(name_, all);
}

Result<HeadFile*> HeadFiles::of(const VaultId& vault) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<HeadFile>& file = files_[vault];
  if (!file) {
    ASSIGN_OR_RETURN(file, HeadFile::open(state_, vault));
  }
  return file.get();
}

}  // namespace obhut::endpoint

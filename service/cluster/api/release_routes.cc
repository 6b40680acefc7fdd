// Newer versions of the agent: what the provider publishes, and what devices fetch.

#include <nlohmann/json.hpp>

#include "agent/base/time_text.h"
#include "service/cluster/api/body.h"
#include "service/cluster/api/download.h"
#include "service/cluster/api/route.h"

namespace obhut::cluster::api {
namespace {

using http::Response;
using nlohmann::json;

constexpr std::uint64_t kReleaseBody = trust::kReleaseLimit + 1024;
constexpr std::uint64_t kNewestRoot = std::uint64_t{1} << 31U;

/// The bytes of a package on their way in, or, where they are here already, on their way to
/// nowhere.
class PackageSink final : public http::BodySink {
 public:
  PackageSink(StoredPackage package, std::unique_ptr<objects::ObjectWriter> writer)
      : package_(std::move(package)), writer_(std::move(writer)) {}
  Result<void> write(ByteView bytes) override {
    return writer_ ? writer_->write(bytes) : Result<void>();
  }
  Result<void> finish() { return writer_ ? writer_->finish() : Result<void>(); }
  [[nodiscard]] const StoredPackage& package() const { return package_; }
  [[nodiscard]] bool is_known() const { return !writer_; }

 private:
  StoredPackage package_;
  std::unique_ptr<objects::ObjectWriter> writer_;
};

json package_json(const StoredPackage& package) {
  return {{"sha256", package.hash.text()}, {"size", package.size}};
}

json published_json(const char* name, const Releases::Published& published) {
  return {{name, published.number}};
}

Answer<Response> publish_root(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const auto published, services.releases.publish_root(body_text(call)));
  return reply(published.repeated ? 200 : 201, published_json("version", published));
}

Answer<Response> publish_release(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const auto published, services.releases.publish(body_text(call)));
  return reply(published.repeated ? 200 : 201, published_json("serial", published));
}

Answer<void> admit_package(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 0, "package"));
  if (!call.request.content_length) {
    return refuse(411, "length-required", "send a Content-Length");
  }
  const std::uint64_t size = *call.request.content_length;
  if (size == 0 || size > trust::kLargestPackage) {
    return refuse(413, "too-large", "a package has 1 byte to 512 MiB");
  }
  ASSIGN_OR_RETURN(const std::optional<StoredPackage> known, services.releases.find_package(hash));
  if (known) {
    call.request.sink = std::make_unique<PackageSink>(*known, nullptr);
    return {};
  }
  StoredPackage package{hash, size, objects::new_key("releases", hash)};
  auto writer = services.store.create(package.key, size, hash);
  if (!writer) return std::unexpected(Refusal(std::move(writer.error())));
  call.request.sink = std::make_unique<PackageSink>(std::move(package), std::move(*writer));
  return {};
}

Answer<Response> keep_package(const Services& services, Call& call) {
  auto* sink = dynamic_cast<PackageSink*>(call.request.sink.get());
  if (sink == nullptr) return refuse(500, "internal", "the body of the package was lost");
  if (auto finished = sink->finish(); !finished) {
    if (finished.error().kind == ErrorKind::kInvalidInput) {
      return refuse(422, "wrong-content", finished.error().message);
    }
    return std::unexpected(Refusal(std::move(finished.error())));
  }
  if (!sink->is_known()) TRY(services.releases.keep_package(sink->package()));
  return reply(sink->is_known() ? 200 : 201, package_json(sink->package()));
}

Answer<Response> remove_package(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 0, "package"));
  TRY(services.releases.remove_package(hash));
  return http::empty(204);
}

Answer<Response> show_releases(const Services& services, Call& /*call*/) {
  ASSIGN_OR_RETURN(const Releases::Overview all, services.releases.overview());
  json answer = {{"packages", json::array()}};
  if (all.root) {
    answer["root"] = {{"version", all.root->version}, {"expires", format_time(all.root->expires)}};
  }
  if (all.release) {
    answer["release"] = {{"serial", all.release->serial},
                         {"expires", format_time(all.release->expires)}};
  }
  for (const StoredPackage& package : all.packages) {
    answer["packages"].push_back(package_json(package));
  }
  return reply(200, answer);
}

Answer<Response> device_roots(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const std::uint64_t after, query_count(call, "after", 0, kNewestRoot));
  ASSIGN_OR_RETURN(const std::vector<std::string> roots, services.releases.roots_after(after));
  return reply(200, {{"roots", roots}});
}

Answer<Response> device_release(const Services& services, Call& /*call*/) {
  ASSIGN_OR_RETURN(const std::string document, services.releases.newest());
  return reply(200, {{"document", document}});
}

Answer<Response> device_package(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const Sha256 hash, path_id<Sha256>(call, 0, "package"));
  ASSIGN_OR_RETURN(const std::optional<StoredPackage> package,
                   services.releases.find_package(hash));
  if (!package) return not_found("package");
  return send_object(services, call, package->key, package->size);
}

}  // namespace

void add_release_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  const auto with = [&services](auto function) {
    return [&services, function](Call& call) { return function(services, call); };
  };
  table.get("/api/v1/releases", Auth::kProvider, with(show_releases));
  // Harmless: a root is kept once by its version, a release by its serial, a package by its hash.
  table.post("/api/v1/releases", Auth::kProvider, kReleaseBody, with(publish_release),
             Repeat::kHarmless);
  table.post("/api/v1/releases/roots", Auth::kProvider, kReleaseBody, with(publish_root),
             Repeat::kHarmless);
  table.put("/api/v1/releases/packages/{sha256}", Auth::kProvider, trust::kLargestPackage,
            with(keep_package), Repeat::kHarmless);
  routes.back().admit = [&services](Call& call) { return admit_package(services, call); };
  table.remove("/api/v1/releases/packages/{sha256}", Auth::kProvider, with(remove_package));
  table.get("/api/v1/device/release/roots", Auth::kDevice, with(device_roots));
  table.get("/api/v1/device/release", Auth::kDevice, with(device_release));
  table.get("/api/v1/device/release/packages/{sha256}", Auth::kDevice, with(device_package));
}

}  // namespace obhut::cluster::api

// What callers send to every route of the cluster: bodies, and queries where there is no body. The
// caller is known and may do it; the database is real, and what is written is undone.

#include <map>

#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/crypto/random.h"
#include "platform/local_files.h"
#include "service/cluster/api/application.h"
#include "service/cluster/cluster.h"
#include "tests/fuzz/require.h"

using namespace obhut;
using namespace obhut::cluster;

namespace {

class Site {
 public:
  Site() {
    folder_ = platform::make_temporary_directory("obhut-fuzz").value_or("");
    REQUIRE(!folder_.empty());
    Config config;
    config.workers = 1;
    REQUIRE(init_state(folder_, config, clock_.now()));
    auto state = open_state(folder_, clock_.now());
    REQUIRE(state);
    auto opened = Cluster::open(std::move(*state), clock_, Log::silent());
    REQUIRE(opened);
    cluster_ = std::move(*opened);
    make_people();
    // A route whose names are not known here is noticed at once, not when chance comes upon it.
    for (const api::Route& route : cluster_->application().routes()) (void)values(route.pattern);
  }

  ~Site() {
    cluster_.reset();
    // ignored: a left-over is harmless, and whoever has found something leaves it anyway
    (void)platform::remove_tree(folder_);
  }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  void run(std::uint8_t choice, std::string_view text) {
    const auto& routes = cluster_->application().routes();
    const api::Route& route = routes[choice % routes.size()];
    // Two strings each, read by what reads all others, and then a password is hashed: 50 ms.
    if (route.pattern.ends_with("/sessions") || route.pattern.ends_with("/people")) return;
    // Looks names up, and so hangs on the network; fuzz_outgoing reads the addresses.
    if (route.pattern.ends_with("/webhooks") && route.method == http::Method::kPost) return;
    http::Request request;
    request.method = route.method;
    request.path = route.pattern;
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}};
    const bool has_body = route.body_limit > 0 && route.auth != api::Auth::kStore;
    if (has_body) {
      request.body.assign(as_bytes(text).begin(), as_bytes(text).end());
    } else {
      request.query = std::string(text);
    }
    request.content_length = request.body.size();
    api::Call call{request, values(route.pattern), {}, "token", person_, device_, {}, {}, false};
    if (route.auth != api::Auth::kStore) {
      const auto query = http::parse_form(request.query);
      if (!query) return;
      call.query = *query;
    }
    if (route.auth == api::Auth::kDevice) call.person.reset();
    const Answer<void> undone = cluster_->database().together([&](sql::Session&) -> Answer<void> {
      judge(answer(route, call));
      return refuse(403, "undone", "");
    });
    REQUIRE(!undone);
  }

 private:
  static Answer<http::Response> answer(const api::Route& route, api::Call& call) {
    if (route.admit) TRY(route.admit(call));
    return route.handler(call);
  }

  static void judge(const Answer<http::Response>& answered) {
    const int status = answered ? answered->status : answered.error().status;
    // 500 is a mistake of ours, whatever came.
    REQUIRE((status >= 200 && status < 300) || (status >= 400 && status < 500));
    REQUIRE(answered || !answered.error().code.empty());
    if (answered && answered->content_type.starts_with("application/json")) {
      REQUIRE(nlohmann::json::accept(answered->body));
    }
    if (!answered) {
      const http::Response problem =
          http::problem(status, answered.error().code, answered.error().detail);
      REQUIRE(nlohmann::json::accept(problem.body));
    }
  }

  std::vector<std::string> values(std::string_view pattern) const {
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = pattern.find('{', at)) != std::string_view::npos; ++at) {
      found.push_back(
          names_.at(std::string(pattern.substr(at + 1, pattern.find('}', at) - at - 1))));
    }
    return found;
  }

  void make_people() {
    const api::Services& services = cluster_->services();
    const auto partner = services.tenants.add_partner(
        {}, "Example", crypto::SigningKey::generate().public_key(), "EUR");
    REQUIRE(partner);
    const auto customer =
        services.tenants.add_customer(partner->id, {}, "K-1", "Example", "per_gb");
    REQUIRE(customer);
    const auto id = crypto::random_id<DeviceId>();
    const auto workload = crypto::random_id<WorkloadId>();
    REQUIRE(cluster_->database().write([&](sql::Session& session) -> Result<void> {
      const Instant now = clock_.now();
      TRY(
          session.exec("INSERT INTO workloads (id, customer, kind, hardware, activated, clock)"
                       " VALUES (:id, :customer, 'server', '', :now, 'receipt')",
                       {{"id", workload}, {"customer", customer->id}, {"now", now}}));
      TRY(session.exec(
          "INSERT INTO devices (id, customer, workload, signing_key, kind, token, activation,"
          " receipt, enrolled, last_seen) VALUES (:id, :customer, :workload, :key, 'server', '',"
          " '', '', :now, :now)",
          {{"id", id},
           {"customer", customer->id},
           {"workload", workload},
           {"key", crypto::SigningKey::generate().public_key()},
           {"now", now}}));
      return {};
    }));
    const auto device = services.devices.device(id);
    REQUIRE(device);
    device_ = *device;
    person_ = Person{crypto::random_id<PersonId>(), {}, Role::kProvider, "a@example.org", {}};
    const auto vault = crypto::random_id<VaultId>();
    REQUIRE(services.vaults.create(*device, vault));
    // Nothing is ever sent: the sender begins with the server, which does not run here.
    const auto webhook = services.webhooks.add(partner->id, "https://example.org/",
                                               {"month.closed", "trial.converted"}, 0);
    REQUIRE(webhook);
    const auto delivery = services.webhooks.ping(partner->id, webhook->id);
    REQUIRE(delivery);
    names_ = {{"partner", partner->id.text()},
              {"customer", customer->id.text()},
              {"device", id.text()},
              {"vault", vault.text()},
              {"webhook", webhook->id.text()},
              {"delivery", delivery->id.text()},
              {"grant", crypto::random_id<trust::GrantId>().text()},
              {"sha256", Sha256{}.text()},
              {"hash", Sha256{}.text()},
              {"month", "2026-03"},
              {"folder", "packs"},
              {"name", "x"}};
  }

  SystemClock clock_;
  std::string folder_;
  std::unique_ptr<Cluster> cluster_;
  std::optional<Person> person_;
  std::optional<Device> device_;
  std::map<std::string, std::string> names_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Site site;
  if (size > 0) site.run(data[0], as_text(ByteView(data, size)).substr(1));
  return 0;
}

#include "tests/wire/live_cluster.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/trust/receipt.h"
#include "agent/trust/token.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/process.h"

namespace obhut::wire {

namespace {

using nlohmann::json;

constexpr const char* kPassword = "correct horse battery staple";

platform::Command cluster_command(const std::string& state, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--state", state});
  platform::Command command;
  command.program = OBHUT_CLUSTER_PROGRAM;
  command.arguments = std::move(arguments);
  return command;
}

/// "ca-pin 0123…" in what `init` prints.
std::string word_after(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name + " ");
  CHECK(at != std::string::npos);
  const std::size_t begin = at + name.size() + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

LiveCluster::LiveCluster() {
  auto folder = platform::make_temporary_directory("obhut-wire-");
  CHECK(folder);
  folder_ = *folder;
  const std::string state = folder_ + "/cluster";
  // Of a port in the middle nobody else here makes use; a taken one shows at once.
  std::array<std::uint8_t, 2> random{};
  crypto::fill_random(random);
  const int port = 20'000 + (random[0] * 256 + random[1]) % 12'000;
  const auto made = platform::run(cluster_command(
      state, {"init", "--listen", "127.0.0.1:" + std::to_string(port), "--name", "localhost"}));
  CHECK(made && made->exit_code == 0);
  ca_pin_ = *Sha256::parse(word_after(made->output, "ca-pin"));
  platform::Command user = cluster_command(state, {"user", "add", "--email", "boss@example.org"});
  user.input = to_bytes(as_bytes(std::string(kPassword) + "\n"));
  const auto added = platform::run(user);
  CHECK(added && added->exit_code == 0);

  url_ = "https://localhost:" + std::to_string(port);
  process_ = std::jthread([state](std::stop_token stop) {
    platform::Command command = cluster_command(state, {"run"});
    command.timeout = std::chrono::hours(1);
    // ignored: it ends because we stop it, or a test says what failed
    (void)platform::run(command, std::move(stop));
  });
  transport_ = std::make_unique<CpprestTransport>(Trust{{}, ca_pin_});
  Request ask;
  ask.url = url_ + "/healthz";
  for (int tries = 0; !transport_->send(ask, {}); ++tries) {
    CHECK(tries < 300);
    clock_.sleep_for(std::chrono::milliseconds(100), {});
  }
  session_ = json::parse(
      post("/api/v1/sessions",
           json{{"email", "boss@example.org"}, {"password", kPassword}}.dump()))["token"];
  const std::string partner = post(
      "/api/v1/partners", json{{"name", "Partner"}, {"root", root_.public_key().text()}}.dump());
  partner_ = *PartnerId::parse(json::parse(partner)["id"].get<std::string>());
  const std::string customer = post("/api/v1/partners/" + partner_.text() + "/customers",
                                    json{{"number", "1"}, {"name", ""}, {"mode", "per_gb"}}.dump());
  customer_ = *CustomerId::parse(json::parse(customer)["id"].get<std::string>());
}

LiveCluster::~LiveCluster() {
  transport_.reset();
  process_.request_stop();
  process_.join();
  (void)platform::remove_tree(folder_);  // ignored: the system clears its temporary folder
}

std::string LiveCluster::post(const std::string& path, const std::string& body) {
  Request request;
  request.method = Method::kPost;
  request.url = url_ + path;
  request.body = as_bytes(body);
  request.headers = {{"Content-Type", "application/json"}};
  if (!session_.empty()) request.headers.push_back({"Authorization", "Bearer " + session_});
  const Result<Response> response = transport_->send(request, {});
  CHECK(response && response->status < 300);
  return std::string(as_text(response->body));
}

LiveCluster::Device LiveCluster::new_device() {
  trust::RegistrationToken token;
  token.partner = partner_;
  token.customer = customer_;
  token.cluster = url_;
  token.ca_pin = ca_pin_;
  token.root = root_.public_key();
  token.secret = Bytes(32);
  crypto::fill_random(token.secret);
  token.kind = "server";
  token.created = clock_.now();
  token.expires = clock_.now() + std::chrono::hours(1);
  const std::string text = trust::make_token(token, root_);
  post("/api/v1/customers/" + customer_.text() + "/tokens",
       trust::make_registration(token, text, root_));

  crypto::SigningKey key = crypto::SigningKey::generate();
  trust::ActivationReport report;
  report.device = crypto::random_id<DeviceId>();
  report.device_key = key.public_key();
  report.partner = partner_;
  report.customer = customer_;
  report.token_hash = trust::token_hash(text);
  report.kind = token.kind;
  report.installed_at = clock_.now();
  report.hardware = crypto::random_id<Sha256>();
  ControlClient before(*transport_, clock_, url_);
  const Result<EnrollReply> reply =
      before.enroll({text, key.public_key(), trust::make_activation(report, key)}, {});
  CHECK(reply);
  Device device{{reply->device, std::move(key)}, reply->cluster_key, crypto::random_id<VaultId>()};
  ControlClient control(*transport_, clock_, url_,
                        DeviceIdentity{device.identity.device, device.identity.key.clone()});
  CHECK(control.create_vault(device.vault, {}));
  return device;
}

}  // namespace obhut::wire

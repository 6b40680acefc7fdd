#include "tests/cluster/test_cluster.h"

#include <cstdlib>
#include <filesystem>
#include <future>

#include <gtest/gtest.h>

#include "agent/base/time_text.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"
#include "agent/plan/plan_codec.h"
#include "agent/trust/assertion.h"
#include "agent/trust/envelope.h"
#include "agent/trust/token.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "platform/signals.h"
#include "service/billing/month.h"
#include "service/cluster/ledger_store.h"
#include "tests/cluster/openapi.h"

namespace obhut::cluster::test {
namespace {

using nlohmann::json;

constexpr std::string_view kPassword = "correct horse battery";

/// A new database of the PostgreSQL server that with_postgresql.py started; empty without one:
/// SQLite.
std::string new_database() {
  const char* server = std::getenv("OBHUT_TEST_POSTGRESQL");
  if (server == nullptr) return "";
  const auto url = [&](const std::string& name) {
    std::string text = server;
    return text.replace(text.find("{}"), 2, name);
  };
  const std::string name = "t" + crypto::random_id<DeviceId>().text();
  const std::string made =
      "psql -q -v ON_ERROR_STOP=1 '" + url("postgres") + "' -c 'CREATE DATABASE " + name + "'";
  EXPECT_EQ(std::system(made.c_str()), 0) << made;
  return url(name);
}

std::string random_text(std::size_t size) {
  std::string text(size, '\0');
  crypto::fill_random({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

}  // namespace

std::string path_of(const std::string& url) {
  return url.substr(url.find('/', 8));
}

Config TestCluster::default_config() {
  Config config;
  config.port = 0;
  config.workers = 4;
  config.database = new_database();
  return config;
}

TestCluster::TestCluster(const Config& config) : config_(config) {
  platform::ignore_closed_pipes();
  folder = platform::make_temporary_directory("obhut-cluster-test").value();
  const std::string state = folder + "/state";
  EXPECT_TRUE(init_state(state, config, clock.now()));
  const Bytes pem = platform::read_file(state + "/ca.pem", 65536).value();
  ca_pem = std::string(as_text(pem));
  start();
  EXPECT_TRUE(
      cluster->services().accounts.add({}, "provider@example.org", kPassword, Role::kProvider));
  const Answered login = call("POST", "/api/v1/sessions", "",
                              {{"email", "provider@example.org"}, {"password", kPassword}});
  provider = login.body.value("token", "");
}

std::unique_ptr<TestCluster> TestCluster::beside(const TestCluster& first) {
  return std::unique_ptr<TestCluster>(new TestCluster(first, Beside{}));
}

TestCluster::TestCluster(const TestCluster& first, Beside)
    : folder(platform::make_temporary_directory("obhut-cluster-test").value()),
      provider(first.provider),
      ca_pem(first.ca_pem),
      config_(first.config_) {
  if (config_.database.empty()) config_.database = "sqlite:" + first.folder + "/state/cluster.db";
  config_.objects = first.folder + "/state/objects";
  std::filesystem::create_directories(folder + "/state");
  for (const char* part : {"secrets", "ca.pem", "server.pem", "cluster.toml"}) {
    std::filesystem::copy(first.folder + "/state/" + part, folder + "/state/" + part,
                          std::filesystem::copy_options::recursive);
  }
  start();
}

TestCluster::~TestCluster() {
  stop();
  (void)platform::remove_tree(folder);  // ignored: a left-over is harmless
}

void TestCluster::start() {
  Result<State> state = open_state(folder + "/state", clock.now());
  ASSERT_TRUE(state) << state.error().message;
  state->config = config_;
  auto opened = Cluster::open(std::move(*state), clock, Log::to_stderr(LogLevel::kWarn));
  ASSERT_TRUE(opened) << opened.error().message;
  cluster = std::move(*opened);
  std::promise<std::uint16_t> ready;
  thread_ = std::jthread([&](std::stop_token ending) {
    const Result<void> served =
        cluster->serve(std::move(ending), [&](std::uint16_t bound) { ready.set_value(bound); });
    EXPECT_TRUE(served) << served.error().message;
  });
  port = ready.get_future().get();
}

void TestCluster::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  cluster.reset();
}

void TestCluster::restart() {
  stop();
  start();
}

TlsClient TestCluster::connect(TlsClient::Handshake handshake) const {
  return TlsClient(port, ca_pem, handshake);
}

Answered TestCluster::call_raw(std::string_view method, std::string_view path,
                               std::string_view token, std::string_view body, HeaderList headers) {
  TlsClient client = connect();
  headers.emplace_back("Host", "127.0.0.1:" + std::to_string(port));
  if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + std::string(token));
  const std::optional<Reply> reply = client.request(method, path, headers, body);
  Answered answered;
  EXPECT_TRUE(reply) << method << " " << path << ": no answer";
  if (!reply) return answered;
  answered.status = reply->status;
  answered.text = reply->body;
  answered.headers = reply->headers;
  answered.body = json::parse(reply->body, nullptr, false);
  openapi().hold(method, path, headers, body, answered);
  return answered;
}

Answered TestCluster::call(std::string_view method, std::string_view path, std::string_view token,
                           const json& body, HeaderList headers) {
  std::string text;
  if (!body.is_null()) {
    text = body.dump();
    headers.emplace_back("Content-Type", "application/json");
  }
  return call_raw(method, path, token, text, std::move(headers));
}

TestPartner TestCluster::make_partner(const std::string& name) {
  TestPartner partner;
  const Answered made =
      call("POST", "/api/v1/partners", provider,
           {{"name", name}, {"root", partner.root.public_key().text()}, {"currency", "EUR"}});
  EXPECT_EQ(made.status, 201) << made.text;
  partner.id = PartnerId::parse(made.body.value("id", "")).value_or(PartnerId{});
  trust::TrustList list;
  list.partner = partner.id;
  list.serial = 1;
  list.issued = clock.now();
  list.root = partner.root.public_key();
  for (const crypto::SigningKey* key : {&partner.operator_a, &partner.operator_b}) {
    list.operators.push_back({key->public_key(), key == &partner.operator_a ? "a" : "b", 7,
                              clock.now() + std::chrono::years(5)});
  }
  const std::string base = "/api/v1/partners/" + partner.id.text();
  const Answered trusted =
      call_raw("PUT", base + "/trust", provider, trust::make_trust_list(list, partner.root),
               {{"Content-Type", "application/json"}});
  EXPECT_EQ(trusted.status, 200) << trusted.text;
  partner.email = name + "@example.org";
  EXPECT_EQ(call("POST", base + "/people", provider,
                 {{"email", partner.email}, {"password", kPassword}, {"role", "admin"}})
                .status,
            201);
  log_in(partner);
  partner.number = "K-" + name;
  partner.customer = make_customer(partner, partner.number);
  return partner;
}

void TestCluster::log_in(TestPartner& partner) {
  partner.session =
      call("POST", "/api/v1/sessions", "", {{"email", partner.email}, {"password", kPassword}})
          .body.value("token", "");
}

CustomerId TestCluster::make_customer(const TestPartner& partner, const std::string& number) {
  const Answered made = call("POST", "/api/v1/partners/" + partner.id.text() + "/customers",
                             partner.session, {{"number", number}, {"mode", "per_workload"}});
  EXPECT_EQ(made.status, 201) << made.text;
  return CustomerId::parse(made.body.value("id", "")).value_or(CustomerId{});
}

TestCluster::SignedToken TestCluster::sign_token(const TestPartner& partner, unsigned uses,
                                                 const std::optional<DeviceId>& replaces,
                                                 std::chrono::hours life) {
  trust::RegistrationToken token;
  token.partner = partner.id;
  token.customer = partner.customer;
  token.cluster = "https://127.0.0.1:" + std::to_string(port);
  token.ca_pin = cluster->state().ca_pin;
  token.root = partner.root.public_key();
  token.secret = Bytes(32);
  crypto::fill_random(token.secret);
  token.kind = "server";
  token.created = clock.now() - std::chrono::hours(1);
  token.expires = clock.now() + life;
  token.uses = uses;
  token.replaces = replaces;
  const std::string text = trust::make_token(token, partner.root);
  return {text, trust::make_registration(token, text, partner.root)};
}

Answered TestCluster::register_token(const TestPartner& partner, const std::string& registration) {
  return call_raw("POST", "/api/v1/customers/" + partner.customer.text() + "/tokens",
                  partner.session, registration, {{"Content-Type", "application/jose"}});
}

std::string TestCluster::make_token(const TestPartner& partner, unsigned uses,
                                    std::chrono::hours life) {
  const SignedToken token = sign_token(partner, uses, {}, life);
  const Answered registered = register_token(partner, token.registration);
  EXPECT_EQ(registered.status, 201) << registered.text;
  return token.text;
}

TestDevice TestCluster::prepare_device(const TestPartner& partner, const std::string& token,
                                       const Sha256& hardware, Instant installed) {
  TestDevice device;
  device.id = crypto::random_id<DeviceId>();
  device.registration_token = token;
  trust::ActivationReport report;
  report.device = device.id;
  report.partner = partner.id;
  report.customer = partner.customer;
  report.token_hash = trust::token_hash(token);
  report.kind = "server";
  report.installed_at = installed;
  report.hardware = hardware;
  device.activation = trust::make_activation(report, device.key);
  return device;
}

Answered TestCluster::enrol(const TestDevice& device) {
  return call("POST", "/api/v1/enroll", "",
              {{"token", device.registration_token},
               {"device_key", device.key.public_key().text()},
               {"activation", device.activation}});
}

Answered TestCluster::exchange(const TestDevice& device, const std::string& nonce) {
  trust::Assertion assertion;
  assertion.device = device.id;
  assertion.audience = "https://127.0.0.1:" + std::to_string(port);
  assertion.nonce = nonce;
  assertion.issued = clock.now();
  assertion.expires = clock.now() + std::chrono::minutes(2);
  assertion.id = crypto::random_id<DeviceId>().text();
  assertion.instance = device.instance;
  return call_raw("POST", "/api/v1/token", "",
                  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                      trust::make_assertion(assertion, device.key),
                  {{"Content-Type", "application/x-www-form-urlencoded"}});
}

void TestCluster::get_access_token(TestDevice& device) {
  const Answered nonce = call("GET", "/api/v1/nonce", "");
  const Answered token = exchange(device, nonce.body.value("nonce", ""));
  EXPECT_EQ(token.status, 200) << token.text;
  device.token = token.body.value("access_token", "");
}

void TestCluster::put_prices(const TestPartner& partner, std::uint64_t gb_bytes) {
  using nlohmann::json;
  json prices = {{"currency", "EUR"},
                 {"time_zone", "Europe/Berlin"},
                 {"policies",
                  {{{"from", "2020-01"},
                    {"gb_bytes", gb_bytes},
                    {"gb_step", "1"},
                    {"trial_days", 28},
                    {"trial_free", json::array()}}}},
                 {"prices", json::array()}};
  for (const char* mode : {"per_gb", "per_workload"}) {
    prices["prices"].push_back({{"mode", mode},
                                {"product", "storage/provider"},
                                {"from", "2020-01"},
                                {"micro", 1'000'000}});
  }
  const std::string path = "/api/v1/partners/" + partner.id.text() + "/prices";
  EXPECT_EQ(call("PUT", path, provider, prices).status, 204);
}

std::string TestCluster::running_month() const {
  return billing::BillingCalendar::open("Europe/Berlin")->month_of(clock.now()).text();
}

std::vector<nlohmann::json> TestCluster::events(const TestPartner& partner) {
  std::vector<nlohmann::json> events;
  EXPECT_TRUE(chain_all(cluster->database()));
  const auto rows = cluster->database().read(
      [&](sql::Session& session) { return read_ledger(session, partner.id, 0, 1'000'000); });
  for (const LedgerEntry& row : *rows) events.push_back(nlohmann::json::parse(row.event));
  return events;
}

std::multiset<std::string> TestCluster::alerts(const TestPartner& partner,
                                               const TestDevice& device) {
  std::multiset<std::string> codes;
  const Answered answered =
      call("GET", "/api/v1/devices/" + device.id.text() + "/alerts", partner.session);
  for (const nlohmann::json& alert : answered.body["alerts"]) {
    if (alert["cleared"].is_null()) codes.insert(alert["code"]);
  }
  return codes;
}

TestDevice TestCluster::make_device(const TestPartner& partner) {
  TestDevice device = prepare_device(partner, make_token(partner, 1), crypto::random_id<Sha256>(),
                                     clock.now() - std::chrono::minutes(1));
  const Answered enrolled = enrol(device);
  EXPECT_EQ(enrolled.status, 201) << enrolled.text;
  device.receipt = enrolled.body.value("receipt", "");
  get_access_token(device);
  device.vault = crypto::random_id<VaultId>();
  EXPECT_EQ(
      call("POST", "/api/v1/device/vaults", device.token, {{"vault", device.vault.text()}}).status,
      201);
  return device;
}

std::string TestCluster::plan_envelope(const TestPartner& partner, const DeviceId& device,
                                       std::uint64_t version, const model::Retention& retention) {
  model::Plan plan;
  plan.name = "test";
  plan.sources.push_back({});
  plan.sources.front().paths = {"/srv"};
  plan.targets.push_back({});
  plan.targets.front().retention = retention;
  plan.schedule.rrule = "FREQ=DAILY";
  trust::PlanEnvelope envelope;
  envelope.partner = partner.id;
  envelope.target = device;
  envelope.version = version;
  envelope.issued = clock.now();
  envelope.expires = clock.now() + std::chrono::days(30);
  envelope.plan = plan::serialize_plan(plan);
  const crypto::SigningKey* signers[] = {&partner.operator_a};
  return trust::make_envelope(envelope, signers);
}

TestObject TestCluster::make_object(model::ObjectKind kind, std::size_t size) const {
  TestObject object{{kind, {}}, random_text(size)};
  object.name.hash = crypto::sha256(as_bytes(object.bytes));
  return object;
}

json TestCluster::ticket(const TestDevice& device, const TestObject& object) {
  const Answered answered =
      call("POST", "/api/v1/device/vaults/" + device.vault.text() + "/tickets", device.token,
           {{"objects",
             {{{"kind", model::to_string(object.name.kind)},
               {"sha256", object.name.hash.text()},
               {"size", object.bytes.size()}}}}});
  EXPECT_EQ(answered.status, 200) << answered.text;
  return answered.status == 200 ? answered.body["tickets"][0] : json::object();
}

int TestCluster::upload(const TestDevice& device, const TestObject& object) {
  const json given = ticket(device, object);
  if (given.value("state", "") == "stored") return 0;
  return call_raw("PUT", path_of(given.value("url", "https://x/")), "", object.bytes,
                  {{"Content-Type", "application/octet-stream"}})
      .status;
}

Bytes TestCluster::make_head(const TestDevice& device, const model::ReferenceSet& references,
                             bool force_full) const {
  model::Head head;
  head.vault = device.vault;
  head.device = device.id;
  head.signer = device.key.public_key();
  head.sequence = device.sequence + 1;
  head.previous = device.head;
  head.created = clock.now() + device.clock_off;
  if (force_full || device.sequence == 0) {
    head.full = true;
    for (const auto& [name, size] : references) head.added.push_back({name, size});
  } else {
    for (const auto& [name, size] : references) {
      if (!device.references.contains(name)) head.added.push_back({name, size});
    }
    for (const auto& [name, size] : device.references) {
      if (!references.contains(name)) head.removed.push_back(name);
    }
  }
  head.sealed_summary = Bytes(64, 7);
  return model::encode_head(head, device.key).value();
}

Answered TestCluster::commit(const TestDevice& device, const Bytes& head) {
  return call_raw("POST", "/api/v1/device/vaults/" + device.vault.text() + "/commits", device.token,
                  as_text(head), {{"Content-Type", "application/octet-stream"}});
}

Answered TestCluster::back_up(TestDevice& device, const std::vector<TestObject>& objects,
                              const std::vector<model::ObjectName>& dropped) {
  model::ReferenceSet references = device.references;
  for (const model::ObjectName& name : dropped) references.erase(name);
  for (const TestObject& object : objects) {
    upload(device, object);
    references[object.name] = object.bytes.size();
  }
  const Bytes head = make_head(device, references);
  const Answered committed = commit(device, head);
  if (committed.status == 201) {
    device.references = std::move(references);
    device.head = crypto::sha256(head);
    ++device.sequence;
  }
  return committed;
}

bool TestCluster::hand_over(std::uint16_t at) {
  stop();
  Config config = config_;
  config.port = at;
  port = at;
  return platform::write_file(folder + "/state/cluster.toml", as_bytes(config_text(config)), 0600)
      .has_value();
}

bool TestCluster::wait_until_up(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    TlsClient client = connect();
    if (client.connected()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

/// Sends the head that got no answer once more: it is committed now or was before.
bool TestCluster::settle(TestDevice& device) {
  TlsClient client = connect();
  if (!client.connected()) return false;
  const auto reply = client.request(
      "POST", "/api/v1/device/vaults/" + device.vault.text() + "/commits",
      {{"Authorization", "Bearer " + device.token}, {"Content-Type", "application/octet-stream"}},
      as_text(open_head_));
  if (!reply) return false;
  EXPECT_TRUE(reply->status == 200 || reply->status == 201) << reply->body;
  device.references = std::move(open_references_);
  device.head = crypto::sha256(open_head_);
  ++device.sequence;
  open_head_.clear();
  return true;
}

bool TestCluster::try_back_up(TestDevice& device) {
  if (!open_head_.empty()) return settle(device);
  const TestObject pack = make_object(model::ObjectKind::kPack, 20'000);
  TlsClient client = connect();
  if (!client.connected()) return false;
  const HeaderList own{{"Authorization", "Bearer " + device.token}};
  const json wanted = {
      {"objects",
       {{{"kind", "pack"}, {"sha256", pack.name.hash.text()}, {"size", pack.bytes.size()}}}}};
  const auto ticket = client.request(
      "POST", "/api/v1/device/vaults/" + device.vault.text() + "/tickets", own, wanted.dump());
  if (!ticket) return false;
  const json answer = json::parse(ticket->body, nullptr, false);
  const auto put = client.request("PUT", path_of(answer["tickets"][0]["url"].get<std::string>()),
                                  {}, pack.bytes);
  if (!put || put->status != 201) return false;
  open_references_ = device.references;
  open_references_[pack.name] = pack.bytes.size();
  open_head_ = make_head(device, open_references_);
  return settle(device);
}

}  // namespace obhut::cluster::test

#include "tools/sign/signer.h"

#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/trust/device_id.h"
#include "agent/trust/escrow.h"
#include "agent/trust/grant.h"
#include "agent/trust/plan_gate.h"
#include "agent/trust/release.h"
#include "agent/trust/token.h"
#include "agent/vault/key_slot.h"
#include "platform/atomic_file.h"
#include "platform/local_files.h"
#include "tests/plan/example.h"
#include "tests/trust/people.h"
#include "tools/sign/commands.h"
#include "tools/sign/qr_code.h"

namespace obhut::sign {
namespace {

using nlohmann::json;
using trust::at;

/// Self-signed, EC P-256, made once for this test; only its public key matters.
constexpr const char* kCa = R"(-----BEGIN CERTIFICATE-----
MIIBbDCCAROgAwIBAgIUNmNNz1kxDx9PXo7m+B46W/1cWU8wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAeFw0yNjExMjQxNDE4NDVaFw0yNjEyMDQxNDE4NDVaMAwx
CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARdtLAZ2XObETMh
OO+V3XLlawr31a1kfij1vWjmls3thyN2NhcScqBTmeaoCGRW4ufvDI4Qf8Zl1rD0
A3/BDGURo1MwUTAdBgNVHQ4EFgQU1Pt1944E3+GWur1bfQFiSyevsyUwHwYDVR0j
BBgwFoAU1Pt1944E3+GWur1bfQFiSyevsyUwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNHADBEAiA0iyazI+z+X8IkySvalUElerjcnyE4VG0IAxmRYuPiewIg
ZRN/q8suoE1UDq+61Bk1qn4WQ27ZD0fKryoa9QzQ/L0=
-----END CERTIFICATE-----
)";
constexpr const char* kCaPin = "6dc9f240fa59678e62006f7af1a708923ee47079431e20c0074e4c6c31c13918";

class SignerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = platform::make_temporary_directory("obhut-sign-test").value();
    context_.folder = folder_ + "/signer";
    context_.now = at("2026-06-01T12:00:00Z");
    context_.ask = [](std::string_view) -> Result<crypto::SecretBytes> {
      return fail(ErrorKind::kInvalidInput, "nobody to ask");
    };
  }
  void TearDown() override { (void)platform::remove_tree(folder_); }  // ignored: a temporary folder

  json ok(const Result<Answer>& done) {
    EXPECT_TRUE(done) << done.error().message;
    return done ? json::parse(done->json) : json();
  }
  void make_partner() {
    ok(init(context_, {.partner = "Müller IT"}));
    ok(operator_add(context_, {.name = "anna", .roles = {"plan", "enroll"}}));
    ok(operator_add(context_, {.name = "bert", .roles = {"plan"}}));
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(platform::write_file(path, as_bytes(text)));
    return path;
  }
  std::string read(const std::string& path) {
    return std::string(as_text(platform::read_file(path, 1 << 22).value()));
  }
  TokenOptions token_options() {
    return {.customer = std::string(32, 'c'),
            .cluster = "https://localhost:8443/",
            .ca_file = write("ca.pem", kCa),
            .kind = "server",
            .uses = 2,
            .days = 7,
            .signer = {},
            .out = folder_ + "/token"};
  }
  /// A vault with a slot for this signer's escrow key, and an endpoint that asks for it.
  struct EscrowCase {
    seal::Keyring keyring = seal::Keyring::generate();
    crypto::ExchangeKey endpoint_key = crypto::ExchangeKey::generate();
    trust::EscrowRequest request;
    std::string text;
    EscrowOptions options;
  };
  void rewrite(EscrowCase& in) {
    in.text = trust::make_escrow_request(in.request, trust::key_of(9));
    in.options.request = write("request", in.text + "\n");
  }
  EscrowCase escrow_case() {
    EscrowCase in;
    const auto partner_key =
        crypto::ExchangeKeyId::parse(ok(escrow_show(context_))["key"].get<std::string>());
    in.request.device = trust::device_id_of(trust::key_of(9).public_key());
    in.request.partner = *PartnerId::parse(ok(trust_show(context_))["partner"].get<std::string>());
    in.request.vault = in.keyring.vault();
    in.request.key = in.endpoint_key.public_key();
    in.request.created = context_.now;
    in.request.slots = {Bytes(300, 1),
                        vault::seal_escrow_slot(in.keyring, *partner_key, context_.now).value()};
    in.options.out = folder_ + "/answer";
    in.options.confirm = [this](const EscrowView& view) -> Result<void> {
      shown_ = view.fingerprint;
      return {};
    };
    rewrite(in);
    return in;
  }
  PlanOptions plan_options() {
    PlanOptions options;
    options.file = write("plan.json", plan::example_plan().dump());
    options.device = std::string(32, 'd');
    options.out = folder_ + "/plan.jws";
    return options;
  }

  std::string folder_;
  Context context_;
  std::string shown_;  ///< fingerprint that was to be confirmed last
};

TEST_F(SignerTest, MakesAPartnerOnce) {
  const json made =
      ok(init(context_, {.partner = "Müller IT", .partner_id = std::string(32, 'a')}));

  EXPECT_EQ(made["partner"], std::string(32, 'a'));
  EXPECT_EQ(made["serial"], 1);
  EXPECT_EQ(init(context_, {.partner = "Again"}).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(platform::status_of_path(context_.folder + "/keys/root.key")->mode & 0777U, 0600U);
  EXPECT_EQ(json::parse(escrow_show(context_)->json)["key"], made["escrow"]);
}

TEST_F(SignerTest, MakesTokensThatAnEndpointAcceptsAndKeepsTheSecretFromTheCluster) {
  make_partner();

  const json made = ok(token(context_, token_options()));

  const std::string text = read(folder_ + "/token");
  EXPECT_EQ(platform::status_of_path(folder_ + "/token")->mode & 0777U, 0600U);
  const auto verified = trust::read_token(text, context_.now);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->token.cluster, "https://localhost:8443");
  EXPECT_EQ(verified->token.ca_pin.text(), kCaPin);
  EXPECT_EQ(verified->hash.text(), made["token_hash"].get<std::string>());
  EXPECT_EQ(made.dump().find(text.substr(0, text.size() - 1)), std::string::npos);
  EXPECT_TRUE(trust::read_registration(made["registration"].get<std::string>(), verified->trust,
                                       context_.now));
}

TEST_F(SignerTest, MakesATokenThatReplacesADeviceForOneMachineOnly) {
  make_partner();
  TokenOptions options = token_options();
  options.replaces = std::string(32, 'd');
  EXPECT_EQ(token(context_, options).error().kind, ErrorKind::kInvalidInput) << "two uses";
  EXPECT_FALSE(platform::exists(options.out)) << "what no endpoint takes is not handed out";
  options.uses = 1;

  const json made = ok(token(context_, options));

  EXPECT_EQ(made["replaces"], options.replaces);
  EXPECT_EQ(ok(verify(context_, options.out))["replaces"], options.replaces);
  const std::string registration = write("registration", made["registration"].get<std::string>());
  EXPECT_EQ(ok(verify(context_, registration))["replaces"], options.replaces);
  options.replaces = "the old one";
  EXPECT_EQ(token(context_, options).error().kind, ErrorKind::kInvalidInput);
}

/// A Debian package as far as the signer looks: the archive around what it holds.
std::string member(std::string name, const std::string& content) {
  name.resize(48, ' ');
  std::string size = std::to_string(content.size());
  size.resize(10, ' ');
  return name + size + "`\n" + content + (content.size() % 2 == 1 ? "\n" : "");
}
const std::string& small_package() {
  static const std::string kPackage =
      "!<arch>\n" + member("debian-binary", "2.0\n") + member("data.tar.xz", "odd");
  return kPackage;
}

TEST_F(SignerTest, PutsATokenBehindWhatAPackageHoldsAndOneInPlaceOfAnother) {
  make_partner();
  TokenOptions options = token_options();
  ok(token(context_, options));
  const std::string first = read(options.out);
  const std::string package = write("agent.deb", small_package());
  const std::string own = folder_ + "/own.deb";

  const json made = ok(sign::package(context_, {options.out, package, own}));

  EXPECT_EQ(read(own), small_package() + member("_obhut.token", first).replace(16, 32, [] {
    return std::string("0           0     0     100600  ");
  }()));
  EXPECT_EQ(made["customer"], options.customer);
  EXPECT_EQ(platform::status_of_path(own)->mode & 0777U, 0600U);
  const std::string longer = write("longer", first + "\n");
  ok(sign::package(context_, {longer, own, own}));
  EXPECT_EQ(read(own).size(), small_package().size() + 60 + (first.size() + 2) / 2 * 2);
}

TEST_F(SignerTest, PutsATokenIntoNothingButAPackageAndNothingButATokenIntoIt) {
  make_partner();
  TokenOptions options = token_options();
  ok(token(context_, options));
  const std::string out = folder_ + "/out.deb";
  const auto kind_of = [&](const std::string& token_file, const std::string& content) {
    const auto done = sign::package(context_, {token_file, write("some.deb", content), out});
    return done ? std::optional<ErrorKind>() : done.error().kind;
  };

  EXPECT_EQ(kind_of(options.out, ""), ErrorKind::kInvalidInput);
  EXPECT_EQ(kind_of(options.out, "!<arch>\n"), ErrorKind::kInvalidInput);
  EXPECT_EQ(kind_of(options.out, "!<arch>\n" + member("control", "x")), ErrorKind::kInvalidInput);
  for (std::size_t size = 9; size < small_package().size() - 2; ++size) {
    if (size == 8 + 60 + 4) continue;  // a whole member
    EXPECT_EQ(kind_of(options.out, small_package().substr(0, size)), ErrorKind::kInvalidInput)
        << size;
  }
  EXPECT_NE(kind_of(write("none", "no token"), small_package()), std::nullopt);
  EXPECT_FALSE(platform::exists(out));
}

TEST_F(SignerTest, AnswersAnEscrowRequestSoThatOnlyTheEndpointThatAskedOpensIt) {
  make_partner();
  EscrowCase in = escrow_case();

  const json made = ok(escrow_answer(context_, in.options));

  EXPECT_EQ(made["device"], in.request.device.text());
  EXPECT_EQ(made["vault"], in.request.vault.text());
  EXPECT_EQ(shown_, made["fingerprint"].get<std::string>()) << "shown before anything was opened";
  EXPECT_EQ(platform::status_of_path(in.options.out)->mode & 0777U, 0600U);
  const auto answered = trust::read_escrow_answer(read(in.options.out)).value();
  const auto asked = trust::read_escrow_request(in.text).value();
  EXPECT_EQ(answered.request, asked.hash);
  const auto open = [&](const crypto::ExchangeKey& key, const VaultId& vault) {
    return vault::open_roots(key,
                             trust::escrow_answer_context(in.request.device, vault, asked.hash),
                             vault, answered.sealed);
  };
  const auto opened = open(in.endpoint_key, in.request.vault);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(crypto::equal_in_constant_time(opened->roots().at(1).view(),
                                             in.keyring.roots().at(1).view()));
  EXPECT_EQ(open(crypto::ExchangeKey::generate(), in.request.vault).error().kind,
            ErrorKind::kCrypto);
  EXPECT_EQ(open(in.endpoint_key, trust::id_of<VaultId>(9)).error().kind, ErrorKind::kCrypto);
  EXPECT_EQ(read(in.options.out).find(to_base64url(in.keyring.roots().at(1).view())),
            std::string::npos);
}

TEST_F(SignerTest, AnswersNoEscrowRequestThatIsNotItsOwnOrNotConfirmed) {
  make_partner();
  EscrowCase in = escrow_case();
  in.options.confirm = [](const EscrowView&) -> Result<void> {
    return fail(ErrorKind::kRefused, "other fingerprint");
  };
  EXPECT_EQ(escrow_answer(context_, in.options).error().message, "other fingerprint");
  in = escrow_case();
  in.request.partner = trust::id_of<PartnerId>(7);
  rewrite(in);
  EXPECT_EQ(escrow_answer(context_, in.options).error().kind, ErrorKind::kRefused)
      << "another partner's endpoint";
  in = escrow_case();
  in.request.slots = {vault::seal_escrow_slot(
                          in.keyring, crypto::ExchangeKey::generate().public_key(), context_.now)
                          .value()};
  rewrite(in);
  EXPECT_EQ(escrow_answer(context_, in.options).error().kind, ErrorKind::kRefused)
      << "a slot for another partner's key";
  in = escrow_case();
  in.request.vault = trust::id_of<VaultId>(8);
  rewrite(in);
  EXPECT_EQ(escrow_answer(context_, in.options).error().kind, ErrorKind::kRefused)
      << "a slot of another vault than it names";
  EXPECT_FALSE(platform::exists(in.options.out));
}

TEST_F(SignerTest, GivesEveryPlanAHigherVersionThanTheLast) {
  make_partner();
  PlanOptions options = plan_options();

  EXPECT_EQ(ok(plan_sign(context_, options))["version"], 1);
  EXPECT_EQ(ok(plan_sign(context_, options))["version"], 2);
  options.version = 10;
  EXPECT_EQ(ok(plan_sign(context_, options))["version"], 10);
  EXPECT_EQ(plan_sign(context_, options).error().kind, ErrorKind::kInvalidInput);
  options.version.reset();
  EXPECT_EQ(ok(plan_sign(context_, options))["version"], 11);
}

TEST_F(SignerTest, SignsADangerousPlanWithTwoOperatorsSoThatTheGateTakesIt) {
  make_partner();
  const json list = ok(trust_show(context_));
  trust::TrustChain chain =
      trust::TrustChain::pinned_to(*PartnerId::parse(list["partner"].get<std::string>()),
                                   *SigningKeyId::parse(list["root"].get<std::string>()));
  ASSERT_TRUE(chain.update(trust_export(context_, "", false)->json));
  trust::PlanGate gate({DeviceId::parse(std::string(32, 'd')), {}});
  PlanOptions options = plan_options();
  ok(plan_sign(context_, options));
  ASSERT_TRUE(gate.offer(read(options.out), chain, context_.now));
  json smaller = plan::example_plan();
  smaller["targets"].erase(1);
  options.file = write("smaller.json", smaller.dump());
  options.delay_hours = 72;
  ok(plan_sign(context_, options));
  EXPECT_FALSE(gate.offer(read(options.out), chain, context_.now)) << "one operator";

  options.signers = {"anna", "bert"};
  ok(plan_sign(context_, options));

  EXPECT_EQ(gate.offer(read(options.out), chain, context_.now).value(),
            trust::PlanGate::Outcome::kPending);
}

TEST_F(SignerTest, RefusesPlansThatAreBadOrFromOperatorsThatMayNot) {
  make_partner();
  PlanOptions options = plan_options();
  options.signers = {"carl"};
  EXPECT_EQ(plan_sign(context_, options).error().kind, ErrorKind::kNotFound);
  options.signers = {"anna", "anna"};
  EXPECT_EQ(plan_sign(context_, options).error().kind, ErrorKind::kInvalidInput);
  options.signers = {};
  options.customer = std::string(32, 'c');
  EXPECT_EQ(plan_sign(context_, options).error().kind, ErrorKind::kInvalidInput) << "two targets";
  options.customer.clear();
  options.file = write("bad.json", "{}");
  EXPECT_EQ(plan_sign(context_, options).error().kind, ErrorKind::kInvalidInput);
  EXPECT_FALSE(platform::exists(options.out));
}

TEST_F(SignerTest, RevokesAnOperator) {
  make_partner();
  ok(plan_sign(context_, plan_options()));
  ok(verify(context_, folder_ + "/plan.jws"));

  ok(operator_revoke(context_, "anna", 400));

  EXPECT_EQ(verify(context_, folder_ + "/plan.jws").error().kind, ErrorKind::kRefused);
  PlanOptions options = plan_options();
  options.signers = {"anna"};
  EXPECT_FALSE(plan_sign(context_, options));
}

TEST_F(SignerTest, SignsWithAKeyThatWasMadeElsewhere) {
  make_partner();
  const std::string file = folder_ + "/dora.key";
  const json key = ok(key_new(file, std::nullopt));
  ok(operator_add(context_, {.name = "dora", .roles = {"plan"}, .public_key = key["key"]}));
  PlanOptions options = plan_options();
  options.key_files = {file};

  EXPECT_EQ(ok(plan_sign(context_, options))["signers"][0]["name"], "dora");
}

TEST_F(SignerTest, RotatesTheRootSoThatAPinnedChainFollows) {
  make_partner();
  const json before = ok(trust_show(context_));
  trust::TrustChain chain =
      trust::TrustChain::pinned_to(*PartnerId::parse(before["partner"].get<std::string>()),
                                   *SigningKeyId::parse(before["root"].get<std::string>()));

  const json after = ok(root_rotate(context_, 400, std::nullopt));

  EXPECT_NE(after["root"], before["root"]);
  for (const json& list : json::parse(trust_export(context_, "", true)->json)) {
    ASSERT_TRUE(chain.update(list.dump()));
  }
  EXPECT_EQ(chain.root().text(), after["root"].get<std::string>());
  ok(operator_add(context_, {.name = "carl", .roles = {"restore"}}));
}

TEST_F(SignerTest, KeepsKeysUnderAPassphrase) {
  const crypto::SecretBytes right(as_bytes("correct horse"));
  ok(init(context_, {.partner = "P", .passphrase = right.clone()}));
  EXPECT_EQ(read(context_.folder + "/keys/root.key").find("\"secret\""), std::string::npos);
  EXPECT_EQ(operator_add(context_, {.name = "anna", .roles = {"plan"}}).error().kind,
            ErrorKind::kInvalidInput)
      << "nobody to ask";
  context_.ask = [](std::string_view) { return crypto::SecretBytes(as_bytes("wrong")); };
  EXPECT_EQ(operator_add(context_, {.name = "anna", .roles = {"plan"}}).error().kind,
            ErrorKind::kCrypto);
  context_.ask = [&](std::string_view) { return right.clone(); };
  ok(operator_add(context_, {.name = "anna", .roles = {"plan"}}));
}

TEST_F(SignerTest, RefusesNamesThatNoDocumentCanCarry) {
  make_partner();
  for (const std::string name : {"", "a\nb", "\xff", "anna"}) {
    EXPECT_EQ(operator_add(context_, {.name = name, .roles = {"plan"}}).error().kind,
              ErrorKind::kInvalidInput)
        << name;
  }
  EXPECT_FALSE(operator_add(context_, {.name = "x", .roles = {"king"}}));
  EXPECT_FALSE(operator_add(context_, {.name = "x"}));
}

TEST_F(SignerTest, NoticesATrustListThatWasTamperedWith) {
  make_partner();
  const std::string file = context_.folder + "/trust/00000002.json";
  std::string text = read(file);
  text[text.size() / 2] ^= 1;
  ASSERT_TRUE(platform::write_file(file, as_bytes(text)));

  EXPECT_FALSE(trust_show(context_));
}

class GrantsOfTheSigner : public SignerTest {
 protected:
  GrantsOfTheSigner() {
    options_.device = std::string(32, 'd');
    options_.paths = {"/home/anna/"};
    options_.user = "bert";
    options_.reason = "Ticket 4711";
  }
  void SetUp() override {
    SignerTest::SetUp();
    ok(init(context_, {.partner = "Müller IT"}));
    ok(operator_add(context_, {.name = "rita", .roles = {"restore"}}));
    options_.out = folder_ + "/anna.grant";
  }
  ErrorKind refusal() {
    const auto done = grant(context_, options_);
    EXPECT_FALSE(done);
    return done ? ErrorKind::kInternal : done.error().kind;
  }
  GrantOptions options_;
};

TEST_F(GrantsOfTheSigner, AreMadeAsAFileThatDevicesBelieve) {
  const json made = ok(grant(context_, options_));

  EXPECT_EQ(made["scope"], json({"/home/anna"}));
  EXPECT_EQ(made["account"], "bert");
  EXPECT_EQ(made["destination"], "any");
  EXPECT_EQ(made["expires"], "2026-06-02T12:00:00Z");
  EXPECT_EQ(made["signer"], "rita");
  const auto signer = Signer::open(context_.folder);
  ASSERT_TRUE(signer) << signer.error().message;
  const auto read = trust::verify_grant(SignerTest::read(options_.out), signer->trust(),
                                        *DeviceId::parse(options_.device), context_.now);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(made["id"], read->grant.id.text());
}

TEST_F(GrantsOfTheSigner, AreShownByVerify) {
  ok(grant(context_, options_));

  const auto shown = verify(context_, options_.out);

  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(json::parse(shown->json)["type"], "grant");
  EXPECT_NE(shown->text.find("/home/anna"), std::string::npos) << shown->text;
  EXPECT_NE(shown->text.find("Ticket 4711"), std::string::npos);
  context_.now += std::chrono::hours{25};
  EXPECT_EQ(verify(context_, options_.out).error().kind, ErrorKind::kRefused) << "expired";
}

TEST_F(GrantsOfTheSigner, NameDrivesAndServersOfWindowsAsPointsDo) {
  options_.paths = {R"(c:\Users\Anna)", R"(\\files\share\x)", "D:/", "/"};
  options_.to = R"(C:\Users\Bert\Back)";

  const json made = ok(grant(context_, options_));

  EXPECT_EQ(made["scope"], json({"/C/Users/Anna", "/UNC/files/share/x", "/D", "/"}));
  EXPECT_EQ(made["destination"], "/C/Users/Bert/Back");
}

TEST_F(GrantsOfTheSigner, AreQrCodes) {
  options_.out.clear();
  options_.qr = folder_ + "/anna.svg";
  const json made = ok(grant(context_, options_));
  const std::string svg = SignerTest::read(options_.qr);
  EXPECT_TRUE(svg.starts_with("<svg ")) << svg.substr(0, 60);
  EXPECT_LT(made["qr_modules"], 177U);

  options_.qr = "-";
  const auto shown = grant(context_, options_);
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_NE(shown->text.find("█"), std::string::npos);

  // The largest that a device takes.
  const auto code = make_qr_code(std::string(trust::kGrantLimit, 'x'));
  ASSERT_TRUE(code) << code.error().message;
  EXPECT_LE(code->width, 141U) << "version 31";
  EXPECT_EQ(make_qr_code(std::string(3000, 'x')).error().kind, ErrorKind::kInvalidInput);
}

TEST_F(GrantsOfTheSigner, AreForOneUserOrExpresslyForAnybody) {
  options_.anybody = true;
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput) << "both";
  options_.user.clear();
  EXPECT_TRUE(ok(grant(context_, options_))["account"].is_null());
  options_.anybody = false;
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput) << "neither";
}

TEST_F(GrantsOfTheSigner, AreRefusedWhereNoDeviceWouldTakeThem) {
  const GrantOptions good = options_;
  options_.paths = {"home/anna"};
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput) << "relative";
  options_.paths = {"/home/../etc"};
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput);
  options_.paths = std::vector<std::string>(16, "/" + std::string(150, 'x'));
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput) << "too long for a QR code";
  options_ = good;
  options_.reason = "";
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput);
  options_ = good;
  options_.to = "here";
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput);
  options_ = good;
  options_.device = "mine";
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput);
  options_ = good;
  options_.out.clear();
  EXPECT_EQ(refusal(), ErrorKind::kInvalidInput) << "neither file nor code";
  options_ = good;
  ok(operator_add(context_, {.name = "paul", .roles = {"plan"}}));
  options_.signer = "paul";
  EXPECT_EQ(refusal(), ErrorKind::kRefused) << "not his role";
  options_ = good;
  ok(operator_revoke(context_, "rita", 400));
  EXPECT_EQ(refusal(), ErrorKind::kRefused) << "nobody left who may";
  EXPECT_FALSE(platform::exists(good.out));
}

class ReleasesOfTheSigner : public SignerTest {
 protected:
  void SetUp() override {
    SignerTest::SetUp();
    for (const char* name : {"root", "anna", "bert"}) {
      keys_[name] = ok(key_new(file(name), std::nullopt))["key"];
    }
    ok(release_root(context_, {.root_keys = {keys_["root"]},
                               .root_threshold = 1,
                               .release_keys = {keys_["anna"], keys_["bert"]},
                               .release_threshold = 2,
                               .keys = {file("root")},
                               .out = file("root-1")}));
    for (const char* name : {"obhut-agent_1.2.3_amd64.deb", "obhut-agent-1.2.3-1.x86_64.rpm",
                             "obhut-agent-1.2.3.msi", "obhut-agent.deb", "empty_1.2_amd64.deb"}) {
      const std::string_view content = name[0] == 'e' ? "" : name;
      ASSERT_TRUE(platform::write_file(file(name), as_bytes(content)));
    }
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  ReleaseManifestOptions wanted() {
    return {.root = file("root-1"),
            .packages = {file("obhut-agent_1.2.3_amd64.deb"),
                         file("obhut-agent-1.2.3-1.x86_64.rpm"), file("obhut-agent-1.2.3.msi")},
            .keys = {file("anna")},
            .out = file("release")};
  }
  std::map<std::string, std::string> keys_;
};

TEST_F(ReleasesOfTheSigner, AreSignedByOneAfterTheOther) {
  const json first = ok(release_manifest(context_, wanted()));
  EXPECT_EQ(first["good"], false) << first;
  EXPECT_EQ(first["serial"], 1);

  EXPECT_EQ(
      ok(release_sign(context_, {.file = file("release"), .keys = {file("bert")}}))["signatures"],
      2);
  EXPECT_EQ(release_sign(context_, {.file = file("release"), .keys = {file("bert")}}).error().kind,
            ErrorKind::kConflict);

  const json shown = ok(release_show(context_, file("release"), file("root-1")));
  EXPECT_EQ(shown["good"], true) << shown;
  const auto trust = trust::ReleaseTrust::begin(read(file("root-1")));
  const auto release = trust::verify_release(read(file("release")), *trust, {}, context_.now);
  ASSERT_TRUE(release) << release.error().message;
  const auto* package = trust::find_package(release->manifest, "windows", "x86_64", "msi");
  ASSERT_NE(package, nullptr);
  EXPECT_EQ(package->version.text(), "1.2.3");
  EXPECT_EQ(package->size, std::string_view("obhut-agent-1.2.3.msi").size());
  ReleaseManifestOptions next = wanted();
  next.after = file("release");
  next.out = file("release-2");
  EXPECT_EQ(ok(release_manifest(context_, next))["serial"], 2);
}

TEST_F(ReleasesOfTheSigner, NameOnlyPackagesThatTellWhatTheyAre) {
  for (const char* name : {"obhut-agent.deb", "empty_1.2_amd64.deb", "missing_1.2_amd64.deb"}) {
    ReleaseManifestOptions options = wanted();
    options.packages = {file(name)};
    EXPECT_FALSE(release_manifest(context_, options)) << name;
  }
}

TEST_F(ReleasesOfTheSigner, RootsInheritWhatIsNotGiven) {
  const json next = ok(release_root(context_, {.after = file("root-1"),
                                               .root_keys = {keys_["anna"]},
                                               .keys = {file("root"), file("anna")},
                                               .out = file("root-2")}));

  EXPECT_EQ(next["version"], 2);
  EXPECT_EQ(next["roots"]["met"], true);
  EXPECT_EQ(next["before"]["met"], true);
  auto trust = trust::ReleaseTrust::begin(read(file("root-1")));
  ASSERT_TRUE(trust->advance(read(file("root-2"))));
  EXPECT_EQ(trust->root().release.keys.size(), 2U);
  EXPECT_EQ(release_root(context_, {.root_keys = {keys_["root"]},
                                    .root_threshold = 2,
                                    .release_keys = {keys_["anna"]},
                                    .release_threshold = 1,
                                    .keys = {file("root")},
                                    .out = file("never")})
                .error()
                .kind,
            ErrorKind::kInvalidInput);
  EXPECT_FALSE(platform::exists(file("never")));
}

}  // namespace
}  // namespace obhut::sign

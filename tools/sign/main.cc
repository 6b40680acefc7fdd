// obhut-sign: the partner's offline signer. Makes the root, operators, tokens and signed plans;
// talks to nobody.

#include <cstdio>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "agent/base/time_text.h"
#include "platform/atomic_file.h"
#include "platform/terminal.h"
#include "tools/cli/exit_codes.h"
#include "tools/sign/commands.h"

namespace obhut::sign {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 2 wrong usage or input, 3 failed, 4 refused (signature, role, "
    "passphrase).\n"
    "Keys and passphrases never stand on the command line: --passphrase-file, or the terminal "
    "asks.";

/// Everything that the command line can say.
struct Options {
  std::string folder = ".";
  bool json = false;
  std::string passphrase_file;
  bool protect = false;
  std::uint32_t list_days = 400;
  InitOptions init;
  OperatorOptions add;
  std::string who;
  std::string out;
  bool all = false;
  TokenOptions token;
  PackageOptions package;
  PlanOptions plan;
  GrantOptions grant;
  ReleaseRootOptions release_root;
  ReleaseManifestOptions release;
  ReleaseSignOptions release_sign;
  std::string root_file;
  EscrowOptions escrow;
  bool yes = false;
  std::string file;
};

using Command = std::function<Result<Answer>(const Context&)>;

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
    case ErrorKind::kNotFound:
      return cli::kExitUsage;
    case ErrorKind::kRefused:
    case ErrorKind::kCrypto:
      return cli::kExitRefused;
    default:
      return cli::kExitFailed;
  }
}

Result<crypto::SecretBytes> read_passphrase_file(const std::string& file) {
  ASSIGN_OR_RETURN(Bytes bytes, platform::read_file(file, 4096));
  std::size_t size = bytes.size();
  while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r')) --size;
  crypto::SecretBytes passphrase(ByteView(bytes).first(size));
  crypto::wipe(bytes);
  if (passphrase.empty()) return fail(ErrorKind::kInvalidInput, file + ": holds no passphrase");
  return passphrase;
}

Result<crypto::SecretBytes> ask(const Options& options, const std::string& prompt) {
  if (!options.passphrase_file.empty()) return read_passphrase_file(options.passphrase_file);
  ASSIGN_OR_RETURN(std::string text, platform::ask_secret(prompt));
  crypto::SecretBytes passphrase(as_bytes(text));
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return passphrase;
}

/// For a key that is made: one where --protect or --passphrase-file asks for it.
Result<std::optional<crypto::SecretBytes>> new_passphrase(const Options& options) {
  if (!options.protect) return std::nullopt;
  ASSIGN_OR_RETURN(crypto::SecretBytes first, ask(options, "passphrase for the new key: "));
  if (options.passphrase_file.empty()) {
    ASSIGN_OR_RETURN(const crypto::SecretBytes second, ask(options, "once more: "));
    if (!crypto::equal_in_constant_time(first.view(), second.view())) {
      return fail(ErrorKind::kInvalidInput, "passphrase: the two differ");
    }
  }
  if (first.empty()) return fail(ErrorKind::kInvalidInput, "passphrase: is empty");
  return first;
}

int report(const Result<Answer>& done, bool json) {
  if (done) {
    std::cout << (json ? done->json + "\n" : done->text) << std::flush;
    return std::cout ? cli::kExitDone : cli::kExitFailed;
  }
  const Error& error = done.error();
  if (json) {
    const nlohmann::ordered_json out = {
        {"error", {{"kind", to_string(error.kind)}, {"message", error.message}}}};
    std::cout << out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  }
  std::cerr << "obhut-sign: " << printable(error.message) << "\n";
  return exit_code_of(error.kind);
}

std::string letters_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'a' && c <= 'z') out += static_cast<char>(c - 'a' + 'A');
    if ((c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7')) out += c;
  }
  return out;
}

/// Whoever could swap the request on its way would be given the keys: only what two people say to
/// each other shows it. To type it makes sure that it was compared.
Result<void> compare_fingerprints(const Options& options, const EscrowView& view) {
  if (options.yes) return {};
  if (!platform::is_terminal(platform::Stream::kInput)) {
    return fail(ErrorKind::kInvalidInput,
                "escrow answer: compare fingerprint " + view.fingerprint +
                    " with the one that the endpoint shows, then repeat with --yes (there is no "
                    "terminal to ask on)");
  }
  std::cerr << "device       " << view.device.text() << "\nvault        " << view.vault.text()
            << "\nasked at     " << format_time(view.created)
            << "\nAsk the person at the endpoint, by telephone or face to face, for the "
               "fingerprint of its request.\nType what you are told: "
            << std::flush;
  std::string typed;
  std::getline(std::cin, typed);
  if (letters_of(typed) == letters_of(view.fingerprint)) return {};
  return fail(ErrorKind::kRefused, "escrow answer: this request has fingerprint " +
                                       view.fingerprint + ", so it is not the endpoint's");
}

/// Adds a subcommand that ends with `command`.
CLI::App* leaf(CLI::App& parent, const char* name, const char* about, Command& chosen,
               Command command) {
  CLI::App* sub = parent.add_subcommand(name, about);
  sub->fallthrough();
  sub->callback([&chosen, command = std::move(command)] { chosen = command; });
  return sub;
}

CLI::App* group(CLI::App& app, const char* name, const char* about) {
  CLI::App* sub = app.add_subcommand(name, about);
  sub->require_subcommand(1);
  sub->fallthrough();
  return sub;
}

void add_partner_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* init_app = leaf(app, "init", "make a partner: root, escrow key, first trust list",
                            chosen, [&options](const Context& context) -> Result<Answer> {
                              ASSIGN_OR_RETURN(options.init.passphrase, new_passphrase(options));
                              options.init.list_days = options.list_days;
                              return init(context, options.init);
                            });
  init_app->add_option("--partner", options.init.partner, "name of the partner")->required();
  init_app->add_option("--partner-id", options.init.partner_id, "32 hex digits (default: random)");

  CLI::App* operators = group(app, "operator", "who may sign what");
  CLI::App* add = leaf(*operators, "add", "let an operator sign", chosen,
                       [&options](const Context& context) -> Result<Answer> {
                         ASSIGN_OR_RETURN(options.add.passphrase, new_passphrase(options));
                         options.add.list_days = options.list_days;
                         return operator_add(context, options.add);
                       });
  add->add_option("--name", options.add.name, "name of the person")->required();
  add->add_option("--roles", options.add.roles, "plan,enroll,restore")->required()->delimiter(',');
  add->add_option("--days", options.add.days, "how long")->check(CLI::Range(1, 3660));
  add->add_option("--public-key", options.add.public_key, "of a key made elsewhere (key new)");
  CLI::App* revoke =
      leaf(*operators, "revoke", "withdraw a key", chosen, [&options](const Context& context) {
        return operator_revoke(context, options.who, options.list_days);
      });
  revoke->add_option("operator", options.who, "name or public key")->required();

  CLI::App* key = group(app, "key", "keys outside this folder");
  CLI::App* fresh = leaf(*key, "new", "make an operator's key in a file of its own", chosen,
                         [&options](const Context&) -> Result<Answer> {
                           ASSIGN_OR_RETURN(const auto passphrase, new_passphrase(options));
                           return key_new(options.out, passphrase);
                         });
  fresh->add_option("--out", options.out, "file to write")->required();
}

void add_trust_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* trust = group(app, "trust", "the partner's trust list");
  leaf(*trust, "show", "print it", chosen, trust_show);
  CLI::App* out = leaf(*trust, "export", "the signed document, to be published", chosen,
                       [&options](const Context& context) {
                         return trust_export(context, options.out, options.all);
                       });
  out->add_option("--out", options.out, "file to write (default: standard output)");
  out->add_flag("--all", options.all, "every list so far, as a JSON array");
  leaf(*trust, "renew", "sign it again, with a later expiry", chosen,
       [&options](const Context& context) { return trust_renew(context, options.list_days); });

  CLI::App* root = group(app, "root", "the partner's root key");
  leaf(*root, "rotate", "make a new root, named by the old one", chosen,
       [&options](const Context& context) -> Result<Answer> {
         ASSIGN_OR_RETURN(const auto passphrase, new_passphrase(options));
         return root_rotate(context, options.list_days, passphrase);
       });
  CLI::App* escrow = group(app, "escrow", "the partner's escrow key");
  leaf(*escrow, "show", "print the public half, as plans carry it", chosen, escrow_show);
  CLI::App* give = leaf(*escrow, "answer", "open a lost device's vault for the endpoint that asks",
                        chosen, [&options](const Context& context) {
                          options.escrow.confirm = [&options](const EscrowView& view) {
                            return compare_fingerprints(options, view);
                          };
                          return escrow_answer(context, options.escrow);
                        });
  give->add_option("--request", options.escrow.request, "made by: obhut key request")->required();
  give->add_option("--out", options.escrow.out, "file to write (0600)")->required();
  give->add_flag("--yes", options.yes, "the fingerprints were compared: do not ask");
}

void add_document_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* make =
      leaf(app, "token", "make a registration token", chosen,
           [&options](const Context& context) { return token(context, options.token); });
  make->add_option("--customer", options.token.customer, "32 hex digits")->required();
  make->add_option("--cluster", options.token.cluster, "https URL")->required();
  make->add_option("--ca", options.token.ca_file, "PEM of the CA to pin")->required();
  make->add_option("--kind", options.token.kind, "workstation, server …");
  make->add_option("--uses", options.token.uses, "how many devices")->check(CLI::Range(1, 100000));
  make->add_option("--replaces", options.token.replaces,
                   "device whose licence and vaults the new one takes over: 32 hex digits");
  make->add_option("--days", options.token.days, "how long")->check(CLI::Range(1, 3660));
  make->add_option("--operator", options.token.signer, "name, public key, or root");
  make->add_option("--out", options.token.out, "file to write (0600)")->required();

  CLI::App* pack =
      leaf(app, "package", "put a registration token into a package", chosen,
           [&options](const Context& context) { return package(context, options.package); });
  pack->add_option("--token", options.package.token, "file with the token")->required();
  pack->add_option("package", options.package.package, "obhut-agent's .deb")->required();
  pack->add_option("--out", options.package.out, "package to write (0600)")->required();

  CLI::App* plan = group(app, "plan", "protection plans");
  CLI::App* sign = leaf(*plan, "sign", "sign a plan", chosen, [&options](const Context& context) {
    return plan_sign(context, options.plan);
  });
  sign->add_option("file", options.plan.file, "plan in JSON")->required();
  CLI::Option* device = sign->add_option("--device", options.plan.device, "32 hex digits");
  sign->add_option("--customer", options.plan.customer, "32 hex digits")->excludes(device);
  sign->add_option("--version", options.plan.version, "default: one more than the last");
  sign->add_option("--days", options.plan.days, "to be accepted for so long")
      ->check(CLI::Range(1, 3660));
  sign->add_option("--operator", options.plan.signers, "name or public key, may be repeated");
  sign->add_option("--key,--with", options.plan.key_files,
                   "key file of a further operator, may be repeated");
  sign->add_option("--delay-hours", options.plan.delay_hours,
                   "takes effect later; a dangerous change needs 72")
      ->check(CLI::Range(0, 8784));
  sign->add_option("--out", options.plan.out, "file to write")->required();

  CLI::App* check =
      leaf(app, "verify", "what is this document, and is it good", chosen,
           [&options](const Context& context) { return verify(context, options.file); });
  check->add_option("file", options.file, "signed document")->required();
}

void add_grant_command(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* make =
      leaf(app, "grant", "let a user of a device restore what he could not read", chosen,
           [&options](const Context& context) { return grant(context, options.grant); });
  GrantOptions& in = options.grant;
  make->add_option("--device", in.device, "32 hex digits")->required();
  make->add_option("--vault", in.vault, "32 hex digits (default: any of the device)");
  make->add_option("--path", in.paths, "what he may read, and all below it; may be repeated")
      ->required();
  CLI::Option* user = make->add_option("--user", in.user, "for this user: name, uid:N or SID");
  make->add_flag("--anybody", in.anybody, "for whoever brings the file or types the code")
      ->excludes(user);
  make->add_option("--to", in.to, "where it may go: original, a folder, or any (default)");
  make->add_option("--hours", in.hours, "how long (default: 24)")->check(CLI::Range(1, 744));
  make->add_option("--reason", in.reason, "for the activities of the device")->required();
  make->add_option("--operator", in.signer, "name or public key");
  make->add_option("--key", in.key_file, "key file of an operator");
  make->add_option("--out", in.out, "file to write (0600)");
  make->add_option("--qr", in.qr, "QR code: an SVG file to write (0600), - for the terminal");
}

void add_release_commands(CLI::App& app, Options& options, Command& chosen) {
  CLI::App* release = group(app, "release", "newer versions of the agent, for whoever makes them");
  CLI::App* root = leaf(
      *release, "root", "make a release root: whose signatures count", chosen,
      [&options](const Context& context) { return release_root(context, options.release_root); });
  ReleaseRootOptions& of_root = options.release_root;
  root->add_option("--after", of_root.after, "the root before; what is not given is as there");
  root->add_option("--root-key", of_root.root_keys, "public key that signs roots; repeatable");
  root->add_option("--root-threshold", of_root.root_threshold, "so many of them must")
      ->check(CLI::Range(1, 8));
  root->add_option("--release-key", of_root.release_keys, "public key that signs releases");
  root->add_option("--release-threshold", of_root.release_threshold, "so many of them must")
      ->check(CLI::Range(1, 8));
  root->add_option("--days", of_root.days, "how long (default: 1095)")->check(CLI::Range(1, 3660));
  root->add_option("--key", of_root.keys, "key file that signs it now; repeatable")->required();
  root->add_option("--out", of_root.out, "file to write")->required();

  CLI::App* manifest = leaf(
      *release, "manifest", "make a release of package files", chosen,
      [&options](const Context& context) { return release_manifest(context, options.release); });
  ReleaseManifestOptions& of_release = options.release;
  manifest->add_option("--root", of_release.root, "the newest release root")->required();
  manifest->add_option("--after", of_release.after, "the release before, for the serial");
  manifest->add_option("--serial", of_release.serial, "default: one more than the one before");
  manifest->add_option("--days", of_release.days, "how long (default: 90)")
      ->check(CLI::Range(1, 366));
  manifest->add_option("--package", of_release.packages, ".deb, .rpm or .msi; repeatable");
  manifest->add_option("--key", of_release.keys, "key file that signs it now; repeatable")
      ->required();
  manifest->add_option("--out", of_release.out, "file to write")->required();

  CLI::App* sign = leaf(
      *release, "sign", "add a signature to a root or a release", chosen,
      [&options](const Context& context) { return release_sign(context, options.release_sign); });
  sign->add_option("file", options.release_sign.file, "root or release")->required();
  sign->add_option("--key", options.release_sign.keys, "key file; repeatable")->required();
  sign->add_option("--out", options.release_sign.out, "file to write (default: the same)");

  CLI::App* show = leaf(*release, "show", "what it says, and who has signed it", chosen,
                        [&options](const Context& context) {
                          return release_show(context, options.file, options.root_file);
                        });
  show->add_option("file", options.file, "root or release")->required();
  show->add_option("--root", options.root_file, "the root that proves it");
}

int run(int argc, char** argv) {
  CLI::App app{"obhut-sign: the partner's offline signer"};
  Options options;
  Command chosen;
  app.add_option("--dir", options.folder, "folder of the signer (default: here)");
  app.add_flag("--json", options.json, "answer with one JSON object");
  app.add_option("--passphrase-file", options.passphrase_file, "file with the keys' passphrase");
  app.add_flag("--protect", options.protect, "put new keys under a passphrase");
  app.add_option("--list-days", options.list_days, "a new trust list is good for so long")
      ->check(CLI::Range(1, 3660));
  app.require_subcommand(1);
  app.footer(kFooter);
  add_partner_commands(app, options, chosen);
  add_trust_commands(app, options, chosen);
  add_document_commands(app, options, chosen);
  add_grant_command(app, options, chosen);
  add_release_commands(app, options, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  SystemClock clock;
  const Context context{options.folder, clock.now(), [&options](std::string_view key) {
                          return ask(options, "passphrase of key " + std::string(key) + ": ");
                        }};
  return report(chosen(context), options.json);
}

}  // namespace
}  // namespace obhut::sign

int main(int argc, char** argv) {
  return obhut::sign::run(argc, argv);
}

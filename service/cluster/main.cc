// obhut-cluster: the provider's control plane, storage gateway and ledger.

#include <charconv>
#include <iostream>

#include <CLI/CLI.hpp>

#include "agent/crypto/digest.h"
#include "platform/atomic_file.h"
#include "platform/machine.h"
#include "platform/signals.h"
#include "service/billing/calculator.h"
#include "service/billing/rate.h"
#include "service/cluster/api/services.h"
#include "service/cluster/cluster.h"
#include "service/cluster/ledger_check.h"
#include "service/cluster/ledger_export.h"
#include "service/cluster/reconciler.h"
#include "tools/cli/exit_codes.h"

namespace obhut::cluster {
namespace {

struct Options {
  std::string state = "/var/lib/obhut-cluster";
  bool verbose = false;
  std::string listen = "127.0.0.1:8443";
  std::vector<std::string> names;
  std::string email;
  std::string role = "provider";
  std::string partner;
  std::string password_file;
  std::string month;
  std::string out;
  bool accept_clock = false;
  std::uint64_t objects = UINT64_MAX;
  billing::RateOptions rate;
  billing::CalculateOptions calculate;
};

int code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
      return cli::kExitUsage;
    case ErrorKind::kRefused:
      return cli::kExitRefused;
    default:
      return cli::kExitFailed;
  }
}

int report(const Error& error) {
  std::cerr << "obhut-cluster: " << error.message << "\n";
  return code_of(error.kind);
}

int report(const Refusal& refusal) {
  std::cerr << "obhut-cluster: " << refusal.detail << "\n";
  return refusal.status == 422 || refusal.status == 404 ? cli::kExitUsage : cli::kExitFailed;
}

Result<std::unique_ptr<Cluster>> open(const Options& options, const Clock& clock) {
  const Log log = Log::to_stderr(options.verbose ? LogLevel::kDebug : LogLevel::kInfo);
  ASSIGN_OR_RETURN(State state, open_state(options.state, clock.now()));
  return Cluster::open(std::move(state), clock, log);
}

int init(const Options& options, const Clock& clock) {
  const std::size_t colon = options.listen.rfind(':');
  Config config;
  config.address = options.listen.substr(0, colon);
  if (config.address.starts_with('[') && config.address.ends_with(']')) {
    config.address = config.address.substr(1, config.address.size() - 2);
  }
  unsigned port = 65536;
  const char* end = options.listen.data() + options.listen.size();
  if (colon != std::string::npos) {
    const auto parsed = std::from_chars(options.listen.data() + colon + 1, end, port);
    if (parsed.ptr != end) port = 65536;
  }
  if (port > 65535 || config.address.empty()) {
    return report(Error{ErrorKind::kInvalidInput, "--listen takes ADDRESS:PORT"});
  }
  config.port = static_cast<std::uint16_t>(port);
  config.names = options.names;
  if (const auto done = init_state(options.state, config, clock.now()); !done) {
    return report(done.error());
  }
  const Result<State> state = open_state(options.state, clock.now());
  if (!state) return report(state.error());
  std::cout << "state " << options.state << "\nca-pin " << state->ca_pin.text() << "\ncluster-key "
            << state->cluster_key.public_key().text() << "\n";
  return cli::kExitDone;
}

int run(const Options& options, const Clock& clock, const std::stop_token& stop) {
  auto cluster = open(options, clock);
  if (!cluster) return report(cluster.error());
  const auto served = (*cluster)->serve(stop, [](std::uint16_t port) {
    std::cout << "listening on port " << port << "\n" << std::flush;
  });
  return served ? cli::kExitDone : report(served.error());
}

int add_user(const Options& options, const Clock& clock) {
  const std::optional<Role> role = parse_role(options.role);
  std::optional<PartnerId> partner;
  if (!options.partner.empty()) {
    partner = PartnerId::parse(options.partner);
    if (!partner) return report(Error{ErrorKind::kInvalidInput, "--partner takes a partner's id"});
  }
  if (!role) return report(Error{ErrorKind::kInvalidInput, "--role is provider, admin or viewer"});
  std::string password;
  if (options.password_file.empty()) {
    std::getline(std::cin, password);
  } else {
    const auto bytes = platform::read_file(options.password_file, 4096);
    if (!bytes) return report(bytes.error());
    password = std::string(as_text(*bytes));
    password.erase(std::min(password.find('\n'), password.size()));
  }
  auto cluster = open(options, clock);
  if (!cluster) return report(cluster.error());
  const auto added = (*cluster)->services().accounts.add(partner, options.email, password, *role);
  if (!added) return report(added.error());
  std::cout << added->id.text() << "\n";
  return cli::kExitDone;
}

/// Ledgers and bills, beside a service that may be running.
struct Books {
  Books(State given_state, std::unique_ptr<sql::Database> given_database, const Clock& clock)
      : state(std::move(given_state)),
        database(std::move(given_database)),
        tenants(*database, clock),
        bills(*database, clock, state.cluster_key) {}

  State state;
  std::unique_ptr<sql::Database> database;
  Tenants tenants;
  Bills bills;
  std::vector<Partner> partners;  ///< the one that was named, or all
};

Answer<std::unique_ptr<Books>> open_books(const Options& options, const Clock& clock) {
  std::optional<PartnerId> named;
  if (!options.partner.empty()) {
    named = PartnerId::parse(options.partner);
    if (!named) return refuse(422, "invalid-partner", "--partner takes a partner's id");
  }
  ASSIGN_OR_RETURN(State state, open_state(options.state, clock.now()));
  ASSIGN_OR_RETURN(std::unique_ptr<sql::Database> database, open_database(state));
  auto books = std::make_unique<Books>(std::move(state), std::move(database), clock);
  if (named) {
    ASSIGN_OR_RETURN(Partner partner, books->tenants.partner(*named));
    books->partners.push_back(std::move(partner));
  } else {
    ASSIGN_OR_RETURN(books->partners, books->tenants.partners());
  }
  return books;
}

/// Does `work` for each partner, whatever became of the others. Out: the last failure's exit code.
template <class Work>
int for_each_partner(const Options& options, const Clock& clock, Work work) {
  const auto books = open_books(options, clock);
  if (!books) return report(books.error());
  int code = cli::kExitDone;
  for (const Partner& partner : (*books)->partners) {
    const Answer<std::string> line = work(**books, partner.id);
    if (line) {
      std::cout << partner.id.text() << " " << *line << "\n";
    } else {
      Refusal refusal = line.error();
      refusal.detail = "partner " + partner.id.text() + ": " + refusal.detail;
      code = report(refusal);
    }
  }
  return code;
}

int verify_ledgers(const Options& options, const Clock& clock) {
  return for_each_partner(
      options, clock, [](Books& books, const PartnerId& partner) -> Answer<std::string> {
        ASSIGN_OR_RETURN(
            const LedgerState state,
            check_ledger(*books.database, partner, books.state.cluster_key.public_key()));
        return "rows " + std::to_string(state.head.sequence) + " head " + state.head.hash.text() +
               " months " + std::to_string(state.months);
      });
}

int export_partner(const Options& options, const Clock& clock) {
  return for_each_partner(
      options, clock, [&](Books& books, const PartnerId& partner) -> Answer<std::string> {
        TRY(export_ledger(*books.database, partner, books.state.cluster_key.public_key(),
                          clock.now(), options.out));
        return options.out;
      });
}

int close_month(const Options& options, const Clock& clock) {
  if (!billing::Month::parse(options.month)) {
    return report(Error{ErrorKind::kInvalidInput, "--month takes a month as 2026-03"});
  }
  return for_each_partner(
      options, clock, [&](Books& books, const PartnerId& partner) -> Answer<std::string> {
        ASSIGN_OR_RETURN(const ClosedMonth closed, books.bills.close(partner, options.month));
        return closed.month.text() + " bill " + crypto::sha256(as_bytes(closed.bill)).text();
      });
}

int run_retention(const Options& options, const Clock& clock) {
  auto cluster = open(options, clock);
  if (!cluster) return report(cluster.error());
  Retention& retention = (*cluster)->services().retention;
  if (options.accept_clock) {
    if (const auto accepted = retention.accept_clock(); !accepted) return report(accepted.error());
  }
  const auto done = retention.run();
  if (!done) return report(done.error());
  std::cout << "vaults " << done->vaults << "\nheld " << done->held << "\npoints-dropped "
            << done->points_dropped << "\nobjects-condemned " << done->objects_condemned
            << "\nobjects-deleted " << done->objects_deleted << "\nkeys-removed "
            << done->keys_removed << "\n";
  return cli::kExitDone;
}

int run_scrub(const Options& options, const Clock& clock, const std::stop_token& stop) {
  auto cluster = open(options, clock);
  if (!cluster) return report(cluster.error());
  const auto done = (*cluster)->scrub().run(options.objects, stop);
  if (!done) return report(done.error());
  std::cout << "objects " << done->objects << "\nbytes " << done->bytes << "\ndamaged "
            << done->damaged << "\n";
  return done->damaged == 0 ? cli::kExitDone : cli::kExitFailed;
}

int reconcile(const Options& options, const Clock& clock, const std::stop_token& stop) {
  auto cluster = open(options, clock);
  if (!cluster) return report(cluster.error());
  const auto done = (*cluster)->services().reconciler.run(stop);
  if (!done) return report(done.error());
  std::cout << "vaults " << done->vaults << "\nobjects " << done->objects << "\nmissing "
            << done->missing << "\nunknown " << done->unknown << "\nunknown-bytes "
            << done->unknown_bytes << "\n";
  for (const CorrectedLevel& level : done->corrected) {
    std::cout << "corrected " << level.vault.text() << " from " << level.from_bytes << " to "
              << level.to_bytes << " " << level.reason << "\n";
  }
  return done->corrected.empty() && done->missing == 0 ? cli::kExitDone : cli::kExitFailed;
}

int dispatch(int argc, char** argv, const std::stop_token& stop) {
  Options options;
  const SystemClock clock;
  CLI::App app("The provider's side of Obhut: control plane, storage gateway, ledger.",
               "obhut-cluster");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--state", options.state, "folder of keys, configuration and data")
      ->capture_default_str();
  app.add_flag("--verbose", options.verbose, "log every request");
  CLI::App* init_command =
      app.add_subcommand("init", "make a state folder with keys and certificates");
  init_command->add_option("--listen", options.listen, "ADDRESS:PORT")->capture_default_str();
  init_command->add_option("--name", options.names,
                           "a DNS name or address of this host; repeatable");
  CLI::App* run_command = app.add_subcommand("run", "serve until SIGTERM");
  CLI::App* user = app.add_subcommand("user", "people who may log in");
  user->require_subcommand(1);
  CLI::App* user_add =
      user->add_subcommand("add", "add one; the password comes from standard input");
  user_add->add_option("--email", options.email)->required();
  user_add->add_option("--role", options.role, "provider, admin or viewer")->capture_default_str();
  user_add->add_option("--partner", options.partner, "whose: a partner's id");
  user_add->add_option("--password-file", options.password_file, "instead of standard input");
  CLI::App* rate = app.add_subcommand("rate", "compute a month's bill from files");
  rate->add_option("--events", options.rate.events, "events, one JSON object a line")->required();
  rate->add_option("--prices", options.rate.prices, "price list")->required();
  rate->add_option("--month", options.rate.month, "YYYY-MM")->required();
  rate->add_option("--closed", options.rate.closed_dir, "folder of the bills closed so far");
  rate->add_option("--format", options.rate.format, "json or csv")->capture_default_str();
  CLI::App* calculate =
      app.add_subcommand("calculate", "what a planned customer would cost, in both modes");
  calculate->add_option("--prices", options.calculate.prices, "price list")->required();
  calculate->add_option("--plan", options.calculate.plan, "devices, storage and growth, as JSON")
      ->required();
  CLI::App* ledger = app.add_subcommand("ledger", "the partners' ledgers");
  ledger->require_subcommand(1);
  CLI::App* ledger_verify =
      ledger->add_subcommand("verify", "recompute every chain and every closed bill");
  ledger_verify->add_option("--partner", options.partner, "one partner's id; else all");
  CLI::App* ledger_export =
      ledger->add_subcommand("export", "all that somebody else needs to check a partner's bills");
  ledger_export->add_option("--partner", options.partner, "the partner's id")->required();
  ledger_export->add_option("--out", options.out, "a new folder")->required();
  CLI::App* bill = app.add_subcommand("bill", "the partners' bills");
  bill->require_subcommand(1);
  CLI::App* bill_close = bill->add_subcommand("close", "close a month, once and for all");
  bill_close->add_option("--month", options.month, "YYYY-MM")->required();
  bill_close->add_option("--partner", options.partner, "one partner's id; else all");
  CLI::App* retention = app.add_subcommand("retention", "what is kept how long");
  retention->require_subcommand(1);
  CLI::App* retention_run = retention->add_subcommand("run", "one round now");
  retention_run->add_flag("--accept-clock", options.accept_clock,
                          "the clock was checked and is right");
  CLI::App* scrub = app.add_subcommand("scrub", "stored objects against their hashes");
  scrub->require_subcommand(1);
  CLI::App* scrub_run = scrub->add_subcommand("run", "read stored objects now");
  scrub_run->add_option("--objects", options.objects, "at most so many");
  CLI::App* reconcile_command =
      app.add_subcommand("reconcile", "hold the ledger's levels against what the store has");
  CLI::App* version = app.add_subcommand("version", "print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kExitDone : cli::kExitUsage;
  }
  if (*version) {
    std::cout << "obhut-cluster " << OBHUT_VERSION << "\n";
    return cli::kExitDone;
  }
  if (*rate) return billing::rate_command(options.rate, std::cout, std::cerr);
  if (*calculate) {
    return billing::calculate_command(options.calculate, std::cout, std::cerr);
  }
  if (*init_command) return init(options, clock);
  if (*run_command) return run(options, clock, stop);
  if (*user_add) return add_user(options, clock);
  if (*ledger_verify) return verify_ledgers(options, clock);
  if (*ledger_export) return export_partner(options, clock);
  if (*bill_close) return close_month(options, clock);
  if (*retention_run) return run_retention(options, clock);
  if (*reconcile_command) return reconcile(options, clock, stop);
  if (*scrub_run) return run_scrub(options, clock, stop);
  return cli::kExitUsage;
}

}  // namespace
}  // namespace obhut::cluster

int main(int argc, char** argv) {
  const obhut::platform::StopOnSignal signals;
  obhut::platform::restrict_new_files();
  return obhut::cluster::dispatch(argc, argv, signals.token());
}

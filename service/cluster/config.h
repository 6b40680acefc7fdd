#pragma once
// STATE/cluster.toml: every key has a default, unknown keys are refused. Reference:
// docs/cluster.md.

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "service/cluster/commits.h"
#include "service/cluster/http/server.h"
#include "service/cluster/outgoing/address.h"
#include "service/cluster/retention.h"

namespace obhut::cluster {

struct WebhookConfig {
  outgoing::AddressPolicy addresses;  ///< webhooks.allow_networks, refuse_networks
  std::string ca_file;                ///< webhooks.ca_file; empty: the system's authorities alone
};

struct Config {
  std::string address = "127.0.0.1";  ///< listen.address
  std::uint16_t port = 8443;          ///< listen.port; 0: the system chooses
  std::vector<std::string> names;     ///< tls.names, beside localhost, 127.0.0.1 and ::1
  std::string public_url;     ///< tls.public_url; empty: made of the first name and the port
  std::string database;       ///< database.url; empty: STATE/cluster.db
  std::string objects;        ///< objects.directory; empty: STATE/objects
  http::Limits limits;        ///< limits.*
  unsigned workers = 16;      ///< limits.workers
  RetentionPolicy retention;  ///< retention.*
  std::chrono::minutes retention_every{60};
  HoldPolicy hold;                     ///< hold.*
  std::uint64_t scrub_objects = 1000;  ///< scrub.objects_per_hour; 0: never
  WebhookConfig webhooks;              ///< webhooks.*
};

/// In: TOML text; empty gives the defaults. `name` is what error messages call it.
/// Errors: kInvalidInput naming file, line and key.
Result<Config> parse_config(std::string_view text, std::string_view name);
/// What `init` writes: every key with its default, commented.
std::string config_text(const Config& config);

}  // namespace obhut::cluster

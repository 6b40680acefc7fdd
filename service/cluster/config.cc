#include "service/cluster/config.h"

#include <set>

#include <toml++/toml.h>

namespace obhut::cluster {
namespace {

class Reading {
 public:
  Reading(const toml::table& table, std::string_view name) : table_(table), name_(name) {}

  void integer(std::string_view key, std::int64_t least, std::int64_t most, auto&& set) {
    const auto node = take(key);
    if (!node) return;
    const auto value = node.value<std::int64_t>();
    if (!value || !node.is_integer() || *value < least || *value > most) {
      return wrong(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    }
    set(*value);
  }
  void text(std::string_view key, std::string& target) {
    const auto node = take(key);
    if (!node) return;
    const auto value = node.value<std::string>();
    if (!value) return wrong(key, "a string");
    target = *value;
  }
  void texts(std::string_view key, std::vector<std::string>& target) {
    const auto node = take(key);
    if (!node) return;
    const toml::array* array = node.as_array();
    if (array == nullptr) return wrong(key, "an array of strings");
    for (const toml::node& item : *array) {
      const auto value = item.value<std::string>();
      if (!value) return wrong(key, "an array of strings");
      target.push_back(*value);
    }
  }
  /// kInvalidInput for the first fault, or for a key that nobody asked for.
  Result<void> finish() {
    for (const auto& [section, node] : table_) {
      const toml::table* inner = node.as_table();
      if (inner == nullptr) wrong(section.str(), "a section");
      for (const auto& [key, value] : inner != nullptr ? *inner : toml::table{}) {
        const std::string full = std::string(section.str()) + "." + std::string(key.str());
        if (!known_.contains(full)) fault(full + " is not known here");
      }
    }
    if (!fault_.empty()) return fail(ErrorKind::kInvalidInput, name_ + ": " + fault_);
    return {};
  }

 private:
  toml::node_view<const toml::node> take(std::string_view key) {
    known_.insert(std::string(key));
    return table_.at_path(key);
  }
  void wrong(std::string_view key, const std::string& want) {
    fault(std::string(key) + " must be " + want);
  }
  void fault(std::string text) {
    if (fault_.empty()) fault_ = std::move(text);
  }

  const toml::table& table_;
  std::string name_;
  std::set<std::string> known_;
  std::string fault_;
};

void read_limits(Reading& reading, Config& config) {
  http::Limits& limits = config.limits;
  const auto seconds = [&](std::string_view key, std::chrono::milliseconds& target) {
    reading.integer(key, 1, 3600,
                    [&](std::int64_t value) { target = std::chrono::seconds(value); });
  };
  seconds("limits.handshake_seconds", limits.handshake);
  seconds("limits.header_seconds", limits.header);
  seconds("limits.idle_seconds", limits.idle);
  seconds("limits.block_seconds", limits.block);
  reading.integer("limits.connections", 1, 1'000'000, [&](std::int64_t value) {
    limits.connections = static_cast<std::uint32_t>(value);
  });
  reading.integer("limits.workers", 1, 256,
                  [&](std::int64_t value) { config.workers = static_cast<unsigned>(value); });
}

void read_retention(Reading& reading, Config& config) {
  const auto days = [&](std::string_view key, std::chrono::hours& target) {
    reading.integer(key, 0, 3650, [&](std::int64_t value) { target = std::chrono::days(value); });
  };
  days("retention.grace_days", config.retention.grace);
  days("retention.uncommitted_days", config.retention.uncommitted);
  days("retention.longest_pause_days", config.retention.longest_pause);
  reading.integer("retention.every_minutes", 1, 1440, [&](std::int64_t value) {
    config.retention_every = std::chrono::minutes(value);
  });
  reading.integer("hold.least_bytes", 0, std::int64_t{1} << 60U, [&](std::int64_t value) {
    config.hold.least_bytes = static_cast<std::uint64_t>(value);
  });
  reading.integer("hold.new_percent", 1, 1000, [&](std::int64_t value) {
    config.hold.new_percent = static_cast<unsigned>(value);
  });
  reading.integer("hold.shrunk_percent", 0, 100, [&](std::int64_t value) {
    config.hold.shrunk_percent = static_cast<unsigned>(value);
  });
}

Result<void> read_webhooks(Reading& reading, WebhookConfig& webhooks) {
  std::vector<std::string> allow;
  std::vector<std::string> refuse;
  reading.texts("webhooks.allow_networks", allow);
  reading.texts("webhooks.refuse_networks", refuse);
  reading.text("webhooks.ca_file", webhooks.ca_file);
  ASSIGN_OR_RETURN(webhooks.addresses, outgoing::AddressPolicy::parse(allow, refuse));
  return {};
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view name) {
  Config config;
  try {
    const toml::table table = toml::parse(text, name);
    Reading reading(table, name);
    reading.text("listen.address", config.address);
    reading.integer("listen.port", 0, 65535,
                    [&](std::int64_t value) { config.port = static_cast<std::uint16_t>(value); });
    reading.texts("tls.names", config.names);
    reading.text("tls.public_url", config.public_url);
    reading.text("database.url", config.database);
    reading.text("objects.directory", config.objects);
    reading.integer("scrub.objects_per_hour", 0, 100'000'000, [&](std::int64_t value) {
      config.scrub_objects = static_cast<std::uint64_t>(value);
    });
    read_limits(reading, config);
    read_retention(reading, config);
    const Result<void> webhooks = read_webhooks(reading, config.webhooks);
    TRY(reading.finish());
    if (!webhooks) {
      return fail(ErrorKind::kInvalidInput,
                  std::string(name) + ": webhooks: " + webhooks.error().message);
    }
  } catch (const toml::parse_error& error) {
    return fail(ErrorKind::kInvalidInput, std::string(name) + ":" +
                                              std::to_string(error.source().begin.line) + ": " +
                                              std::string(error.description()));
  }
  return config;
}

std::string config_text(const Config& config) {
  std::string names;
  for (const std::string& name : config.names)
    names += (names.empty() ? "\"" : ", \"") + name + "\"";
  return "# obhut-cluster. Every key shows its default where it is commented "
         "out.\n\n[listen]\naddress = \"" +
         config.address + "\"\nport = " + std::to_string(config.port) + "\n\n[tls]\nnames = [" +
         names + "]\n# public_url = \"https://backup.example.org:8443\"\n" +
         R"(
[database]
# url = "postgresql://obhut@db/obhut"    # default: cluster.db in this folder

[objects]
# directory = "/srv/obhut"               # default: objects in this folder

[limits]
# connections = 20000
# workers = 16                           # threads for what blocks
# handshake_seconds = 10
# header_seconds = 15
# idle_seconds = 75
# block_seconds = 60                     # for each 256 KiB of a body

[retention]
# every_minutes = 60
# grace_days = 7                         # between condemning and deleting
# uncommitted_days = 30                  # uploads that no commit named
# longest_pause_days = 45                # a longer one looks like a wrong clock

[hold]                                   # what stops retention until the partner decides
# least_bytes = 268435456
# new_percent = 50
# shrunk_percent = 50

[scrub]
# objects_per_hour = 1000

[webhooks]
# allow_networks = []                    # beside public addresses, as "10.2.0.0/16"
# refuse_networks = []                   # public ones that are the provider's own
# ca_file = ""                           # authorities beside the system's, PEM
)";
}

}  // namespace obhut::cluster

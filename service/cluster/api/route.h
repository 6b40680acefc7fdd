#pragma once
// The routing table: who may call what with how long a body.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "service/cluster/api/services.h"
#include "service/cluster/http/message.h"
#include "service/cluster/refusal.h"

namespace obhut::cluster::api {

enum class Auth : std::uint8_t {
  kNobody,
  kPerson,  ///< a session's token; GET for all, the rest for who may write
  kProvider,
  kDevice,  ///< a device's access token
  /// That, or a recovery key's of the vault that the path names first: the device is then the one
  /// whose vault it is.
  kReader,
  kRecovery,  ///< a recovery key's access token
  kStore,     ///< a signed URL
};

/// One request on its way through its handler.
struct Call {
  http::Request& request;
  std::vector<std::string> values;  ///< what stood for the {…} of the pattern, in order
  http::Pairs query;
  std::string bearer;
  std::optional<Person> person;
  std::optional<Device> device;
  std::optional<VaultId> recovers;  ///< the vault of a recovery key's access token
  std::optional<Upload> upload;     ///< of a PUT to the store
  bool last = false;                ///< a waiting poll must answer now
};

/// What a repeated write does.
enum class Repeat : std::uint8_t {
  /// The handler is one transaction, and where the request has an Idempotency-Key its answer is
  /// kept in it: repeated with the key, it does nothing and answers the same. GET never comes here.
  kAnsweredOnce,
  /// Nothing more than the first did, by what it names itself: the key is not asked for.
  kHarmless,
  /// As kAnsweredOnce, but the handler calls answer_once() itself, after work that no transaction
  /// should wait for.
  kAnsweredByHandler,
};

using Handler = std::function<Answer<http::Response>(Call&)>;

struct Route {
  http::Method method = http::Method::kGet;
  std::string pattern;  ///< "/api/v1/devices/{device}"
  Auth auth = Auth::kNobody;
  std::uint64_t body_limit = 0;
  Handler handler;
  /// Before the body: may refuse, or set a sink.
  std::function<Answer<void>(Call&)> admit;
  Repeat repeat = Repeat::kAnsweredOnce;
};

inline constexpr std::uint64_t kJsonLimit = std::uint64_t{1} << 20U;
/// A signed document (1 MiB at most) and what carries it.
inline constexpr std::uint64_t kDocumentBodyLimit = (std::uint64_t{1} << 20U) + 65536;
/// 1.6 million references: 25 TB in packs of 16 MiB.
inline constexpr std::uint64_t kHeadLimit = std::uint64_t{64} << 20U;

void add_public_routes(std::vector<Route>& routes, const Services& services,
                       const http::Counters* const& counters);
void add_device_routes(std::vector<Route>& routes, const Services& services);
void add_store_routes(std::vector<Route>& routes, const Services& services);
void add_people_routes(std::vector<Route>& routes, const Services& services);
void add_fleet_routes(std::vector<Route>& routes, const Services& services);
void add_grant_routes(std::vector<Route>& routes, const Services& services);
void add_release_routes(std::vector<Route>& routes, const Services& services);
void add_billing_routes(std::vector<Route>& routes, const Services& services);
void add_metering_routes(std::vector<Route>& routes, const Services& services);
void add_webhook_routes(std::vector<Route>& routes, const Services& services);

/// Adds routes to the table, reading as a table: on(Method, pattern, auth, limit, handler).
class Table {
 public:
  explicit Table(std::vector<Route>& routes) : routes_(routes) {}
  void get(std::string pattern, Auth auth, Handler handler) {
    add(http::Method::kGet, std::move(pattern), auth, 0, std::move(handler));
  }
  void post(std::string pattern, Auth auth, std::uint64_t limit, Handler handler,
            Repeat repeat = Repeat::kAnsweredOnce) {
    add(http::Method::kPost, std::move(pattern), auth, limit, std::move(handler));
    routes_.back().repeat = repeat;
  }
  void put(std::string pattern, Auth auth, std::uint64_t limit, Handler handler,
           Repeat repeat = Repeat::kAnsweredOnce) {
    add(http::Method::kPut, std::move(pattern), auth, limit, std::move(handler));
    routes_.back().repeat = repeat;
  }
  void remove(std::string pattern, Auth auth, Handler handler) {
    add(http::Method::kDelete, std::move(pattern), auth, 0, std::move(handler));
  }

 private:
  void add(http::Method method, std::string pattern, Auth auth, std::uint64_t limit,
           Handler handler) {
    routes_.push_back({method, std::move(pattern), auth, limit, std::move(handler), {}});
  }
  std::vector<Route>& routes_;
};

}  // namespace obhut::cluster::api

#include "service/cluster/outgoing/https_post.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <curl/curl.h>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "agent/base/check.h"
#include "agent/base/text.h"

namespace obhut::cluster::outgoing {
namespace {

using boost::asio::ip::tcp;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Transfer {
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> headers;
  std::string body;
  const AddressPolicy* addresses = nullptr;
  boost::asio::io_context* context = nullptr;
  std::size_t answer_bytes = 0;
  bool answered = false;  ///< the head of the last answer (not of a "100 continue") is whole
  std::string refusal;    ///< of an address, by us
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::optional<tcp::endpoint> endpoint_of(const curl_sockaddr& address) {
  tcp::endpoint endpoint;
  if (address.addrlen > endpoint.capacity()) return std::nullopt;
  std::memcpy(endpoint.data(), &address.addr, address.addrlen);
  endpoint.resize(address.addrlen);
  const bool known = address.family == tcp::v4().family() || address.family == tcp::v6().family();
  return known ? std::optional(endpoint) : std::nullopt;
}

/// Called with each address just before it is connected to: whatever the name meant when it was
/// looked at before, this is where the bytes would go.
curl_socket_t open_socket(void* data, curlsocktype /*purpose*/, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(data);
  const auto endpoint = endpoint_of(*address);
  if (!endpoint) return CURL_SOCKET_BAD;
  const std::string text = endpoint->address().to_string();
  const auto parsed = Address::parse(std::string_view(text).substr(0, text.find('%')));
  if (!parsed) return CURL_SOCKET_BAD;
  if (const auto judged = transfer.addresses->judge(*parsed); !judged) {
    transfer.refusal = judged.error().message;
    return CURL_SOCKET_BAD;
  }
  boost::system::error_code error;
  tcp::socket socket(*transfer.context);
  socket.open(endpoint->protocol(), error);
  if (error) return CURL_SOCKET_BAD;
  const auto handle = socket.release(error);
  return error ? CURL_SOCKET_BAD : handle;
}

/// Less than `size` makes the library give up.
std::size_t take(Transfer& transfer, std::size_t size) {
  transfer.answer_bytes += size;
  return transfer.answer_bytes > HttpsPoster::kMostAnswer ? 0 : size;
}

std::size_t on_header(char* bytes, std::size_t /*one*/, std::size_t size, void* data) noexcept {
  auto& transfer = *static_cast<Transfer*>(data);
  const std::string_view line(bytes, size);
  if (line == "\r\n" || line == "\n") {
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.answered = status >= 200;
  }
  return take(transfer, size);
}

std::size_t on_body(char* /*bytes*/, std::size_t /*one*/, std::size_t size, void* data) noexcept {
  return take(*static_cast<Transfer*>(data), size);
}

template <class T>
void set(const Transfer& transfer, CURLoption option, T value) {
  CHECK(curl_easy_setopt(transfer.easy.get(), option, value) == CURLE_OK);
}

void arm(Transfer& transfer, const Post& post, const PostConfig& config) {
  set(transfer, CURLOPT_URL, post.url.c_str());
  set(transfer, CURLOPT_PROTOCOLS_STR, "https");
  set(transfer, CURLOPT_FOLLOWLOCATION, 0L);
  set(transfer, CURLOPT_PROXY, "");  // also not the environment's
  set(transfer, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(transfer, CURLOPT_SSL_VERIFYPEER, 1L);
  set(transfer, CURLOPT_SSL_VERIFYHOST, 2L);
  set(transfer, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!config.ca_pem.empty()) {
    // Takes the place of the system's file of authorities; those of its folder are trusted still.
    curl_blob blob{const_cast<char*>(config.ca_pem.data()), config.ca_pem.size(), CURL_BLOB_NOCOPY};
    set(transfer, CURLOPT_CAINFO_BLOB, &blob);
  }
  set(transfer, CURLOPT_NOSIGNAL, 1L);
  // A name that nobody answers for is left to its thread, or all the others would wait for it.
  set(transfer, CURLOPT_QUICK_EXIT, 1L);
  set(transfer, CURLOPT_TIMEOUT_MS, static_cast<long>(config.longest.count()));
  // What a connection was allowed for is over with its request.
  set(transfer, CURLOPT_FORBID_REUSE, 1L);
  set(transfer, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(transfer, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  set(transfer, CURLOPT_HEADERFUNCTION, &on_header);
  set(transfer, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(transfer, CURLOPT_WRITEFUNCTION, &on_body);
  set(transfer, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(transfer, CURLOPT_ERRORBUFFER, transfer.error.data());
  set(transfer, CURLOPT_POST, 1L);
  set(transfer, CURLOPT_POSTFIELDS, transfer.body.c_str());
  set(transfer, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.body.size()));
  set(transfer, CURLOPT_HTTPHEADER, transfer.headers.get());
}

Result<int> status_of(const Transfer& transfer, CURLcode code) {
  // The peer has said what became of it; that it went on to send too much, or stopped in the
  // middle, changes nothing.
  if (transfer.answered) {
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return fail(ErrorKind::kTimeout, "no answer in time");
  if (!transfer.refusal.empty()) return fail(ErrorKind::kRefused, transfer.refusal);
  if (code == CURLE_OK) return fail(ErrorKind::kUnavailable, "the answer ended within its head");
  const std::string_view said = transfer.error.data();
  return fail(ErrorKind::kUnavailable, printable(said.empty() ? curl_easy_strerror(code) : said));
}

}  // namespace

struct HttpsPoster::State {
  explicit State(PostConfig given) : config(std::move(given)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi.reset(curl_multi_init());
    CHECK(multi != nullptr);
  }
  ~State() {
    for (auto& [ticket, transfer] : transfers) {
      curl_multi_remove_handle(multi.get(), transfer->easy.get());
    }
    transfers.clear();
    multi.reset();
    curl_global_cleanup();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  PostConfig config;
  boost::asio::io_context context;  ///< sockets want one; it does nothing
  std::unique_ptr<CURLM, FreeMulti> multi;
  std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers;
  std::atomic<bool> woken = false;
};

HttpsPoster::HttpsPoster(PostConfig config) : state_(std::make_unique<State>(std::move(config))) {}
HttpsPoster::~HttpsPoster() = default;

std::size_t HttpsPoster::running() const {
  return state_->transfers.size();
}

Result<void> HttpsPoster::start(std::uint64_t ticket, const Post& post) {
  auto transfer = std::make_unique<Transfer>();
  transfer->easy.reset(curl_easy_init());
  CHECK(transfer->easy != nullptr);
  transfer->body = post.body;
  transfer->addresses = &state_->config.addresses;
  transfer->context = &state_->context;
  const auto add = [&](const char* header) {
    transfer->headers.reset(curl_slist_append(transfer->headers.release(), header));
  };
  for (const std::string& header : post.headers) add(header.c_str());
  // "Expect: 100-continue" would cost a second with servers that do not know it.
  add("Expect:");
  arm(*transfer, post, state_->config);
  if (curl_multi_add_handle(state_->multi.get(), transfer->easy.get()) != CURLM_OK) {
    return fail(ErrorKind::kInternal, "request not started");
  }
  state_->transfers[ticket] = std::move(transfer);
  return {};
}

std::vector<HttpsPoster::Outcome> HttpsPoster::wait(std::chrono::milliseconds patience) {
  CURLM* multi = state_->multi.get();
  const auto until = std::chrono::steady_clock::now() + patience;
  std::vector<Outcome> outcomes;
  while (true) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = std::ranges::find_if(state_->transfers, [&](const auto& entry) {
        return entry.second->easy.get() == message->easy_handle;
      });
      outcomes.push_back({found->first, status_of(*found->second, message->data.result)});
      curl_multi_remove_handle(multi, found->second->easy.get());
      state_->transfers.erase(found);
    }
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (!outcomes.empty() || rest.count() <= 0 || state_->woken.exchange(false)) return outcomes;
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(rest.count()), nullptr);
  }
}

void HttpsPoster::wake() {
  state_->woken = true;
  curl_multi_wakeup(state_->multi.get());
}

}  // namespace obhut::cluster::outgoing

#include "tools/tray/window_host.h"

#include "agent/base/text.h"
#include "agent/crypto/random.h"

namespace obhut::tray {
namespace {

std::string make_token() {
  Bytes bytes(16);
  crypto::fill_random(bytes);
  return to_hex(bytes);
}

}  // namespace

Result<std::string> WindowHost::address() {
  const std::scoped_lock lock(mutex_);
  if (!server_) {
    ASSIGN_OR_RETURN(PageFiles page, PageFiles::read(options_.page));
    token_ = make_token();
    window_ = std::make_unique<Window>(daemon_, clock_, std::move(page), brand_, token_,
                                       options_.language);
    ASSIGN_OR_RETURN(
        server_, HttpServer::listen(options_.port,
                                    [this](const Request& request, const std::stop_token& gone) {
                                      return window_->answer(request, gone);
                                    }));
    thread_ = std::jthread([this](const std::stop_token& stop) { server_->run(stop); });
  }
  return server_->origin() + "/#token=" + token_;
}

}  // namespace obhut::tray

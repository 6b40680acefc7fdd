#pragma once
// Decides whether a TLS peer is the one we trust. Apart from the HTTP library, so that it can be
// replaced without touching this.

#include <string>

#include "agent/base/guarded.h"
#include "agent/base/result.h"
#include "agent/wire/transport.h"

struct ssl_ctx_st;

namespace obhut::wire {

/// The trust of one host. Must outlive the contexts that it was installed in.
class PeerTrust {
 public:
  /// In: host is a DNS name or an IP address literal without brackets.
  PeerTrust(std::string host, Trust trust) : host_(std::move(host)), trust_(std::move(trust)) {}

  /// Makes the context trust nothing but `trust`: its certificate store is replaced by an empty
  /// one and the chain is built by us. Errors: kInvalidInput where ca_pem holds no certificate.
  Result<void> install(ssl_ctx_st* context);

  /// Why the last handshake was refused; empty where none was. Reading clears it.
  std::string take_refusal();

 private:
  friend struct PeerTrustCallback;
  std::string host_;
  Trust trust_;
  Guarded<std::string> refusal_;
};

}  // namespace obhut::wire

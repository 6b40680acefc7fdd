// The cluster's answers as the agent reads them; the first byte says which.

#include "agent/base/text.h"
#include "agent/wire/json_codec.h"
#include "tests/fuzz/require.h"

using namespace obhut;

namespace {

/// An answer is read or is corrupt, and says where.
template <class T>
void judge(const Result<T>& read) {
  if (read) return;
  REQUIRE(read.error().kind == ErrorKind::kCorrupt);
  REQUIRE(!read.error().message.empty() && is_utf8(read.error().message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view json = as_text(ByteView(data, size)).substr(1);
  switch (data[0] % 16U) {
    case 0:
      judge(wire::read_enroll_reply(json));
      break;
    case 1:
      judge(wire::read_nonce_reply(json));
      break;
    case 2: {
      const auto token = wire::read_token_reply(json);
      judge(token);
      REQUIRE(!token || token->expires_in.count() >= 0);
      break;
    }
    case 3:
      judge(wire::read_device_reply(json));
      judge(wire::read_recovery_reply(json));
      judge(wire::read_trial_end(json));
      break;
    case 4:
      judge(wire::read_plan_reply(json));
      break;
    case 5:
      judge(wire::read_vaults(json));
      break;
    case 6:
      judge(wire::read_tickets(json));
      break;
    case 7:
      judge(wire::read_downloads(json));
      break;
    case 8:
      judge(wire::read_object_page(json));
      break;
    case 9:
      judge(wire::read_head_page(json));
      break;
    case 10:
      judge(wire::read_commit_receipt(json));
      break;
    case 11:
      judge(wire::read_grant_document(json));
      break;
    case 12:
      judge(wire::read_revoked_grants(json));
      break;
    case 13:
      judge(wire::read_release_roots(json));
      break;
    case 14:
      judge(wire::read_release_document(json));
      break;
    default: {
      // Whatever a proxy in between says becomes an error with a text that can be shown.
      for (const int status : {301, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 507, 999}) {
        const Error error = wire::error_of(wire::read_problem(status, json));
        REQUIRE(!error.message.empty() && is_utf8(error.message));
        REQUIRE(error.message.size() < 4096);
      }
    }
  }
  return 0;
}

// The embedded object store: signed URLs, nothing else.

#include "service/cluster/api/body.h"
#include "service/cluster/api/download.h"
#include "service/cluster/api/route.h"

namespace obhut::cluster::api {
namespace {

using http::Response;

class UploadSink final : public http::BodySink {
 public:
  explicit UploadSink(std::unique_ptr<objects::ObjectWriter> writer) : writer_(std::move(writer)) {}
  Result<void> write(ByteView bytes) override { return writer_->write(bytes); }
  Result<void> finish() { return writer_->finish(); }

 private:
  std::unique_ptr<objects::ObjectWriter> writer_;
};

/// An upload that was acknowledged before: its answer may have been lost, so that it is read again
/// and thrown away.
class DiscardSink final : public http::BodySink {
 public:
  Result<void> write(ByteView) override { return {}; }
};

/// The disk was full before the first byte. Said by the sink, so that the body is read to its end:
/// a client in the middle of sending does not hear what is said before.
class FullSink final : public http::BodySink {
 public:
  explicit FullSink(Error error) : error_(std::move(error)) {}
  Result<void> write(ByteView) override { return std::unexpected(error_); }

 private:
  Error error_;
};

Answer<void> admit_upload(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(call.upload, services.vaults.begin_upload(call.request.path, call.request.query,
                                                             call.request.content_length));
  if (call.upload->stored) {
    call.request.sink = std::make_unique<DiscardSink>();
    return {};
  }
  auto writer = services.store.create(call.upload->key, call.upload->length, call.upload->hash);
  if (!writer && writer.error().kind == ErrorKind::kConflict) {
    // The file is there, its acknowledgement is not: a crash came between. Take it as sent.
    call.request.sink = std::make_unique<DiscardSink>();
    return {};
  }
  if (!writer && writer.error().kind == ErrorKind::kQuotaExceeded) {
    call.request.sink = std::make_unique<FullSink>(std::move(writer.error()));
    return {};
  }
  if (!writer) return std::unexpected(Refusal(std::move(writer.error())));
  call.request.sink = std::make_unique<UploadSink>(std::move(*writer));
  return {};
}

Answer<Response> finish_upload(const Services& services, Call& call) {
  if (auto* sink = dynamic_cast<UploadSink*>(call.request.sink.get())) {
    if (auto finished = sink->finish(); !finished) {
      if (finished.error().kind == ErrorKind::kInvalidInput) {
        return refuse(422, "wrong-content", finished.error().message);
      }
      return std::unexpected(Refusal(std::move(finished.error())));
    }
  }
  TRY(services.vaults.finish_upload(*call.upload));
  return http::empty(call.upload->stored ? 200 : 201);
}

Answer<Response> download(const Services& services, Call& call) {
  ASSIGN_OR_RETURN(const auto found,
                   services.vaults.begin_download(call.request.path, call.request.query));
  return send_object(services, call, found.first, found.second);
}

}  // namespace

void add_store_routes(std::vector<Route>& routes, const Services& services) {
  Table table(routes);
  table.get("/store/v1/{folder}/{name}", Auth::kStore,
            [&services](Call& call) { return download(services, call); });
  // The ticket's length is the limit: begin_upload() refuses every other.
  table.put(
      "/store/v1/{folder}/{name}", Auth::kStore, std::uint64_t{1} << 40U,
      [&services](Call& call) { return finish_upload(services, call); },
      Repeat::kHarmless);  // a ticket is used up once
  routes.back().admit = [&services](Call& call) { return admit_upload(services, call); };
}

}  // namespace obhut::cluster::api

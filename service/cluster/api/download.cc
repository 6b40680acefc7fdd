#include "service/cluster/api/download.h"

namespace obhut::cluster::api {
namespace {

using http::Response;

class DownloadSource final : public http::BodySource {
 public:
  explicit DownloadSource(std::unique_ptr<objects::ObjectReader> reader)
      : reader_(std::move(reader)) {}
  Result<std::size_t> read(MutableByteView out) override { return reader_->read(out); }

 private:
  std::unique_ptr<objects::ObjectReader> reader_;
};

}  // namespace

Answer<Response> send_object(const Services& services, const Call& call, const std::string& key,
                             std::uint64_t size) {
  const http::RangeAnswer range =
      http::parse_range(http::find(call.request.headers, "range"), size);
  if (!range.satisfiable) {
    Response response = http::problem(416, "range-not-satisfiable", "the object is shorter");
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return response;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<objects::ObjectReader> reader,
                   services.store.open(key, range.range));
  Response response;
  response.status = range.partial ? 206 : 200;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Accept-Ranges", "bytes");
  if (range.partial) {
    response.headers.emplace_back(
        "Content-Range", "bytes " + std::to_string(range.range.offset) + "-" +
                             std::to_string(range.range.offset + range.range.length - 1) + "/" +
                             std::to_string(size));
  }
  response.source = std::make_unique<DownloadSource>(std::move(reader));
  response.source_length = range.range.length;
  return response;
}

}  // namespace obhut::cluster::api

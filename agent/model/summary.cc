#include "agent/model/summary.h"

#include "agent/base/codec.h"
#include "agent/model/entry_codec.h"
#include "agent/model/head.h"

namespace obhut::model {
namespace {

constexpr std::uint8_t kVersion = 1;
/// Room for the envelope around it.
constexpr std::size_t kMaxPlain = kMaxSummarySize - 4096;

std::uint64_t to_number(Instant at) {
  return static_cast<std::uint64_t>(at.time_since_epoch().count());
}
Instant to_instant(std::uint64_t number) {
  return Instant(std::chrono::microseconds(static_cast<std::int64_t>(number)));
}

}  // namespace

std::string_view to_string(Consistency consistency) {
  return consistency == Consistency::kSnapshot ? "snapshot" : "best-effort";
}

Result<Bytes> encode_summary(const Summary& summary) {
  Writer body;
  WriterTables tables;
  for (const Ref& ref : summary.root) {
    if (!is_good_ref(ref)) return fail(ErrorKind::kInvalidInput, "summary: root beyond a blob");
  }
  body.varint(summary.root.size());
  for (const Ref& ref : summary.root) write_ref(body, tables, ref);
  for (const std::uint64_t number :
       {summary.totals.files, summary.totals.directories, summary.totals.bytes,
        summary.stored_bytes, summary.new_bytes, summary.read_bytes, summary.new_files,
        summary.changed_files, summary.unchanged_files, summary.skipped_entries}) {
    body.varint(number);
  }
  body.u64(to_number(summary.started));
  body.u64(to_number(summary.finished));
  body.u8(static_cast<std::uint8_t>(summary.consistency));
  body.text(summary.host);
  body.varint(summary.sources.size());
  for (const std::string& source : summary.sources) body.text(source);
  write_extensions(body, summary.extensions);
  Writer out;
  out.u8(kVersion);
  tables.write(out);
  out.raw(body.bytes());
  if (out.size() > kMaxPlain) return fail(ErrorKind::kInvalidInput, "summary: too long");
  return std::move(out).take();
}

Result<Summary> parse_summary(ByteView bytes) {
  Reader in(bytes);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kVersion) return fail(ErrorKind::kCorrupt, "summary: unknown version");
  ReaderTables tables;
  if (!tables.read(in)) return fail(ErrorKind::kCorrupt, "summary: malformed table");
  Summary summary;
  summary.root.resize(in.count(3));
  for (Ref& ref : summary.root) ref = read_ref(in, tables);
  for (std::uint64_t* number :
       {&summary.totals.files, &summary.totals.directories, &summary.totals.bytes,
        &summary.stored_bytes, &summary.new_bytes, &summary.read_bytes, &summary.new_files,
        &summary.changed_files, &summary.unchanged_files, &summary.skipped_entries}) {
    *number = in.varint();
  }
  summary.started = to_instant(in.u64());
  summary.finished = to_instant(in.u64());
  const std::uint8_t consistency = in.u8();
  if (consistency > 1) in.fail();
  summary.consistency = static_cast<Consistency>(consistency);
  summary.host = in.text();
  summary.sources.resize(in.count(1));
  for (std::string& source : summary.sources) source = in.text();
  read_extensions(in, summary.extensions);
  if (!tables.spent()) in.fail();
  TRY(in.finish("summary"));
  return summary;
}

}  // namespace obhut::model

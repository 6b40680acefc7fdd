#include "agent/pipeline/checkpoint.h"

#include <algorithm>

#include "agent/base/codec.h"
#include "agent/crypto/digest.h"
#include "agent/crypto/random.h"

namespace obhut::pipeline {
namespace {

constexpr std::string_view kMagic = "OBHUTCP1";
constexpr std::size_t kHeaderSize = 16;
constexpr std::size_t kChunk = 64U << 10U;
constexpr std::size_t kMaxChunk = 16U << 20U;

// Bound to the place in the file and, through the start time, to the file.
Sha256 mac_of(ByteView key, std::uint64_t chunk, Instant started, ByteView records) {
  Writer writer;
  writer.u64(chunk);
  writer.u64(static_cast<std::uint64_t>(started.time_since_epoch().count()));
  writer.raw(crypto::sha256(records).bytes());
  return crypto::hmac_sha256(key, writer.bytes());
}

void write_record(Writer& writer, std::string_view path, const model::Entry& entry) {
  writer.text(path);
  writer.varint(entry.size);
  writer.svarint(entry.modified.seconds);
  writer.u32(entry.modified.nanoseconds);
  writer.svarint(entry.changed.seconds);
  writer.u32(entry.changed.nanoseconds);
  writer.varint(entry.inode);
  writer.varint(entry.device);
  writer.u32(entry.inode_flags);
  writer.varint(entry.xattrs.size());
  for (const model::Xattr& xattr : entry.xattrs) {
    writer.text(xattr.name);
    writer.blob(xattr.value);
  }
  writer.u8(entry.content.level);
  writer.varint(entry.content.pieces.size());
  for (const model::Piece& piece : entry.content.pieces) {
    writer.u8(piece.ref ? 1 : 0);
    writer.varint(piece.length);
    if (!piece.ref) continue;
    writer.id(piece.ref->blob);
    writer.varint(piece.ref->offset);
    writer.varint(piece.ref->length);
  }
}

bool read_record(Reader& reader, std::string& path, model::Entry& entry) {
  path = reader.text();
  entry = {};
  entry.size = reader.varint();
  entry.modified.seconds = reader.svarint();
  entry.modified.nanoseconds = reader.u32();
  entry.changed.seconds = reader.svarint();
  entry.changed.nanoseconds = reader.u32();
  entry.inode = reader.varint();
  entry.device = reader.varint();
  entry.inode_flags = reader.u32();
  entry.xattrs.resize(reader.count(2));
  for (model::Xattr& xattr : entry.xattrs) {
    xattr.name = reader.text();
    xattr.value = to_bytes(reader.blob());
  }
  entry.content.level = reader.u8();
  entry.content.pieces.resize(reader.count(2));
  for (model::Piece& piece : entry.content.pieces) {
    const bool hole = reader.u8() == 0;
    piece.length = reader.varint();
    if (hole) continue;
    model::Ref ref;
    ref.blob = reader.id<BlobId>();
    ref.offset = static_cast<std::uint32_t>(reader.varint());
    ref.length = static_cast<std::uint32_t>(reader.varint());
    piece.ref = ref;
  }
  return reader.ok();
}

}  // namespace

bool walk_order_less(std::string_view a, std::string_view b) {
  // No name holds a NUL, so that '/' taken as the least of all characters sorts name by name.
  const auto rank = [](char c) { return c == '/' ? 0U : static_cast<unsigned char>(c) + 0U; };
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

CheckpointWriter::CheckpointWriter(platform::LocalFile file, Bytes key, Clock& clock,
                                   std::chrono::seconds quiet)
    : file_(std::move(file)), key_(std::move(key)), clock_(clock), begin_(clock.steady() + quiet) {}

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::create(const std::string& path,
                                                                   ByteView key, Clock& clock,
                                                                   std::chrono::seconds quiet) {
  TRY(platform::remove_file(path));
  ASSIGN_OR_RETURN(platform::LocalFile file, platform::LocalFile::open_for_appending(path));
  Writer header;
  header.raw(as_bytes(kMagic));
  header.u64(static_cast<std::uint64_t>(clock.now().time_since_epoch().count()));
  TRY(file.append(header.bytes()));
  auto writer = std::unique_ptr<CheckpointWriter>(
      new CheckpointWriter(std::move(file), to_bytes(key), clock, quiet));
  writer->started_ = Instant(Instant::duration(
      static_cast<std::int64_t>(Reader(ByteView(header.bytes()).subspan(8)).u64())));
  return writer;
}

Result<void> CheckpointWriter::add(std::string_view path, const model::Entry& entry) {
  if (broken_ || (entry.marks & model::kChangedWhileRead) != 0) return {};
  if (!due_ && clock_.steady() < begin_) return {};
  due_ = true;
  Writer writer;
  write_record(writer, path, entry);
  held_.insert(held_.end(), writer.bytes().begin(), writer.bytes().end());
  if (held_.size() >= kChunk) flush();
  return {};
}

void CheckpointWriter::flush() {
  if (broken_ || held_.empty()) return;
  Writer writer;
  writer.u32(static_cast<std::uint32_t>(held_.size()));
  writer.raw(held_);
  writer.raw(mac_of(key_, chunk_++, started_, held_).bytes());
  held_.clear();
  // Without it the next run reads more: no reason to end this one.
  broken_ = !file_.append(writer.bytes());
}

CheckpointReader::CheckpointReader(platform::LocalFile file, Bytes key, Instant started)
    : file_(std::move(file)), key_(std::move(key)), started_(started), offset_(kHeaderSize) {}

std::unique_ptr<CheckpointReader> CheckpointReader::open(const std::string& path, ByteView key) {
  Result<platform::LocalFile> file = platform::LocalFile::open_for_reading(path);
  if (!file) return nullptr;
  const Result<Bytes> header = file->read_range({0, kHeaderSize});
  if (!header || as_text(ByteView(*header).first(8)) != kMagic) return nullptr;
  const auto micros = static_cast<std::int64_t>(Reader(ByteView(*header).subspan(8)).u64());
  return std::unique_ptr<CheckpointReader>(
      new CheckpointReader(std::move(*file), to_bytes(key), Instant(Instant::duration(micros))));
}

bool CheckpointReader::next_chunk() {
  const Result<Bytes> length = file_.read_range({offset_, 4});
  if (!length) return false;
  const std::uint32_t size = Reader(*length).u32();
  if (size > kMaxChunk) return false;
  Result<Bytes> chunk = file_.read_range({offset_ + 4, std::uint64_t{size} + Sha256::kSize});
  if (!chunk) return false;
  const ByteView records = ByteView(*chunk).first(size);
  // A chunk that was cut off, or that somebody made up, is where the checkpoint ends.
  if (!equal(mac_of(key_, chunk_++, started_, records).bytes(), ByteView(*chunk).subspan(size))) {
    return false;
  }
  offset_ += chunk->size() + 4;
  chunk->resize(size);
  records_ = std::move(*chunk);
  at_ = 0;
  return true;
}

bool CheckpointReader::next_record() {
  if (at_ == records_.size() && !next_chunk()) return false;
  Reader reader(ByteView(records_).subspan(at_));
  if (!read_record(reader, path_, entry_)) return false;
  at_ = records_.size() - reader.remaining();
  return true;
}

const model::Entry* CheckpointReader::find(std::string_view path) {
  while (!ended_ && (!have_ || walk_order_less(path_, path))) {
    have_ = next_record();
    ended_ = !have_;
  }
  return have_ && path_ == path ? &entry_ : nullptr;
}

}  // namespace obhut::pipeline

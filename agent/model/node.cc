#include "agent/model/node.h"

#include <utility>

#include "agent/base/check.h"
#include "agent/base/text.h"
#include "agent/model/entry_codec.h"

namespace obhut::model {
namespace {

constexpr std::uint8_t kVersion = 1;
/// An entry takes at least this much: bounds what a hostile count makes us believe.
constexpr std::size_t kLeastEntry = 18;
/// With what it adds to the tables: enough for a directory of 100,000,000 entries.
constexpr std::size_t kMaxEntrySize = 5U << 19U;

/// FNV-1a with the finisher of MurmurHash3. Says only where parts end, so that anybody may know it.
std::uint64_t name_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 33U);
}

}  // namespace

struct NodeWriter::State {
  explicit State(PartSizes part_sizes) : sizes(part_sizes) {}

  [[nodiscard]] std::size_t size() const { return entries.size() + tables.bytes() + 32; }

  /// A part is `average` bytes long when, beyond `least`, each byte ends it with equal chance: an
  /// entry of n bytes ends it with n times that.
  [[nodiscard]] bool ends_after(std::string_view name, std::size_t entry_bytes) const {
    if (size() >= sizes.most) return true;
    if (size() < sizes.least) return false;
    const std::uint64_t beyond = sizes.average - sizes.least;
    return name_hash(name) % beyond < entry_bytes;
  }

  Bytes take() {
    Writer part;
    part.u8(kVersion);
    tables.write(part);
    part.varint(count);
    part.raw(entries.bytes());
    tables = WriterTables();
    entries = Writer(std::move(entries).take());
    count = 0;
    return std::move(part).take();
  }

  PartSizes sizes;
  WriterTables tables;
  Writer entries;
  std::uint64_t count = 0;
  std::string last;
  bool any = false;
};

NodeWriter::NodeWriter(PartSizes sizes) : state_(std::make_unique<State>(sizes)) {
  CHECK(sizes.least < sizes.average && sizes.average <= sizes.most &&
        sizes.most + kMaxEntrySize < kMaxNodePart);
}
NodeWriter::~NodeWriter() = default;
NodeWriter::NodeWriter(NodeWriter&&) noexcept = default;
NodeWriter& NodeWriter::operator=(NodeWriter&&) noexcept = default;

Result<std::optional<Bytes>> NodeWriter::add(const Entry& entry) {
  TRY(check_entry(entry));
  State& state = *state_;
  if (state.any && entry.name <= state.last) {
    return fail(ErrorKind::kInvalidInput,
                "entry " + printable(entry.name) + ": out of order in its directory");
  }
  const std::size_t before = state.size();
  const std::size_t blobs = state.tables.blobs();
  const std::size_t texts = state.tables.texts();
  Writer alone;
  write_entry(alone, state.tables, entry);
  const std::size_t grown = state.size() + alone.size() - before;
  if (grown > kMaxEntrySize) {
    state.tables.shrink(blobs, texts);
    return fail(ErrorKind::kUnsupported,
                "entry " + printable(entry.name) + ": its attributes are too large");
  }
  state.entries.raw(alone.bytes());
  ++state.count;
  state.last = entry.name;
  state.any = true;
  if (!state.ends_after(entry.name, grown)) return std::optional<Bytes>{};
  return std::optional<Bytes>(state.take());
}

std::optional<Bytes> NodeWriter::finish() {
  State& state = *state_;
  std::optional<Bytes> last;
  if (state.count > 0 || !state.any) last = state.take();
  state.any = false;
  state.last.clear();
  return last;
}

struct NodeReader::State {
  explicit State(ByteView part) : in(part) {}

  Reader in;
  ReaderTables tables;
  std::size_t count = 0;
  std::size_t read = 0;
  std::string last;
};

NodeReader::NodeReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
NodeReader::~NodeReader() = default;
NodeReader::NodeReader(NodeReader&&) noexcept = default;
NodeReader& NodeReader::operator=(NodeReader&&) noexcept = default;

Result<NodeReader> NodeReader::open(ByteView part, std::string_view after) {
  if (part.size() > kMaxNodePart) return fail(ErrorKind::kCorrupt, "node: part too long");
  auto state = std::make_unique<State>(part);
  const std::uint8_t version = state->in.u8();
  if (state->in.ok() && version != kVersion) {
    return fail(ErrorKind::kCorrupt, "node: version " + std::to_string(version) + " is unknown");
  }
  if (!state->tables.read(state->in)) return fail(ErrorKind::kCorrupt, "node: malformed tables");
  state->count = state->in.count(kLeastEntry);
  state->last = after;
  if (!state->in.ok()) return fail(ErrorKind::kCorrupt, "node: more entries than bytes");
  return NodeReader(std::move(state));
}

Result<bool> NodeReader::next(Entry& entry) {
  State& state = *state_;
  if (state.read == state.count) {
    TRY(state.in.finish("node"));
    if (!state.tables.spent()) return fail(ErrorKind::kCorrupt, "node: names what no entry uses");
    return false;
  }
  read_entry(state.in, state.tables, entry);
  if (!state.in.ok()) return fail(ErrorKind::kCorrupt, "node: malformed entry");
  if (entry.name <= state.last) {
    state.in.fail();
    return fail(ErrorKind::kCorrupt, "node: entries out of order");
  }
  ++state.read;
  state.last = entry.name;
  return true;
}

Result<std::optional<Entry>> NodeReader::next() {
  Entry entry;
  ASSIGN_OR_RETURN(const bool more, next(entry));
  if (!more) return std::optional<Entry>{};
  return std::optional<Entry>(std::move(entry));
}

const std::vector<BlobId>& NodeReader::blobs() const {
  return state_->tables.blobs();
}
std::size_t NodeReader::size() const {
  return state_->count;
}
const std::string& NodeReader::last_name() const {
  return state_->last;
}

Result<std::vector<Entry>> parse_node_part(ByteView part) {
  ASSIGN_OR_RETURN(NodeReader reader, NodeReader::open(part));
  std::vector<Entry> entries;
  Entry entry;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.next(entry));
    if (!more) return entries;
    entries.push_back(entry);
  }
}

Result<Bytes> encode_pieces(const std::vector<Piece>& pieces) {
  if (pieces.empty() || pieces.size() > kMaxListedPieces) {
    return fail(ErrorKind::kInvalidInput, "piece list: 1 to 8192 pieces");
  }
  Writer body;
  WriterTables tables;
  for (const Piece& piece : pieces) {
    if (piece.length == 0 || (piece.ref && !is_good_ref(*piece.ref))) {
      return fail(ErrorKind::kInvalidInput, "piece list: piece without bytes or beyond a blob");
    }
  }
  write_pieces(body, tables, pieces, true);
  Writer out;
  out.u8(kVersion);
  tables.write(out);
  out.raw(body.bytes());
  return std::move(out).take();
}

Result<std::vector<Piece>> parse_pieces(ByteView bytes) {
  Reader in(bytes);
  const std::uint8_t version = in.u8();
  if (in.ok() && version != kVersion)
    return fail(ErrorKind::kCorrupt, "piece list: unknown version");
  ReaderTables tables;
  std::vector<Piece> pieces;
  if (!tables.read(in)) return fail(ErrorKind::kCorrupt, "piece list: malformed table");
  read_pieces(in, tables, pieces, true, kMaxListedPieces);
  for (const Piece& piece : pieces) {
    if (piece.length == 0) in.fail();
  }
  if (pieces.empty() || !tables.spent()) in.fail();
  TRY(in.finish("piece list"));
  return pieces;
}

}  // namespace obhut::model

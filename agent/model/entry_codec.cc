#include "agent/model/entry_codec.h"

#include <limits>

#include "agent/base/text.h"
#include "agent/model/rel_path.h"

namespace obhut::model {
namespace {

constexpr std::uint32_t kMaxMode = 07777;
constexpr std::size_t kMaxXattrName = 255;
constexpr std::size_t kMaxTarget = 128U << 10U;
constexpr std::uint32_t kSecond = 1'000'000'000;

bool is_device(EntryType type) {
  return type == EntryType::kCharDevice || type == EntryType::kBlockDevice;
}

bool good_xattrs(const std::vector<Xattr>& xattrs) {
  for (std::size_t i = 0; i < xattrs.size(); ++i) {
    const std::string& name = xattrs[i].name;
    if (name.empty() || name.size() > kMaxXattrName) return false;
    if (name.find('\0') != std::string::npos) return false;
    if (i > 0 && xattrs[i - 1].name >= name) return false;
  }
  return true;
}

bool good_extensions(const std::vector<Extension>& extensions) {
  for (std::size_t i = 1; i < extensions.size(); ++i) {
    if (extensions[i - 1].tag >= extensions[i].tag) return false;
  }
  return true;
}

/// The pieces are well-formed for their level and sum up to `size`.
bool good_content(const Content& content, std::uint64_t size) {
  if (content.level > kMaxLevels || content.pieces.size() > kMaxInlinePieces) return false;
  if (content.level > 0 && content.pieces.empty()) return false;
  std::uint64_t sum = 0;
  for (const Piece& piece : content.pieces) {
    if (piece.length == 0 || piece.length > size - sum) return false;
    if (!piece.ref && content.level > 0) return false;
    if (piece.ref && !is_good_ref(*piece.ref)) return false;
    if (piece.ref && content.level == 0 && piece.ref->length != piece.length) return false;
    sum += piece.length;
  }
  return sum == size;
}

/// What belongs to other types is not set.
bool fits_type(const Entry& entry) {
  if (entry.type != EntryType::kFile && entry.content != Content{}) return false;
  if (entry.type != EntryType::kDirectory &&
      (!entry.children.empty() || entry.totals != Totals{})) {
    return false;
  }
  if (entry.type != EntryType::kSymlink && !entry.symlink_target.empty()) return false;
  return is_device(entry.type) || entry.rdev == 0;
}

/// Names what is wrong; nothing where all is well.
std::string_view fault_of(const Entry& entry) {
  const auto type = static_cast<std::uint8_t>(entry.type);
  if (!is_entry_name(entry.name)) return "no entry has this name";
  if (type < 1 || type > 7) return "unknown type";
  if (entry.mode > kMaxMode) return "mode beyond 07777";
  if (entry.modified.nanoseconds >= kSecond || entry.changed.nanoseconds >= kSecond) {
    return "nanoseconds beyond a second";
  }
  if (!fits_type(entry)) return "has what its type has not";
  if (entry.symlink_target.size() > kMaxTarget) return "link target too long";
  if (entry.symlink_target.find('\0') != std::string::npos) return "NUL in its link target";
  if (!good_xattrs(entry.xattrs)) return "extended attributes malformed or out of order";
  if (!good_extensions(entry.extensions)) return "extensions out of order";
  if (entry.type == EntryType::kFile && !good_content(entry.content, entry.size)) {
    return "pieces do not make its size";
  }
  for (const Ref& ref : entry.children) {
    if (!is_good_ref(ref)) return "part beyond a blob";
  }
  return {};
}

void write_time(Writer& out, const FileTime& time) {
  out.svarint(time.seconds);
  out.varint(time.nanoseconds);
}

std::uint32_t read_u32(Reader& in) {
  const std::uint64_t value = in.varint();
  if (value > std::numeric_limits<std::uint32_t>::max()) in.fail();
  return static_cast<std::uint32_t>(value);
}

FileTime read_time(Reader& in) {
  FileTime time;
  time.seconds = in.svarint();
  time.nanoseconds = read_u32(in);
  return time;
}

void write_xattrs(Writer& out, const std::vector<Xattr>& xattrs) {
  out.varint(xattrs.size());
  for (const Xattr& xattr : xattrs) {
    out.text(xattr.name);
    out.blob(xattr.value);
  }
}

void read_xattrs(Reader& in, std::vector<Xattr>& xattrs) {
  xattrs.resize(in.count(2));
  for (Xattr& xattr : xattrs) {
    xattr.name = in.text();
    xattr.value = to_bytes(in.blob());
  }
}

void write_typed(Writer& out, WriterTables& tables, const Entry& entry) {
  if (entry.type == EntryType::kFile) {
    out.u8(entry.content.level);
    write_pieces(out, tables, entry.content.pieces, entry.content.level > 0);
  } else if (entry.type == EntryType::kDirectory) {
    out.varint(entry.children.size());
    for (const Ref& ref : entry.children) write_ref(out, tables, ref);
    out.varint(entry.totals.files);
    out.varint(entry.totals.directories);
    out.varint(entry.totals.bytes);
  } else if (entry.type == EntryType::kSymlink) {
    out.text(entry.symlink_target);
  } else if (is_device(entry.type)) {
    out.varint(entry.rdev);
  }
}

void read_typed(Reader& in, ReaderTables& tables, Entry& entry) {
  if (entry.type == EntryType::kFile) {
    entry.content.level = in.u8();
    read_pieces(in, tables, entry.content.pieces, entry.content.level > 0, kMaxInlinePieces);
  } else if (entry.type == EntryType::kDirectory) {
    entry.children.resize(in.count(3));
    for (Ref& ref : entry.children) ref = read_ref(in, tables);
    entry.totals.files = in.varint();
    entry.totals.directories = in.varint();
    entry.totals.bytes = in.varint();
  } else if (entry.type == EntryType::kSymlink) {
    entry.symlink_target = in.text();
  } else if (is_device(entry.type)) {
    entry.rdev = in.varint();
  }
}

void clear_typed(Entry& entry) {
  entry.content.level = 0;
  entry.content.pieces.clear();
  entry.children.clear();
  entry.totals = {};
  entry.symlink_target.clear();
  entry.rdev = 0;
}

}  // namespace

std::string_view to_string(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return "file";
    case EntryType::kDirectory:
      return "directory";
    case EntryType::kSymlink:
      return "symlink";
    case EntryType::kFifo:
      return "fifo";
    case EntryType::kCharDevice:
      return "char-device";
    case EntryType::kBlockDevice:
      return "block-device";
    case EntryType::kSocket:
      return "socket";
  }
  return "unknown";
}

std::uint64_t WriterTables::blob(const BlobId& id) {
  const auto [at, fresh] = blob_numbers_.try_emplace(id, blobs_.size());
  if (fresh) {
    blobs_.push_back(id);
    bytes_ += BlobId::kSize;
  }
  return at->second;
}

std::uint64_t WriterTables::text(const std::string& text) {
  if (text.empty()) return 0;
  const auto [at, fresh] = text_numbers_.try_emplace(text, texts_.size() + 1);
  if (fresh) {
    texts_.push_back(text);
    bytes_ += text.size() + 2;
  }
  return at->second;
}

void WriterTables::write(Writer& out) const {
  out.varint(blobs_.size());
  for (const BlobId& id : blobs_) out.id(id);
  out.varint(texts_.size());
  for (const std::string& text : texts_) out.text(text);
}

void WriterTables::shrink(std::size_t blobs, std::size_t texts) {
  while (blobs_.size() > blobs) {
    blob_numbers_.erase(blobs_.back());
    blobs_.pop_back();
    bytes_ -= BlobId::kSize;
  }
  while (texts_.size() > texts) {
    bytes_ -= texts_.back().size() + 2;
    text_numbers_.erase(texts_.back());
    texts_.pop_back();
  }
}

bool ReaderTables::read(Reader& in) {
  blobs_.resize(in.count(BlobId::kSize));
  for (BlobId& id : blobs_) id = in.id<BlobId>();
  texts_.resize(in.count(2));
  for (std::string& text : texts_) {
    text = in.text();
    if (text.empty()) in.fail();
  }
  return in.ok();
}

BlobId ReaderTables::blob(Reader& in) {
  const std::uint64_t number = in.varint();
  if (!in.ok() || number >= blobs_.size() || number > next_blob_) {
    in.fail();
    return {};
  }
  if (number == next_blob_) ++next_blob_;
  return blobs_[number];
}

void ReaderTables::text(Reader& in, std::string& out) {
  out.clear();
  const std::uint64_t number = in.varint();
  if (!in.ok() || number == 0) return;
  if (number > texts_.size() || number > next_text_ + 1) {
    in.fail();
    return;
  }
  if (number == next_text_ + 1) ++next_text_;
  out = texts_[number - 1];
}

bool is_good_ref(const Ref& ref) {
  return ref.length > 0 && ref.length <= kMaxBlobSize && ref.offset <= kMaxBlobSize - ref.length;
}

void write_ref(Writer& out, WriterTables& tables, const Ref& ref) {
  out.varint(tables.blob(ref.blob));
  out.varint(ref.offset);
  out.varint(ref.length);
}

Ref read_ref(Reader& in, ReaderTables& tables) {
  Ref ref;
  ref.blob = tables.blob(in);
  ref.offset = read_u32(in);
  ref.length = read_u32(in);
  if (!is_good_ref(ref)) in.fail();
  return ref;
}

void write_pieces(Writer& out, WriterTables& tables, const std::vector<Piece>& pieces,
                  bool with_lengths) {
  out.varint(pieces.size());
  for (const Piece& piece : pieces) {
    out.u8(piece.ref ? 1 : 0);
    if (piece.ref) write_ref(out, tables, *piece.ref);
    if (!piece.ref || with_lengths) out.varint(piece.length);
  }
}

void read_pieces(Reader& in, ReaderTables& tables, std::vector<Piece>& pieces, bool with_lengths,
                 std::size_t most) {
  const std::size_t count = in.count(2);
  if (count > most) in.fail();
  pieces.resize(in.ok() ? count : 0);
  for (Piece& piece : pieces) {
    const std::uint8_t form = in.u8();
    piece.ref.reset();
    if (form > 1) in.fail();
    if (form == 1) piece.ref = read_ref(in, tables);
    piece.length = piece.ref && !with_lengths ? piece.ref->length : in.varint();
    if (!in.ok()) return;
  }
}

void write_extensions(Writer& out, const std::vector<Extension>& extensions) {
  out.varint(extensions.size());
  for (const Extension& extension : extensions) {
    out.u16(extension.tag);
    out.blob(extension.value);
  }
}

void read_extensions(Reader& in, std::vector<Extension>& extensions) {
  extensions.resize(in.count(3));
  for (Extension& extension : extensions) {
    extension.tag = in.u16();
    extension.value = to_bytes(in.blob());
  }
  if (!good_extensions(extensions)) in.fail();
}

Result<void> check_entry(const Entry& entry) {
  const std::string_view fault = fault_of(entry);
  if (fault.empty()) return {};
  return fail(ErrorKind::kInvalidInput,
              "entry " + printable(entry.name) + ": " + std::string(fault));
}

void write_entry(Writer& out, WriterTables& tables, const Entry& entry) {
  out.text(entry.name);
  out.u8(static_cast<std::uint8_t>(entry.type));
  out.varint(entry.mode);
  out.varint(entry.uid);
  out.varint(entry.gid);
  out.varint(tables.text(entry.user));
  out.varint(tables.text(entry.group));
  write_time(out, entry.modified);
  write_time(out, entry.changed);
  out.varint(entry.size);
  out.varint(entry.inode);
  out.varint(entry.device);
  out.varint(entry.links);
  out.varint(entry.inode_flags);
  out.varint(entry.marks);
  write_typed(out, tables, entry);
  write_xattrs(out, entry.xattrs);
  write_extensions(out, entry.extensions);
}

void read_entry(Reader& in, ReaderTables& tables, Entry& entry) {
  entry.name = as_text(in.blob());
  entry.type = static_cast<EntryType>(in.u8());
  entry.mode = read_u32(in);
  entry.uid = read_u32(in);
  entry.gid = read_u32(in);
  tables.text(in, entry.user);
  tables.text(in, entry.group);
  entry.modified = read_time(in);
  entry.changed = read_time(in);
  entry.size = in.varint();
  entry.inode = in.varint();
  entry.device = in.varint();
  entry.links = read_u32(in);
  entry.inode_flags = read_u32(in);
  entry.marks = read_u32(in);
  clear_typed(entry);
  read_typed(in, tables, entry);
  read_xattrs(in, entry.xattrs);
  read_extensions(in, entry.extensions);
  if (in.ok() && !fault_of(entry).empty()) in.fail();
}

}  // namespace obhut::model

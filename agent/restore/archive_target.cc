#include "agent/restore/archive_target.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "agent/restore/hard_links.h"
#include "agent/restore/point_tree.h"
#include "platform/utf16.h"

namespace obhut::restore {
namespace {

constexpr std::uint64_t kProvenFirst = 8U << 20U;
constexpr std::size_t kZeros = 64U << 10U;

struct FreeArchive {
  void operator()(archive* value) const { archive_write_free(value); }
};
struct FreeEntry {
  void operator()(archive_entry* value) const { archive_entry_free(value); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

unsigned file_type(model::EntryType type) {
  switch (type) {
    case model::EntryType::kDirectory:
      return AE_IFDIR;
    case model::EntryType::kSymlink:
      return AE_IFLNK;
    case model::EntryType::kFifo:
      return AE_IFIFO;
    case model::EntryType::kCharDevice:
      return AE_IFCHR;
    case model::EntryType::kBlockDevice:
      return AE_IFBLK;
    default:
      return AE_IFREG;
  }
}

class Exporter {
 public:
  Exporter(vault::BlobReader& reader, ArchiveFormat format, const ArchiveSink& sink,
           std::stop_token stop)
      : reader_(reader), format_(format), sink_(sink), stop_(std::move(stop)) {}

  Result<void> open();
  Result<void> add(const Step& step);
  Result<void> close();
  Problems problems;
  RestoreReport report;

 private:
  static la_ssize_t on_write(archive*, void* self, const void* data, std::size_t size);
  Result<void> outcome(int code);
  EntryPtr entry_for(const Step& step);
  Result<bool> header(archive_entry* entry, std::string_view path);
  Result<void> file(const Step& step, archive_entry* entry);
  Result<Bytes> whole_content(const model::Entry& entry);
  Result<void> stream_content(const model::Entry& entry);
  Result<void> write(ByteView bytes);
  Result<void> write_zeros(std::uint64_t length);
  /// The path that an earlier name of the same file has in the archive.
  const std::string* first_name(const Step& step);

  vault::BlobReader& reader_;
  ArchiveFormat format_;
  const ArchiveSink& sink_;
  std::stop_token stop_;
  std::unique_ptr<archive, FreeArchive> archive_;
  std::optional<Error> sink_error_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<std::string, model::Entry>> linked_;
};

la_ssize_t Exporter::on_write(archive* self_archive, void* self, const void* data,
                              std::size_t size) {
  auto* exporter = static_cast<Exporter*>(self);
  Result<void> sunk = exporter->sink_({static_cast<const std::uint8_t*>(data), size});
  if (sunk) return static_cast<la_ssize_t>(size);
  exporter->sink_error_ = std::move(sunk).error();
  archive_set_error(self_archive, EIO, "the sink refused");
  return -1;
}

Result<void> Exporter::outcome(int code) {
  if (sink_error_) return std::unexpected(*sink_error_);
  if (code >= ARCHIVE_WARN) return {};
  const char* text = archive_error_string(archive_.get());
  return fail(ErrorKind::kInternal, std::string("archive: ") + (text != nullptr ? text : "failed"));
}

Result<void> Exporter::open() {
  archive_.reset(archive_write_new());
  archive* const out = archive_.get();
  if (format_ == ArchiveFormat::kTar) {
    TRY(outcome(archive_write_set_format_pax(out)));
    // Names are bytes: what is not in the locale's character set is written as binary, entry by
    // entry, which libarchive does by itself.
  } else {
    TRY(outcome(archive_write_set_format_zip(out)));
  }
  archive_write_set_bytes_per_block(out, 256 << 10);
  archive_write_set_bytes_in_last_block(out, 1);
  return outcome(archive_write_open2(out, this, nullptr, &Exporter::on_write, nullptr, nullptr));
}

Result<void> Exporter::close() {
  return outcome(archive_write_close(archive_.get()));
}

/// What the library takes as bytes on other systems it takes on Windows as UTF-16 alone: its narrow
/// setters mean the code page there.
template <class Narrow, class Wide>
void set_text(archive_entry* entry, const std::string& text, Narrow narrow, Wide wide) {
  if constexpr (sizeof(wchar_t) == sizeof(char16_t)) {
    if (const std::optional<std::u16string> units = platform::utf16_of(text)) {
      return wide(entry, std::wstring(units->begin(), units->end()).c_str());
    }
  }
  narrow(entry, text.c_str());
}

EntryPtr Exporter::entry_for(const Step& step) {
  const model::Entry& from = *step.entry;
  EntryPtr entry(archive_entry_new());
  archive_entry* const to = entry.get();
  set_text(to, std::string(step.path), archive_entry_copy_pathname, archive_entry_copy_pathname_w);
  archive_entry_set_filetype(to, file_type(from.type));
  archive_entry_set_perm(to, static_cast<decltype(archive_entry_perm(to))>(from.mode));
  archive_entry_set_uid(to, from.uid);
  archive_entry_set_gid(to, from.gid);
  if (!from.user.empty()) archive_entry_copy_uname(to, from.user.c_str());
  if (!from.group.empty()) archive_entry_copy_gname(to, from.group.c_str());
  archive_entry_set_mtime(to, from.modified.seconds, static_cast<long>(from.modified.nanoseconds));
  archive_entry_set_size(to, 0);
  if (from.type == model::EntryType::kSymlink) {
    set_text(to, from.symlink_target, archive_entry_copy_symlink, archive_entry_copy_symlink_w);
  }
  if (from.type == model::EntryType::kCharDevice || from.type == model::EntryType::kBlockDevice) {
    archive_entry_set_rdevmajor(to, static_cast<dev_t>(from.rdev >> 32U));
    archive_entry_set_rdevminor(to, static_cast<dev_t>(from.rdev & 0xFFFFFFFFU));
  }
  for (const model::Xattr& xattr : from.xattrs) {
    archive_entry_xattr_add_entry(to, xattr.name.c_str(), xattr.value.data(), xattr.value.size());
  }
  return entry;
}

// False where the format cannot hold the entry: listed.
Result<bool> Exporter::header(archive_entry* entry, std::string_view path) {
  const int code = archive_write_header(archive_.get(), entry);
  if (code == ARCHIVE_OK || code == ARCHIVE_WARN) return true;
  if (code == ARCHIVE_FATAL || sink_error_) {
    TRY(outcome(code));
  }
  const char* text = archive_error_string(archive_.get());
  problems.add(
      ProblemKind::kMissing, path,
      Error{ErrorKind::kUnsupported, text != nullptr ? text : "not possible in this format"});
  return false;
}

const std::string* Exporter::first_name(const Step& step) {
  const model::Entry& entry = *step.entry;
  if (entry.links < 2 || format_ == ArchiveFormat::kZip) return nullptr;
  const auto [place, fresh] =
      linked_.try_emplace({entry.device, entry.inode}, std::string(step.path), entry);
  return !fresh && is_same_file(place->second.second, entry) ? &place->second.first : nullptr;
}

Result<void> Exporter::add(const Step& step) {
  const model::Entry& entry = *step.entry;
  const EntryPtr made = entry_for(step);
  if (entry.type == model::EntryType::kFile) return file(step, made.get());
  const bool special =
      entry.type != model::EntryType::kDirectory && entry.type != model::EntryType::kSymlink;
  if (special && format_ == ArchiveFormat::kZip) {
    problems.add(ProblemKind::kMissing, step.path,
                 Error{ErrorKind::kUnsupported, "zip holds no FIFOs and devices"});
    return {};
  }
  ASSIGN_OR_RETURN(const bool written, header(made.get(), step.path));
  if (written) ++(entry.type == model::EntryType::kDirectory ? report.directories : report.files);
  return {};
}

Result<void> Exporter::file(const Step& step, archive_entry* entry) {
  const model::Entry& from = *step.entry;
  if (const std::string* first = first_name(step)) {
    set_text(entry, *first, archive_entry_copy_hardlink, archive_entry_copy_hardlink_w);
    ASSIGN_OR_RETURN(const bool linked, header(entry, step.path));
    report.files += linked ? 1 : 0;
    return {};
  }
  const auto size = static_cast<la_int64_t>(from.size);
  archive_entry_set_size(entry, size);
  std::optional<Bytes> proven;
  if (from.size <= kProvenFirst) {
    Result<Bytes> content = whole_content(from);
    if (!content) {
      if (disposition_of(content.error().kind) != Disposition::kStopJob) {
        return std::unexpected(std::move(content).error());
      }
      problems.add(ProblemKind::kMissing, step.path, std::move(content).error());
      linked_.erase({from.device, from.inode});
      return {};
    }
    proven = std::move(*content);
  }
  ASSIGN_OR_RETURN(const bool written, header(entry, step.path));
  if (!written) return {};
  Result<void> content = proven ? write(*proven) : stream_content(from);
  if (!content) return pass_on(std::move(content).error(), printable(step.path));
  TRY(outcome(archive_write_finish_entry(archive_.get())));
  ++report.files;
  report.bytes += from.size;
  return {};
}

Result<Bytes> Exporter::whole_content(const model::Entry& entry) {
  Bytes content;
  TRY(reader_.for_each_piece(
      entry.content,
      [&](const model::Piece& piece) -> Result<void> {
        if (piece.length > entry.size - content.size()) {
          return fail(ErrorKind::kCorrupt, "its pieces do not add up to its size");
        }
        if (!piece.ref) {
          content.resize(content.size() + piece.length);
          return {};
        }
        ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(*piece.ref, stop_));
        content.insert(content.end(), slice.bytes.begin(), slice.bytes.end());
        return {};
      },
      stop_));
  if (content.size() == entry.size) return content;
  return fail(ErrorKind::kCorrupt, "its pieces do not add up to its size");
}

Result<void> Exporter::stream_content(const model::Entry& entry) {
  std::uint64_t done = 0;
  TRY(reader_.for_each_piece(
      entry.content,
      [&](const model::Piece& piece) -> Result<void> {
        done += piece.length;
        if (!piece.ref) return write_zeros(piece.length);
        ASSIGN_OR_RETURN(const vault::BlobReader::Slice slice, reader_.slice(*piece.ref, stop_));
        return write(slice.bytes);
      },
      stop_));
  if (done == entry.size) return {};
  return fail(ErrorKind::kCorrupt, "its pieces do not add up to its size");
}

Result<void> Exporter::write(ByteView bytes) {
  while (!bytes.empty()) {
    const la_ssize_t n = archive_write_data(archive_.get(), bytes.data(), bytes.size());
    if (n <= 0) {
      TRY(outcome(ARCHIVE_FATAL));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> Exporter::write_zeros(std::uint64_t length) {
  static const Bytes kZeroBlock(kZeros);
  while (length > 0) {
    if (stop_.stop_requested()) return fail(ErrorKind::kCancelled, "export");
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(length, kZeros));
    TRY(write(ByteView(kZeroBlock).first(n)));
    length -= n;
  }
  return {};
}

}  // namespace

std::optional<ArchiveFormat> parse_archive_format(std::string_view text) {
  if (text == "tar") return ArchiveFormat::kTar;
  if (text == "zip") return ArchiveFormat::kZip;
  return std::nullopt;
}

Result<RestoreReport> export_archive(vault::BlobReader& reader, std::vector<model::Ref> root,
                                     const Selection& selection, EntryRights* rights,
                                     ArchiveFormat format, const ArchiveSink& sink,
                                     std::stop_token stop) {
  Exporter exporter(reader, format, sink, stop);
  TRY(exporter.open());
  PointTree tree(reader, std::move(root));
  tree.show_only(rights, [&selection](std::string_view path) { return selection.names(path); });
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<Step> step, tree.next(stop));
    if (!step) break;
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "export");
    const bool enter = step->kind == StepKind::kEnter;
    if (enter && !selection.leads_to(step->path)) tree.skip_content();
    if (step->kind == StepKind::kFault && selection.leads_to(step->path)) {
      exporter.problems.add(ProblemKind::kMissing, step->path,
                            Error(step->error).within("part of this directory cannot be read"));
    }
    const bool told = enter || step->kind == StepKind::kEntry;
    if (!told || !selection.wants(step->path, enter)) continue;
    if (step->denied) exporter.problems.add(ProblemKind::kMissing, step->path, not_to_be_read());
    if (enter || !step->denied) TRY(exporter.add(*step));
  }
  TRY(exporter.close());
  exporter.report.missing = exporter.problems.count(ProblemKind::kMissing);
  exporter.report.problems = exporter.problems.remembered();
  return exporter.report;
}

}  // namespace obhut::restore

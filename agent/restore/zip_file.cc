#include "agent/restore/zip_file.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace obhut::restore {
namespace {

struct EndZip {
  void operator()(archive* value) const { archive_write_free(value); }
};
struct EndMember {
  void operator()(archive_entry* value) const { archive_entry_free(value); }
};

la_ssize_t add_to_zip(archive* /*writer*/, void* made, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  auto* all = static_cast<Bytes*>(made);
  all->insert(all->end(), bytes, bytes + size);
  return static_cast<la_ssize_t>(size);
}

Result<void> zipped(archive* writer, int code) {
  if (code >= ARCHIVE_WARN) return {};
  const char* text = archive_error_string(writer);
  return fail(ErrorKind::kInternal, std::string("zip: ") + (text != nullptr ? text : "failed"));
}

Result<void> add_member(archive* writer, const ZipMember& member, Instant written) {
  const std::unique_ptr<archive_entry, EndMember> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), member.name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.content.size()));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(written).time_since_epoch();
  archive_entry_set_mtime(entry.get(), static_cast<time_t>(seconds.count()), 0);
  TRY(zipped(writer, archive_write_header(writer, entry.get())));
  std::string_view rest = member.content;
  while (!rest.empty()) {
    const la_ssize_t taken = archive_write_data(writer, rest.data(), rest.size());
    if (taken <= 0) return zipped(writer, ARCHIVE_FATAL);
    rest.remove_prefix(static_cast<std::size_t>(taken));
  }
  return zipped(writer, archive_write_finish_entry(writer));
}

}  // namespace

Result<Bytes> make_zip(std::span<const ZipMember> members, Instant written) {
  Bytes made;
  const std::unique_ptr<archive, EndZip> writer(archive_write_new());
  TRY(zipped(writer.get(), archive_write_set_format_zip(writer.get())));
  TRY(zipped(writer.get(),
             archive_write_open2(writer.get(), &made, nullptr, &add_to_zip, nullptr, nullptr)));
  for (const ZipMember& member : members) TRY(add_member(writer.get(), member, written));
  TRY(zipped(writer.get(), archive_write_close(writer.get())));
  return made;
}

}  // namespace obhut::restore

#pragma once
// A recovery point as one tar (pax) or zip stream. The home of libarchive.

#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/blob.h"
#include "agent/restore/point_tree.h"
#include "agent/restore/report.h"
#include "agent/restore/selection.h"
#include "agent/vault/blob_reader.h"

namespace obhut::restore {

enum class ArchiveFormat : std::uint8_t { kTar, kZip };

/// "tar" or "zip"; nothing for other text.
std::optional<ArchiveFormat> parse_archive_format(std::string_view text);

/// Takes the next bytes of the archive.
using ArchiveSink = std::function<Result<void>(ByteView)>;

/// Writes what `selection` wants of the tree at `root`. A file up to 8 MiB that is damaged is
/// listed and left out; a larger one ends the export, since its header is out already.
/// zip holds no hard links, FIFOs, devices and attributes: links become copies, the rest is listed.
/// In: `rights` of whoever exports; null: all.
/// Errors: those of `sink` and of the store; kCorrupt as said; kCancelled.
Result<RestoreReport> export_archive(vault::BlobReader& reader, std::vector<model::Ref> root,
                                     const Selection& selection, EntryRights* rights,
                                     ArchiveFormat format, const ArchiveSink& sink,
                                     std::stop_token stop);

}  // namespace obhut::restore

#pragma once
// Entries, pieces and extensions as bytes: shared by nodes, piece lists and summaries. FORMAT.md.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/base/codec.h"
#include "agent/base/ids.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"

namespace obhut::model {

/// Gives numbers to what a part names more than once, in order of first use.
class WriterTables {
 public:
  std::uint64_t blob(const BlobId& id);
  /// 0 for the empty text, else 1 and up.
  std::uint64_t text(const std::string& text);

  void write(Writer& out) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t blobs() const { return blobs_.size(); }
  [[nodiscard]] std::size_t texts() const { return texts_.size(); }
  /// Takes back what was named since the tables had these sizes.
  void shrink(std::size_t blobs, std::size_t texts);

 private:
  std::vector<BlobId> blobs_;
  std::vector<std::string> texts_;
  std::unordered_map<BlobId, std::uint64_t, IdHash> blob_numbers_;
  std::unordered_map<std::string, std::uint64_t> text_numbers_;
  std::size_t bytes_ = 0;
};

/// The way back: refuses numbers that skip ahead, so that one part has one spelling.
class ReaderTables {
 public:
  /// False where the tables are malformed.
  bool read(Reader& in);
  /// Fail the reader for unknown numbers.
  BlobId blob(Reader& in);
  void text(Reader& in, std::string& out);
  [[nodiscard]] const std::vector<BlobId>& blobs() const { return blobs_; }
  /// Every blob and text was used.
  [[nodiscard]] bool spent() const {
    return next_blob_ == blobs_.size() && next_text_ == texts_.size();
  }

 private:
  std::vector<BlobId> blobs_;
  std::vector<std::string> texts_;
  std::size_t next_blob_ = 0;
  std::size_t next_text_ = 0;
};

/// Errors: kInvalidInput naming what the format cannot hold.
Result<void> check_entry(const Entry& entry);
/// `entry` passed check_entry.
void write_entry(Writer& out, WriterTables& tables, const Entry& entry);
/// Fails `in` for anything that write_entry does not write. Uses `entry`'s memory again.
void read_entry(Reader& in, ReaderTables& tables, Entry& entry);

bool is_good_ref(const Ref& ref);
void write_ref(Writer& out, WriterTables& tables, const Ref& ref);
Ref read_ref(Reader& in, ReaderTables& tables);
void write_pieces(Writer& out, WriterTables& tables, const std::vector<Piece>& pieces,
                  bool with_lengths);
void read_pieces(Reader& in, ReaderTables& tables, std::vector<Piece>& pieces, bool with_lengths,
                 std::size_t most);
void write_extensions(Writer& out, const std::vector<Extension>& extensions);
void read_extensions(Reader& in, std::vector<Extension>& extensions);

}  // namespace obhut::model

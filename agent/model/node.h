#pragma once
// A directory is one node: its entries in byte order of their names, cut into parts so that a
// directory of a million entries streams. Bytes: FORMAT.md section 2.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "agent/base/codec.h"
#include "agent/base/result.h"
#include "agent/model/entry.h"

namespace obhut::model {

/// No part is longer. An entry that alone would be is refused by the writer.
inline constexpr std::size_t kMaxNodePart = 4U << 20U;

/// Where parts end: after a name whose hash says so once `least` bytes are there, at `most` in any
/// case, so that an insertion changes one part and not all that follow.
struct PartSizes {
  std::size_t least = 64U << 10U;
  std::size_t average = 256U << 10U;
  std::size_t most = 1U << 20U;
};

/// Writes the parts of one directory.
class NodeWriter {
 public:
  explicit NodeWriter(PartSizes sizes = {});
  ~NodeWriter();
  NodeWriter(NodeWriter&&) noexcept;
  NodeWriter& operator=(NodeWriter&&) noexcept;

  /// Adds the next entry; names must ascend strictly.
  /// Out: a finished part where this entry completed one.
  /// Errors: kInvalidInput for a name out of order, an impossible name or a value that the format
  /// cannot hold; kUnsupported for an entry larger than a part. The entry was not added then.
  Result<std::optional<Bytes>> add(const Entry& entry);

  /// The last part. A directory without entries is one part without entries; nothing only where
  /// the last add() completed a part. The writer is fresh afterwards.
  std::optional<Bytes> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads the entries of one part. Distrusts every length, name and order.
class NodeReader {
 public:
  /// Borrows `part`. In: `after`, the last name of the part before, "" for the first.
  /// Errors: kCorrupt.
  static Result<NodeReader> open(ByteView part, std::string_view after = {});
  ~NodeReader();
  NodeReader(NodeReader&&) noexcept;
  NodeReader& operator=(NodeReader&&) noexcept;

  /// The next entry, nothing after the last. Errors: kCorrupt; every later call fails too.
  Result<std::optional<Entry>> next();
  /// The same into `entry`, whose memory is used again. False after the last.
  Result<bool> next(Entry& entry);

  /// All blobs that the part's entries refer to, without reading them: for check and prune.
  [[nodiscard]] const std::vector<BlobId>& blobs() const;
  /// How many entries the part holds.
  [[nodiscard]] std::size_t size() const;
  /// The name read last: `after` for the next part.
  [[nodiscard]] const std::string& last_name() const;

 private:
  struct State;
  explicit NodeReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// All entries of one part. Errors: kCorrupt.
Result<std::vector<Entry>> parse_node_part(ByteView part);

/// A piece list, as Content of level 1 and more refers to. Errors: kInvalidInput for more than
/// kMaxListedPieces or an empty list.
Result<Bytes> encode_pieces(const std::vector<Piece>& pieces);
/// Errors: kCorrupt.
Result<std::vector<Piece>> parse_pieces(ByteView bytes);

}  // namespace obhut::model

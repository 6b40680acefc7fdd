#pragma once
// The point before, read beside the walk: a merge-join that streams, holding one node part a level.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/node.h"
#include "agent/vault/blob_reader.h"

namespace obhut::pipeline {

/// A stored part of a directory: while a new part turns out to hold exactly its entries, its Ref
/// serves again and nothing is stored.
struct PartOrigin {
  model::Ref ref;
  std::size_t entries = 0;
};
using PartOriginPtr = std::shared_ptr<const PartOrigin>;  // shared by the events of its entries

/// A part as it was read, whole.
struct StoredPart {
  PartOriginPtr origin;
  Bytes bytes;        ///< a copy: a level must not pin a whole segment of others' nodes
  std::string after;  ///< the last name of the part before, as NodeReader::open() wants it
  bool last = false;  ///< of its directory
};
using StoredPartPtr = std::shared_ptr<const StoredPart>;  // held while the next one is read

/// One directory of the point before. Thread: one.
class PreviousDirectory {
 public:
  PreviousDirectory(vault::BlobReader& reader, std::vector<model::Ref> parts)
      : reader_(reader), parts_(std::move(parts)) {}

  struct Match {
    const model::Entry* entry;  ///< valid until the next find()
    StoredPartPtr part;
    std::size_t index;  ///< of the entry in it
  };
  /// The entry named `name`, which must be greater than every name asked for before.
  /// Errors: kCorrupt, kCrypto, kNotFound for a damaged node: nothing more is found then.
  Result<std::optional<Match>> find(std::string_view name, const std::stop_token& stop);

 private:
  Result<bool> next_entry(const std::stop_token& stop);
  Result<bool> next_part(const std::stop_token& stop);

  vault::BlobReader& reader_;
  std::vector<model::Ref> parts_;
  std::size_t next_part_ = 0;
  StoredPartPtr part_;
  std::optional<model::NodeReader> entries_;
  std::size_t read_ = 0;  // entries of part_
  model::Entry entry_;
  bool have_entry_ = false;
  std::string last_name_;
};

}  // namespace obhut::pipeline

#pragma once
// Entries with everything in them.

#include <random>
#include <string>
#include <vector>

#include "agent/model/entry.h"
#include "tests/support/samples.h"

namespace obhut::model {

inline Entry file_named(std::string name) {
  Entry entry;
  entry.name = std::move(name);
  entry.mode = 0640;
  entry.uid = 1000;
  entry.gid = 100;
  entry.user = "anna";
  entry.group = "users";
  entry.modified = {1'700'000'000, 123'456'789};
  entry.changed = {-5, 999'999'999};
  entry.size = 5000;
  entry.inode = 77;
  entry.device = 2049;
  entry.content.pieces = {Piece::of({tests::id_of_all<BlobId>(0xaa), 10, 1000}), Piece::hole(3000),
                          Piece::of({tests::id_of_all<BlobId>(0xbb), 0, 1000})};
  entry.xattrs = {{"security.capability", {1, 2, 0, 3}}, {"user.note", {}}};
  entry.inode_flags = 0x10;
  entry.marks = kChangedWhileRead;
  entry.extensions = {{7, {9}}, {4000, {}}};
  return entry;
}

/// One of every type, in order.
inline std::vector<Entry> one_of_each() {
  std::vector<Entry> entries;
  Entry directory;
  directory.name = "a-directory";
  directory.type = EntryType::kDirectory;
  directory.mode = 01777;
  directory.size = 4096;
  directory.children = {{tests::id_of_all<BlobId>(0xcc), 5, 600}};
  directory.totals = {3, 1, 99'999};
  entries.push_back(directory);
  entries.push_back(file_named("b-file"));
  Entry link;
  link.name = "c-link";
  link.type = EntryType::kSymlink;
  link.mode = 0777;
  link.symlink_target = "../\xff somewhere";
  entries.push_back(link);
  for (const auto& [name, type] : {std::pair{"d-fifo", EntryType::kFifo},
                                   {"e-char", EntryType::kCharDevice},
                                   {"f-block", EntryType::kBlockDevice},
                                   {"g-socket", EntryType::kSocket}}) {
    Entry special;
    special.name = name;
    special.type = type;
    special.links = 2;
    if (type == EntryType::kCharDevice || type == EntryType::kBlockDevice) {
      special.rdev = (std::uint64_t{8} << 32U) | 1U;
    }
    entries.push_back(special);
  }
  entries.push_back(file_named("\xff\xfe not UTF-8"));
  return entries;
}

}  // namespace obhut::model

#include "agent/pipeline/tree_builder.h"

#include <optional>

#include "agent/base/check.h"
#include "agent/model/node.h"

namespace obhut::pipeline {

/// An entry, or a directory whose entry is not known yet.
struct TreeBuilder::Item {
  model::Entry entry;
  PartOriginPtr same_as;
  std::unique_ptr<Directory> child;
};

struct TreeBuilder::Directory {
  model::Entry entry;
  Directory* parent = nullptr;
  std::unique_ptr<model::Entry> before;
  PartOriginPtr before_part;

  std::deque<Item> waiting;
  model::NodeWriter writer;
  std::vector<model::Ref> parts;
  std::size_t unsealed_parts = 0;
  bool left = false;      // all its entries have arrived
  bool finished = false;  // and are in parts
  bool complete = false;  // and those are sealed: `entry` is final

  // Whether the part that is being written repeats a stored one.
  PartOriginPtr part_same_as;
  std::size_t part_entries = 0;
};

struct TreeBuilder::PartUser {
  Directory* directory;
  std::size_t part;
};

TreeBuilder::TreeBuilder(NodeBlobs& nodes, UsedPacks& used, WorkBoard& board, Incidents& incidents,
                         ProgressBoard& progress, CheckpointWriter* checkpoint, TreeLimits limits)
    : nodes_(nodes),
      used_(used),
      board_(board),
      incidents_(incidents),
      progress_(progress),
      checkpoint_(checkpoint),
      limits_(limits) {}

// Level by level: the compiler's way would recurse as deep as the tree.
TreeBuilder::~TreeBuilder() {
  std::vector<std::unique_ptr<Directory>> rest;
  rest.push_back(std::move(root_));
  while (!rest.empty()) {
    const std::unique_ptr<Directory> directory = std::move(rest.back());
    rest.pop_back();
    if (!directory) continue;
    for (Item& item : directory->waiting) {
      if (item.child) rest.push_back(std::move(item.child));
    }
  }
}

Result<BuiltTree> TreeBuilder::build(BoundedQueue<TreeEvents>& events,
                                     const std::stop_token& stop) {
  while (std::optional<TreeEvents> batch = events.pop(stop)) {
    for (TreeEvent& event : *batch) TRY(take(std::move(event), stop));
  }
  if (stop.stop_requested() || !root_ || !root_->left) {
    return fail(ErrorKind::kCancelled, "build the tree");
  }
  while (!root_->complete) TRY(seal_segment(stop));
  return BuiltTree{std::move(root_->entry.children), root_->entry.totals};
}

Result<void> TreeBuilder::take(TreeEvent event, const std::stop_token& stop) {
  switch (event.kind) {
    case TreeEvent::Kind::kEnter:
      enter(std::move(event));
      return {};
    case TreeEvent::Kind::kEntry:
      TRY(take_entry(std::move(event), stop));
      break;
    case TreeEvent::Kind::kPart:
      take_part(event);
      return {};
    case TreeEvent::Kind::kLeave:
      TRY(leave(event.incomplete, stop));
      break;
  }
  while (waiting_ > limits_.waiting && !users_.empty()) TRY(seal_segment(stop));
  return {};
}

void TreeBuilder::enter(TreeEvent event) {
  auto directory = std::make_unique<Directory>();
  directory->entry = std::move(event.entry);
  directory->before = std::move(event.before);
  directory->before_part = std::move(event.same_as);
  directory->parent = current_;
  Directory* const entered = directory.get();
  if (current_ == nullptr) {
    CHECK(!root_);
    root_ = std::move(directory);
  } else {
    path_ += '/';
    path_ += entered->entry.name;
    current_->waiting.push_back({{}, nullptr, std::move(directory)});
    ++waiting_;
  }
  current_ = entered;
  ++progress_.directories;
}

std::string TreeBuilder::path_of(std::string_view name) const {
  return path_ + '/' + std::string(name);
}

void TreeBuilder::skip(const std::string& name, Error error) {
  current_->entry.marks |= model::kIncomplete;
  ++progress_.skipped;
  incidents_.add({IncidentKind::kSkipped, path_of(name), std::move(error)});
}

Result<void> TreeBuilder::take_entry(TreeEvent event, const std::stop_token& stop) {
  CHECK(current_ != nullptr);
  Item item{std::move(event.entry), std::move(event.same_as), nullptr};
  if (event.work) {
    if (!board_.wait(*event.work, stop)) return fail(ErrorKind::kCancelled, "build the tree");
    if (event.work->failed) {
      skip(event.name, *event.work->failed);
      return {};
    }
    item.entry = event.work->entry;
    item.entry.name = std::move(event.name);
    if (checkpoint_ != nullptr) TRY(checkpoint_->add(path_of(item.entry.name), item.entry));
  }
  ++progress_.files;
  progress_.bytes += item.entry.type == model::EntryType::kFile ? item.entry.size : 0;
  if (current_->waiting.empty()) return add(*current_, std::move(item), stop);
  current_->waiting.push_back(std::move(item));
  ++waiting_;
  return {};
}

// A part that is whole as before: its Ref says all of it.
void TreeBuilder::take_part(const TreeEvent& event) {
  CHECK(current_ != nullptr && current_->waiting.empty() && current_->part_entries == 0);
  current_->parts.push_back(event.same_as->ref);
  current_->entry.totals.files += event.totals.files;
  current_->entry.totals.bytes += event.totals.bytes;
  progress_.files += event.totals.files;
  progress_.bytes += event.totals.bytes;
}

Result<void> TreeBuilder::leave(bool incomplete, const std::stop_token& stop) {
  CHECK(current_ != nullptr);
  Directory* const left = current_;
  if (incomplete) left->entry.marks |= model::kIncomplete;
  left->left = true;
  current_ = left->parent;
  if (current_ != nullptr) path_.resize(path_.size() - left->entry.name.size() - 1);
  return pump(left, stop);
}

// Writes what need not wait any more, here and, as directories become complete, further up.
Result<void> TreeBuilder::pump(Directory* directory, const std::stop_token& stop) {
  while (directory != nullptr) {
    std::deque<Item>& waiting = directory->waiting;
    while (!waiting.empty() && (!waiting.front().child || waiting.front().child->complete)) {
      Item item = std::move(waiting.front());
      waiting.pop_front();
      --waiting_;
      if (item.child) {
        item.entry = std::move(item.child->entry);
        item.same_as = std::move(item.child->before_part);
        item.child.reset();
      }
      TRY(add(*directory, std::move(item), stop));
    }
    if (!waiting.empty() || !directory->left || directory->finished) return {};
    directory->finished = true;
    // A directory without entries is a part too; behind whole parts, nothing is no part.
    if (directory->part_entries > 0 || directory->parts.empty()) {
      if (const std::optional<Bytes> part = directory->writer.finish()) {
        TRY(emit_part(*directory, *part, stop));
      }
    }
    if (directory->unsealed_parts > 0) return {};
    complete(*directory);
    directory = directory->parent;
  }
  return {};
}

Result<void> TreeBuilder::add(Directory& directory, Item item, const std::stop_token& stop) {
  const model::Entry& entry = item.entry;
  Result<std::optional<Bytes>> part = directory.writer.add(entry);
  if (!part) {
    // A name or a set of attributes that the format cannot hold: this one entry is left out.
    directory.entry.marks |= model::kIncomplete;
    ++progress_.skipped;
    std::string path = "/" + entry.name;
    for (const Directory* above = &directory; above->parent != nullptr; above = above->parent) {
      path.insert(0, "/" + above->entry.name);
    }
    incidents_.add({IncidentKind::kSkipped, std::move(path), std::move(part).error()});
    return {};
  }
  model::Totals& totals = directory.entry.totals;
  if (entry.type == model::EntryType::kDirectory) {
    totals.files += entry.totals.files;
    totals.directories += entry.totals.directories + 1;
    totals.bytes += entry.totals.bytes;
  } else {
    ++totals.files;
    totals.bytes += entry.type == model::EntryType::kFile ? entry.size : 0;
  }
  if (directory.part_entries++ == 0) {
    directory.part_same_as = std::move(item.same_as);
  } else if (directory.part_same_as != item.same_as) {
    directory.part_same_as = nullptr;
  }
  return *part ? emit_part(directory, **part, stop) : Result<void>{};
}

Result<void> TreeBuilder::emit_part(Directory& directory, const Bytes& part,
                                    const std::stop_token& stop) {
  const PartOriginPtr same_as = std::move(directory.part_same_as);
  const std::size_t entries = std::exchange(directory.part_entries, 0);
  directory.part_same_as = nullptr;
  // Each entry equals another one of that part, and there are as many: it is that part.
  if (same_as && same_as->entries == entries && used_.mark_blob(same_as->ref.blob)) {
    directory.parts.push_back(same_as->ref);
    return {};
  }
  // Counted first: sealing the full segment must not find this directory complete.
  ++directory.unsealed_parts;
  if (segment_.size() + part.size() > limits_.segment && !users_.empty()) TRY(seal_segment(stop));
  users_.push_back({&directory, directory.parts.size()});
  directory.parts.push_back({BlobId{}, static_cast<std::uint32_t>(segment_.size()),
                             static_cast<std::uint32_t>(part.size())});
  segment_.insert(segment_.end(), part.begin(), part.end());
  return {};
}

Result<void> TreeBuilder::seal_segment(const std::stop_token& stop) {
  CHECK(!users_.empty());
  ASSIGN_OR_RETURN(const BlobId id, nodes_.store(segment_, stop));
  segment_.clear();
  const std::vector<PartUser> users = std::move(users_);
  users_.clear();
  std::vector<Directory*> completed;
  for (const PartUser& user : users) {
    user.directory->parts[user.part].blob = id;
    if (--user.directory->unsealed_parts == 0 && user.directory->finished) {
      completed.push_back(user.directory);
    }
  }
  for (Directory* directory : completed) {
    complete(*directory);
    TRY(pump(directory->parent, stop));
  }
  return {};
}

void TreeBuilder::complete(Directory& directory) {
  directory.complete = true;
  directory.entry.children = std::move(directory.parts);
  // Only where all is as before does the parent's part stay what it was.
  if (!directory.before || directory.entry != *directory.before) directory.before_part = nullptr;
  directory.before.reset();
}

}  // namespace obhut::pipeline

#include <atomic>

#include <sys/random.h>
#include <sys/sysmacros.h>

#include "agent/base/text.h"
#include "platform/beneath.h"
#include "platform/entry_metadata.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/posix_caller.h"
#include "platform/restore_names.h"
#include "platform/tree_writer.h"

namespace obhut::platform {

using posix::fd_of;
using posix::handle_of;
using posix::Name;
using SharedHandle = std::shared_ptr<const Handle>;  // of the writer's cache and of open files

namespace {

std::unexpected<Error> os_failure(std::string_view action, std::string_view path) {
  return std::unexpected(os_error(errno, Whose::kOurs, action, path));
}

std::unexpected<Error> taken(std::string_view path, std::string_view by) {
  return fail(ErrorKind::kConflict, "restore " + printable(path) + ": " + std::string(by));
}

/// Gives `from` the name `to` only where that is free. EEXIST otherwise.
int rename_to_free_name(int folder, const char* from, const char* to) {
  if (::renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return -1;
  // A file system without that call: a hard link never replaces either.
  if (::linkat(folder, from, folder, to, 0) != 0) return -1;
  return ::unlinkat(folder, from, 0);
}

/// Gives a file without a name one that is free. EEXIST otherwise.
int link_to_free_name(int file, int folder, const char* to) {
  if (::linkat(file, "", folder, to, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT) return -1;
  // Not ours to do by the descriptor alone (CAP_DAC_READ_SEARCH).
  return ::linkat(AT_FDCWD, posix::proc_path(file).c_str(), folder, to, AT_SYMLINK_FOLLOW);
}

/// What waits for its name: a file that has none, or an entry under a temporary one.
struct Made {
  int unnamed = -1;       ///< its descriptor
  std::string temporary;  ///< "" where it is unnamed

  int take_free_name(int folder, const char* to) const {
    return temporary.empty() ? link_to_free_name(unnamed, folder, to)
                             : rename_to_free_name(folder, temporary.c_str(), to);
  }
};

}  // namespace

struct TreeWriter::State {
  State(Handle root, TreeWriterOptions chosen)
      : options(std::move(chosen)), below(std::move(root), options.plain_calls) {}

  TreeWriterOptions options;
  Beneath below;
  AccountNames names;
  std::string temporary_prefix;
  std::atomic<std::uint64_t> temporaries = 0;
  bool unnamed_files = false;
  std::atomic<bool> crossed_mount = false;
  std::uint64_t root_device = 0;
  RestoredDirectories directories;

  struct Spot {
    SharedHandle folder;
    std::string folder_path;
    std::string name;
    [[nodiscard]] std::string path() const { return join_relative(folder_path, name); }
  };

  Result<Spot> spot_of(std::string_view path);
  std::string temporary_name();
  bool takes_unnamed_files();
  Result<Placed> place(const Spot& spot, Made made);
  Result<Placed> place_instead(const Spot& spot, Made& made);
  Result<Placed> replace(const Spot& spot, const char* temporary);
  Result<Placed> place_beside(const Spot& spot, const Made& made);
  Result<Placed> finish_small(const Spot& spot, const std::string& temporary, FileType type,
                              const EntryMetadata& metadata);
  Result<Placed> finish_made(const Spot& spot, const std::string& temporary, FileType type,
                             const EntryMetadata& metadata);
  Result<std::optional<Placed>> keep_existing(const Spot& spot);
  Result<Placed> make_other_directory(const Spot& spot, std::string_view wanted);
  void note_device(std::uint64_t device) {
    if (device != root_device) crossed_mount = true;
  }
};

Result<TreeWriter::State::Spot> TreeWriter::State::spot_of(std::string_view path) {
  TRY(check_relative(path));
  const std::string actual = directories.actual_path(path);
  const auto [folder_path, name] = split_last(actual);
  if (!Name(name).usable()) return fail(ErrorKind::kInvalidInput, "restore path is empty");
  ASSIGN_OR_RETURN(SharedHandle folder, below.directory(folder_path));
  return Spot{std::move(folder), std::string(folder_path), std::string(name)};
}

std::string TreeWriter::State::temporary_name() {
  return temporary_prefix + std::to_string(temporaries.fetch_add(1));
}

/// Whether a file can be written without a name and be given one at the end: faster than to rename
/// it, and of a restore that was cut off no half-written file stays. Not every file system can, and
/// where this process may not link by descriptor it takes a /proc.
bool TreeWriter::State::takes_unnamed_files() {
  const int root = fd_of(below.root());
  const Handle file = handle_of(::openat(root, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  const std::string name = temporary_name();
  if (!file.valid() || link_to_free_name(fd_of(file), root, name.c_str()) != 0) return false;
  return ::unlinkat(root, name.c_str(), 0) == 0;
}

/// Gives `made` its name, as the policy says. A temporary name is gone afterwards in every case.
Result<Placed> TreeWriter::State::place(const Spot& spot, Made made) {
  const int folder = fd_of(*spot.folder);
  if (made.take_free_name(folder, Name(spot.name).c_str()) == 0) {
    return Placed{PlaceOutcome::kCreated, spot.path(), {}, {}};
  }
  Result<Placed> placed =
      errno == EEXIST ? place_instead(spot, made) : os_failure("name", spot.path());
  if (!made.temporary.empty()) {
    // ignored: after a rename there is nothing left (save where both names were one inode), and
    // what cannot be removed is named ".obhut-…" for everybody to see.
    static_cast<void>(::unlinkat(folder, made.temporary.c_str(), 0));
  }
  return placed;
}

/// Where something else has the name.
Result<Placed> TreeWriter::State::place_instead(const Spot& spot, Made& made) {
  switch (options.existing) {
    case ExistingPolicy::kKeep:
      return Placed{PlaceOutcome::kKept, spot.path(), {}, {}};
    case ExistingPolicy::kKeepBoth:
      return place_beside(spot, made);
    case ExistingPolicy::kOverwrite:
      break;
  }
  // Only a rename replaces in one step.
  if (made.temporary.empty()) {
    std::string temporary = temporary_name();
    if (made.take_free_name(fd_of(*spot.folder), temporary.c_str()) != 0) {
      return os_failure("name", spot.path());
    }
    made.temporary = std::move(temporary);
  }
  return replace(spot, made.temporary.c_str());
}

Result<Placed> TreeWriter::State::replace(const Spot& spot, const char* temporary) {
  const int folder = fd_of(*spot.folder);
  const Name name(spot.name);
  if (::renameat(folder, temporary, folder, name.c_str()) == 0) {
    return Placed{PlaceOutcome::kReplaced, spot.path(), {}, {}};
  }
  if (errno != EISDIR) return os_failure("replace", spot.path());
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST) {
      return taken(spot.path(), "a directory that is not empty has this name");
    }
    return os_failure("replace", spot.path());
  }
  below.forget(spot.path());
  if (::renameat(folder, temporary, folder, name.c_str()) != 0) {
    return os_failure("replace", spot.path());
  }
  return Placed{PlaceOutcome::kReplaced, spot.path(), {}, {}};
}

Result<Placed> TreeWriter::State::place_beside(const Spot& spot, const Made& made) {
  for (unsigned number = 1; number < kMostNames; ++number) {
    const std::string other = other_name(spot.name, number);
    if (made.take_free_name(fd_of(*spot.folder), other.c_str()) == 0) {
      return Placed{PlaceOutcome::kRenamed, join_relative(spot.folder_path, other), {}, {}};
    }
    if (errno != EEXIST) return os_failure("name", spot.path());
  }
  return taken(spot.path(), "every other name is taken as well");
}

/// Under kKeep: what stays, if something has the name.
Result<std::optional<Placed>> TreeWriter::State::keep_existing(const Spot& spot) {
  if (options.existing != ExistingPolicy::kKeep) return std::nullopt;
  FileStatus there;
  if (posix::status_at(fd_of(*spot.folder), Name(spot.name).c_str(), false, there) == 0) {
    return Placed{PlaceOutcome::kKept, spot.path(), there.identity(), {}};
  }
  if (errno == ENOENT) return std::nullopt;
  return os_failure("stat", spot.path());
}

/// Metadata and name for a link, FIFO or device made under `temporary`.
Result<Placed> TreeWriter::State::finish_small(const Spot& spot, const std::string& temporary,
                                               FileType type, const EntryMetadata& metadata) {
  Result<Placed> placed = finish_made(spot, temporary, type, metadata);
  // ignored: gone already where it got its name.
  if (!placed) static_cast<void>(::unlinkat(fd_of(*spot.folder), temporary.c_str(), 0));
  return placed;
}

Result<Placed> TreeWriter::State::finish_made(const Spot& spot, const std::string& temporary,
                                              FileType type, const EntryMetadata& metadata) {
  const int folder = fd_of(*spot.folder);
  const Handle made =
      handle_of(::openat(folder, temporary.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  FileStatus status;
  if (!made.valid() || posix::status_at(fd_of(made), "", false, status) != 0) {
    return os_failure("open", spot.path());
  }
  // In a folder that a local user may write to, he could have put another file of ours (by a hard
  // link) under the temporary name to have its owner changed. NFS turns root into nobody.
  constexpr uid_t kNobody = 65534;
  const bool ours = status.uid == file_user() || status.uid == kNobody;
  if (status.type != type || status.links != 1 || !ours) {
    return taken(spot.path(), "something else was put in its place while it was made");
  }
  std::vector<Error> problems;
  const std::string path = spot.path();
  posix::set_metadata({fd_of(made), true, status, path}, metadata, options, names, problems);
  ASSIGN_OR_RETURN(Placed placed, place(spot, {-1, temporary}));
  if (placed.outcome != PlaceOutcome::kKept) placed.identity = status.identity();
  placed.problems = std::move(problems);
  note_device(status.device);
  return placed;
}

// TargetFile

constexpr std::uint64_t kSendWhileOpen = 8U << 20U;
constexpr std::uint64_t kSendAtEnd = 1U << 20U;

struct TargetFile::State {
  /// What was written goes on its way to the disk from here: the kernel's own writing back begins
  /// late, is one thread, and has those that write wait for it. Small files it gathers better.
  void send_from(std::uint64_t least) {
    std::uint64_t waiting = unsent;
    if (waiting < least || !unsent.compare_exchange_strong(waiting, 0)) return;
    // ignored: a hint; TreeWriter::sync tells of what failed.
    static_cast<void>(::sync_file_range(fd_of(handle), 0, 0, SYNC_FILE_RANGE_WRITE));
  }

  TreeWriter::State* writer = nullptr;
  TreeWriter::State::Spot spot;
  std::string temporary;  // "" where the file has no name yet
  Handle handle;
  std::atomic<std::uint64_t> unsent{0};  ///< bytes since the disk was last told to begin
  bool committed = false;

  ~State() {
    if (committed || temporary.empty()) return;
    // ignored: nothing better can be done, and the name tells what it is.
    static_cast<void>(::unlinkat(fd_of(*spot.folder), temporary.c_str(), 0));
  }
};

TargetFile::TargetFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
TargetFile::TargetFile(TargetFile&&) noexcept = default;
TargetFile& TargetFile::operator=(TargetFile&&) noexcept = default;
TargetFile::~TargetFile() = default;

Result<void> TargetFile::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done = posix::retry([&] {
      return ::pwrite(fd_of(state_->handle), bytes.data(), bytes.size(),
                      static_cast<off_t>(offset));
    });
    if (done < 0) return os_failure("write", state_->spot.path());
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
    state_->unsent += static_cast<std::uint64_t>(done);
  }
  state_->send_from(kSendWhileOpen);
  return {};
}

Result<Placed> TargetFile::commit(std::uint64_t size, const EntryMetadata& metadata) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->writer->options.caller));
  TreeWriter::State& writer = *state_->writer;
  const int fd = fd_of(state_->handle);
  const std::string path = state_->spot.path();
  FileStatus now;
  if (posix::status_at(fd, "", false, now) != 0) return os_failure("stat", path);
  if (now.size != size &&
      posix::retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); }) != 0) {
    return os_failure("set the size of", path);
  }
  state_->send_from(kSendAtEnd);
  std::vector<Error> problems;
  posix::set_metadata({fd, false, now, path}, metadata, writer.options, writer.names, problems);
  state_->committed = true;  // place() takes the temporary name away in every case
  ASSIGN_OR_RETURN(Placed placed, writer.place(state_->spot, {fd, state_->temporary}));
  if (placed.outcome == PlaceOutcome::kKept) return placed;
  posix::set_flags(fd, path, metadata.flags, problems);
  placed.identity = now.identity();
  placed.problems = std::move(problems);
  writer.note_device(placed.identity.device);
  return placed;
}

// TreeWriter

std::optional<std::string> name_key(std::string_view /*name*/) {
  return std::nullopt;
}

TreeWriter::TreeWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TreeWriter::TreeWriter(TreeWriter&&) noexcept = default;
TreeWriter& TreeWriter::operator=(TreeWriter&&) noexcept = default;
TreeWriter::~TreeWriter() = default;

Result<TreeWriter> TreeWriter::open(const std::string& target, TreeWriterOptions options) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(options.caller));
  TRY(make_directories(target, 0700));
  Handle root = handle_of(posix::open_directory_path(target));
  if (!root.valid()) return os_failure("open", target);
  auto state = std::make_unique<State>(std::move(root), std::move(options));
  FileStatus status;
  if (posix::status_at(fd_of(state->below.root()), "", false, status) != 0) {
    return os_failure("stat", target);
  }
  state->root_device = status.device;
  std::array<std::uint8_t, 8> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return os_failure("ask for random bytes", "");
  }
  state->temporary_prefix = ".obhut-" + to_hex(random) + "-";
  state->unnamed_files = !state->options.plain_calls && state->takes_unnamed_files();
  return TreeWriter(std::move(state));
}

Result<Placed> TreeWriter::make_directory(std::string_view path) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  const int folder = fd_of(*spot.folder);
  const Name name(spot.name);
  PlaceOutcome outcome = PlaceOutcome::kCreated;
  while (::mkdirat(folder, name.c_str(), 0700) != 0) {
    if (errno != EEXIST) return os_failure("make", spot.path());
    FileStatus there;
    if (posix::status_at(folder, name.c_str(), false, there) != 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return os_failure("stat", spot.path());
    }
    if (there.type == FileType::kDirectory) {
      if (state_->options.existing != ExistingPolicy::kOverwrite) {
        state_->directories.keep(spot.path());
      }
      return Placed{PlaceOutcome::kMerged, spot.path(), there.identity(), {}};
    }
    if (state_->options.existing == ExistingPolicy::kKeep) {
      return taken(spot.path(), "something that is no directory has this name");
    }
    if (state_->options.existing == ExistingPolicy::kKeepBoth) {
      return state_->make_other_directory(spot, path);
    }
    if (::unlinkat(folder, name.c_str(), 0) != 0 && errno != ENOENT && errno != EISDIR) {
      return os_failure("replace", spot.path());
    }
    outcome = PlaceOutcome::kReplaced;
  }
  FileStatus made;
  if (posix::status_at(folder, name.c_str(), false, made) != 0) {
    return os_failure("stat", spot.path());
  }
  return Placed{outcome, spot.path(), made.identity(), {}};
}

Result<Placed> TreeWriter::State::make_other_directory(const Spot& spot, std::string_view wanted) {
  for (unsigned number = 1; number < kMostNames; ++number) {
    const std::string other = other_name(spot.name, number);
    if (::mkdirat(fd_of(*spot.folder), other.c_str(), 0700) == 0) {
      std::string given = join_relative(spot.folder_path, other);
      directories.moved(wanted, given);
      FileStatus made;
      if (posix::status_at(fd_of(*spot.folder), other.c_str(), false, made) != 0) {
        return os_failure("stat", given);
      }
      return Placed{PlaceOutcome::kRenamed, std::move(given), made.identity(), {}};
    }
    if (errno != EEXIST) return os_failure("make", spot.path());
  }
  return taken(spot.path(), "every other name is taken as well");
}

Result<std::vector<Error>> TreeWriter::finish_directory(std::string_view path,
                                                        const EntryMetadata& metadata) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  TRY(check_relative(path));
  const std::string actual = state_->directories.actual_path(path);
  std::vector<Error> problems;
  if (state_->directories.is_kept(actual)) return problems;
  ASSIGN_OR_RETURN(const SharedHandle directory, state_->below.directory(actual));
  // A descriptor of its own: the cached one is only for looking up.
  const Handle own =
      handle_of(::openat(fd_of(*directory), ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  FileStatus now;
  if (!own.valid() || posix::status_at(fd_of(own), "", false, now) != 0) {
    return os_failure("open", actual);
  }
  posix::set_metadata({fd_of(own), true, now, actual}, metadata, state_->options, state_->names,
                      problems);
  if (metadata.flags == 0) return problems;
  const Handle readable =
      handle_of(::openat(fd_of(*directory), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable.valid()) {
    problems.push_back(os_error(errno, Whose::kOurs, "set the flags of", actual));
  } else {
    posix::set_flags(fd_of(readable), actual, metadata.flags, problems);
  }
  return problems;
}

Result<std::optional<TargetFile>> TreeWriter::create_file(std::string_view path, FileHints hints) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(State::Spot spot, state_->spot_of(path));
  if (!hints.new_directory) {
    ASSIGN_OR_RETURN(const std::optional<Placed> kept, state_->keep_existing(spot));
    if (kept) return std::nullopt;
  }
  const int folder = fd_of(*spot.folder);
  const auto create = [&](const char* name, int how, mode_t mode) {
    return handle_of(
        posix::retry([&] { return ::openat(folder, name, O_WRONLY | O_CLOEXEC | how, mode); }));
  };
  std::string temporary;
  Handle handle;
  // Its mode at once, where nobody else can open it yet; the bits with rights of the owner come
  // with the owner.
  if (state_->unnamed_files) handle = create(".", O_TMPFILE, hints.mode & 0777U);
  if (!handle.valid()) {
    // Below the target another file system may be mounted, which can less.
    temporary = state_->temporary_name();
    handle = create(temporary.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  }
  if (!handle.valid()) return os_failure("create", spot.path());
  auto file = std::make_unique<TargetFile::State>();
  file->writer = state_.get();
  file->spot = std::move(spot);
  file->temporary = std::move(temporary);
  file->handle = std::move(handle);
  return TargetFile(std::move(file));
}

Result<Placed> TreeWriter::make_symlink(std::string_view path, std::string_view points_to,
                                        const EntryMetadata& metadata) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  if (points_to.empty() || points_to.find('\0') != std::string_view::npos) {
    return fail(ErrorKind::kInvalidInput,
                "restore " + printable(path) + ": a symbolic link needs a target without zeros");
  }
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  ASSIGN_OR_RETURN(std::optional<Placed> kept, state_->keep_existing(spot));
  if (kept) return std::move(*kept);
  const std::string temporary = state_->temporary_name();
  if (::symlinkat(std::string(points_to).c_str(), fd_of(*spot.folder), temporary.c_str()) != 0) {
    return os_failure("make", spot.path());
  }
  return state_->finish_small(spot, temporary, FileType::kSymlink, metadata);
}

Result<Placed> TreeWriter::make_special(std::string_view path, FileType type, std::uint64_t rdev,
                                        const EntryMetadata& metadata) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  mode_t kind = S_IFIFO;
  if (type == FileType::kCharDevice) kind = S_IFCHR;
  if (type == FileType::kBlockDevice) kind = S_IFBLK;
  if (kind == S_IFIFO && type != FileType::kFifo) {
    return fail(ErrorKind::kInvalidInput,
                "restore " + printable(path) + ": neither FIFO nor device");
  }
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  ASSIGN_OR_RETURN(std::optional<Placed> kept, state_->keep_existing(spot));
  if (kept) return std::move(*kept);
  const std::string temporary = state_->temporary_name();
  const dev_t device = kind == S_IFIFO ? 0
                                       : ::makedev(static_cast<unsigned>(rdev >> 32),
                                                   static_cast<unsigned>(rdev & 0xffffffffU));
  if (::mknodat(fd_of(*spot.folder), temporary.c_str(), kind | 0600U, device) != 0) {
    return os_failure("make", spot.path());
  }
  return state_->finish_small(spot, temporary, type, metadata);
}

Result<Placed> TreeWriter::make_hard_link(std::string_view path, std::string_view first,
                                          const FileIdentity& identity) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(const State::Spot from, state_->spot_of(first));
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  ASSIGN_OR_RETURN(std::optional<Placed> kept, state_->keep_existing(spot));
  if (kept) return std::move(*kept);
  const Handle source = handle_of(
      ::openat(fd_of(*from.folder), Name(from.name).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!source.valid()) return os_failure("open", from.path());
  FileStatus there;
  if (posix::status_at(fd_of(source), "", false, there) != 0)
    return os_failure("stat", from.path());
  if (there.identity() != identity || there.type == FileType::kDirectory) {
    return taken(spot.path(), "its first name holds something else than was restored there");
  }
  const std::string temporary = state_->temporary_name();
  // By the descriptor, whose inode was compared: a name could be swapped in between.
  if (::linkat(AT_FDCWD, posix::proc_path(fd_of(source)).c_str(), fd_of(*spot.folder),
               temporary.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return os_failure("link", spot.path());
  }
  ASSIGN_OR_RETURN(Placed placed, state_->place(spot, {-1, temporary}));
  if (placed.outcome != PlaceOutcome::kKept) placed.identity = identity;
  return placed;
}

Result<void> TreeWriter::sync() {
  if (state_->crossed_mount) {
    // Into other file systems mounted below the target: they have no common handle.
    ::sync();
    return {};
  }
  const Handle root =
      handle_of(::openat(fd_of(state_->below.root()), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid() || ::syncfs(fd_of(root)) != 0) return os_failure("sync", "the target");
  return {};
}

}  // namespace obhut::platform

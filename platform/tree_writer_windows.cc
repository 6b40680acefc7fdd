#include <array>
#include <atomic>

#include "agent/base/text.h"
#include "platform/beneath.h"
#include "platform/local_files.h"
#include "platform/os_error.h"
#include "platform/restore_names.h"
#include "platform/tree_writer.h"
#include "platform/windows_metadata.h"

namespace obhut::platform {

using win::native_of;
using SharedHandle = std::shared_ptr<const Handle>;  // of the writer's cache and of open files

namespace {

std::unexpected<Error> taken(std::string_view path, std::string_view by) {
  return fail(ErrorKind::kConflict, "restore " + printable(path) + ": " + std::string(by));
}

bool is_taken(DWORD code) {
  return code == ERROR_ALREADY_EXISTS || code == ERROR_FILE_EXISTS;
}

/// What an entry is open with while it is made.
constexpr ACCESS_MASK kMaking = DELETE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES;

bool status_at(const Handle& folder, std::wstring_view name, FileStatus& into) {
  const Handle entry = win::open_at(native_of(folder), name, {});
  return entry.valid() && win::status_of(native_of(entry), into);
}

/// A file that may not be written to may be replaced all the same, as on other systems.
bool clear_read_only(const Handle& folder, std::wstring_view name) {
  const Handle entry = win::open_at(native_of(folder), name,
                                    {.access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES});
  FILE_BASIC_INFO basic{};
  if (!entry.valid() ||
      ::GetFileInformationByHandleEx(native_of(entry), FileBasicInfo, &basic, sizeof basic) == 0 ||
      (basic.FileAttributes & FILE_ATTRIBUTE_READONLY) == 0) {
    return false;
  }
  basic.FileAttributes &= ~DWORD{FILE_ATTRIBUTE_READONLY};
  if (basic.FileAttributes == 0) basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
  return ::SetFileInformationByHandle(native_of(entry), FileBasicInfo, &basic, sizeof basic) != 0;
}

/// An empty directory or a link. False with GetLastError() set.
bool remove_at(const Handle& folder, std::wstring_view name) {
  const Handle entry =
      win::open_at(native_of(folder), name, {.access = DELETE | FILE_READ_ATTRIBUTES});
  return entry.valid() && win::set_delete_on_close(native_of(entry), true);
}

}  // namespace

struct TreeWriter::State {
  State(Handle root, TreeWriterOptions chosen)
      : options(std::move(chosen)), below(std::move(root), options.plain_calls) {}

  TreeWriterOptions options;
  Beneath below;
  RestoredDirectories directories;
  std::string temporary_prefix;
  std::atomic<std::uint64_t> temporaries = 0;
  Handle volume;  ///< what is flushed in the end; invalid: each file is, one by one

  struct Spot {
    SharedHandle folder;
    std::string folder_path;
    std::wstring name;
    [[nodiscard]] std::string path() const {
      return join_relative(folder_path, win::to_wtf8(name));
    }
  };

  Result<Spot> spot_of(std::string_view path);
  std::wstring temporary_name();
  Result<Handle> create(const Spot& spot, ACCESS_MASK access, ULONG options_for_it);
  Result<Placed> place(const Spot& spot, const Handle& made);
  Result<Placed> place_instead(const Spot& spot, const Handle& made);
  Result<Placed> replace(const Spot& spot, const Handle& made);
  Result<Placed> place_beside(const Spot& spot, const Handle& made);
  Result<std::optional<Placed>> keep_existing(const Spot& spot);
  Result<Placed> make_other_directory(const Spot& spot, std::string_view wanted);
  Result<Placed> finish(const Spot& spot, const Handle& made, const EntryMetadata& metadata);
};

Result<TreeWriter::State::Spot> TreeWriter::State::spot_of(std::string_view path) {
  TRY(check_relative(path));
  const std::string actual = directories.actual_path(path);
  const auto [folder_path, name] = split_last(actual);
  std::optional<std::wstring> wide = win::entry_name(name);
  if (!wide) {
    return fail(ErrorKind::kInvalidInput,
                "restore path " + printable(path) + ": Windows takes no such name");
  }
  ASSIGN_OR_RETURN(SharedHandle folder, below.directory(folder_path));
  if (!folder->valid() && wide->size() > 1) {
    return fail(ErrorKind::kInvalidInput,
                "restore path " + printable(path) + ": names no drive of this machine");
  }
  return Spot{std::move(folder), std::string(folder_path), std::move(*wide)};
}

std::wstring TreeWriter::State::temporary_name() {
  const std::string name = temporary_prefix + std::to_string(temporaries.fetch_add(1));
  return {name.begin(), name.end()};
}

/// Under a temporary name, and gone with its handle until it gets its own: a restore that was cut
/// off leaves no half-written file. Nobody else can open it.
Result<Handle> TreeWriter::State::create(const Spot& spot, ACCESS_MASK access,
                                         ULONG options_for_it) {
  const auto open = [&](ACCESS_MASK more) {
    return win::open_at(native_of(*spot.folder), temporary_name(),
                        {.access = kMaking | access | more,
                         .share = 0,
                         .disposition = FILE_CREATE,
                         .options = options_for_it});
  };
  Handle made = open(win::security_write_access(options));
  if (!made.valid() && ::GetLastError() == ERROR_ACCESS_DENIED) made = open(0);
  if (!made.valid()) return win::failure("create", spot.path());
  // ignored: where the file system cannot, a temporary file may stay, and its name tells what it
  // is.
  static_cast<void>(win::set_delete_on_close(native_of(made), true));
  return made;
}

/// Gives `made` its name, as the policy says. Dropped without one it is gone.
Result<Placed> TreeWriter::State::place(const Spot& spot, const Handle& made) {
  if (!win::set_delete_on_close(native_of(made), false)) return win::failure("name", spot.path());
  Result<Placed> placed = Placed{PlaceOutcome::kCreated, spot.path(), {}, {}};
  if (!win::rename_at(native_of(made), native_of(*spot.folder), spot.name, false)) {
    placed =
        is_taken(::GetLastError()) ? place_instead(spot, made) : win::failure("name", spot.path());
  }
  const bool named = placed && placed->outcome != PlaceOutcome::kKept;
  // ignored: as where it was created.
  if (!named) static_cast<void>(win::set_delete_on_close(native_of(made), true));
  return placed;
}

/// Where something else has the name.
Result<Placed> TreeWriter::State::place_instead(const Spot& spot, const Handle& made) {
  switch (options.existing) {
    case ExistingPolicy::kKeep:
      return Placed{PlaceOutcome::kKept, spot.path(), {}, {}};
    case ExistingPolicy::kKeepBoth:
      return place_beside(spot, made);
    case ExistingPolicy::kOverwrite:
      break;
  }
  return replace(spot, made);
}

Result<Placed> TreeWriter::State::replace(const Spot& spot, const Handle& made) {
  const auto rename = [&](bool over) {
    return win::rename_at(native_of(made), native_of(*spot.folder), spot.name, over);
  };
  const Placed done{PlaceOutcome::kReplaced, spot.path(), {}, {}};
  FileStatus there;
  const bool known = status_at(*spot.folder, spot.name, there);
  if (known && there.type == FileType::kDirectory) {
    if (!remove_at(*spot.folder, spot.name)) {
      if (::GetLastError() == ERROR_DIR_NOT_EMPTY) {
        return taken(spot.path(), "a directory that is not empty has this name");
      }
      return win::failure("replace", spot.path());
    }
    below.forget(spot.path());
    if (rename(false)) return done;
    return win::failure("replace", spot.path());
  }
  if (rename(true)) return done;
  const DWORD code = ::GetLastError();
  if (code == ERROR_ACCESS_DENIED && clear_read_only(*spot.folder, spot.name) && rename(true)) {
    return done;
  }
  return win::failure_of(code, "replace", spot.path());
}

Result<Placed> TreeWriter::State::place_beside(const Spot& spot, const Handle& made) {
  for (unsigned number = 1; number < kMostNames; ++number) {
    const std::string other = other_name(win::to_wtf8(spot.name), number);
    const std::optional<std::wstring> wide = win::entry_name(other);
    if (wide && win::rename_at(native_of(made), native_of(*spot.folder), *wide, false)) {
      return Placed{PlaceOutcome::kRenamed, join_relative(spot.folder_path, other), {}, {}};
    }
    if (!is_taken(::GetLastError())) return win::failure("name", spot.path());
  }
  return taken(spot.path(), "every other name is taken as well");
}

/// Under kKeep: what stays, if something has the name.
Result<std::optional<Placed>> TreeWriter::State::keep_existing(const Spot& spot) {
  if (options.existing != ExistingPolicy::kKeep) return std::nullopt;
  FileStatus there;
  if (status_at(*spot.folder, spot.name, there)) {
    return Placed{PlaceOutcome::kKept, spot.path(), there.identity(), {}};
  }
  const DWORD code = ::GetLastError();
  if (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND) return std::nullopt;
  return win::failure_of(code, "stat", spot.path());
}

/// Metadata and name for what is complete otherwise.
Result<Placed> TreeWriter::State::finish(const Spot& spot, const Handle& made,
                                         const EntryMetadata& metadata) {
  std::vector<Error> problems;
  win::write_metadata(native_of(made), spot.path(), metadata, options, problems);
  if (!volume.valid() && ::FlushFileBuffers(native_of(made)) == 0) {
    const DWORD code = ::GetLastError();
    // A link was opened without the right to write, and has nothing to be written.
    if (code != ERROR_ACCESS_DENIED && code != ERROR_INVALID_FUNCTION) {
      return win::failure_of(code, "sync", spot.path());
    }
  }
  ASSIGN_OR_RETURN(Placed placed, place(spot, made));
  if (placed.outcome == PlaceOutcome::kKept) return placed;
  FileStatus now;
  if (win::status_of(native_of(made), now)) placed.identity = now.identity();
  placed.problems = std::move(problems);
  return placed;
}

// TargetFile

struct TargetFile::State {
  TreeWriter::State* writer = nullptr;
  TreeWriter::State::Spot spot;
  Handle handle;
  std::atomic<std::uint64_t> end{0};  ///< of what was written so far
  std::atomic<bool> sparse{false};

  /// A stretch that is left out costs no room only where the file may have holes.
  void allow_holes(std::uint64_t offset) {
    constexpr std::uint64_t kWorthIt = 64U << 10U;
    const std::uint64_t known = end;
    if (offset < known + kWorthIt || sparse.exchange(true)) return;
    DWORD got = 0;
    // ignored: without holes there are zeros.
    static_cast<void>(::DeviceIoControl(native_of(handle), FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0,
                                        &got, nullptr));
  }
  void wrote_to(std::uint64_t offset) {
    std::uint64_t known = end;
    while (known < offset && !end.compare_exchange_weak(known, offset)) {
    }
  }
};

TargetFile::TargetFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
TargetFile::TargetFile(TargetFile&&) noexcept = default;
TargetFile& TargetFile::operator=(TargetFile&&) noexcept = default;
TargetFile::~TargetFile() = default;

Result<void> TargetFile::write_at(std::uint64_t offset, ByteView bytes) {
  constexpr std::size_t kMostAtOnce = 1U << 30U;
  state_->allow_holes(offset);
  while (!bytes.empty()) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(offset);
    place.OffsetHigh = static_cast<DWORD>(offset >> 32U);
    const auto wanted = static_cast<DWORD>(std::min(bytes.size(), kMostAtOnce));
    DWORD done = 0;
    if (::WriteFile(native_of(state_->handle), bytes.data(), wanted, &done, &place) == 0) {
      return win::failure("write", state_->spot.path());
    }
    bytes = bytes.subspan(done);
    offset += done;
  }
  state_->wrote_to(offset);
  return {};
}

Result<Placed> TargetFile::commit(std::uint64_t size, const EntryMetadata& metadata) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->writer->options.caller));
  state_->allow_holes(size);
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (state_->end != size &&
      ::SetFileInformationByHandle(native_of(state_->handle), FileEndOfFileInfo, &end,
                                   sizeof end) == 0) {
    return win::failure("set the size of", state_->spot.path());
  }
  Result<Placed> placed = state_->writer->finish(state_->spot, state_->handle, metadata);
  state_->handle.close();  // under its name it is everybody's again
  return placed;
}

// TreeWriter

// By the system's own table, as its file systems compare.
std::optional<std::string> name_key(std::string_view name) {
  std::optional<std::wstring> wide = win::to_wide(name);
  if (!wide) return std::string(name);
  ::CharUpperBuffW(wide->data(), static_cast<DWORD>(wide->size()));
  return win::to_wtf8(*wide);
}

TreeWriter::TreeWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TreeWriter::TreeWriter(TreeWriter&&) noexcept = default;
TreeWriter& TreeWriter::operator=(TreeWriter&&) noexcept = default;
TreeWriter::~TreeWriter() = default;

namespace {

/// The volume that `root` lies on, to be flushed as a whole; invalid where that is not ours to do.
Handle volume_of(const std::string& target) {
  const Result<std::wstring> native = win::native_path(target);
  std::array<wchar_t, MAX_PATH + 1> mount{};
  std::array<wchar_t, 64> name{};
  if (!native ||
      ::GetVolumePathNameW(native->c_str(), mount.data(), static_cast<DWORD>(mount.size())) == 0 ||
      ::GetVolumeNameForVolumeMountPointW(mount.data(), name.data(),
                                          static_cast<DWORD>(name.size())) == 0) {
    return {};
  }
  std::wstring volume(name.data());
  while (volume.ends_with(L'\\')) volume.pop_back();
  return win::handle_of(::CreateFileW(volume.c_str(), GENERIC_WRITE,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0,
                                      nullptr));
}

}  // namespace

Result<TreeWriter> TreeWriter::open(const std::string& target, TreeWriterOptions options) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(options.caller));
  win::prepare_to_write();
  Handle root;
  if (target != "/") {
    TRY(make_directories(target, 0700));
    ASSIGN_OR_RETURN(const Directory directory, Directory::open(target));
    root = win::open_at(
        native_of(directory.handle()), L"",
        {.access = FILE_TRAVERSE | FILE_READ_ATTRIBUTES, .options = FILE_DIRECTORY_FILE});
    if (!root.valid()) return win::failure("open", target);
  }
  auto state = std::make_unique<State>(std::move(root), std::move(options));
  if (target != "/") state->volume = volume_of(target);
  state->temporary_prefix = ".obhut-" + win::fresh_name() + "-";
  return TreeWriter(std::move(state));
}

Result<Placed> TreeWriter::make_directory(std::string_view path) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  if (!spot.folder->valid()) {
    // Drives are there or not.
    ASSIGN_OR_RETURN(const SharedHandle drive, state_->below.directory(path));
    state_->directories.keep(spot.path());
    FileStatus there;
    if (!win::status_of(native_of(*drive), there)) return win::failure("stat", spot.path());
    return Placed{PlaceOutcome::kMerged, spot.path(), there.identity(), {}};
  }
  PlaceOutcome outcome = PlaceOutcome::kCreated;
  for (;;) {
    const Handle made = win::open_at(native_of(*spot.folder), spot.name,
                                     {.access = FILE_READ_ATTRIBUTES,
                                      .disposition = FILE_CREATE,
                                      .options = FILE_DIRECTORY_FILE});
    FileStatus now;
    if (made.valid()) {
      if (!win::status_of(native_of(made), now)) return win::failure("stat", spot.path());
      return Placed{outcome, spot.path(), now.identity(), {}};
    }
    if (!is_taken(::GetLastError())) return win::failure("make", spot.path());
    if (!status_at(*spot.folder, spot.name, now)) {
      if (::GetLastError() == ERROR_FILE_NOT_FOUND) continue;  // removed meanwhile
      return win::failure("stat", spot.path());
    }
    if (now.type == FileType::kDirectory) {
      if (state_->options.existing != ExistingPolicy::kOverwrite) {
        state_->directories.keep(spot.path());
      }
      return Placed{PlaceOutcome::kMerged, spot.path(), now.identity(), {}};
    }
    if (state_->options.existing == ExistingPolicy::kKeep) {
      return taken(spot.path(), "something that is no directory has this name");
    }
    if (state_->options.existing == ExistingPolicy::kKeepBoth) {
      return state_->make_other_directory(spot, path);
    }
    static_cast<void>(clear_read_only(*spot.folder, spot.name));  // what cannot go says so below
    if (!remove_at(*spot.folder, spot.name) && ::GetLastError() != ERROR_FILE_NOT_FOUND) {
      return win::failure("replace", spot.path());
    }
    outcome = PlaceOutcome::kReplaced;
  }
}

Result<Placed> TreeWriter::State::make_other_directory(const Spot& spot, std::string_view wanted) {
  for (unsigned number = 1; number < kMostNames; ++number) {
    const std::string other = other_name(win::to_wtf8(spot.name), number);
    const std::optional<std::wstring> wide = win::entry_name(other);
    if (!wide) break;
    const Handle made = win::open_at(native_of(*spot.folder), *wide,
                                     {.access = FILE_READ_ATTRIBUTES,
                                      .disposition = FILE_CREATE,
                                      .options = FILE_DIRECTORY_FILE});
    if (made.valid()) {
      std::string given = join_relative(spot.folder_path, other);
      directories.moved(wanted, given);
      FileStatus now;
      if (!win::status_of(native_of(made), now)) return win::failure("stat", given);
      return Placed{PlaceOutcome::kRenamed, std::move(given), now.identity(), {}};
    }
    if (!is_taken(::GetLastError())) return win::failure("make", spot.path());
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
  if (!directory->valid()) return problems;
  const auto open = [&](ACCESS_MASK more) {
    return win::open_at(native_of(*directory), L"",
                        {.access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | more,
                         .options = FILE_DIRECTORY_FILE});
  };
  Handle own = open(win::security_write_access(state_->options));
  if (!own.valid()) own = open(0);
  if (!own.valid()) return win::failure("open", actual);
  win::write_metadata(native_of(own), actual, metadata, state_->options, problems);
  return problems;
}

Result<std::optional<TargetFile>> TreeWriter::create_file(std::string_view path, FileHints hints) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(State::Spot spot, state_->spot_of(path));
  if (!hints.new_directory) {
    ASSIGN_OR_RETURN(const std::optional<Placed> kept, state_->keep_existing(spot));
    if (kept) return std::nullopt;
  }
  ASSIGN_OR_RETURN(Handle handle,
                   state_->create(spot, GENERIC_READ | GENERIC_WRITE, FILE_NON_DIRECTORY_FILE));
  auto file = std::make_unique<TargetFile::State>();
  file->writer = state_.get();
  file->spot = std::move(spot);
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
  const ULONG kind =
      win::is_directory_link(metadata) ? FILE_DIRECTORY_FILE : FILE_NON_DIRECTORY_FILE;
  ASSIGN_OR_RETURN(const Handle made, state_->create(spot, 0, kind));
  TRY(win::make_link(native_of(made), spot.path(), points_to, metadata));
  return state_->finish(spot, made, metadata);
}

Result<Placed> TreeWriter::make_special(std::string_view path, FileType /*type*/,
                                        std::uint64_t /*rdev*/, const EntryMetadata& /*metadata*/) {
  return fail(ErrorKind::kUnsupported,
              "restore " + printable(path) + ": Windows has no FIFOs and device files");
}

Result<Placed> TreeWriter::make_hard_link(std::string_view path, std::string_view first,
                                          const FileIdentity& identity) {
  ASSIGN_OR_RETURN(const ActingAs acting, ActingAs::begin(state_->options.caller));
  ASSIGN_OR_RETURN(const State::Spot from, state_->spot_of(first));
  ASSIGN_OR_RETURN(const State::Spot spot, state_->spot_of(path));
  ASSIGN_OR_RETURN(std::optional<Placed> kept, state_->keep_existing(spot));
  if (kept) return std::move(*kept);
  const Handle source = win::open_at(native_of(*from.folder), from.name,
                                     {.access = FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES});
  FileStatus there;
  if (!source.valid() || !win::status_of(native_of(source), there)) {
    return win::failure("open", from.path());
  }
  if (there.identity() != identity || there.type == FileType::kDirectory) {
    return taken(spot.path(), "its first name holds something else than was restored there");
  }
  const std::wstring temporary = state_->temporary_name();
  if (!win::link_at(native_of(source), native_of(*spot.folder), temporary)) {
    return win::failure("link", spot.path());
  }
  // The new name, not the file: what is removed is the name that was opened.
  const Handle made =
      win::open_at(native_of(*spot.folder), temporary, {.access = DELETE | FILE_READ_ATTRIBUTES});
  if (!made.valid()) return win::failure("link", spot.path());
  ASSIGN_OR_RETURN(Placed placed, state_->place(spot, made));
  if (placed.outcome != PlaceOutcome::kKept) placed.identity = identity;
  return placed;
}

Result<void> TreeWriter::sync() {
  if (!state_->volume.valid()) return {};  // each file was when it got its name
  if (::FlushFileBuffers(native_of(state_->volume)) == 0) return win::failure("sync", "the target");
  return {};
}

}  // namespace obhut::platform

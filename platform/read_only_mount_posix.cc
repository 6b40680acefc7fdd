#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "platform/read_only_mount.h"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include "agent/base/text.h"
#include "platform/filesystem.h"
#include "platform/local_files.h"
#include "platform/mount_table.h"
#include "platform/os_error.h"
#include "platform/posix.h"
#include "platform/process.h"
#include "platform/stop_waker.h"

// The interface by node numbers, not the one by paths: there the library would keep a table of all
// names itself and hand out the whole path again for every call, and a directory of 100,000 entries
// could not be told in pieces.

namespace obhut::platform {
namespace {

constexpr std::string_view kTypeName = "fuse.obhut";
/// While some wait for the daemon, others are answered from what is here.
constexpr unsigned kThreads = 4;
/// For what changes: a list of points.
constexpr double kShortly = 1.0;
/// For what never does. The system lets go of it earlier where it wants the memory.
constexpr double kLong = 86'400.0;

int errno_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return ENOENT;
    case ErrorKind::kRefused:
    case ErrorKind::kSourceDenied:
      return EACCES;
    case ErrorKind::kSourceGone:
      return ESTALE;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
      return ETIMEDOUT;
    case ErrorKind::kThrottled:
      return EBUSY;
    case ErrorKind::kCancelled:
      return EINTR;
    default:
      return EIO;
  }
}

mode_t format_of(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return S_IFDIR;
    case FileType::kSymlink:
      return S_IFLNK;
    case FileType::kFifo:
      return S_IFIFO;
    case FileType::kCharDevice:
      return S_IFCHR;
    case FileType::kBlockDevice:
      return S_IFBLK;
    case FileType::kSocket:
      return S_IFSOCK;
    default:
      return S_IFREG;
  }
}

timespec time_of(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = nanoseconds / kSecond;
  std::int64_t rest = nanoseconds % kSecond;
  if (rest < 0) {
    --seconds;
    rest += kSecond;
  }
  return {seconds, rest};
}

struct stat stat_of(const FileStatus& status) {
  struct stat out {};
  out.st_ino = status.inode;
  out.st_mode = format_of(status.type) | (status.mode & 07777U);
  out.st_nlink = status.links;
  out.st_uid = status.uid;
  out.st_gid = status.gid;
  out.st_size = static_cast<off_t>(status.size);
  constexpr blksize_t kBlock = 1 << 20;  // what programs read at once, where they ask
  out.st_blksize = kBlock;
  constexpr std::uint64_t kUnit = 512;
  out.st_blocks = static_cast<blkcnt_t>((status.size + kUnit - 1) / kUnit);
  constexpr unsigned kMajorShift = 32;
  out.st_rdev = makedev(static_cast<unsigned>(status.rdev >> kMajorShift),
                        static_cast<unsigned>(status.rdev));
  out.st_mtim = time_of(status.mtime_ns);
  out.st_ctim = time_of(status.ctime_ns);
  out.st_atim = out.st_mtim;
  return out;
}

fuse_entry_param entry_of(const NodeTree::Found& found) {
  fuse_entry_param entry{};
  entry.ino = found.node;
  entry.attr = stat_of(found.status.status);
  entry.attr_timeout = found.status.lasting ? kLong : kShortly;
  entry.entry_timeout = entry.attr_timeout;
  return entry;
}

NodeTree& tree_of(fuse_req_t request) {
  return *static_cast<NodeTree*>(::fuse_req_userdata(request));
}

// Answers below are not looked at: that nobody waits for one any more is no fault of ours.

void on_init(void* /*tree*/, fuse_conn_info* connection) {
  // Symbolic links never change either.
  connection->want |= connection->capable & FUSE_CAP_CACHE_SYMLINKS;
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Result<NodeTree::Found> found = tree_of(request).lookup(parent, name);
  if (!found && found.error().kind == ErrorKind::kNotFound) {
    fuse_entry_param none{};  // number 0: there is no such name, and that may be remembered
    none.entry_timeout = kShortly;
    ::fuse_reply_entry(request, &none);
    return;
  }
  if (!found) {
    ::fuse_reply_err(request, errno_of(found.error()));
    return;
  }
  const fuse_entry_param entry = entry_of(*found);
  // Whoever asked was interrupted: the system will not forget what it was never told of.
  if (::fuse_reply_entry(request, &entry) == -ENOENT) tree_of(request).forget(found->node, 1);
}

void on_forget(fuse_req_t request, fuse_ino_t node, std::uint64_t lookups) {
  tree_of(request).forget(node, lookups);
  ::fuse_reply_none(request);
}

void on_forget_many(fuse_req_t request, std::size_t count, fuse_forget_data* forgotten) {
  NodeTree& tree = tree_of(request);
  for (std::size_t i = 0; i < count; ++i) tree.forget(forgotten[i].ino, forgotten[i].nlookup);
  ::fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* /*file*/) {
  const Result<NodeStatus> status = tree_of(request).status(node);
  if (!status) {
    ::fuse_reply_err(request, errno_of(status.error()));
    return;
  }
  const struct stat attributes = stat_of(status->status);
  ::fuse_reply_attr(request, &attributes, status->lasting ? kLong : kShortly);
}

void on_readlink(fuse_req_t request, fuse_ino_t node) {
  const Result<std::string> target = tree_of(request).link_target(node);
  if (target) {
    ::fuse_reply_readlink(request, target->c_str());
  } else {
    ::fuse_reply_err(request, errno_of(target.error()));
  }
}

using OpenList = std::shared_ptr<NodeList>;

/// The library keeps a number for us, and gives it back with every call.
OpenList* list_of(const fuse_file_info& file) {
  return reinterpret_cast<OpenList*>(file.fh);  // NOLINT(performance-no-int-to-ptr)
}

void on_opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  NodeTree& tree = tree_of(request);
  Result<OpenList> list = tree.open_directory(node);
  const Result<NodeStatus> status = tree.status(node);
  if (!list || !status) {
    ::fuse_reply_err(request, errno_of(list ? status.error() : list.error()));
    return;
  }
  auto held = std::make_unique<OpenList>(std::move(*list));
  file->fh = reinterpret_cast<std::uint64_t>(held.get());
  file->cache_readdir = status->lasting ? 1 : 0;
  file->keep_cache = file->cache_readdir;
  if (::fuse_reply_open(request, file) == 0) static_cast<void>(held.release());  // on_releasedir
}

void on_releasedir(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info* file) {
  const std::unique_ptr<OpenList> held(list_of(*file));
  ::fuse_reply_err(request, 0);
}

/// Fills one answer. Offsets: 0 ".", 1 "..", then the entries.
class DirectoryAnswer {
 public:
  DirectoryAnswer(fuse_req_t request, fuse_ino_t node, std::size_t room, bool plus)
      : request_(request), node_(node), buffer_(room), plus_(plus) {}

  Result<void> fill(NodeList& list, std::uint64_t offset) {
    constexpr std::array<const char*, 2> kDots{".", ".."};
    for (; offset < kDots.size(); ++offset) {
      fuse_entry_param dot{};  // number 0: not looked up
      dot.attr.st_mode = S_IFDIR;
      dot.attr.st_ino = node_;
      if (!add(kDots[offset], dot, offset + 1)) return {};
    }
    return list.list(offset - kDots.size(), [&](std::string_view name, const FileStatus& status) {
      const std::string text(name);
      fuse_entry_param entry{};
      entry.attr = stat_of(status);
      if (!fits(text)) return false;
      if (plus_) {
        // What cannot be looked up (the daemon has just gone) is told without being held.
        if (const auto found = tree_of(request_).lookup(node_, name)) {
          entry = entry_of(*found);
          looked_up_.push_back(found->node);
        }
      }
      return add(text.c_str(), entry, ++offset);
    });
  }
  void send() {
    const int sent = ::fuse_reply_buf(request_, buffer_.data(), used_);
    if (sent == 0) return;
    for (const NodeNumber node : looked_up_) tree_of(request_).forget(node, 1);
  }
  [[nodiscard]] bool empty() const { return used_ == 0; }

 private:
  [[nodiscard]] bool fits(const std::string& name) const {
    const std::size_t size =
        plus_ ? ::fuse_add_direntry_plus(request_, nullptr, 0, name.c_str(), nullptr, 0)
              : ::fuse_add_direntry(request_, nullptr, 0, name.c_str(), nullptr, 0);
    return size <= buffer_.size() - used_;
  }
  bool add(const char* name, const fuse_entry_param& entry, std::uint64_t next) {
    char* const at = buffer_.data() + used_;
    const std::size_t room = buffer_.size() - used_;
    const auto offset = static_cast<off_t>(next);
    const std::size_t size =
        plus_ ? ::fuse_add_direntry_plus(request_, at, room, name, &entry, offset)
              : ::fuse_add_direntry(request_, at, room, name, &entry.attr, offset);
    if (size > room) return false;
    used_ += size;
    return true;
  }

  fuse_req_t request_;
  fuse_ino_t node_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  bool plus_;
  std::vector<NodeNumber> looked_up_;
};

void read_directory(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                    const fuse_file_info* file, bool plus) {
  DirectoryAnswer answer(request, node, size, plus);
  NodeList& list = **list_of(*file);
  const Result<void> listed = answer.fill(list, static_cast<std::uint64_t>(offset));
  // What is there comes first, and the error with the next call.
  if (listed || !answer.empty()) return answer.send();
  ::fuse_reply_err(request, errno_of(listed.error()));
}

void on_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                fuse_file_info* file) {
  read_directory(request, node, size, offset, file, false);
}

void on_readdirplus(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                    fuse_file_info* file) {
  read_directory(request, node, size, offset, file, true);
}

void on_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  const Result<void> opened = tree_of(request).open_file(node);
  if (!opened) {
    ::fuse_reply_err(request, errno_of(opened.error()));
    return;
  }
  file->keep_cache = 1;
  ::fuse_reply_open(request, file);
}

void on_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
             fuse_file_info* /*file*/) {
  const Result<Bytes> bytes =
      tree_of(request).read(node, {static_cast<std::uint64_t>(offset), size});
  if (bytes) {
    ::fuse_reply_buf(request, reinterpret_cast<const char*>(bytes->data()), bytes->size());
  } else {
    ::fuse_reply_err(request, errno_of(bytes.error()));
  }
}

void on_statfs(fuse_req_t request, fuse_ino_t /*node*/) {
  struct statvfs status {};
  constexpr unsigned long kBlock = 4096;
  constexpr unsigned long kLongestName = 1020;
  status.f_bsize = kBlock;
  status.f_frsize = kBlock;
  status.f_namemax = kLongestName;
  ::fuse_reply_statfs(request, &status);
}

constexpr fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops all{};
  all.init = on_init;
  all.lookup = on_lookup;
  all.forget = on_forget;
  all.forget_multi = on_forget_many;
  all.getattr = on_getattr;
  all.readlink = on_readlink;
  all.opendir = on_opendir;
  all.releasedir = on_releasedir;
  all.readdir = on_readdir;
  all.readdirplus = on_readdirplus;
  all.open = on_open;
  all.read = on_read;
  all.statfs = on_statfs;
  return all;
}

/// What the library says on standard error goes into our errors. It knows one place for all.
std::mutex complaint_mutex;
std::string complaint;

void take_complaint(fuse_log_level /*level*/, const char* format, va_list values) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, values);
  std::string line(text.data());
  while (!line.empty() && line.back() == '\n') line.pop_back();
  const std::scoped_lock lock(complaint_mutex);
  complaint = std::move(line);
}

std::string last_complaint() {
  const std::scoped_lock lock(complaint_mutex);
  return complaint;
}

/// Mounted for as long as it lives.
class Session {
 public:
  static Result<std::unique_ptr<Session>> mount(NodeTree& tree, const std::string& directory) {
    ::fuse_set_log_func(take_complaint);
    std::array<std::string, 3> words{"obhut", "-o",
                                     "ro,nosuid,nodev,noatime,fsname=obhut,subtype=obhut"};
    std::array<char*, 3> pointers{words[0].data(), words[1].data(), words[2].data()};
    fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(pointers.size()), pointers.data());
    static constexpr fuse_lowlevel_ops kOperations = operations();
    std::unique_ptr<Session> session(new Session());
    session->session_ = ::fuse_session_new(&arguments, &kOperations, sizeof kOperations, &tree);
    ::fuse_opt_free_args(&arguments);
    if (session->session_ == nullptr) return failed(directory);
    if (::fuse_session_mount(session->session_, directory.c_str()) != 0) return failed(directory);
    session->mounted_ = true;
    return session;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (mounted_) ::fuse_session_unmount(session_);
    if (session_ != nullptr) ::fuse_session_destroy(session_);
  }

  /// Until `stop` or the end of the mount.
  void serve(const std::stop_token& stop) {
    // Several threads wait on it, and one of them gets what comes.
    const int fd = ::fuse_session_fd(session_);
    static_cast<void>(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK));
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < kThreads; ++i) threads.emplace_back([&] { serve_some(fd, stop); });
    serve_some(fd, stop);
  }

 private:
  Session() = default;

  static std::unexpected<Error> failed(const std::string& directory) {
    const bool absent = ::access("/dev/fuse", F_OK) != 0;
    // What fusermount3 has to say it says on standard error itself.
    std::string why = last_complaint();
    if (why.empty()) why = "fusermount3 refused";
    return fail(absent ? ErrorKind::kUnsupported : ErrorKind::kRefused,
                "mount at " + printable(directory) + ": " + printable(why));
  }

  void serve_some(int fd, const std::stop_token& stop) {
    const posix::StopWaker waker(stop);
    fuse_buf buffer{};
    while (!stop.stop_requested() && ::fuse_session_exited(session_) == 0) {
      std::array<pollfd, 2> waiting{{{fd, POLLIN, 0}, {waker.fd(), POLLIN, 0}}};
      static_cast<void>(::poll(waiting.data(), waiting.size(), -1));  // ignored: looked at below
      if (waiting[0].revents == 0) continue;
      const int got = ::fuse_session_receive_buf(session_, &buffer);
      if (got == -EINTR || got == -EAGAIN) continue;
      if (got <= 0) break;
      ::fuse_session_process_buf(session_, &buffer);
    }
    // The library's to make, ours to free.
    std::free(buffer.mem);  // NOLINT(cppcoreguidelines-no-malloc)
    ::fuse_session_exit(session_);
  }

  fuse_session* session_ = nullptr;
  bool mounted_ = false;
};

Result<void> check_empty(const std::string& directory) {
  const Result<Directory> opened = Directory::open(directory);
  if (!opened) return fail(ErrorKind::kInvalidInput, opened.error().message);
  bool empty = true;
  TRY(opened->list([&](std::string_view, FileType) { return empty = false; }));
  if (empty) return {};
  return fail(ErrorKind::kInvalidInput,
              printable(directory) + ": is not empty; a mount would hide what is in it");
}

Result<bool> is_ours(const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<Mount> mounts, mount_table());
  // The last one is what is seen.
  const auto found = std::ranges::find(mounts.rbegin(), mounts.rend(), directory, &Mount::point);
  return found != mounts.rend() && found->type == kTypeName;
}

}  // namespace

Result<void> serve_mount(NodeTree& tree, const std::string& directory,
                         const std::function<void()>& on_ready, const std::stop_token& stop) {
  TRY(check_empty(directory));
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::mount(tree, directory));
  on_ready();
  session->serve(stop);
  return {};
}

Result<void> unmount(const std::string& directory) {
  ASSIGN_OR_RETURN(const bool ours, is_ours(directory));
  if (!ours) {
    return fail(ErrorKind::kInvalidInput,
                printable(directory) + ": no recovery points are mounted here");
  }
  if (::geteuid() == 0) {
    if (::umount2(directory.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
    if (errno == EBUSY) {
      return fail(ErrorKind::kConflict, printable(directory) + ": something in it is in use");
    }
    return std::unexpected(os_error(errno, Whose::kOurs, "unmount", directory));
  }
  Command command;
  command.program = "fusermount3";
  command.arguments = {"-u", "--", directory};
  ASSIGN_OR_RETURN(const Outcome outcome, run(command));
  if (outcome.exit_code == 0) return {};
  const std::string said =
      printable(outcome.error_output.substr(0, outcome.error_output.find('\n')));
  const bool busy = said.find("busy") != std::string::npos;
  return fail(busy ? ErrorKind::kConflict : ErrorKind::kRefused, said);
}

}  // namespace obhut::platform

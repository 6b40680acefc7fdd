/* A preloaded witness of everything that a process changes below one folder.
 *
 *   LD_PRELOAD=librecorder.so RECORD_ROOT=/folder RECORD_LOG=/elsewhere/log command …
 *
 * Each operation is carried out and, if it succeeded, written to the log under one lock, so that the
 * log's order is an order in which the operations can have happened. crash_states.py builds from it
 * every state in which a crash could have left the folder. Memory-mapped stores are not seen: what we
 * test does not write that way (SQLite's -shm file, which is rebuilt, excepted).
 *
 * Record: u8 kind, u64 length, then the body; integers little-endian, texts as u32 length and bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, LINK, MKDIR, RMDIR, SYMLINK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))real_of(#name))
static void *real_of(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) abort();
  return found;
}

__attribute__((constructor)) static void begin(void) {
  const char *folder = getenv("RECORD_ROOT");
  const char *file = getenv("RECORD_LOG");
  if (!folder || !file || !realpath(folder, root)) return;
  log_fd = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The path below the root of what `fd` is, or 0. */
static int path_of_fd(int fd, char *out) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, out, PATH_MAX - 1);
  if (n <= 0) return 0;
  out[n] = 0;
  size_t r = strlen(root);
  if (strncmp(out, root, r) != 0 || (out[r] != '/' && out[r] != 0)) return 0;
  memmove(out, out + r, (size_t)n - r + 1);
  return 1;
}

/* The path below the root of `path` seen from `dir`; the last component need not exist. */
static int path_below(int dir, const char *path, char *out) {
  char whole[2 * PATH_MAX], parent[PATH_MAX];
  if (path[0] == '/') {
    snprintf(whole, sizeof whole, "%s", path);
  } else {
    char base[PATH_MAX];
    if (dir == AT_FDCWD) {
      if (!getcwd(base, sizeof base)) return 0;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
      ssize_t n = readlink(link, base, sizeof base - 1);
      if (n <= 0) return 0;
      base[n] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path);
  }
  size_t length = strlen(whole);
  while (length > 1 && whole[length - 1] == '/') whole[--length] = 0;
  char *slash = strrchr(whole, '/');
  if (!slash) return 0;
  char name[NAME_MAX + 1];
  snprintf(name, sizeof name, "%s", slash + 1);
  *slash = 0;
  if (!realpath(whole[0] ? whole : "/", parent)) return 0;
  size_t r = strlen(root);
  char full[2 * PATH_MAX];
  snprintf(full, sizeof full, "%s/%s", strcmp(parent, "/") ? parent : "", name);
  if (strncmp(full, root, r) != 0 || (full[r] != '/' && full[r] != 0)) return 0;
  snprintf(out, PATH_MAX, "%s", full + r);
  return 1;
}

static void put(uint8_t kind, const char *a, const char *b, uint64_t number, const void *data, uint64_t size) {
  uint32_t la = a ? (uint32_t)strlen(a) : 0, lb = b ? (uint32_t)strlen(b) : 0;
  uint64_t body = 4 + la + 4 + lb + 8 + size;
  uint8_t head[9];
  head[0] = kind;
  memcpy(head + 1, &body, 8);
  struct iovec parts[] = {{head, 9},       {&la, 4},      {(void *)a, la},       {&lb, 4},
                          {(void *)b, lb}, {&number, 8}, {(void *)data, size}};
  ssize_t want = (ssize_t)(9 + body);
  if (REAL(writev)(log_fd, parts, 7) != want) abort();
}

#define WATCHED (log_fd >= 0)

static int note_open(int dir, const char *path, int flags, int fd, int existed) {
  char below[PATH_MAX];
  if (fd >= 0 && path_below(dir, path, below)) {
    if ((flags & O_CREAT) && !existed) put(OPEN, below, 0, 0, 0, 0);
    if ((flags & O_TRUNC) && existed) put(TRUNCATE, below, 0, 0, 0, 0);
  }
  return fd;
}

static int open_any(int dir, const char *path, int flags, mode_t mode) {
  if (!WATCHED || !(flags & (O_CREAT | O_TRUNC))) return REAL(openat)(dir, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat status;
  int existed = fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
  int fd = REAL(openat)(dir, path, flags, mode);
  int saved = errno;
  note_open(dir, path, flags, fd, existed);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return fd;
}

#define OPEN_MODE                                  \
  mode_t mode = 0;                                 \
  if (flags & (O_CREAT | O_TMPFILE)) {             \
    va_list list;                                  \
    va_start(list, flags);                         \
    mode = va_arg(list, mode_t);                   \
    va_end(list);                                  \
  }
int open(const char *path, int flags, ...) { OPEN_MODE return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { OPEN_MODE return open_any(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int dir, const char *path, int flags, ...) { OPEN_MODE return open_any(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { OPEN_MODE return open_any(dir, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t noted_write(int fd, const void *data, size_t size, int64_t offset) {
  char below[PATH_MAX];
  if (!WATCHED || fd == log_fd || !path_of_fd(fd, below)) {
    return offset < 0 ? REAL(write)(fd, data, size) : REAL(pwrite)(fd, data, size, offset);
  }
  pthread_mutex_lock(&lock);
  int64_t at = offset;
  if (at < 0) {
    at = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
  }
  ssize_t n = offset < 0 ? REAL(write)(fd, data, size) : REAL(pwrite)(fd, data, size, offset);
  int saved = errno;
  if (n > 0) put(WRITE, below, 0, (uint64_t)at, data, (uint64_t)n);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return n;
}
ssize_t write(int fd, const void *data, size_t size) { return noted_write(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return noted_write(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return noted_write(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  char below[PATH_MAX];
  if (!WATCHED || fd == log_fd || !path_of_fd(fd, below)) return REAL(writev)(fd, parts, count);
  ssize_t all = 0;
  for (int i = 0; i < count; ++i) {
    ssize_t n = noted_write(fd, parts[i].iov_base, parts[i].iov_len, -1);
    if (n < 0) return all ? all : n;
    all += n;
    if ((size_t)n < parts[i].iov_len) break;
  }
  return all;
}

static int noted_fd(int fd, uint8_t kind, uint64_t number, int (*act)(int, uint64_t)) {
  char below[PATH_MAX];
  if (!WATCHED || !path_of_fd(fd, below)) return act(fd, number);
  pthread_mutex_lock(&lock);
  int result = act(fd, number);
  int saved = errno;
  if (result == 0) put(kind, below, 0, number, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
static int do_fsync(int fd, uint64_t n) { (void)n; return REAL(fsync)(fd); }
static int do_fdatasync(int fd, uint64_t n) { (void)n; return REAL(fdatasync)(fd); }
static int do_ftruncate(int fd, uint64_t n) { return REAL(ftruncate)(fd, (off_t)n); }
int fsync(int fd) { return noted_fd(fd, SYNC, 0, do_fsync); }
int fdatasync(int fd) { return noted_fd(fd, SYNC, 0, do_fdatasync); }
int ftruncate(int fd, off_t size) { return noted_fd(fd, TRUNCATE, (uint64_t)size, do_ftruncate); }
int ftruncate64(int fd, off64_t size) { return noted_fd(fd, TRUNCATE, (uint64_t)size, do_ftruncate); }

/* Two paths: rename and link. The kernel's answer decides whether it is noted. */
#define NOTED_PAIR(kind, from_dir, from, to_dir, to, call)                 \
  char a[PATH_MAX], b[PATH_MAX];                                           \
  int seen = WATCHED && path_below(from_dir, from, a) && path_below(to_dir, to, b); \
  if (!seen) return call;                                                  \
  pthread_mutex_lock(&lock);                                               \
  int result = call;                                                       \
  int saved = errno;                                                       \
  if (result == 0) put(kind, a, b, 0, 0, 0);                               \
  pthread_mutex_unlock(&lock);                                             \
  errno = saved;                                                           \
  return result

int rename(const char *from, const char *to) {
  NOTED_PAIR(RENAME, AT_FDCWD, from, AT_FDCWD, to, REAL(rename)(from, to));
}
int renameat(int fd, const char *from, int td, const char *to) {
  NOTED_PAIR(RENAME, fd, from, td, to, REAL(renameat)(fd, from, td, to));
}
int renameat2(int fd, const char *from, int td, const char *to, unsigned flags) {
  NOTED_PAIR(RENAME, fd, from, td, to, REAL(renameat2)(fd, from, td, to, flags));
}
int link(const char *from, const char *to) {
  NOTED_PAIR(LINK, AT_FDCWD, from, AT_FDCWD, to, REAL(link)(from, to));
}
int linkat(int fd, const char *from, int td, const char *to, int flags) {
  NOTED_PAIR(LINK, fd, from, td, to, REAL(linkat)(fd, from, td, to, flags));
}

#define NOTED_ONE(kind, dir, path, call)                     \
  char a[PATH_MAX];                                          \
  if (!WATCHED || !path_below(dir, path, a)) return call;    \
  pthread_mutex_lock(&lock);                                 \
  int result = call;                                         \
  int saved = errno;                                         \
  if (result == 0) put(kind, a, 0, 0, 0, 0);                 \
  pthread_mutex_unlock(&lock);                               \
  errno = saved;                                             \
  return result

int unlink(const char *path) { NOTED_ONE(UNLINK, AT_FDCWD, path, REAL(unlink)(path)); }
int unlinkat(int dir, const char *path, int flags) {
  NOTED_ONE((flags & AT_REMOVEDIR) ? RMDIR : UNLINK, dir, path, REAL(unlinkat)(dir, path, flags));
}
int rmdir(const char *path) { NOTED_ONE(RMDIR, AT_FDCWD, path, REAL(rmdir)(path)); }
int mkdir(const char *path, mode_t mode) { NOTED_ONE(MKDIR, AT_FDCWD, path, REAL(mkdir)(path, mode)); }
int mkdirat(int dir, const char *path, mode_t mode) { NOTED_ONE(MKDIR, dir, path, REAL(mkdirat)(dir, path, mode)); }
int remove(const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) return rmdir(path);
  return unlink(path);
}

/* The C library opens these inside itself, where open() above is not asked. */
static int note_made(int fd, const char *path) {
  if (WATCHED && fd >= 0) note_open(AT_FDCWD, path, O_CREAT, fd, 0);
  return fd;
}
#define MADE(call)                                   \
  pthread_mutex_lock(&lock);                         \
  int fd = note_made(call, path);                    \
  pthread_mutex_unlock(&lock);                       \
  return fd
int mkstemp(char *path) { MADE(REAL(mkstemp)(path)); }
int mkstemp64(char *path) { MADE(REAL(mkstemp64)(path)); }
int mkostemp(char *path, int flags) { MADE(REAL(mkostemp)(path, flags)); }
int mkostemp64(char *path, int flags) { MADE(REAL(mkostemp64)(path, flags)); }

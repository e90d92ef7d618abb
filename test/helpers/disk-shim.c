/*
 * Stands between a program and its disk (LD_PRELOAD). It looks only at files of the folder SHIM_FOLDER, and does up to two things:
 *
 * SHIM_JOURNAL=file   writes down what the program does to those files, in order, so that a test can work out what a loss
 *                     of power at any moment would have left: what was written since the last fsync may be there or not.
 * SHIM_GATE=socket    asks before a commit of SQLite: 'B' before the first write to a write-ahead log (NAME-wal) since its
 *                     last fsync, 'C' before that fsync. It waits for one byte, so that a test can kill the program there.
 *
 * One record: op (1 byte: w write, t truncate, s sync, u unlink, r rename), length of the name (u16), offset (i64), length
 * of the data (u32), all little-endian; then the name without the folder (empty: the folder itself), then the data.
 * What is not looked at: memory maps (SQLite's -shm, which is made anew after a loss of power).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static const char *folder;
static int journal = -1, gate = -1, in_transaction;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what) { perror(what); _exit(99); } /* a test that set this up wrongly must not pass */

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SHIM_JOURNAL"), *socket_path = getenv("SHIM_GATE");
  folder = getenv("SHIM_FOLDER");
  if (path && (journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) die("SHIM_JOURNAL");
  if (socket_path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
    gate = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(gate, (struct sockaddr *)&address, sizeof address) != 0) die("SHIM_GATE");
  }
}

/* The name below the folder, or NULL for a file that is none of ours. */
static const char *name_in_folder(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  if (length == 0 || strncmp(path, folder, length) != 0) return NULL;
  return path[length] == '\0' ? "" : path[length] == '/' ? path + length + 1 : NULL;
}

static const char *name_of(int fd, char *buffer) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length < 0) return NULL;
  buffer[length] = '\0';
  return name_in_folder(buffer);
}

static void record(char op, const char *name, int64_t offset, const void *data, uint32_t length) {
  if (journal < 0 || name == NULL) return;
  uint16_t name_length = strlen(name);
  char head[15];
  head[0] = op;
  memcpy(head + 1, &name_length, 2), memcpy(head + 3, &offset, 8), memcpy(head + 11, &length, 4);
  struct iovec parts[] = {{head, sizeof head}, {(void *)name, name_length}, {(void *)data, length}};
  ssize_t size = sizeof head + name_length + length; /* in one call: other threads write, too */
  if (syscall(SYS_writev, journal, parts, 3) != size) die("journal");
}

static void ask(char what, const char *name) {
  size_t length = name ? strlen(name) : 0;
  if (gate < 0 || length < 4 || strcmp(name + length - 4, "-wal") != 0) return;
  pthread_mutex_lock(&asking); /* one thread may flush while another writes, and each waits for its own answer */
  if (what != 'B' || !in_transaction) {
    in_transaction = what == 'B';
    if (syscall(SYS_write, gate, &what, 1) != 1 || read(gate, &what, 1) != 1) die("gate");
  }
  pthread_mutex_unlock(&asking);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  char path[PATH_MAX];
  const char *name = name_of(fd, path);
  ask('B', name);
  record('w', name, offset, data, length);
  return syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length) {
  char path[PATH_MAX];
  record('w', name_of(fd, path), lseek64(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR), data, length);
  return syscall(SYS_write, fd, data, length);
}

int ftruncate64(int fd, off64_t length) {
  char path[PATH_MAX];
  record('t', name_of(fd, path), length, "", 0);
  return syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synced(long call, int fd) {
  char path[PATH_MAX];
  const char *name = name_of(fd, path);
  ask('C', name);
  int result = syscall(call, fd);
  if (result == 0) record('s', name, 0, "", 0);
  return result;
}
int fsync(int fd) { return synced(SYS_fsync, fd); }
int fdatasync(int fd) { return synced(SYS_fdatasync, fd); }

int unlink(const char *path) {
  record('u', name_in_folder(path), 0, "", 0);
  return syscall(SYS_unlink, path);
}

int rename(const char *from, const char *to) {
  const char *name = name_in_folder(to);
  if (name) record('r', name_in_folder(from), 0, name, strlen(name));
  return syscall(SYS_rename, from, to);
}

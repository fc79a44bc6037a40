/* A disk that can lose what was not synced, slipped under a program by LD_PRELOAD.
 *
 * Writes to files under $LOSSY_DIR happen, and are noted in $LOSSY_LOG with what stood there before. A sync does nothing but
 * be noted. When the program has been killed, whoever reads the log knows what a power cut at that instant may have undone.
 *
 * A record: kind, then as little-endian 64-bit numbers the lengths of path, old and new bytes, the offset and the size of the
 * file before; then path, old bytes, new bytes. Kinds: W write, T truncate (offset: the new size), S sync, U unlink, R rename
 * (new: the new path). It is noted before it happens: what is noted and did not happen is undone without effect. */
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
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The path of each descriptor of a file that is watched. */
static char *paths[FILES];

static void die(const char *what) {
    fprintf(stderr, "lossy_disk: %s: %s\n", what, strerror(errno));
    _exit(99);
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real && !(real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name))) die("no " #name)

static int watched(const char *path) {
    const char *dir = getenv("LOSSY_DIR");
    return dir && path && strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
}

static const char *path_of(int fd) { return fd >= 0 && fd < FILES ? paths[fd] : NULL; }

static int really_open(const char *path, int flags, mode_t mode) {
    REAL(open);
    return real(path, flags, mode);
}

static void really_close(int fd) {
    REAL(close);
    real(fd);
}

static void note(char kind, const char *path, const char *old, size_t old_len, const void *new, size_t new_len, off_t offset,
                 off_t before) {
    static int log = -1;
    if (log < 0) {
        const char *name = getenv("LOSSY_LOG");
        if (!name || (log = really_open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) die("no log");
    }
    uint64_t numbers[5] = {strlen(path), old_len, new_len, (uint64_t)offset, (uint64_t)before};
    struct iovec parts[5] = {{&kind, 1}, {numbers, sizeof numbers}, {(void *)path, strlen(path)}, {(void *)old, old_len},
                             {(void *)new, new_len}};
    ssize_t whole = (ssize_t)(1 + sizeof numbers + strlen(path) + old_len + new_len);
    if (writev(log, parts, 5) != whole) die("writing the log");
}

/* Notes that `length` bytes from `offset` on are about to change. */
static void note_change(char kind, const char *path, const void *new, size_t new_len, off_t offset, size_t length) {
    int fd = really_open(path, O_RDONLY | O_CLOEXEC, 0);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) die("reading what is overwritten");
    size_t old_len = 0;
    if (offset < status.st_size) {
        old_len = (size_t)(status.st_size - offset);
        if (kind == 'W' && old_len > length) old_len = length;
    }
    char *old = malloc(old_len + 1);
    if (!old || pread(fd, old, old_len, offset) != (ssize_t)old_len) die("reading what is overwritten");
    really_close(fd);
    note(kind, path, old, old_len, new, new_len, offset, status.st_size);
    free(old);
}

static int opened(int fd, const char *path) {
    if (fd >= 0 && watched(path)) {
        struct stat status;
        if (fd >= FILES) die("too many files");
        if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
            pthread_mutex_lock(&lock);
            free(paths[fd]);
            paths[fd] = strdup(path);
            pthread_mutex_unlock(&lock);
        }
    }
    return fd;
}

/* Cutting a file off by opening it would go unnoticed; nothing under test does that. */
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(name); \
        return opened(real(path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int dir, const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(name); \
        return opened(real(dir, path, flags, mode), path); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    REAL(close);
    if (path_of(fd)) {
        pthread_mutex_lock(&lock);
        free(paths[fd]);
        paths[fd] = NULL;
        pthread_mutex_unlock(&lock);
    }
    return real(fd);
}

#define PWRITE(name, offset_t) \
    ssize_t name(int fd, const void *bytes, size_t length, offset_t offset) { \
        REAL(name); \
        if (!path_of(fd)) return real(fd, bytes, length, offset); \
        pthread_mutex_lock(&lock); \
        note_change('W', path_of(fd), bytes, length, offset, length); \
        ssize_t written = real(fd, bytes, length, offset); \
        pthread_mutex_unlock(&lock); \
        return written; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t length) {
    REAL(write);
    if (!path_of(fd)) return real(fd, bytes, length);
    pthread_mutex_lock(&lock);
    off_t offset = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    note_change('W', path_of(fd), bytes, length, offset, length);
    ssize_t written = real(fd, bytes, length);
    pthread_mutex_unlock(&lock);
    return written;
}

#define TRUNCATE(name, offset_t) \
    int name(int fd, offset_t size) { \
        REAL(name); \
        if (!path_of(fd)) return real(fd, size); \
        pthread_mutex_lock(&lock); \
        note_change('T', path_of(fd), NULL, 0, size, 0); \
        int result = real(fd, size); \
        pthread_mutex_unlock(&lock); \
        return result; \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name) \
    int name(int fd) { \
        REAL(name); \
        if (!path_of(fd)) return real(fd); \
        pthread_mutex_lock(&lock); \
        note('S', path_of(fd), NULL, 0, NULL, 0, 0, 0); \
        pthread_mutex_unlock(&lock); \
        return 0; \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    REAL(unlink);
    if (!watched(path)) return real(path);
    pthread_mutex_lock(&lock);
    note('U', path, NULL, 0, NULL, 0, 0, 0);
    int result = real(path);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    if (!watched(from)) return real(from, to);
    pthread_mutex_lock(&lock);
    note('R', from, NULL, 0, to, strlen(to), 0, 0);
    int result = real(from, to);
    pthread_mutex_unlock(&lock);
    return result;
}

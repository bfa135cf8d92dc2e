/* Preloaded into the service: makes calls on files below a folder fail, and moves the clock, as a control file says. */

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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct control {
    volatile int32_t error;   /* errno of every call that changes something below; 0 = none */
    volatile int32_t reading; /* whether opening for reading fails too */
    volatile int64_t seconds; /* added to the wall clock */
    volatile int32_t no_threads; /* whether no thread begins */
    volatile int32_t unused;
    volatile char below[4072];
} *control;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) control = mapped;
}

static int below(const char *path) {
    size_t length = strlen((const char *)control->below);
    return length && !strncmp(path, (const char *)control->below, length);
}

/* Whether a call on this file has to fail. The path may be relative to an open folder. */
static int fails(int folder, const char *path) {
    if (!control || !control->error) return 0;
    char link[64], at[PATH_MAX] = "";
    if (path[0] != '/' && folder >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, at, sizeof at - 1);
        at[length < 0 ? 0 : length] = 0;
    }
    if (!below(path[0] == '/' ? path : at)) return 0;
    errno = control->error;
    return 1;
}

static int opening(int folder, const char *path, int flags) {
    if (control && !control->reading && !(flags & (O_WRONLY | O_RDWR | O_CREAT))) return 0;
    return fails(folder, path);
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) { MODE(flags) REAL(open); return opening(-1, path, flags) ? -1 : real(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) REAL(open64); return opening(-1, path, flags) ? -1 : real(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) REAL(openat); return opening(at, path, flags) ? -1 : real(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) REAL(openat64); return opening(at, path, flags) ? -1 : real(at, path, flags, mode); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return fails(-1, path) ? -1 : real(path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { REAL(mkdirat); return fails(at, path) ? -1 : real(at, path, mode); }
int rename(const char *one, const char *other) { REAL(rename); return fails(-1, one) || fails(-1, other) ? -1 : real(one, other); }
int renameat(int a, const char *one, int b, const char *other) { REAL(renameat); return fails(a, one) || fails(b, other) ? -1 : real(a, one, b, other); }
int link(const char *one, const char *other) { REAL(link); return fails(-1, other) ? -1 : real(one, other); }
int linkat(int a, const char *one, int b, const char *other, int flags) { REAL(linkat); return fails(b, other) ? -1 : real(a, one, b, other, flags); }
int unlink(const char *path) { REAL(unlink); return fails(-1, path) ? -1 : real(path); }
int unlinkat(int at, const char *path, int flags) { REAL(unlinkat); return fails(at, path) ? -1 : real(at, path, flags); }
int rmdir(const char *path) { REAL(rmdir); return fails(-1, path) ? -1 : real(path); }
int fsync(int file) { REAL(fsync); return fails(file, "") ? -1 : real(file); }
ssize_t write(int file, const void *data, size_t size) { REAL(write); return fails(file, "") ? -1 : real(file, data, size); }

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *with) {
    REAL(pthread_create);
    return control && control->no_threads ? EAGAIN : real(thread, how, start, with);
}

int clock_gettime(clockid_t clock, struct timespec *found) {
    REAL(clock_gettime);
    int answer = real(clock, found);
    if (control && clock == CLOCK_REALTIME) found->tv_sec += control->seconds;
    return answer;
}
time_t time(time_t *found) {
    REAL(time);
    time_t now = real(NULL) + (control ? control->seconds : 0);
    if (found) *found = now;
    return now;
}
int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    REAL(gettimeofday);
    int answer = real(found, zone);
    if (control) found->tv_sec += control->seconds;
    return answer;
}

#define _GNU_SOURCE

#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

static void *library;

static void load(void) { library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL); }

static void *find(const char *name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return library ? dlsym(library, name) : NULL;
}

#define CALL(function, ...)                                       \
    __typeof__(&function) call = (__typeof__(&function))find(#function); \
    return call ? call(__VA_ARGS__) : -ENOSYS

int clinux_sd_notify(const char *state) { CALL(sd_notify, 0, state); }

int clinux_sd_watchdog_enabled(uint64_t *microseconds) { CALL(sd_watchdog_enabled, 0, microseconds); }

int clinux_sd_listen_fds_with_names(char ***names) { CALL(sd_listen_fds_with_names, 1, names); }

int clinux_sd_journal_sendv(const struct iovec *vectors, int count) { CALL(sd_journal_sendv, vectors, count); }

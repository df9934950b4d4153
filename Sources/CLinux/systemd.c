#define _GNU_SOURCE

#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

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

/* The same with a name of its own, where several are called in one function. */
#define FIND(function) __typeof__(&function) function##_ = (__typeof__(&function))find(#function)

int clinux_sd_bus_open_system(sd_bus **bus) { CALL(sd_bus_open_system, bus); }

int clinux_sd_bus_open_manager(sd_bus **bus) {
    FIND(sd_bus_new);
    FIND(sd_bus_set_address);
    FIND(sd_bus_start);
    FIND(sd_bus_unref);
    if (!sd_bus_new_ || !sd_bus_set_address_ || !sd_bus_start_ || !sd_bus_unref_) return -ENOSYS;
    sd_bus *made = NULL;
    int result = sd_bus_new_(&made);
    if (result >= 0) result = sd_bus_set_address_(made, "unix:path=/run/systemd/private");
    if (result >= 0) result = sd_bus_start_(made);
    if (result < 0)
        sd_bus_unref_(made);
    else
        *bus = made;
    return result;
}

void clinux_sd_bus_close(sd_bus *bus) {
    FIND(sd_bus_flush_close_unref);
    if (sd_bus_flush_close_unref_) sd_bus_flush_close_unref_(bus);
}

int clinux_sd_bus_new_call(sd_bus *bus, sd_bus_message **message, const char *service, const char *path,
                           const char *interface, const char *member) {
    CALL(sd_bus_message_new_method_call, bus, message, service, path, interface, member);
}

int clinux_sd_bus_call(sd_bus *bus, sd_bus_message *message, uint64_t microseconds, char **error,
                       sd_bus_message **reply) {
    FIND(sd_bus_call);
    FIND(sd_bus_error_free);
    if (!sd_bus_call_ || !sd_bus_error_free_) return -ENOSYS;
    sd_bus_error told = SD_BUS_ERROR_NULL;
    int result = sd_bus_call_(bus, message, microseconds, &told, reply);
    if (result < 0 && told.message) *error = strdup(told.message);
    sd_bus_error_free_(&told);
    return result;
}

int clinux_sd_bus_process(sd_bus *bus, sd_bus_message **message) { CALL(sd_bus_process, bus, message); }

int clinux_sd_bus_wait(sd_bus *bus, uint64_t microseconds) { CALL(sd_bus_wait, bus, microseconds); }

void clinux_sd_bus_message_unref(sd_bus_message *message) {
    FIND(sd_bus_message_unref);
    if (sd_bus_message_unref_) sd_bus_message_unref_(message);
}

int clinux_sd_bus_message_is_signal(sd_bus_message *message, const char *interface, const char *member) {
    CALL(sd_bus_message_is_signal, message, interface, member);
}

int clinux_sd_bus_message_append(sd_bus_message *message, char type, const void *value) {
    CALL(sd_bus_message_append_basic, message, type, value);
}

int clinux_sd_bus_message_open(sd_bus_message *message, char type, const char *contents) {
    CALL(sd_bus_message_open_container, message, type, contents);
}

int clinux_sd_bus_message_close(sd_bus_message *message) { CALL(sd_bus_message_close_container, message); }

int clinux_sd_bus_message_peek(sd_bus_message *message, char *type, const char **contents) {
    CALL(sd_bus_message_peek_type, message, type, contents);
}

int clinux_sd_bus_message_read(sd_bus_message *message, char type, void *value) {
    CALL(sd_bus_message_read_basic, message, type, value);
}

int clinux_sd_bus_message_enter(sd_bus_message *message, char type, const char *contents) {
    CALL(sd_bus_message_enter_container, message, type, contents);
}

int clinux_sd_bus_message_exit(sd_bus_message *message) { CALL(sd_bus_message_exit_container, message); }

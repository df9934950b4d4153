#ifndef CLINUX_H
#define CLINUX_H

#include <libmnl/libmnl.h>
#include <malloc.h>
#include <libudev.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

/* What the headers give only to C, or only under _GNU_SOURCE. */

/* open(2) without the right to read or write, and without waking the device. */
extern const int clinux_O_PATH;

unsigned clinux_major(unsigned long device);
unsigned clinux_minor(unsigned long device);

/* Gives the calling thread mounts of its own, and keeps what is mounted there from the rest of the system. */
int clinux_unshare_mounts(void);

/* Gives the calling thread a network of its own, with a loopback link that is down. */
int clinux_unshare_network(void);

/* Names the calling thread; the kernel keeps 15 bytes. */
int clinux_name_thread(const char *name);

/* libsystemd, loaded by the first call that needs it: it brings six libraries more, which is a quarter of the time that
   a command takes, and commands are no services. -ENOSYS where it is not installed. */
int clinux_sd_notify(const char *state);
int clinux_sd_watchdog_enabled(uint64_t *microseconds);
int clinux_sd_listen_fds_with_names(char ***names);
int clinux_sd_journal_sendv(const struct iovec *vectors, int count);

int clinux_sd_bus_open_system(sd_bus **bus);
/* systemd's own socket, for root: it answers before there is a message bus, and where there is none. */
int clinux_sd_bus_open_manager(sd_bus **bus);
void clinux_sd_bus_close(sd_bus *bus);
int clinux_sd_bus_new_call(sd_bus *bus, sd_bus_message **message, const char *service, const char *path,
                           const char *interface, const char *member);
/* Sends, and waits; what it says where it fails is to be freed. */
int clinux_sd_bus_call(sd_bus *bus, sd_bus_message *message, uint64_t microseconds, char **error,
                       sd_bus_message **reply);
/* 1: there may be more; with a message where one came. */
int clinux_sd_bus_process(sd_bus *bus, sd_bus_message **message);
int clinux_sd_bus_wait(sd_bus *bus, uint64_t microseconds);
void clinux_sd_bus_message_unref(sd_bus_message *message);
int clinux_sd_bus_message_is_signal(sd_bus_message *message, const char *interface, const char *member);
int clinux_sd_bus_message_append(sd_bus_message *message, char type, const void *value);
int clinux_sd_bus_message_open(sd_bus_message *message, char type, const char *contents);
int clinux_sd_bus_message_close(sd_bus_message *message);
int clinux_sd_bus_message_peek(sd_bus_message *message, char *type, const char **contents);
int clinux_sd_bus_message_read(sd_bus_message *message, char type, void *value);
int clinux_sd_bus_message_enter(sd_bus_message *message, char type, const char *contents);
int clinux_sd_bus_message_exit(sd_bus_message *message);

#endif

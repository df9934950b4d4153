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

#endif

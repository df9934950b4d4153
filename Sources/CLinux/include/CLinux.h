#ifndef CLINUX_H
#define CLINUX_H

#include <libmnl/libmnl.h>
#include <libudev.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
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

#endif

#define _GNU_SOURCE

#include "CLinux.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

const int clinux_O_PATH = O_PATH;

unsigned clinux_major(unsigned long device) { return major(device); }
unsigned clinux_minor(unsigned long device) { return minor(device); }

int clinux_unshare_mounts(void) {
    if (unshare(CLONE_NEWNS) != 0) return -1;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int clinux_unshare_network(void) { return unshare(CLONE_NEWNET); }

int clinux_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

#define _GNU_SOURCE

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/socket.h>
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

int clinux_peer(int socket, struct clinux_peer *peer) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
    if (size != sizeof credentials) {
        errno = EPROTO;
        return -1;
    }
    *peer = (struct clinux_peer){credentials.pid, credentials.uid, credentials.gid};
    return 0;
}

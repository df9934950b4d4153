#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* glibc has it since 2.36, and Debian 12's libstdc++, which is linked in, asks for it: with one of our own the program
   runs on Ubuntu 22.04 (2.35) too. Random numbers that nobody here draws; blocks at early boot as the kernel's does. */
uint32_t arc4random(void) {
    uint32_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        abort();
    return number;
}

#ifndef CLINUX_H
#define CLINUX_H

#include <libudev.h>

#endif

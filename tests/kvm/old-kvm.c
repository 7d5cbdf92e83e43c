/*
 * To be preloaded (LD_PRELOAD): makes the host's KVM look older than it is.
 *
 *   OLD_KVM_VERSION   what KVM_GET_API_VERSION answers
 *   OLD_KVM_LACKS     the number of a capability that is not there
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
    const char *version = getenv("OLD_KVM_VERSION"), *lacks = getenv("OLD_KVM_LACKS");
    va_list args;

    va_start(args, request);
    unsigned long arg = va_arg(args, unsigned long);
    va_end(args);
    if (request == KVM_GET_API_VERSION && version) {
        return atoi(version);
    }
    if (request == KVM_CHECK_EXTENSION && lacks && arg == strtoul(lacks, NULL, 0)) {
        return 0;
    }
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

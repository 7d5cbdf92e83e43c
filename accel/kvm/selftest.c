/*
 * The self-test: can the host's KVM run a PC? A guest of its own (selftest.S), in a VM of its own,
 * goes through real mode, protected mode, paging, long mode, x87 and SSE, CMPXCHG16B and an interrupt.
 * A KVM of a hypervisor that is not a whole one (or of a broken host) fails at one of them.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "accel/kvm/kvm.h"

extern const uint8_t rom_selftest[];
extern const size_t rom_selftest_size;

enum {
    LOAD_ADDRESS = 0x1000, MEMORY_SIZE = 0x20000, STAGE_PORT = 0x10, VECTOR = 0x40,
    STAGE_ARMED = 8, STAGE_DONE = 9, STAGE_WRONG = 0xff,
    MAX_CPUID_ENTRIES = 256, MAX_EXITS = 1000, TICK_MS = 20, MAX_TICKS = 25,
};

/* What stage n + 1 proves, so what is missing if n was the last one. */
static const char *const proofs[STAGE_DONE] = {
    "real mode", "interrupts in real mode", "protected mode", "32-bit paging", "long mode",
    "x87 or SSE arithmetic", "CMPXCHG16B", "loading an IDT", "an external interrupt in long mode",
};

typedef struct SelfTest {
    int kvm_fd, vm_fd, vcpu_fd;
    size_t run_size;
    struct kvm_run *run;
    void *memory;
    unsigned stage;          /* the last one reached */
    bool wrong;              /* it computed something else than it should */
    unsigned ticks;          /* KVM_RUN was broken off by the timer so often */
} SelfTest;

/* --- its VM ------------------------------------------------------------------------------- */

static bool set_cpuid(SelfTest *t)
{
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) + MAX_CPUID_ENTRIES * sizeof(cpuid->entries[0]));

    cpuid->nent = MAX_CPUID_ENTRIES;
    return ioctl(t->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) >= 0 &&
           ioctl(t->vcpu_fd, KVM_SET_CPUID2, cpuid) >= 0;
}

static bool set_registers(SelfTest *t)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = LOAD_ADDRESS, .rsp = 0x7000, .rflags = 2 };

    if (ioctl(t->vcpu_fd, KVM_GET_SREGS, &sregs) < 0) {
        return false;
    }
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    return ioctl(t->vcpu_fd, KVM_SET_SREGS, &sregs) >= 0 && ioctl(t->vcpu_fd, KVM_SET_REGS, &regs) >= 0;
}

static bool set_up(SelfTest *t)
{
    t->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (t->memory == MAP_FAILED) {
        return false;
    }
    memcpy((uint8_t *)t->memory + LOAD_ADDRESS, rom_selftest, rom_selftest_size);
    struct kvm_userspace_memory_region region = {
        .memory_size = MEMORY_SIZE, .userspace_addr = (uintptr_t)t->memory,
    };
    if ((t->vm_fd = ioctl(t->kvm_fd, KVM_CREATE_VM, 0)) < 0 ||
        ioctl(t->vm_fd, KVM_SET_TSS_ADDR, 0xfeffd000ul) < 0 ||
        ioctl(t->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ||
        (t->vcpu_fd = ioctl(t->vm_fd, KVM_CREATE_VCPU, 0)) < 0) {
        return false;
    }
    t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu_fd, 0);
    return t->run != MAP_FAILED && set_cpuid(t) && set_registers(t);
}

static void tear_down(SelfTest *t)
{
    if (t->run && t->run != MAP_FAILED) {
        munmap(t->run, t->run_size);
    }
    if (t->vcpu_fd >= 0) {
        close(t->vcpu_fd);
    }
    if (t->vm_fd >= 0) {
        close(t->vm_fd);
    }
    if (t->memory && t->memory != MAP_FAILED) {
        munmap(t->memory, MEMORY_SIZE);
    }
}

/* --- running it --------------------------------------------------------------------------- */

static void ignore_signal(int sig)
{
}

/* A signal each tick ends a KVM_RUN that does not end by itself. */
static bool start_timer(timer_t *timer)
{
    struct sigaction action = { .sa_handler = ignore_signal };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
    const struct timespec tick = { .tv_nsec = TICK_MS * NS_PER_MS };
    const struct itimerspec period = { .it_interval = tick, .it_value = tick };

    event._sigev_un._tid = gettid();
    sigaction(SIGUSR1, &action, NULL);
    return timer_create(CLOCK_MONOTONIC, &event, timer) == 0 &&
           timer_settime(*timer, 0, &period, NULL) == 0;
}

/* A stage was reported; false: it was the last. */
static bool take_stage(SelfTest *t)
{
    uint8_t stage = *((uint8_t *)t->run + t->run->io.data_offset);

    t->wrong = stage == STAGE_WRONG;
    if (t->wrong) {
        return false;
    }
    t->stage = stage;
    if (stage == STAGE_ARMED) {
        t->run->request_interrupt_window = 1;
    }
    return stage < STAGE_DONE;
}

static void interrupt(SelfTest *t)
{
    struct kvm_interrupt irq = { .irq = VECTOR };

    t->run->request_interrupt_window = 0;
    ioctl(t->vcpu_fd, KVM_INTERRUPT, &irq);
}

/* Until the guest is through or cannot go on; the reason of the last exit, or -errno. */
static int run_guest(SelfTest *t)
{
    for (unsigned n = 0; n < MAX_EXITS && t->ticks < MAX_TICKS; n++) {
        if (ioctl(t->vcpu_fd, KVM_RUN, 0) < 0) {
            if (errno != EINTR && errno != EAGAIN) {
                return -errno;
            }
            t->ticks++;
        } else if (t->run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) {
            interrupt(t);
        } else if (t->run->exit_reason != KVM_EXIT_IO || t->run->io.port != STAGE_PORT ||
                   !take_stage(t)) {
            return (int)t->run->exit_reason;
        }
    }
    return -ETIME;
}

static const char *describe_end(const SelfTest *t, int end, char *buf, size_t size)
{
    if (t->wrong) {
        return "wrong result";
    }
    switch (end) {
    case -ETIME:
        return "it does not end";
    case KVM_EXIT_SHUTDOWN:
        return "shutdown";
    case KVM_EXIT_FAIL_ENTRY:
        return "the CPU refuses the guest's state";
    case KVM_EXIT_INTERNAL_ERROR:
        return "KVM cannot emulate an instruction";
    default:
        g_snprintf(buf, size, end < 0 ? "error %d" : "exit reason %d", end < 0 ? -end : end);
        return buf;
    }
}

bool kvm_self_test(int kvm_fd, size_t run_size, Error **errp)
{
    SelfTest t = { .kvm_fd = kvm_fd, .vm_fd = -1, .vcpu_fd = -1, .run_size = run_size };
    char buf[32];
    timer_t timer;

    if (!set_up(&t)) {
        error_setg_errno(errp, errno, "-accel kvm: the self-test's VM cannot be made");
        tear_down(&t);
        return false;
    }
    bool timed = start_timer(&timer);
    int end = timed ? run_guest(&t) : -errno;
    if (timed) {
        timer_delete(timer);
    }
    if (t.stage < STAGE_DONE) {
        error_setg(errp, "-accel kvm: this host's KVM cannot run a PC: %s fails (%s); use -accel tcg, or "
                   "-accel kvm,self-test=off to try all the same", proofs[t.stage],
                   describe_end(&t, end, buf, sizeof(buf)));
    }
    tear_down(&t);
    return t.stage == STAGE_DONE;
}

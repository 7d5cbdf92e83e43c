/*
 * The kernel's i8254.
 *
 * The kernel's timer would go on while the machine stands, and its interrupt would come into an i8259
 * that is about to be loaded: lost there, it would be the last, since the kernel waits for its end
 * before it makes the next. So the timer is taken from the kernel when the machine stops, is held
 * here, and goes back when the machine goes on, after all else was loaded.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <time.h>
#include "accel/kvm/kvm.h"
#include "accel/runstate.h"
#include "hw/timer/i8254.h"

enum { CONTROL_RW_SHIFT = 4, CONTROL_MODE_SHIFT = 1, RW_WORD = 3 };
/* KVM's states of a byte pointer. */
enum { KVM_RW_WORD0 = 3, KVM_RW_WORD1 = 4 };
/* Its mode of a channel that nobody has set up. */
enum { KVM_NO_MODE = 0xff };

/* The kernel's times are of its monotonic clock. */
static int64_t kernel_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int64_t now_ticks(const I8254 *chip)
{
    return (int64_t)muldiv64((uint64_t)clock_get_ns(chip->clock), I8254_HZ, NS_PER_SECOND);
}

/* taken_ns: the kernel's time of k. It has no time for channel 0. */
static void get_counter(const I8254 *chip, I8254Counter *c, const struct kvm_pit_channel_state *k,
                        int64_t taken_ns)
{
    int64_t age_ns = k->count_load_time ? MAX(taken_ns - k->count_load_time, 0) : 0;
    bool armed = k->mode != KVM_NO_MODE;

    *c = (I8254Counter) {
        .control = (uint8_t)(k->rw_mode << CONTROL_RW_SHIFT | (k->mode & 7) << CONTROL_MODE_SHIFT |
                             (k->bcd & 1)),
        .gate = k->gate, .out = c->out,
        .count_register = (uint16_t)k->count, .low_byte = k->write_latch,
        .write_high = k->write_state == KVM_RW_WORD1, .read_high = k->read_state == KVM_RW_WORD1,
        .latch = k->latched_count,
        .latch_bytes = !k->count_latched ? 0 : k->count_latched == KVM_RW_WORD0 ? 2 : 1,
        .status_latched = k->status_latched, .status = k->status,
        .armed = armed, .count_written = armed,
        .count = k->count ? k->count : 65536,
        .start = now_ticks(chip) - (int64_t)muldiv64((uint64_t)age_ns, I8254_HZ, NS_PER_SECOND),
        .frozen = -1, .reload_at = -1,
    };
}

static void put_counter(const I8254 *chip, const I8254Counter *c, struct kvm_pit_channel_state *k,
                        int64_t now_ns)
{
    int64_t ticks = c->frozen >= 0 ? c->frozen : now_ticks(chip) - c->start;
    uint8_t rw = c->control >> CONTROL_RW_SHIFT & 3;

    *k = (struct kvm_pit_channel_state) {
        .count = c->count & 0xffff ? c->count : 65536, .latched_count = c->latch,
        .count_latched = !c->latch_bytes ? 0 : rw != RW_WORD ? rw
                       : c->latch_bytes == 2 ? KVM_RW_WORD0 : KVM_RW_WORD1,
        .status_latched = c->status_latched, .status = c->status,
        .read_state = rw != RW_WORD ? rw : c->read_high ? KVM_RW_WORD1 : KVM_RW_WORD0,
        .write_state = rw != RW_WORD ? rw : c->write_high ? KVM_RW_WORD1 : KVM_RW_WORD0,
        .write_latch = c->low_byte, .rw_mode = rw,
        .mode = c->armed ? c->control >> CONTROL_MODE_SHIFT & 7 : KVM_NO_MODE,
        .bcd = c->control & 1, .gate = c->gate,
        .count_load_time = c->armed ? now_ns - (int64_t)muldiv64((uint64_t)MAX(ticks, 0), NS_PER_SECOND,
                                                                 I8254_HZ) : 0,
    };
}

/* The kernel begins all counting anew. */
static void give(KvmState *kvm, const struct kvm_pit_state2 *pit)
{
    struct kvm_pit_state2 state = *pit;
    int ret = kvm_vm_ioctl(kvm, KVM_SET_PIT2, &state);

    if (ret < 0) {
        error_report("KVM: cannot set the i8254's state: %s", g_strerror(-ret));
    }
}

static void take(KvmState *kvm)
{
    int ret = kvm_vm_ioctl(kvm, KVM_GET_PIT2, &kvm->pit);

    kvm->pit_ns = kernel_ns();
    if (ret < 0) {
        error_report("KVM: cannot get the i8254's state: %s", g_strerror(-ret));
    }
}

/* Channel 0 is the one that interrupts. */
static void run_event(void *opaque, RunEvent event, ShutdownCause cause)
{
    KvmState *kvm = opaque;

    if (event == RUN_EVENT_STOP) {
        take(kvm);
        struct kvm_pit_state2 quiet = kvm->pit;
        quiet.channels[0].mode = KVM_NO_MODE;
        give(kvm, &quiet);
        kvm->pit_held = true;
    } else if (event == RUN_EVENT_RESUME && kvm->pit_held) {
        kvm->pit_held = false;
        give(kvm, &kvm->pit);
    }
}

void kvm_pit_follow(KvmState *kvm)
{
    kvm->pit_held = true;
    runstate_add_listener(runstate_of(kvm->machine), run_event, kvm);
}

void kvm_pit_get(MachineState *machine, I8254 *chip)
{
    KvmState *kvm = machine->accel_state;

    if (!kvm->pit_held) {
        take(kvm);
    }
    for (unsigned n = 0; n < I8254_COUNTERS; n++) {
        get_counter(chip, &chip->counters[n], &kvm->pit.channels[n], kvm->pit_ns);
    }
}

/* The flag keeps channel 0 from interrupts: the HPET has taken them over. */
void kvm_pit_put(MachineState *machine, I8254 *chip)
{
    KvmState *kvm = machine->accel_state;

    kvm->pit = (struct kvm_pit_state2) { .flags = chip->irq_disabled ? KVM_PIT_FLAGS_HPET_LEGACY : 0 };
    kvm->pit_ns = kernel_ns();
    for (unsigned n = 0; n < I8254_COUNTERS; n++) {
        put_counter(chip, &chip->counters[n], &kvm->pit.channels[n], kvm->pit_ns);
    }
    if (!kvm->pit_held) {
        give(kvm, &kvm->pit);
    }
}

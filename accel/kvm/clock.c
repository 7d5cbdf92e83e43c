/*
 * kvmclock: the clock that paravirtual guests read from memory stands while the machine does.
 *
 * KVM_GET_CLOCK and KVM_SET_CLOCK move it; a small device keeps it in the machine's saved state.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <sys/ioctl.h>
#include "accel/kvm/kvm.h"
#include "accel/runstate.h"

#define TYPE_KVMCLOCK "kvmclock"
OBJECT_DECLARE_SIMPLE(KvmClock, KVMCLOCK, TYPE_KVMCLOCK)

struct KvmClock {
    DeviceState parent;
    uint64_t clock;          /* ns, when the machine stopped */
    bool valid;              /* it has */
};

static KvmState *kvm_of(KvmClock *s)
{
    return DEVICE(s)->machine->accel_state;
}

static void stop(KvmClock *s)
{
    struct kvm_clock_data data = { 0 };
    KvmState *kvm = kvm_of(s);

    s->valid = kvm_vm_ioctl(kvm, KVM_GET_CLOCK, &data) >= 0;
    s->clock = data.clock;
    /* The guest's watchdogs must not take the pause for a hang. */
    for (guint i = 0; i < kvm->machine->cpus->len; i++) {
        KvmVcpu *v = kvm_vcpu(g_ptr_array_index(kvm->machine->cpus, i));
        if (v) {
            ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0);
        }
    }
}

static void resume(KvmClock *s)
{
    struct kvm_clock_data data = { .clock = s->clock };

    if (s->valid) {
        kvm_vm_ioctl(kvm_of(s), KVM_SET_CLOCK, &data);
        s->valid = false;
    }
}

static void run_event(void *opaque, RunEvent event, ShutdownCause cause)
{
    if (event == RUN_EVENT_STOP) {
        stop(opaque);
    } else if (event == RUN_EVENT_RESUME) {
        resume(opaque);
    }
}

static bool clock_realize(DeviceState *dev, Error **errp)
{
    runstate_add_listener(runstate_of(dev->machine), run_event, dev);
    return true;
}

static const VMStateField clock_fields[] = {
    VMSTATE_UINT64(clock, KvmClock),
    VMSTATE_BOOL(valid, KvmClock),
    VMSTATE_END
};

static const VMStateDescription vmstate_clock = {
    .name = TYPE_KVMCLOCK, .version = 1, .fields = clock_fields,
};

static const DeviceInfo clock_info = {
    .name = TYPE_KVMCLOCK, .instance_size = sizeof(KvmClock), .desc = "KVM's paravirtual clock",
    .internal = true, .vmsd = &vmstate_clock, .realize = clock_realize,
};
DEVICE_TYPE(clock_info)

bool kvm_clock_create(KvmState *kvm, Error **errp)
{
    if (!kvm_cap(kvm, KVM_HAS_ADJUST_CLOCK)) {
        return true;
    }
    DeviceState *dev = qdev_new(TYPE_KVMCLOCK);
    object_property_add_child(OBJECT(kvm->machine), TYPE_KVMCLOCK, OBJECT(dev));
    return qdev_realize_and_unref(dev, NULL, kvm->machine, errp);
}

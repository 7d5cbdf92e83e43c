/*
 * The kvm accelerator: its row in the table, its options, the VM. See kvm.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/kvm/kvm.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { API_VERSION = 12 };

/* Pages that VMX without unrestricted guest needs, below the largest firmware: where QEMU has them. */
#define IDENTITY_MAP_ADDRESS UINT64_C(0xfeffc000)
#define TSS_ADDRESS UINT64_C(0xfeffd000)

int kvm_vm_ioctl(KvmState *kvm, unsigned long request, void *arg)
{
    int ret = ioctl(kvm->vm_fd, request, arg);

    return ret < 0 ? -errno : ret;
}

int kvm_vm_ioctl_long(KvmState *kvm, unsigned long request, unsigned long arg)
{
    int ret = ioctl(kvm->vm_fd, request, arg);

    return ret < 0 ? -errno : ret;
}

/* --- the device --------------------------------------------------------------------------- */

/* One line for each way that /dev/kvm is missing, with what to do. */
static void explain_open(int err, Error **errp)
{
    switch (err) {
    case ENOENT:
        error_setg(errp, "-accel kvm: there is no /dev/kvm; load the module (modprobe kvm_intel or "
                   "kvm_amd), switch virtualization on in the firmware, or use -accel tcg");
        break;
    case EACCES:
    case EPERM:
        error_setg(errp, "-accel kvm: no permission for /dev/kvm; join its group (usermod -aG kvm USER "
                   "and log in again), or use -accel tcg");
        break;
    case ENODEV:
    case ENXIO:
        error_setg(errp, "-accel kvm: /dev/kvm has no driver; load the module (modprobe kvm_intel or "
                   "kvm_amd), or use -accel tcg");
        break;
    default:
        error_setg_errno(errp, err, "-accel kvm: cannot open /dev/kvm (-accel tcg works without)");
    }
}

static int open_kvm(Error **errp)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        explain_open(errno, errp);
        return -1;
    }
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version != API_VERSION) {
        error_setg(errp, "-accel kvm: /dev/kvm speaks version %d of the API, not %d; use a newer kernel "
                   "or -accel tcg", version, API_VERSION);
        close(fd);
        return -1;
    }
    return fd;
}

/* --- the VM ------------------------------------------------------------------------------- */

static bool create_vm(KvmState *kvm, Error **errp)
{
    do {
        kvm->vm_fd = ioctl(kvm->fd, KVM_CREATE_VM, 0);
    } while (kvm->vm_fd < 0 && errno == EINTR);
    if (kvm->vm_fd < 0) {
        error_setg_errno(errp, errno, "-accel kvm: KVM_CREATE_VM");
        return false;
    }
    fcntl(kvm->vm_fd, F_SETFD, FD_CLOEXEC);
    return true;
}

static int enable_cap(KvmState *kvm, uint32_t cap, uint64_t arg)
{
    struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

    return kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &enable);
}

/* A capability that cannot be switched on is as good as absent. */
static void enable_if_there(KvmState *kvm, KvmCap cap, uint32_t number, uint64_t arg)
{
    if (kvm->caps[cap] && enable_cap(kvm, number, arg) < 0) {
        kvm->caps[cap] = 0;
    }
}

static bool configure_vm(KvmState *kvm, Error **errp)
{
    uint64_t identity = IDENTITY_MAP_ADDRESS;
    int ret = kvm_vm_ioctl(kvm, KVM_SET_IDENTITY_MAP_ADDR, &identity);

    if (ret >= 0) {
        ret = kvm_vm_ioctl_long(kvm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "-accel kvm: cannot reserve the kernel's pages");
        return false;
    }
    enable_if_there(kvm, KVM_HAS_MANUAL_DIRTY, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
                    KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
    enable_if_there(kvm, KVM_HAS_EXCEPTION_PAYLOAD, KVM_CAP_EXCEPTION_PAYLOAD, 1);
    enable_if_there(kvm, KVM_HAS_TRIPLE_FAULT_EVENT, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1);
    return true;
}

static bool get_run_size(KvmState *kvm, Error **errp)
{
    int size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

    if (size < (int)sizeof(struct kvm_run)) {
        error_setg_errno(errp, errno, "-accel kvm: KVM_GET_VCPU_MMAP_SIZE");
        return false;
    }
    kvm->run_size = (size_t)size;
    return true;
}

/* --- the row ------------------------------------------------------------------------------ */

static bool kvm_available(Error **errp)
{
    int fd = open_kvm(errp);

    if (fd < 0) {
        return false;
    }
    close(fd);
    return true;
}

static void free_state(KvmState *kvm)
{
    if (kvm->vm_fd >= 0) {
        close(kvm->vm_fd);
    }
    close(kvm->fd);
    g_array_unref(kvm->free_slots);
    g_array_unref(kvm->int3s);
    g_free(kvm);
}

/* Without the option: all that this KVM can have in the kernel. */
static KvmIrqchip best_irqchip(const KvmState *kvm)
{
    bool board = kvm_cap(kvm, KVM_HAS_IRQCHIP) && kvm_cap(kvm, KVM_HAS_IRQ_ROUTING) &&
                 kvm_cap(kvm, KVM_HAS_PIT2) && kvm_cap(kvm, KVM_HAS_PIT_STATE2);

    return board ? KVM_IRQCHIP_ON : kvm_cap(kvm, KVM_HAS_SPLIT_IRQCHIP) ? KVM_IRQCHIP_SPLIT
                                                                        : KVM_IRQCHIP_OFF;
}

/* -accel kvm,kernel-irqchip= has precedence over -machine kernel-irqchip=. */
static bool take_irqchip(KvmState *kvm, OptDict *opts, Error **errp)
{
    const char *spec = opts ? optdict_get(opts, "kernel-irqchip") : NULL;

    spec = spec ? spec : kvm->machine->kernel_irqchip;
    if (!spec) {
        kvm->irqchip = best_irqchip(kvm);
    } else if (g_str_equal(spec, "on")) {
        kvm->irqchip = KVM_IRQCHIP_ON;
    } else if (g_str_equal(spec, "split")) {
        kvm->irqchip = KVM_IRQCHIP_SPLIT;
    } else if (g_str_equal(spec, "off")) {
        kvm->irqchip = KVM_IRQCHIP_OFF;
    } else {
        error_setg(errp, "-accel kvm,kernel-irqchip=%s: write on, split or off", spec);
        return false;
    }
    return true;
}

static bool run_self_test(KvmState *kvm, OptDict *opts, Error **errp)
{
    bool wanted = true;

    if (opts && !optdict_get_bool(opts, "self-test", &wanted, errp)) {
        return false;
    }
    return !wanted || kvm_self_test(kvm->fd, kvm->run_size, errp);
}

static bool describe_cpus(KvmState *kvm, Error **errp)
{
    bool kernel_apic = kvm->irqchip != KVM_IRQCHIP_OFF;
    KvmCpuOptions options = {
        .kernel_apic = kernel_apic,
        .tsc_deadline = kernel_apic && kvm_cap(kvm, KVM_HAS_TSC_DEADLINE),
    };

    return kvm_cpu_host(kvm->fd, &options, &kvm->cpu_host, errp);
}

static bool kvm_init(MachineState *machine, OptDict *opts, Error **errp)
{
    int fd = open_kvm(errp);

    if (fd < 0) {
        return false;
    }
    KvmState *kvm = g_new0(KvmState, 1);
    kvm->machine = machine;
    kvm->fd = fd;
    kvm->vm_fd = -1;
    kvm->free_slots = g_array_new(false, false, sizeof(uint32_t));
    kvm_int3_init(kvm);
    g_mutex_init(&kvm->inhibit_lock);
    g_cond_init(&kvm->inhibit_cond);
    if (!create_vm(kvm, errp) || !kvm_read_caps(kvm, errp) || !get_run_size(kvm, errp) ||
        !take_irqchip(kvm, opts, errp) || !run_self_test(kvm, opts, errp) ||
        !configure_vm(kvm, errp) || !kvm_irqchip_create(kvm, errp) || !describe_cpus(kvm, errp)) {
        free_state(kvm);
        return false;
    }
    machine->accel_state = kvm;
    machine->cpu_host = &kvm->cpu_host;
    machine->no_smm = !kvm_cap(kvm, KVM_HAS_SMM) || kvm_cap(kvm, KVM_HAS_ADDRESS_SPACES) < 2;
    kvm_slots_init(&kvm->memory, kvm, 0, &machine->memory_as);
    kvm_io_init(&kvm->memory_io, kvm, false, &machine->memory_as);
    kvm_io_init(&kvm->port_io, kvm, true, &machine->io_as);
    return true;
}

static bool kvm_machine_ready(MachineState *machine, Error **errp)
{
    KvmState *kvm = machine->accel_state;

    if (machine->smm_as) {
        kvm_slots_init(&kvm->smm, kvm, 1, machine->smm_as);
    }
    for (guint i = 0; i < machine->cpus->len; i++) {
        if (!kvm_vcpu_create(kvm, g_ptr_array_index(machine->cpus, i), errp)) {
            return false;
        }
    }
    if (kvm->irqchip == KVM_IRQCHIP_ON) {
        kvm_pit_follow(kvm);
    }
    kvm_debug_follow(kvm);
    return kvm_clock_create(kvm, errp);
}

const AccelOps accel_kvm = {
    .name = "kvm",
    .desc = "the host's CPUs, by Linux' KVM",
    .available = kvm_available,
    .init = kvm_init,
    .machine_ready = kvm_machine_ready,
    .start_cpu = kvm_vcpu_start,
    .stop_cpu = kvm_vcpu_stop,
    .runs_guest_code = true,
};

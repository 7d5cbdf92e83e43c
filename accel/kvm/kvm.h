/*
 * The kvm accelerator: the host's CPUs run the guest's code through /dev/kvm (Linux,
 * Documentation/virt/kvm/api.rst).
 *
 *   kvm.c      the row of the table of accelerators: options, the VM
 *   caps.c     what the host's KVM can do
 *   slots.c    guest memory: memory slots, dirty pages
 *   io.c       coalesced writes, ioeventfds
 *   clock.c    the paravirtual clock
 *   irqchip.c  interrupt controllers in the kernel
 *   pit.c      the i8254 in the kernel
 *   selftest.c whether the host's KVM can run a PC
 *   vcpu.c     vCPUs: life, kicking, events before entry
 *   exits.c    why the guest's code was left
 *   debug.c    breakpoints, watchpoints, single steps
 *   int3.c     breakpoints in the guest's memory
 *
 * The state of a CPU is in the kernel while its thread runs, and in X86State (all of it true and
 * free to change) whenever the thread runs queued work or is paused; target/i386/kvm/ moves it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef ACCEL_KVM_KVM_H
#define ACCEL_KVM_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include "accel/accel.h"
#include "target/i386/kvm/kvm-cpu.h"

/* What caps.c asks the kernel about. */
typedef enum KvmCap {
    KVM_HAS_SLOTS, KVM_HAS_ROM_SLOTS, KVM_HAS_MANUAL_DIRTY, KVM_HAS_ADDRESS_SPACES,
    KVM_HAS_COALESCED_MMIO, KVM_HAS_COALESCED_PIO, KVM_HAS_IOEVENTFD,
    KVM_HAS_IRQCHIP, KVM_HAS_SPLIT_IRQCHIP, KVM_HAS_IRQ_ROUTING, KVM_HAS_IRQFD, KVM_HAS_PIT2,
    KVM_HAS_PIT_STATE2,
    KVM_HAS_TSC_DEADLINE, KVM_HAS_X2APIC_API,
    KVM_HAS_EXCEPTION_PAYLOAD, KVM_HAS_TRIPLE_FAULT_EVENT, KVM_HAS_SREGS2, KVM_HAS_XSAVE,
    KVM_HAS_XCRS, KVM_HAS_DEBUGREGS, KVM_HAS_VCPU_EVENTS, KVM_HAS_MP_STATE,
    KVM_HAS_IMMEDIATE_EXIT, KVM_HAS_EXT_CPUID, KVM_HAS_TSS_ADDR, KVM_HAS_IDENTITY_MAP,
    KVM_HAS_MAX_VCPUS, KVM_HAS_SMM, KVM_HAS_MCE, KVM_HAS_TSC_KHZ, KVM_HAS_TSC_CONTROL,
    KVM_HAS_ADJUST_CLOCK, KVM_HAS_GUEST_DEBUG, KVM_HAS_GUEST_DEBUG2,
    KVM_CAP_TABLE_SIZE
} KvmCap;

typedef struct KvmState KvmState;
typedef struct KvmInt3 KvmInt3;

/* A byte of the guest's memory. */
typedef struct KvmPlace {
    RAMBlock *block;
    uint64_t offset;
} KvmPlace;

/* kernel-irqchip=: which interrupt controllers are the kernel's. */
typedef enum KvmIrqchip { KVM_IRQCHIP_OFF, KVM_IRQCHIP_SPLIT, KVM_IRQCHIP_ON } KvmIrqchip;

enum { KVM_MAX_IRQFDS = 256 };

/* A message-signalled interrupt; address 0: none. */
typedef struct KvmMessage {
    uint64_t addr;
    uint32_t data;
} KvmMessage;

/* The memory slots of one of the kernel's address spaces (0: as ever, 1: SMM). */
typedef struct KvmSlots {
    MemoryListener listener;
    KvmState *kvm;
    unsigned as_id;
    GArray *sections;        /* KvmRange: of the flat view, by address */
    GArray *slots;           /* KvmSlot: in the kernel, by address */
    bool changed;            /* sections, since the last commit */
} KvmSlots;

/* Follows the I/O regions of an address space. */
typedef struct KvmIo {
    MemoryListener listener;
    KvmState *kvm;
    bool ports;
} KvmIo;

struct KvmState {
    MachineState *machine;
    int fd, vm_fd;
    size_t run_size;         /* of a vCPU's shared area */
    int caps[KVM_CAP_TABLE_SIZE]; /* what KVM_CHECK_EXTENSION answered; 0: absent */
    X86CpuHost cpu_host;
    KvmIrqchip irqchip;
    bool wide_apic_ids;      /* x2APIC IDs have 32 bits in the local APIC's state */
    KvmMessage messages[24 + KVM_MAX_IRQFDS]; /* by GSI: the pins of our I/O APIC (split), then irqfds */
    struct kvm_pit_state2 pit; /* on: what the kernel gets when the machine goes on */
    int64_t pit_ns;          /* the kernel's time of it */
    bool pit_held;           /* that is the i8254's state, not the kernel's */
    KvmMsrs *msrs;           /* the registers that this kernel has; made with the first CPU */
    KvmSlots memory, smm;
    KvmIo memory_io, port_io;
    struct kvm_coalesced_mmio_ring *ring; /* writes that wait; part of the first vCPU's shared area */
    bool draining;           /* [bql] */
    GArray *int3s;           /* [bql] KvmInt3: breakpoints in the guest's memory; none while it stands */
    GArray *free_slots;      /* uint32_t: numbers that were used and are free */
    uint32_t next_slot;
    /* While slots are replaced no vCPU may be in the guest: see kvm_inhibit(). */
    int inhibit;             /* [atomic] */
    GMutex inhibit_lock;
    GCond inhibit_cond;
};

typedef struct KvmVcpu {
    KvmState *kvm;
    X86CPU *cpu;
    int fd;
    struct kvm_run *run;     /* shared with the kernel */
    pthread_t thread;
    bool entered;            /* thread is set */
    int in_guest;            /* [atomic] in or about to be in KVM_RUN */
    bool state_here;         /* X86State is true; the kernel's copy is old */
    bool completion_due;     /* the last exit's access is finished by the next KVM_RUN */
    bool irq_window_known;   /* run's answer about interrupts is of the state that will run */
    bool debug_due;          /* the kernel must be told what a debugger wants before the next KVM_RUN */
    bool debug_on;           /* it has been told of something */
    bool stepping_over;      /* the breakpoint at over_pc is being passed */
    bool over_int3;          /* it is an INT3, at over_place */
    uint64_t over_pc;
    KvmPlace over_place;
    KvmVcpuRegs regs;
} KvmVcpu;

static inline KvmVcpu *kvm_vcpu(CPUState *cpu)
{
    return cpu->accel_state;
}

/* ioctl() on the VM; -errno on failure. */
int kvm_vm_ioctl(KvmState *kvm, unsigned long request, void *arg);
/* The same for a plain number. */
int kvm_vm_ioctl_long(KvmState *kvm, unsigned long request, unsigned long arg);

/* --- caps.c */
/* Asks for everything; false with errp set if something is absent that Doppel cannot do without. */
bool kvm_read_caps(KvmState *kvm, Error **errp);
static inline int kvm_cap(const KvmState *kvm, KvmCap cap)
{
    return kvm->caps[cap];
}

/* --- slots.c */
/* Begins to follow an address space of the machine. */
void kvm_slots_init(KvmSlots *slots, KvmState *kvm, unsigned as_id, AddressSpace *as);


/* --- io.c */
void kvm_io_init(KvmIo *io, KvmState *kvm, bool ports, AddressSpace *as);
/* True if coalesced writes wait. Any thread. */
bool kvm_ring_has_writes(const KvmState *kvm);
/* Carries them out; with the big lock. */
void kvm_drain_ring(KvmState *kvm);

/* --- clock.c */
bool kvm_clock_create(KvmState *kvm, Error **errp);

/* --- irqchip.c */
/* Makes the controllers that kvm->irqchip names; before the first vCPU. */
bool kvm_irqchip_create(KvmState *kvm, Error **errp);

/* --- pit.c */
struct I8254;
/* The state of the kernel's chip, by IrqchipOps. */
void kvm_pit_get(MachineState *machine, struct I8254 *chip);
void kvm_pit_put(MachineState *machine, struct I8254 *chip);
/* From now on it stands while the machine does. */
void kvm_pit_follow(KvmState *kvm);

/* --- selftest.c */
/* False with errp set, naming what fails, if this KVM cannot run a PC. At most half a second. */
bool kvm_self_test(int kvm_fd, size_t run_size, Error **errp);

/* --- vcpu.c */
bool kvm_vcpu_create(KvmState *kvm, CPUState *cpu, Error **errp);
void kvm_vcpu_start(CPUState *cpu);
void kvm_vcpu_stop(CPUState *cpu);
/* Takes every vCPU out of the guest and keeps it out until kvm_uninhibit(). With the big lock. */
void kvm_inhibit(KvmState *kvm);
void kvm_uninhibit(KvmState *kvm);
/* Makes X86State true; on the vCPU's thread. */
void kvm_state_needed(CPUState *cpu);

/* --- debug.c */
/* Follows the run state: breakpoints are in the guest's memory only while it runs. */
void kvm_debug_follow(KvmState *kvm);
/* Tells the kernel what a debugger wants of the CPU; on its thread, with its state given. */
void kvm_debug_enter(KvmVcpu *vcpu);
/* Handles KVM_EXIT_DEBUG: makes a stop due, or lets the CPU go on. With the big lock. */
void kvm_debug_exit(KvmVcpu *vcpu);
/* False if debug registers and memory do not suffice for the CPU's break- and watchpoints. */
bool kvm_debug_fits(CPUState *cpu);

/* --- int3.c: all with the big lock */
void kvm_int3_init(KvmState *kvm);
/* Whether there is memory at a linear address of a CPU that is paused. */
bool kvm_int3_possible(CPUState *cpu, uint64_t lin);
/* The same CPU's breakpoint. Without memory nothing happens. */
void kvm_int3_insert(KvmState *kvm, CPUState *cpu, uint64_t lin);
void kvm_int3_remove_all(KvmState *kvm);
/* On the vCPU's thread, its state in the kernel: whether a breakpoint of any CPU is in the memory at
 * its linear address, where, and if not NULL whether the guest has an INT3 there itself. */
bool kvm_int3_at(KvmVcpu *vcpu, uint64_t lin, KvmPlace *place, bool *hides_int3);
/* The byte of memory at a linear address, in the same circumstances; false if there is none. */
bool kvm_read_code(KvmVcpu *vcpu, uint64_t lin, uint8_t *byte);
/* Takes one away while it is passed, and puts it back. */
void kvm_int3_show(KvmState *kvm, const KvmPlace *place, bool there);
static inline bool kvm_same_place(const KvmPlace *a, const KvmPlace *b)
{
    return a->block == b->block && a->offset == b->offset;
}

/* --- exits.c */
/* Handles what KVM_RUN returned for: a CPU_EXIT_... reason, or -1 to go on. Without the big lock. */
int kvm_handle_exit(KvmVcpu *vcpu);
/* Reports what KVM_RUN's failure (an errno) means. */
int kvm_report_run_failure(KvmVcpu *vcpu, int err);

#endif

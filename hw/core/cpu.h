/*
 * The generic virtual CPU: what boards, interrupt controllers, accelerators
 * and monitors may know of a CPU without knowing its architecture.
 *
 * Threads: fields marked [own] belong to the vCPU's thread (others may touch
 * them only while it is paused); [bql] fields are guarded by the big lock;
 * [atomic] ones are accessed with the __atomic builtins from any thread.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_CPU_H
#define HW_CORE_CPU_H

#include "hw/core/qdev.h"
#include "memory/memory.h"

#define TYPE_CPU "cpu"
OBJECT_DECLARE(CPUState, CPUClass, CPU, TYPE_CPU)

/* Why a vCPU must look up from guest code: bits of CPUState.interrupt_request. */
enum {
    CPU_INTERRUPT_HARD = 1 << 0,  /* INTR pin or local APIC has something */
    CPU_INTERRUPT_NMI = 1 << 1,
    CPU_INTERRUPT_SMI = 1 << 2,
    CPU_INTERRUPT_INIT = 1 << 3,
    CPU_INTERRUPT_SIPI = 1 << 4,
    CPU_INTERRUPT_MCE = 1 << 5,
    CPU_INTERRUPT_A20 = 1 << 6,   /* A20 gate changed: flush translations */
    CPU_INTERRUPT_TLB = 1 << 7,   /* memory map changed: flush translations */
    CPU_INTERRUPT_EXIT = 1 << 8,  /* leave guest code: stop, reset, queued work */
    CPU_INTERRUPT_CODE = 1 << 9,  /* another thread wrote to translated code */
    CPU_INTERRUPT_DEBUG = 1 << 10, /* a watchpoint was hit: leave after this instruction */
};

/* What stopped a CPU for a debugger. */
typedef enum CPUStopKind {
    CPU_STOP_NONE,
    CPU_STOP_BREAKPOINT,  /* before the instruction at addr */
    CPU_STOP_WATCHPOINT,  /* after an instruction that touched the watchpoint at addr */
    CPU_STOP_STEP,        /* after one instruction */
} CPUStopKind;

typedef struct CPUStop {
    CPUStopKind kind;
    uint64_t addr;
    unsigned access;      /* CPU_WATCH_...: what the watchpoint waits for */
} CPUStop;

/* What a debugger wants of one CPU; cpu-debug.h has the functions. [own] */
typedef struct CPUDebug {
    GArray *breakpoints, *watchpoints; /* NULL until used */
    unsigned step;        /* CPU_STEP_...; 0: run */
    bool active;          /* any of the above */
    CPUStop due;          /* to be reported at the next instruction boundary */
    CPUStop stop;         /* what CPU_EXIT_DEBUG was last returned for */
    bool passing;         /* a breakpoint at pass_pc is not hit before it has been passed */
    uint64_t pass_pc;
    bool held;            /* [bql] stays paused while the others are resumed */
} CPUDebug;

struct CPUState {
    DeviceState parent;
    int cpu_index;
    AddressSpace *as;            /* memory as this CPU sees it outside SMM */
    AddressSpace *io_as;         /* port I/O */
    uint32_t interrupt_request;  /* [atomic] CPU_INTERRUPT_... */
    uint32_t *poll;              /* [atomic] word of the accelerator's, set with each request */
    bool halted;                 /* [bql] HLT or wait-for-SIPI: no code runs */
    bool stop;                   /* [bql] asked to pause */
    bool stopped;                /* [bql] paused */
    bool created, unplug;        /* [bql] */
    GThread *thread;
    int thread_id;               /* the host's number of the thread; 0 without one */
    GCond halt_cond;             /* [bql] signalled by cpu_kick() */
    GQueue work;                 /* [bql] functions to run on the vCPU's thread */
    void *accel_state;           /* the accelerator's own per-CPU data */
    /* The accelerator's way to get the vCPU out of guest code that polls nothing; NULL: it polls.
     * Any thread. */
    void (*kick)(CPUState *cpu);
    /* For a device that looks at the registers of the CPU whose access it answers (current_cpu):
     * makes them true; NULL: they are. On the vCPU's thread, with the big lock. */
    void (*registers_needed)(CPUState *cpu);
    /* Whether the accelerator can look for all of the break- and watchpoints that are set; NULL: for
     * any number of any kind. */
    bool (*debug_fits)(CPUState *cpu);
    bool no_read_watchpoints;    /* the accelerator watches writes, or reads and writes */
    bool state_replaced;         /* [bql] reset or loaded: all of the state is new to the accelerator */
    CPUDebug debug;
};

/* Breakpoints, watchpoints or a single step are in force: the engine must look for them. */
static inline bool cpu_debug_active(const CPUState *cpu)
{
    return cpu->debug.active;
}

typedef struct CPURegisters CPURegisters;

struct CPUClass {
    DeviceClass parent;
    /* Runs guest code until something outside needs attention (an EXIT_...
     * reason, below). Called without the big lock. */
    int (*exec)(CPUState *cpu);
    /* True if a halted CPU has an event that wakes it. With the big lock. */
    bool (*has_work)(CPUState *cpu);
    /* Appends the registers as text, as `info registers` prints them. */
    void (*dump_state)(CPUState *cpu, GString *out);
    /* Appends what a report of a failure tells beside the registers: the code that runs, what
     * is pending, the last exceptions and accesses. */
    void (*dump_diagnosis)(CPUState *cpu, GString *out);
    /* Appends counters of what runs the guest's code, as `info jit` prints them. On the
     * vCPU's thread. */
    void (*engine_info)(CPUState *cpu, GString *out);
    /* The program counter as a linear address. */
    uint64_t (*get_pc)(CPUState *cpu);
    /* Translates a linear address for debuggers without side effects.
     * Returns false if it is not mapped. */
    bool (*translate_debug)(CPUState *cpu, uint64_t lin, uint64_t *phys);
    /* The address space of its physical accesses in its present mode. */
    AddressSpace *(*debug_as)(CPUState *cpu);
    /* Break- or watchpoints have changed: code and translations made without them go. */
    void (*debug_changed)(CPUState *cpu);
    const CPURegisters *registers; /* cpu-debug.h; NULL: a debugger sees none */
};

/* What exec() returned for. */
enum {
    CPU_EXIT_INTERRUPT, /* interrupt_request has EXIT or the like */
    CPU_EXIT_HALTED,    /* HLT: cpu->halted is set */
    CPU_EXIT_SHUTDOWN,  /* triple fault */
    CPU_EXIT_DEBUG,     /* for the debugger: debug.stop says why */
    CPU_EXIT_FAILED,    /* the accelerator cannot go on, and has said why */
};

/* The CPU whose thread this is; NULL on other threads (main loop, workers). A
 * vCPU's thread sets it once, before its first instruction. Regions that answer each
 * CPU differently (the local APIC's page) look at it. */
extern __thread CPUState *current_cpu;

/* Sets interrupt_request bits and makes the vCPU notice, from any thread: guest code
 * polls interrupt_request at block boundaries, a vCPU that sleeps on halt_cond is woken. */
void cpu_interrupt(CPUState *cpu, uint32_t mask);
/* Clears bits. From the vCPU's thread, or with the big lock. */
void cpu_reset_interrupt(CPUState *cpu, uint32_t mask);
static inline uint32_t cpu_interrupts(const CPUState *cpu)
{
    return __atomic_load_n(&cpu->interrupt_request, __ATOMIC_ACQUIRE);
}
/* Makes the vCPU leave guest code and look at its flags: sets CPU_INTERRUPT_EXIT, which
 * the vCPU's loop clears before it looks. Any thread. */
void cpu_kick(CPUState *cpu);
/* Runs fn(cpu, opaque) on the vCPU's thread between two instructions and
 * waits for it (run_on) or not (async). With the big lock. */
typedef void CPUWorkFn(CPUState *cpu, void *opaque);
void cpu_run_on(CPUState *cpu, CPUWorkFn *fn, void *opaque);
void cpu_async_run_on(CPUState *cpu, CPUWorkFn *fn, void *opaque);
/* Runs queued work; the vCPU's thread calls it with the big lock. */
void cpu_process_work(CPUState *cpu);

#endif

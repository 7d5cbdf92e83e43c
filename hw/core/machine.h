/*
 * Machines: what is built from the command line.
 *
 * A MachineState owns its memory, its clock and its devices; nothing about a
 * machine is kept in file-scope variables, so that two can live in one process.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_CORE_MACHINE_H
#define HW_CORE_MACHINE_H

#include "block/block.h"
#include "chardev/char.h"
#include "hw/core/cpu.h"
#include "hw/core/qdev.h"
#include "memory/memory.h"
#include "ui/console.h"
#include "ui/input.h"

#define TYPE_MACHINE "machine"
OBJECT_DECLARE(MachineState, MachineClass, MACHINE, TYPE_MACHINE)
#define MACHINE_TYPE_NAME(name) name "-machine"

/* Why a guest (or user) asked for an end; names as in QMP's ShutdownCause. */
typedef enum ShutdownCause {
    SHUTDOWN_CAUSE_NONE,
    SHUTDOWN_CAUSE_HOST_ERROR,
    SHUTDOWN_CAUSE_HOST_QMP_QUIT,
    SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET,
    SHUTDOWN_CAUSE_HOST_SIGNAL,
    SHUTDOWN_CAUSE_HOST_UI,
    SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
    SHUTDOWN_CAUSE_GUEST_RESET,
    SHUTDOWN_CAUSE_GUEST_PANIC,
    SHUTDOWN_CAUSE_SUBSYSTEM_RESET,
} ShutdownCause;

/* Which address spaces translated code may see through windows (target/i386/window.h). */
typedef enum MachineWindows { WINDOWS_OFF, WINDOWS_ON, WINDOWS_ALWAYS } MachineWindows;

/* What a machine asks of its surroundings; the run state (system/) fills it in. */
typedef struct MachineEvents {
    void (*reset_request)(MachineState *machine, ShutdownCause cause);
    void (*shutdown_request)(MachineState *machine, ShutdownCause cause);
    void (*panicked)(MachineState *machine);
    /* A watchdog's time is up; the user chose what that leads to. */
    void (*watchdog_expired)(MachineState *machine);
    /* Tells monitors of a QMP event of the schema; takes over the reference to data. */
    void (*emit)(MachineState *machine, const char *name, json_object *data);
    /* A vCPU stopped by itself: triple fault; breakpoint or single step of the debugger. */
    void (*cpu_shutdown)(MachineState *machine, CPUState *cpu);
    void (*cpu_debug)(MachineState *machine, CPUState *cpu);
    /* The accelerator cannot run a vCPU any further, and has said why. */
    void (*cpu_failed)(MachineState *machine, CPUState *cpu);
    /* isa-debug-exit: ends the process at once with this status. */
    void (*exit_now)(MachineState *machine, int status);
} MachineEvents;

struct MachineState {
    Object parent_obj;
    Clock *clock;                /* virtual clock */
    MemoryRegion system_memory;  /* root of guest physical memory */
    MemoryRegion system_io;      /* root of port I/O, 64 KiB */
    AddressSpace memory_as;      /* "memory" */
    AddressSpace io_as;          /* "I/O" */
    AddressSpace *smm_as;        /* as CPUs in SMM see memory; NULL: as always */
    BusState *main_bus;          /* devices without another bus; "main-system-bus" */
    GPtrArray *cpus;             /* CPUState */
    MemoryRegion ram;            /* -m, one block "pc.ram" */
    const MachineEvents *events;
    void *events_opaque;         /* the run state's own */
    void *debugger;              /* the gdb stub's own; NULL: none */
    GCond pause_cond;            /* [bql] a vCPU has paused */
    BlockRegistry *drives;       /* -drive, -blockdev */
    ChardevRegistry *chardevs;   /* -chardev, -serial */
    GPtrArray *serials, *parallels, *debugcons; /* Chardev, NULL for "none" */
    GPtrArray *globals;          /* char *: "driver.prop=value" of -global */
    GPtrArray *fw_cfg_options;   /* OptDict of -fw_cfg; the options' owner keeps them */
    void (*powerdown)(void *opaque); /* the power button; set by the board */
    void *powerdown_opaque;
    /* Changes the boot order (letters as in -boot order=) of a running machine; the board's. */
    bool (*boot_set)(MachineState *machine, const char *order, Error **errp);
    bool initialized;            /* machine_init_run() was called */
    bool defaults;               /* make the default devices (no -nodefaults) */
    InputQueue *input;           /* keys and pointers for its devices */
    ConsoleList *consoles;       /* its screens */
    struct Displays *displays;   /* its front ends (ui/display.h); NULL: not started yet */

    /* Options. */
    uint64_t ram_size;
    bool ram_size_given;         /* by -m */
    char *memory_backend;        /* the id of an -object that says how to get it; NULL: none */
    unsigned smp_cpus, smp_sockets, smp_cores, smp_threads, max_cpus;
    char *cpu_model;             /* -cpu; NULL: the machine's default */
    char *firmware;              /* -bios */
    char *kernel_filename, *initrd_filename, *kernel_cmdline;
    char *name;                  /* -name; NULL: none */
    char *uuid;                  /* -uuid; NULL: none */
    char *boot_order;            /* -boot order=, "cad" */
    char *boot_once;
    bool boot_menu, boot_strict;
    int64_t boot_menu_timeout, reboot_timeout; /* ms; -1 not given */
    GPtrArray *data_dirs;        /* -L: searched before the packages' folders */
    int64_t rtc_offset_ns;       /* guest wall clock minus host wall clock */
    bool rtc_utc;
    bool usb, graphics;
    char *vga;                   /* "std", "none", "cirrus" */
    const char *accel_name;
    bool translate;              /* CPUs get a translator */
    bool perf_map;               /* translated code is named for perf(1) */
    bool check_blocks;           /* and each block is checked */
    bool lockstep;               /* and compared with the interpreter */
    unsigned lockstep_limit;     /* so many times from each address; 0: always */
    MachineWindows windows;      /* CPUs' */
    uint64_t translation_cache;  /* bytes of translated code for each CPU */
    void *accel_state;           /* the accelerator's own */
    const struct IrqchipOps *irqchip; /* hw/intc/irqchip.h: interrupt controllers of the accelerator's;
                                         NULL: ours */
    char *kernel_irqchip;        /* -machine kernel-irqchip=; NULL: not given */
    bool no_smm;                 /* the accelerator's CPUs have no system management mode */
    const struct X86CpuHost *cpu_host; /* target/i386/cpuid.h: guest code runs on the host's own
                                          CPUs, which can do this; NULL: on engines of ours */

    GQueue reset_handlers;       /* qemu_register_reset-like entries, private */
};

struct MachineClass {
    ObjectClass parent_class;
    const char *desc;
    const char *alias;
    bool is_default;
    unsigned max_cpus;
    uint64_t default_ram_size, min_ram_size, max_ram_size; /* bytes; max 0: no limit */
    const char *default_cpu_type, *default_boot_order, *default_display;
    const char *default_ram_id;  /* of the memory that -m makes */
    bool no_floppy, no_cdrom, no_parallel, no_serial;
    bool (*init)(MachineState *machine, Error **errp);
};

/* Reset of the whole machine: enter phase for every device, hold, exit, in
 * tree order; CPUs last. With the big lock, vCPUs paused. */
void machine_reset(MachineState *machine);
/* Extra reset functions for what is not a device (ROM images, boot set-up). */
void machine_add_reset(MachineState *machine, void (*fn)(void *opaque), void *opaque);

/* Creates the machine of a class name or alias ("pc"); NULL with errp set if unknown. */
MachineState *machine_new(const char *name, Error **errp);
MachineClass *machine_class_find(const char *name);
/* Memory, clock and class init, after the options are set. */
bool machine_init_run(MachineState *machine, Error **errp);

/* Unrealizes every device, last one first, and frees the machine. No vCPU runs any more. */
void machine_destroy(MachineState *machine);

static inline void machine_request_reset(MachineState *m, ShutdownCause cause)
{
    if (m->events) {
        m->events->reset_request(m, cause);
    }
}

/* A QMP event; takes over the reference to data, which may be NULL. */
static inline void machine_emit_event(MachineState *m, const char *name, json_object *data)
{
    if (m->events) {
        m->events->emit(m, name, data);
    } else {
        json_object_put(data);
    }
}

static inline void machine_request_shutdown(MachineState *m, ShutdownCause cause)
{
    if (m->events) {
        m->events->shutdown_request(m, cause);
    }
}

/*
 * Appends the state of the machine to out: virtual time, memory, and every device that has a state
 * description, CPUs included. Block requests under way are waited for. vCPUs and the virtual
 * clock stand; with the big lock, on the main thread.
 */
void machine_save_state(MachineState *machine, GByteArray *out);
/*
 * Makes the machine what another one of the same configuration was when it was saved (the
 * images of its drives are the caller's affair). Fails, with errp set, if data is not such a state:
 * what does not fit the machine is refused before anything is changed; after a value that a
 * device refuses the machine is reset.
 */
bool machine_load_state(MachineState *machine, const uint8_t *data, size_t len, Error **errp);
/* Every field of every device's state as a line of text; caller frees. For comparing states. */
char *machine_describe_state(MachineState *machine);

/* Finds a firmware or keymap file on the search path; NULL if it is nowhere. */
char *machine_find_file(MachineState *machine, const char *name);

#endif

/*
 * The local APIC (Intel SDM vol. 3, chapter 10, "APIC") in xAPIC and x2APIC mode, and
 * the bus that connects the local APICs of a machine with its I/O APICs and
 * message-signalled interrupts.
 *
 * Each CPU that has an APIC creates one by apic_create(). The board tells the bus
 * where the i8259 pair is and connects its INTR line. All functions are called
 * with the big lock held.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_INTC_APIC_H
#define HW_INTC_APIC_H

#include "hw/core/cpu.h"
#include "hw/core/machine.h"

#define TYPE_APIC "apic"
#define TYPE_APIC_BUS "apic-bus"
OBJECT_DECLARE_SIMPLE(APICState, APIC, TYPE_APIC)
OBJECT_DECLARE_SIMPLE(APICBus, APIC_BUS, TYPE_APIC_BUS)

#define APIC_DEFAULT_ADDRESS UINT64_C(0xfee00000)

/* IA32_APIC_BASE. */
#define APIC_BASE_BSP (UINT64_C(1) << 8)
#define APIC_BASE_EXTD (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)

/* Delivery modes, as in the ICR, the LVT, redirection entries and MSI data. */
enum {
    APIC_DM_FIXED, APIC_DM_LOWEST, APIC_DM_SMI, APIC_DM_RESERVED,
    APIC_DM_NMI, APIC_DM_INIT, APIC_DM_SIPI, APIC_DM_EXTINT,
};

/* The local vector table, in the order of its registers. */
enum {
    APIC_LVT_TIMER, APIC_LVT_THERMAL, APIC_LVT_PERF, APIC_LVT_LINT0, APIC_LVT_LINT1,
    APIC_LVT_ERROR, APIC_LVT_COUNT,
};

struct APICState {
    DeviceState parent;
    CPUState *cpu;
    APICBus *bus;
    uint32_t initial_id;     /* as CPUID reports it; the x2APIC ID */
    bool x2apic;             /* the CPU model has it */

    uint64_t base;           /* IA32_APIC_BASE */
    uint8_t id;              /* xAPIC mode */
    uint8_t tpr;
    uint8_t ldr;             /* xAPIC mode, bits 31-24 */
    uint8_t dfr;             /* bits 31-28: 15 flat, 0 cluster */
    uint32_t svr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t esr;            /* as read; errors since its last write collect in errors */
    uint32_t errors;
    uint32_t icr_low, icr_high;
    uint32_t lvt[APIC_LVT_COUNT];
    uint32_t initial_count, divide_config;
    int64_t count_start;     /* when initial_count was loaded, virtual ns */
    uint64_t tsc_deadline;   /* 0: not armed */
    Timer timer;
    bool lint[2];            /* levels of LINT0 and LINT1 */
    bool extint;             /* an ExtINT message waits for its acknowledgement */
    uint8_t sipi_vector;
};

/* --- for the CPU --------------------------------------------------------- */

/* Creates the local APIC of a CPU whose machine is set, as its child "lapic"; id is the initial
 * APIC ID, x2apic says whether the mode exists. NULL with errp set if that fails. */
APICState *apic_create(CPUState *cpu, uint32_t id, bool x2apic, Error **errp);

/*
 * Acknowledges the interrupt behind CPU_INTERRUPT_HARD: the local APIC's, else that
 * of the i8259 pair if LINT0 lets it through. Returns its vector, or -1 if none is left.
 */
int apic_get_interrupt(APICState *s);
/* Whether the i8259's INTR reaches the CPU: LINT0 is an unmasked ExtINT, or the APIC is off. */
bool apic_accept_pic_intr(const APICState *s);
/* An NMI at the pin: LINT1, or the CPU itself if the APIC is off. */
void apic_deliver_nmi(APICState *s);
/* What INIT does to the APIC; ID and base stay. */
void apic_init_reset(APICState *s);
/* The vector of the last start-up IPI, for CPU_INTERRUPT_SIPI. */
static inline uint8_t apic_sipi_vector(const APICState *s) { return s->sipi_vector; }

/* CR8: the upper half of the task priority. */
static inline uint8_t apic_get_cr8(const APICState *s) { return s->tpr >> 4; }
void apic_set_cr8(APICState *s, uint8_t cr8);

/* IA32_APIC_BASE. Setting it fails (#GP) on reserved bits and forbidden changes of mode;
 * phys_bits is the CPU's physical address width. */
static inline uint64_t apic_get_base(const APICState *s) { return s->base; }
bool apic_set_base(APICState *s, uint64_t val, unsigned phys_bits);
/* MSRs 0x800-0x8ff; false: #GP(0). */
bool apic_msr_read(APICState *s, uint32_t msr, uint64_t *val);
bool apic_msr_write(APICState *s, uint32_t msr, uint64_t val);
/* IA32_TSC_DEADLINE: reads 0 once it has passed. A write needs the present TSC and its
 * frequency in Hz; it is ignored unless the timer is in TSC-deadline mode. */
static inline uint64_t apic_get_tsc_deadline(const APICState *s) { return s->tsc_deadline; }
void apic_set_tsc_deadline(APICState *s, uint64_t deadline, uint64_t tsc_now, uint64_t tsc_hz);

/* --- registers ----------------------------------------------------------- */

/* What the timer has left to count. */
uint32_t apic_current_count(const APICState *s);

/* Accesses to the APIC's page; offset is below 0x1000. */
uint32_t apic_mmio_read(APICState *s, unsigned offset);
void apic_mmio_write(APICState *s, unsigned offset, uint32_t val);

static inline bool apic_enabled(const APICState *s)
{
    return s->base & APIC_BASE_ENABLE;
}

static inline bool apic_in_x2apic_mode(const APICState *s)
{
    return s->base & APIC_BASE_EXTD;
}

/* --- the bus ------------------------------------------------------------- */

typedef struct APICMessage {
    uint32_t dest;
    uint8_t vector;
    uint8_t delivery_mode;   /* APIC_DM_... */
    bool logical;
    bool dest_is_x2apic;     /* 32 bits of dest count, not 8 */
    bool level_triggered;
} APICMessage;

/* The machine's bus; made when first asked for, with its region at 0xfee00000. */
APICBus *apic_bus_of(MachineState *machine);
/* Delivers to every local APIC that dest selects (lowest priority: to one). */
void apic_bus_deliver(APICBus *bus, const APICMessage *msg);
/* A memory write that is a message-signalled interrupt (SDM 10.11). */
void apic_bus_msi(APICBus *bus, uint64_t addr, uint32_t data);
/* A level-triggered vector was ended: tells the I/O APICs. */
void apic_bus_eoi(APICBus *bus, uint8_t vector);
/* An I/O APIC wants to know of these. */
void apic_bus_add_eoi_listener(APICBus *bus, void (*fn)(void *opaque, uint8_t vector),
                               void *opaque);
void apic_bus_remove_eoi_listener(APICBus *bus, void *opaque);
/* Who answers an interrupt acknowledge cycle for ExtINT: returns a vector. */
void apic_bus_set_pic(APICBus *bus, int (*ack)(void *opaque), void *opaque);
/* The wires to LINT0 (INTR of the i8259 pair) and LINT1 (NMI) of all CPUs. */
IRQLine *apic_bus_intr(APICBus *bus);
IRQLine *apic_bus_nmi(APICBus *bus);

#endif

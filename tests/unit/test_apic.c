/*
 * Local APICs of a machine with four CPUs: acceptance, priorities, IPIs,
 * destinations, the local vector table, x2APIC mode. A CPU here is a stub: what
 * an APIC does to it is seen in interrupt_request.
 *
 * Expectations are those of Intel SDM vol. 3, chapter 10.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "util/main-loop.h"

#define TYPE_STUB_CPU "stub-cpu"

enum { CPUS = 4, NO_VECTOR = -1, PHYS_BITS = 40 };

enum {
    ID = 0x20, VERSION = 0x30, TPR = 0x80, APR = 0x90, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0,
    DFR = 0xe0, SVR = 0xf0, ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR_LOW = 0x300,
    ICR_HIGH = 0x310, LVT_TIMER = 0x320, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360, LVT_ERROR = 0x370,
    INITIAL_COUNT = 0x380, CURRENT_COUNT = 0x390, DIVIDE = 0x3e0,

    ENABLE = 0x1ff, MASKED = 1 << 16, LEVEL = 1 << 15, PERIODIC = 1 << 17, TSC_DEADLINE = 2 << 17,
    LOWEST = 1 << 8, SMI = 2 << 8, NMI = 4 << 8, INIT = 5 << 8, SIPI = 6 << 8, EXTINT = 7 << 8,
    LOGICAL = 1 << 11, ASSERT = 1 << 14, SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18,
};

typedef struct Bench {
    MachineState *machine;
    APICBus *bus;
    CPUState *cpu[CPUS];
    APICState *apic[CPUS];
    int pic_vector, pic_acks;
} Bench;

static const DeviceInfo stub_cpu_info = {
    .name = TYPE_STUB_CPU, .parent = TYPE_CPU, .instance_size = sizeof(CPUState),
    .class_size = sizeof(CPUClass), .internal = true,
};
DEVICE_TYPE(stub_cpu_info)

static int bench_pic_ack(void *opaque)
{
    Bench *b = opaque;
    b->pic_acks++;
    return b->pic_vector;
}

static void bench_init(Bench *b)
{
    Error *err = NULL;

    *b = (Bench){ .machine = machine_new("none", &err) };
    g_assert_null(err);
    clock_set_manual(b->machine->clock);
    b->bus = apic_bus_of(b->machine);
    apic_bus_set_pic(b->bus, bench_pic_ack, b);
    for (int i = 0; i < CPUS; i++) {
        b->cpu[i] = CPU(qdev_new(TYPE_STUB_CPU));
        b->cpu[i]->cpu_index = i;
        g_assert_true(qdev_realize(DEVICE(b->cpu[i]), NULL, b->machine, &err));
        b->apic[i] = apic_create(b->cpu[i], i, true, &err);
        g_assert_null(err);
        qdev_reset(DEVICE(b->apic[i]));
        apic_mmio_write(b->apic[i], SVR, ENABLE);
    }
}

static void bench_finish(Bench *b)
{
    for (int i = 0; i < CPUS; i++) {
        object_unref(b->cpu[i]);
    }
    machine_destroy(b->machine);
}

static uint32_t rd(Bench *b, int cpu, unsigned reg)
{
    return apic_mmio_read(b->apic[cpu], reg);
}

static void wr(Bench *b, int cpu, unsigned reg, uint32_t val)
{
    apic_mmio_write(b->apic[cpu], reg, val);
}

static void ipi(Bench *b, int from, uint32_t dest, uint32_t icr)
{
    wr(b, from, ICR_HIGH, dest << 24);
    wr(b, from, ICR_LOW, icr);
}

static bool vector_in(Bench *b, int cpu, unsigned reg, uint8_t vector)
{
    return rd(b, cpu, reg + vector / 32 * 16) >> vector % 32 & 1;
}

static bool requested(Bench *b, int cpu, uint32_t mask)
{
    return cpu_interrupts(b->cpu[cpu]) & mask;
}

/* Which CPUs have the vector requested, as a bit set; and forgets it. */
static unsigned who_got(Bench *b, uint8_t vector)
{
    unsigned set = 0;

    for (int i = 0; i < CPUS; i++) {
        if (vector_in(b, i, IRR, vector)) {
            set |= 1 << i;
            g_assert_cmpint(apic_get_interrupt(b->apic[i]), ==, vector);
            wr(b, i, EOI, 0);
        }
    }
    return set;
}

/* Which CPUs a signal other than HARD reached. */
static unsigned who_was_told(Bench *b, uint32_t mask)
{
    unsigned set = 0;

    for (int i = 0; i < CPUS; i++) {
        set |= requested(b, i, mask) ? 1 << i : 0;
        cpu_reset_interrupt(b->cpu[i], mask);
    }
    return set;
}

/* 10.4.7.1: the state after power-up or reset. */
static void test_reset_state(void)
{
    Bench b;
    bench_init(&b);

    qdev_reset(DEVICE(b.apic[1]));
    g_assert_cmphex(rd(&b, 1, ID), ==, 1 << 24);
    g_assert_cmphex(rd(&b, 1, VERSION), ==, 0x00050014);
    g_assert_cmphex(rd(&b, 1, SVR), ==, 0xff);
    g_assert_cmphex(rd(&b, 1, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(&b, 1, LDR), ==, 0);
    g_assert_cmphex(rd(&b, 1, TPR), ==, 0);
    for (unsigned reg = LVT_TIMER; reg <= LVT_ERROR; reg += 16) {
        g_assert_cmphex(rd(&b, 1, reg), ==, MASKED);
    }
    g_assert_cmphex(apic_get_base(b.apic[0]), ==, 0xfee00900);
    g_assert_cmphex(apic_get_base(b.apic[1]), ==, 0xfee00800);
    bench_finish(&b);
}

/* 10.8.3, 10.8.4: IRR, ISR, priority classes, EOI. */
static void test_priorities(void)
{
    Bench b;
    bench_init(&b);

    ipi(&b, 1, 0, 0x45);
    g_assert_true(requested(&b, 0, CPU_INTERRUPT_HARD));
    g_assert_true(vector_in(&b, 0, IRR, 0x45));
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x45);
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    g_assert_true(vector_in(&b, 0, ISR, 0x45));
    g_assert_cmphex(rd(&b, 0, PPR), ==, 0x40);
    ipi(&b, 1, 0, 0x4f); /* the same class waits */
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    ipi(&b, 1, 0, 0x51); /* a higher class interrupts */
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x51);
    wr(&b, 0, EOI, 0);
    g_assert_false(vector_in(&b, 0, ISR, 0x51));
    g_assert_true(vector_in(&b, 0, ISR, 0x45));
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    wr(&b, 0, EOI, 0);
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x4f);
    wr(&b, 0, EOI, 0);
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, NO_VECTOR);
    bench_finish(&b);
}

/* 10.8.3.1, 10.8.6: the task priority holds classes back; CR8 is its upper half. */
static void test_task_priority(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, TPR, 0x52);
    g_assert_cmphex(rd(&b, 0, PPR), ==, 0x52);
    g_assert_cmphex(apic_get_cr8(b.apic[0]), ==, 5);
    ipi(&b, 1, 0, 0x5f);
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, NO_VECTOR);
    apic_set_cr8(b.apic[0], 4);
    g_assert_cmphex(rd(&b, 0, TPR), ==, 0x40);
    g_assert_true(requested(&b, 0, CPU_INTERRUPT_HARD));
    apic_set_cr8(b.apic[0], 15);
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    bench_finish(&b);
}

/* 10.6.2.1: physical destinations and broadcast. */
static void test_physical_destination(void)
{
    Bench b;
    bench_init(&b);

    ipi(&b, 0, 2, 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 2);
    ipi(&b, 0, 0xff, 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 15);
    ipi(&b, 0, 9, 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 0);
    wr(&b, 3, ID, 9 << 24);
    ipi(&b, 0, 9, 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 3);
    bench_finish(&b);
}

/* 10.6.2.2: logical destinations, flat and cluster model. */
static void test_logical_destination(void)
{
    Bench b;
    bench_init(&b);

    for (int i = 0; i < CPUS; i++) {
        wr(&b, i, LDR, 1u << (24 + i));
    }
    ipi(&b, 0, 0x0a, LOGICAL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 0x0a);
    ipi(&b, 0, 0xf0, LOGICAL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 0);

    for (int i = 0; i < CPUS; i++) {
        wr(&b, i, DFR, 0x0fffffff);
        wr(&b, i, LDR, (0x10u << (i / 2) | 1u << (i % 2)) << 24); /* clusters 1 and 2 */
    }
    ipi(&b, 0, 0x13, LOGICAL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 3);
    ipi(&b, 0, 0x22, LOGICAL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 3);
    ipi(&b, 0, 0xff, LOGICAL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 15);
    bench_finish(&b);
}

/* 10.6.1: destination shorthands. */
static void test_shorthands(void)
{
    Bench b;
    bench_init(&b);

    ipi(&b, 1, 3, SELF | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 1);
    ipi(&b, 1, 3, ALL | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 15);
    ipi(&b, 1, 3, OTHERS | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 13);
    bench_finish(&b);
}

/* 10.6.1: delivery modes that are signals. */
static void test_delivery_modes(void)
{
    Bench b;
    bench_init(&b);

    ipi(&b, 0, 2, NMI);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 1 << 2);
    ipi(&b, 0, 1, SMI);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_SMI), ==, 1 << 1);
    ipi(&b, 0, 0, OTHERS | INIT | ASSERT | LEVEL);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_INIT), ==, 14);
    ipi(&b, 0, 0, OTHERS | INIT | LEVEL); /* level de-assert */
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_INIT), ==, 0);
    ipi(&b, 0, 3, SIPI | 0x9f);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_SIPI), ==, 1 << 3);
    g_assert_cmphex(apic_sipi_vector(b.apic[3]), ==, 0x9f);
    bench_finish(&b);
}

/* 10.6.2.4: the lowest priority wins, equals take turns, the focus processor comes first. */
static void test_lowest_priority(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, TPR, 0x20);
    wr(&b, 1, TPR, 0x10);
    wr(&b, 2, TPR, 0x30);
    wr(&b, 3, TPR, 0x40);
    ipi(&b, 0, 0xff, LOWEST | 0x60);
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 1);

    unsigned seen = 0;
    for (int i = 0; i < CPUS; i++) {
        wr(&b, i, TPR, 0);
    }
    for (int i = 0; i < CPUS; i++) {
        ipi(&b, 0, 0xff, LOWEST | 0x60);
        seen |= who_got(&b, 0x60);
    }
    g_assert_cmphex(seen, ==, 15);

    ipi(&b, 0, 2, 0x61);
    wr(&b, 2, TPR, 0xf0);
    ipi(&b, 0, 0xff, LOWEST | 0x61); /* CPU 2 has it requested */
    wr(&b, 2, TPR, 0);
    g_assert_cmphex(who_got(&b, 0x61), ==, 1 << 2);
    bench_finish(&b);
}

/* 10.4.7.2: software disabled: nothing fixed comes in, all LVT entries are masked. */
static void test_software_disable(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, LVT_TIMER, 0x40);
    g_assert_cmphex(rd(&b, 0, LVT_TIMER), ==, 0x40);
    wr(&b, 0, SVR, 0xff);
    g_assert_cmphex(rd(&b, 0, LVT_TIMER), ==, MASKED | 0x40);
    wr(&b, 0, LVT_TIMER, 0x41);
    g_assert_cmphex(rd(&b, 0, LVT_TIMER), ==, MASKED | 0x41);
    ipi(&b, 1, 0, 0x60);
    g_assert_false(vector_in(&b, 0, IRR, 0x60));
    ipi(&b, 1, 0, NMI);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 1);
    ipi(&b, 0, 1, 0x60); /* it can still send */
    g_assert_cmphex(who_got(&b, 0x60), ==, 1 << 1);
    bench_finish(&b);
}

/* 10.5.3: errors show after a write to ESR, and raise the error interrupt once. */
static void test_errors(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, LVT_ERROR, 0xe0);
    ipi(&b, 0, 1, 0x0f);
    g_assert_cmphex(rd(&b, 0, ESR), ==, 0);
    g_assert_cmphex(who_got(&b, 0xe0), ==, 1);
    wr(&b, 0, ESR, 0);
    g_assert_cmphex(rd(&b, 0, ESR), ==, 1 << 5); /* send illegal vector */
    g_assert_cmphex(rd(&b, 1, ESR), ==, 0);
    apic_bus_msi(b.bus, 0xfee01000, 0x05);
    wr(&b, 1, ESR, 0);
    g_assert_cmphex(rd(&b, 1, ESR), ==, 1 << 6); /* received illegal vector */
    rd(&b, 0, 0x040);
    wr(&b, 0, ESR, 0);
    g_assert_cmphex(rd(&b, 0, ESR), ==, 1 << 7); /* illegal register address */
    wr(&b, 0, ESR, 0);
    g_assert_cmphex(rd(&b, 0, ESR), ==, 0);
    bench_finish(&b);
}

/* 10.5.4: one-shot and periodic timer; a tick is one nanosecond before the divider. */
static void test_timer(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, DIVIDE, 3); /* by 16 */
    wr(&b, 0, LVT_TIMER, 0x40);
    wr(&b, 0, INITIAL_COUNT, 1000);
    clock_advance_to(b.machine->clock, 8000);
    g_assert_cmpuint(rd(&b, 0, CURRENT_COUNT), ==, 500);
    clock_advance_to(b.machine->clock, 15999);
    g_assert_cmphex(who_got(&b, 0x40), ==, 0);
    clock_advance_to(b.machine->clock, 16000);
    g_assert_cmphex(who_got(&b, 0x40), ==, 1);
    g_assert_cmpuint(rd(&b, 0, CURRENT_COUNT), ==, 0);
    clock_advance_to(b.machine->clock, 100000);
    g_assert_cmphex(who_got(&b, 0x40), ==, 0);

    wr(&b, 0, DIVIDE, 11); /* by 1 */
    wr(&b, 0, LVT_TIMER, PERIODIC | 0x41);
    wr(&b, 0, INITIAL_COUNT, 5000);
    for (int i = 1; i <= 3; i++) {
        clock_advance_to(b.machine->clock, 100000 + i * 5000 - 1);
        g_assert_cmphex(who_got(&b, 0x41), ==, 0);
        clock_advance_to(b.machine->clock, 100000 + i * 5000);
        g_assert_cmphex(who_got(&b, 0x41), ==, 1);
    }
    clock_advance_to(b.machine->clock, 100000 + 3 * 5000 + 1234);
    g_assert_cmpuint(rd(&b, 0, CURRENT_COUNT), ==, 5000 - 1234);
    wr(&b, 0, LVT_TIMER, PERIODIC | MASKED | 0x41);
    clock_advance_to(b.machine->clock, 200000);
    g_assert_cmphex(who_got(&b, 0x41), ==, 0);
    wr(&b, 0, INITIAL_COUNT, 0);
    wr(&b, 0, LVT_TIMER, PERIODIC | 0x41);
    clock_advance_to(b.machine->clock, 300000);
    g_assert_cmphex(who_got(&b, 0x41), ==, 0);
    bench_finish(&b);
}

/* 10.5.4: the eight divisors. */
static void test_divide(void)
{
    static const struct { uint32_t code, divisor; } rows[] = {
        { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 },
    };
    Bench b;
    bench_init(&b);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        wr(&b, 0, DIVIDE, rows[i].code);
        wr(&b, 0, INITIAL_COUNT, 1000000);
        clock_advance_to(b.machine->clock, clock_get_ns(b.machine->clock) + 12800);
        g_assert_cmpuint(rd(&b, 0, CURRENT_COUNT), ==, 1000000 - 12800 / rows[i].divisor);
    }
    bench_finish(&b);
}

/* 10.5.4.1: TSC-deadline mode. */
static void test_tsc_deadline(void)
{
    Bench b;
    bench_init(&b);

    apic_set_tsc_deadline(b.apic[0], 5000, 0, 2000000000);
    g_assert_cmpuint(apic_get_tsc_deadline(b.apic[0]), ==, 0); /* not in this mode yet */
    wr(&b, 0, LVT_TIMER, TSC_DEADLINE | 0x42);
    wr(&b, 0, INITIAL_COUNT, 77);
    g_assert_cmpuint(rd(&b, 0, INITIAL_COUNT), ==, 0);
    apic_set_tsc_deadline(b.apic[0], 5000, 1000, 2000000000); /* 4000 ticks of 0.5 ns */
    g_assert_cmpuint(apic_get_tsc_deadline(b.apic[0]), ==, 5000);
    clock_advance_to(b.machine->clock, 1999);
    g_assert_cmphex(who_got(&b, 0x42), ==, 0);
    clock_advance_to(b.machine->clock, 2000);
    g_assert_cmphex(who_got(&b, 0x42), ==, 1);
    g_assert_cmpuint(apic_get_tsc_deadline(b.apic[0]), ==, 0);
    apic_set_tsc_deadline(b.apic[0], 9000, 5000, 2000000000);
    apic_set_tsc_deadline(b.apic[0], 0, 5000, 2000000000); /* disarms */
    clock_advance_to(b.machine->clock, 100000);
    g_assert_cmphex(who_got(&b, 0x42), ==, 0);
    bench_finish(&b);
}

/* 10.5.1: LINT0 as ExtINT is the i8259's virtual wire. */
static void test_virtual_wire(void)
{
    Bench b;
    bench_init(&b);

    b.pic_vector = 0x08;
    wr(&b, 0, LVT_LINT0, EXTINT);
    irq_raise(apic_bus_intr(b.bus));
    g_assert_true(requested(&b, 0, CPU_INTERRUPT_HARD));
    g_assert_false(requested(&b, 1, CPU_INTERRUPT_HARD)); /* masked there */
    ipi(&b, 1, 0, 0x60); /* the APIC's own comes first */
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x60);
    g_assert_cmpint(b.pic_acks, ==, 0);
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x08);
    g_assert_cmpint(b.pic_acks, ==, 1);
    irq_lower(apic_bus_intr(b.bus));
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    wr(&b, 0, LVT_LINT0, MASKED | EXTINT);
    irq_raise(apic_bus_intr(b.bus));
    g_assert_false(requested(&b, 0, CPU_INTERRUPT_HARD));
    bench_finish(&b);
}

/* 10.5.1: fixed, edge and level triggered, and NMI pins. */
static void test_local_pins(void)
{
    Bench b;
    bench_init(&b);

    wr(&b, 0, LVT_LINT1, NMI);
    irq_raise(apic_bus_nmi(b.bus));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 1);
    wr(&b, 0, LVT_LINT0, 0x50);
    irq_pulse(apic_bus_intr(b.bus));
    g_assert_cmphex(who_got(&b, 0x50), ==, 1);
    wr(&b, 0, LVT_LINT0, LEVEL | 0x51);
    irq_raise(apic_bus_intr(b.bus));
    g_assert_cmphex(rd(&b, 0, LVT_LINT0), ==, LEVEL | 1 << 14 | 0x51);
    g_assert_cmphex(who_got(&b, 0x51), ==, 1);
    g_assert_true(vector_in(&b, 0, IRR, 0x51)); /* still high: again after EOI */
    irq_lower(apic_bus_intr(b.bus));
    g_assert_cmphex(who_got(&b, 0x51), ==, 1);
    g_assert_cmphex(rd(&b, 0, LVT_LINT0), ==, LEVEL | 0x51);
    bench_finish(&b);
}

/* 10.4.3: with the APIC off in IA32_APIC_BASE the pins are INTR and NMI. */
static void test_globally_disabled(void)
{
    Bench b;
    bench_init(&b);

    g_assert_true(apic_set_base(b.apic[0], 0xfee00100, PHYS_BITS));
    g_assert_cmphex(rd(&b, 0, SVR), ==, 0xffffffff);
    b.pic_vector = 0x0b;
    irq_raise(apic_bus_intr(b.bus));
    g_assert_true(requested(&b, 0, CPU_INTERRUPT_HARD));
    g_assert_cmpint(apic_get_interrupt(b.apic[0]), ==, 0x0b);
    irq_raise(apic_bus_nmi(b.bus));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 1);
    ipi(&b, 1, 0, INIT | ASSERT);
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_INIT), ==, 0);
    bench_finish(&b);
}

/* 10.11: message-signalled interrupts through memory. */
static void test_msi(void)
{
    Bench b;
    bench_init(&b);

    address_space_st(&b.machine->memory_as, 0xfee02000, 4, 0x41);
    g_assert_cmphex(who_got(&b, 0x41), ==, 1 << 2);
    address_space_st(&b.machine->memory_as, 0xfee00000, 4, 0x42);
    g_assert_cmphex(who_got(&b, 0x42), ==, 1 << 0);
    wr(&b, 3, LDR, 0x80u << 24);
    address_space_st(&b.machine->memory_as, 0xfee80004, 4, 0x43); /* logical */
    g_assert_cmphex(who_got(&b, 0x43), ==, 1 << 3);
    bench_finish(&b);
}

/* The page at 0xfee00000 is the accessing CPU's own APIC. */
static void test_own_page(void)
{
    Bench b;
    bench_init(&b);

    for (int i = 0; i < CPUS; i++) {
        current_cpu = b.cpu[i];
        g_assert_cmphex(address_space_ld(&b.machine->memory_as, 0xfee00020, 4), ==, i << 24);
    }
    current_cpu = NULL;
    bench_finish(&b);
}

static uint64_t msr(Bench *b, int cpu, uint32_t index)
{
    uint64_t val = 0;
    g_assert_true(apic_msr_read(b->apic[cpu], index, &val));
    return val;
}

/* 10.12.5: transitions of IA32_APIC_BASE. */
static void test_mode_changes(void)
{
    Bench b;
    uint64_t val;
    bench_init(&b);
    APICState *s = b.apic[1];

    g_assert_false(apic_msr_read(s, 0x802, &val)); /* in xAPIC mode */
    g_assert_false(apic_set_base(s, 0xfee00400, PHYS_BITS)); /* EXTD without EN */
    g_assert_false(apic_set_base(s, 0xfee00800 | UINT64_C(1) << PHYS_BITS, PHYS_BITS));
    g_assert_false(apic_set_base(s, 0xfee00801, PHYS_BITS));
    g_assert_true(apic_set_base(s, 0xfee00c00, PHYS_BITS));
    g_assert_cmphex(rd(&b, 1, SVR), ==, 0xffffffff); /* no memory interface */
    g_assert_cmphex(msr(&b, 1, 0x802), ==, 1);
    g_assert_false(apic_set_base(s, 0xfee00800, PHYS_BITS)); /* back to xAPIC */
    g_assert_true(apic_set_base(s, 0xfee00000, PHYS_BITS));
    g_assert_false(apic_set_base(s, 0xfee00c00, PHYS_BITS)); /* disabled to x2APIC */
    g_assert_true(apic_set_base(s, 0xfee00800, PHYS_BITS));
    g_assert_cmphex(rd(&b, 1, ID), ==, 1 << 24);
    bench_finish(&b);
}

/* 10.12.1: registers as MSRs, reserved bits and access rights. */
static void test_x2apic_registers(void)
{
    static const struct { uint32_t msr; uint64_t bad; } refused[] = {
        { 0x802, 0 }, { 0x803, 0 }, { 0x808, 0x100 }, { 0x80a, 0 }, { 0x80b, 1 }, { 0x80d, 0 },
        { 0x80e, 0 }, { 0x80f, 0x10000 }, { 0x810, 0 }, { 0x828, 1 }, { 0x830, 1 << 20 },
        { 0x831, 0 }, { 0x832, 1 << 19 }, { 0x838, UINT64_C(1) << 32 }, { 0x839, 0 },
        { 0x83e, 4 }, { 0x83f, 0x100 }, { 0x840, 0 }, { 0x8ff, 0 },
    };
    Bench b;
    uint64_t val;
    bench_init(&b);
    APICState *s = b.apic[2];

    g_assert_true(apic_set_base(s, 0xfee00c00, PHYS_BITS));
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_assert_false(apic_msr_write(s, refused[i].msr, refused[i].bad));
    }
    g_assert_cmphex(msr(&b, 2, 0x80d), ==, 1 << 2); /* logical ID follows from the ID */
    g_assert_false(apic_msr_read(s, 0x80b, &val));
    g_assert_false(apic_msr_read(s, 0x80e, &val));
    g_assert_false(apic_msr_read(s, 0x83f, &val));
    g_assert_true(apic_msr_write(s, 0x83f, 0x66)); /* self IPI */
    g_assert_cmpint(apic_get_interrupt(s), ==, 0x66);
    g_assert_true(apic_msr_write(s, 0x80b, 0));
    g_assert_true(apic_msr_write(s, 0x830, UINT64_C(3) << 32 | 0x67));
    g_assert_cmphex(msr(&b, 2, 0x830), ==, UINT64_C(3) << 32 | 0x67);
    g_assert_cmpint(apic_get_interrupt(b.apic[3]), ==, 0x67);
    bench_finish(&b);
}

/* 10.12.10: logical destinations are clusters of 16. */
static void test_x2apic_destinations(void)
{
    Bench b;
    bench_init(&b);

    for (int i = 0; i < CPUS; i++) {
        g_assert_true(apic_set_base(b.apic[i], apic_get_base(b.apic[i]) | 0xc00, PHYS_BITS));
    }
    g_assert_true(apic_msr_write(b.apic[0], 0x830, UINT64_C(0xffffffff) << 32 | NMI));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 15);
    g_assert_true(apic_msr_write(b.apic[0], 0x830, UINT64_C(0x0000000a) << 32 | LOGICAL | NMI));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 10);
    g_assert_true(apic_msr_write(b.apic[0], 0x830, UINT64_C(0x0001000a) << 32 | LOGICAL | NMI));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 0);
    g_assert_true(apic_msr_write(b.apic[0], 0x830, UINT64_C(0xff) << 32 | NMI));
    g_assert_cmphex(who_was_told(&b, CPU_INTERRUPT_NMI), ==, 0);
    bench_finish(&b);
}

static void ioapic_write(Bench *b, uint8_t index, uint32_t val)
{
    address_space_st(&b->machine->memory_as, IOAPIC_DEFAULT_ADDRESS, 4, index);
    address_space_st(&b->machine->memory_as, IOAPIC_DEFAULT_ADDRESS + 0x10, 4, val);
}

static uint32_t ioapic_read(Bench *b, uint8_t index)
{
    address_space_st(&b->machine->memory_as, IOAPIC_DEFAULT_ADDRESS, 4, index);
    return address_space_ld(&b->machine->memory_as, IOAPIC_DEFAULT_ADDRESS + 0x10, 4);
}

/* 10.8.5: the EOI of a level-triggered vector goes to the I/O APIC, which asks again. */
static void test_eoi_broadcast(void)
{
    Bench b;
    Error *err = NULL;
    bench_init(&b);
    DeviceState *ioapic = ioapic_create(b.machine, IOAPIC_DEFAULT_ADDRESS, &err);
    g_assert_nonnull(ioapic);
    qdev_reset(ioapic);

    ioapic_write(&b, 0x10 + 2 * 9 + 1, 1u << 24);
    ioapic_write(&b, 0x10 + 2 * 9, LEVEL | 0x70);
    irq_raise(qdev_get_gpio_in(ioapic, 9));
    g_assert_true(vector_in(&b, 1, IRR, 0x70));
    g_assert_true(vector_in(&b, 1, TMR, 0x70));
    g_assert_cmphex(ioapic_read(&b, 0x10 + 2 * 9), ==, LEVEL | 1 << 14 | 0x70);
    g_assert_cmpint(apic_get_interrupt(b.apic[1]), ==, 0x70);
    g_assert_false(vector_in(&b, 1, IRR, 0x70));
    wr(&b, 1, EOI, 0);
    g_assert_true(vector_in(&b, 1, IRR, 0x70)); /* the line is still high */
    irq_lower(qdev_get_gpio_in(ioapic, 9));
    g_assert_cmpint(apic_get_interrupt(b.apic[1]), ==, 0x70);
    wr(&b, 1, EOI, 0);
    g_assert_false(vector_in(&b, 1, IRR, 0x70));
    g_assert_cmphex(ioapic_read(&b, 0x10 + 2 * 9), ==, LEVEL | 0x70);
    bench_finish(&b);
}

/* An edge leaves no remote IRR, and TMR says so. */
static void test_ioapic_edge(void)
{
    Bench b;
    Error *err = NULL;
    bench_init(&b);
    DeviceState *ioapic = ioapic_create(b.machine, IOAPIC_DEFAULT_ADDRESS, &err);
    qdev_reset(ioapic);

    irq_raise(qdev_get_gpio_in(ioapic, 4)); /* masked: lost */
    ioapic_write(&b, 0x10 + 2 * 4, 0x71);
    g_assert_cmphex(who_got(&b, 0x71), ==, 0);
    irq_lower(qdev_get_gpio_in(ioapic, 4));
    irq_raise(qdev_get_gpio_in(ioapic, 4));
    g_assert_false(vector_in(&b, 0, TMR, 0x71));
    g_assert_cmphex(who_got(&b, 0x71), ==, 1);
    g_assert_cmphex(ioapic_read(&b, 0x10 + 2 * 4), ==, 0x71);
    ioapic_write(&b, 0x10 + 2 * 2, 0x72);
    irq_raise(qdev_get_gpio_in(ioapic, 0)); /* ISA IRQ 0 comes in at pin 2 */
    g_assert_cmphex(who_got(&b, 0x72), ==, 1);
    bench_finish(&b);
}

/* A saved APIC goes on where it was: mode, requests and the running timer. */
static void test_state(void)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    Bench from, to;
    Error *err = NULL;
    size_t pos = 0;

    bench_init(&from);
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(from.apic[1])->vmsd;
    wr(&from, 1, DIVIDE, 11);
    wr(&from, 1, LVT_TIMER, 0x44);
    wr(&from, 1, INITIAL_COUNT, 3000);
    ipi(&from, 0, 1, 0x55);
    g_assert_true(apic_set_base(from.apic[1], 0xfee00c00, PHYS_BITS));
    vmstate_save(vmsd, from.apic[1], saved);
    bench_finish(&from);

    bench_init(&to);
    g_assert_true(vmstate_load(vmsd, to.apic[1], saved->data, saved->len, &pos, &err));
    g_assert_cmpuint(pos, ==, saved->len);
    g_assert_cmphex(msr(&to, 1, 0x802), ==, 1);
    g_assert_true(requested(&to, 1, CPU_INTERRUPT_HARD));
    g_assert_cmpint(apic_get_interrupt(to.apic[1]), ==, 0x55);
    g_assert_true(apic_msr_write(to.apic[1], 0x80b, 0));
    clock_advance_to(to.machine->clock, 2999);
    g_assert_cmpint(apic_get_interrupt(to.apic[1]), ==, NO_VECTOR);
    clock_advance_to(to.machine->clock, 3000);
    g_assert_cmpint(apic_get_interrupt(to.apic[1]), ==, 0x44);
    bench_finish(&to);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_QOM);
    main_loop_init();
    g_test_add_func("/apic/reset-state", test_reset_state);
    g_test_add_func("/apic/priorities", test_priorities);
    g_test_add_func("/apic/task-priority", test_task_priority);
    g_test_add_func("/apic/physical", test_physical_destination);
    g_test_add_func("/apic/logical", test_logical_destination);
    g_test_add_func("/apic/shorthands", test_shorthands);
    g_test_add_func("/apic/delivery-modes", test_delivery_modes);
    g_test_add_func("/apic/lowest-priority", test_lowest_priority);
    g_test_add_func("/apic/software-disable", test_software_disable);
    g_test_add_func("/apic/errors", test_errors);
    g_test_add_func("/apic/timer", test_timer);
    g_test_add_func("/apic/divide", test_divide);
    g_test_add_func("/apic/tsc-deadline", test_tsc_deadline);
    g_test_add_func("/apic/virtual-wire", test_virtual_wire);
    g_test_add_func("/apic/pins", test_local_pins);
    g_test_add_func("/apic/disabled", test_globally_disabled);
    g_test_add_func("/apic/msi", test_msi);
    g_test_add_func("/apic/own-page", test_own_page);
    g_test_add_func("/apic/mode-changes", test_mode_changes);
    g_test_add_func("/apic/x2apic/registers", test_x2apic_registers);
    g_test_add_func("/apic/x2apic/destinations", test_x2apic_destinations);
    g_test_add_func("/apic/eoi-broadcast", test_eoi_broadcast);
    g_test_add_func("/apic/ioapic-edge", test_ioapic_edge);
    g_test_add_func("/apic/state", test_state);
    return g_test_run();
}

/*
 * REP INS from a port that gives runs of elements, against the same elements read one by one: every
 * size, both directions, pages and offsets at every distance from their ends, runs of any length.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/translate/translate.h"
#include "tests/cpu/machine.h"

enum { PORT = 0x1f0, CODE = 0x500, SEGMENT = 0x1000, MAX_RUN = 700 };

/* A stream of bytes 3, 10, 17... */
typedef struct Port {
    MemoryRegion region;
    unsigned given;     /* bytes */
    unsigned longest;   /* elements that one run may have; 0: no runs */
    unsigned runs;
} Port;

static uint8_t stream(unsigned at)
{
    return 3 + 7 * at + (at >> 8);
}

static uint64_t port_read(void *opaque, hwaddr addr, unsigned size)
{
    Port *port = opaque;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++) {
        val |= (uint64_t)stream(port->given++) << (8 * i);
    }
    return val;
}

static unsigned port_read_run(void *opaque, hwaddr addr, void *buf, unsigned size, unsigned count)
{
    Port *port = opaque;

    count = MIN(count, port->longest);
    for (unsigned i = 0; i < count * size; i++) {
        ((uint8_t *)buf)[i] = stream(port->given++);
    }
    port->runs += count > 0;
    return count;
}

static const MemoryRegionOps port_ops = { .read = port_read, .read_run = port_read_run };

typedef struct Case {
    unsigned size, count;
    uint16_t segment, di;
    bool down;
} Case;

/* mov ax, segment; mov es, ax; mov dx, PORT; mov di, di; mov cx, count; cld/std; rep insX; hlt */
static void write_code(CpuMachine *m, const Case *c)
{
    uint8_t code[] = {
        0xb8, c->segment & 255, c->segment >> 8, 0x8e, 0xc0, 0xba, PORT & 255, PORT >> 8,
        0xbf, c->di & 255, c->di >> 8, 0xb9, c->count & 255, c->count >> 8, c->down ? 0xfd : 0xfc,
        c->size == 4 ? 0x66 : 0x90, 0xf3, c->size == 1 ? 0x6c : 0x6d, 0xf4,
    };

    address_space_write(&m->as, CODE, MEMTXATTRS_NONE, code, sizeof(code));
}

static void run_case(CpuMachine *m, Port *port, const Case *c)
{
    g_autofree uint8_t *expected = NULL;
    const uint64_t *regs = m->cpu->state.regs;
    int step = c->down ? -(int)c->size : (int)c->size;

    memset(m->ram, 0xee, 0x40000);
    write_code(m, c);
    expected = g_memdup2(m->ram, 0x40000);
    for (unsigned i = 0; i < c->count * c->size; i++) {
        uint16_t at = c->di + (int)(i / c->size) * step;
        expected[c->segment * 16 + at + i % c->size] = stream(i);
    }
    port->given = 0;
    m->cpu->parent.halted = false;
    cpu_machine_start_real(m, CODE);
    g_assert_cmpint(cpu_machine_run(m), ==, CPU_EXIT_HALTED);
    g_assert_cmpuint(port->given, ==, c->count * c->size);
    g_assert_cmphex(regs[X86_RCX] & 0xffff, ==, 0);
    g_assert_cmphex(regs[X86_RDI] & 0xffff, ==, (uint16_t)(c->di + (int)c->count * step));
    g_assert_cmpmem(m->ram, 0x40000, expected, 0x40000);
}

static void run_all(CpuMachine *m, Port *port)
{
    static const unsigned counts[] = { 0, 1, 2, 3, 255, 256, 257, 3000 };
    static const struct { uint16_t segment, di; } places[] = {
        { SEGMENT, 0 }, { SEGMENT, 0x8001 }, { SEGMENT, 0x8ffd }, { SEGMENT, 0x8e04 },
        { SEGMENT, 0xfff8 }, { SEGMENT + 1, 0xff00 }, /* DI wraps */
        { 0, 0x580 },                                 /* the page of the code itself */
    };

    for (unsigned i = 0; i < 3 * G_N_ELEMENTS(counts) * G_N_ELEMENTS(places); i++) {
        Case c = { .size = 1 << i % 3, .count = counts[i / 3 % G_N_ELEMENTS(counts)] };
        c.segment = places[i / 3 / G_N_ELEMENTS(counts)].segment;
        c.di = places[i / 3 / G_N_ELEMENTS(counts)].di;
        if (c.di + c.count * c.size > 0x10000) {
            c.di &= -c.size; /* an element may not cross the limit */
        }
        run_case(m, port, &c);
        c.down = c.segment && c.di >= c.count * c.size;
        if (c.down) {
            run_case(m, port, &c);
        }
    }
}

static void test_ins(gconstpointer engine)
{
    static const unsigned longest[] = { 0, 1, 5, MAX_RUN };
    CpuMachine *m = cpu_machine_new("max");
    Port port = { .given = 0 };

    memory_region_init_io(&port.region, NULL, &port_ops, &port, "port", 4);
    memory_region_add_subregion(&m->io_root, PORT, &port.region);
    if (engine && !x86_translator_new(m->cpu, 16 << 20, NULL)) {
        g_test_skip("no translator on this host");
    } else {
        for (unsigned i = 0; i < G_N_ELEMENTS(longest); i++) {
            port.longest = longest[i];
            port.runs = 0;
            run_all(m, &port);
            g_assert_cmpuint(port.runs > 0, ==, longest[i] > 0);
        }
    }
    memory_region_del_subregion(&m->io_root, &port.region);
    memory_region_destroy(&port.region);
    cpu_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/cpu/string-port/interpreter", NULL, test_ins);
    g_test_add_data_func("/cpu/string-port/translator", "translator", test_ins);
    return g_test_run();
}

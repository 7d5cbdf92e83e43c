/*
 * Eventfds with a CPU that runs. ioeventfds: the writes that match are signalled, the others reach the
 * device's handler. irqfds: what is signalled interrupts the CPU.
 *
 *   test-eventfd          DOPPEL_ACCEL in the environment is the value of -accel
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "hw/intc/irqchip.h"
#include "system/startup.h"
#include "tests/lib/tmp.h"
#include "util/main-loop.h"

enum {
    PORT = 0x5e0, OTHER = 2, DONE = 4, MATCH = 0x21, WIDE_MATCH = 0x1234, ROM_SIZE = 0x10000,
    WINDOW = 0xd0000, VECTOR = 0x40, OTHER_VECTOR = 0x41,
};
#define MSI_TO_CPU_0 UINT64_C(0xfee00000)

/* All in real mode. */
static const uint8_t port_code[] = {
    0xba, 0xe0, 0x05,                          /* mov dx, PORT */
    0xb0, 0x20, 0xee,                          /* mov al, 20h; out dx, al: matches nothing */
    0xb0, 0x21, 0xee, 0xee, 0xee,              /* mov al, MATCH; out dx, al three times */
    0xef,                                      /* out dx, eax: another size */
    0xb2, 0xe4, 0xee,                          /* mov dl, low byte of PORT + DONE; out dx, al */
    0xf4, 0xeb, 0xfd,                          /* hlt; jmp */
};
static const uint8_t memory_code[] = {
    0xb8, 0x00, 0xd0, 0x8e, 0xd8,              /* mov ax, WINDOW >> 4; mov ds, ax */
    0xb8, 0x34, 0x12,                          /* mov ax, WIDE_MATCH */
    0xa3, 0x00, 0x00, 0xa3, 0x00, 0x00,        /* mov [0], ax twice */
    0xa2, 0x00, 0x00, 0xa3, 0x02, 0x00,        /* mov [0], al; mov [2], ax: size, place */
    0x40, 0xa3, 0x00, 0x00,                    /* inc ax; mov [0], ax: value */
    0xba, 0xe4, 0x05, 0xee,                    /* mov dx, PORT + DONE; out dx, al */
    0xf4, 0xeb, 0xfd,                          /* hlt; jmp */
};
static const uint8_t interrupt_code[] = {
    0xb0, 0xff, 0xe6, 0x21, 0xe6, 0xa1,        /* mov al, ffh; out 21h, al; out a1h, al: no IRQs */
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0,        /* xor ax, ax; mov ds, ax; mov ss, ax */
    0xbc, 0x00, 0x70,                          /* mov sp, 7000h */
    0xc7, 0x06, 0x00, 0x01, 0x4e, 0x00,        /* mov word [VECTOR * 4], handler */
    0x8c, 0x0e, 0x02, 0x01,                    /* mov [VECTOR * 4 + 2], cs */
    0xc7, 0x06, 0x04, 0x01, 0x49, 0x00,        /* mov word [OTHER_VECTOR * 4], other */
    0x8c, 0x0e, 0x06, 0x01,                    /* mov [OTHER_VECTOR * 4 + 2], cs */
    0x66, 0xb9, 0x1b, 0x00, 0x00, 0x00,        /* mov ecx, IA32_APIC_BASE */
    0x0f, 0x32, 0x80, 0xcc, 0x0c, 0x0f, 0x30,  /* rdmsr; or ah, 0ch; wrmsr: x2APIC */
    0x66, 0xb9, 0x0f, 0x08, 0x00, 0x00,        /* mov ecx, IA32_X2APIC_SIVR */
    0x66, 0xb8, 0xff, 0x01, 0x00, 0x00,        /* mov eax, 1ffh: enabled */
    0x66, 0x31, 0xd2, 0x0f, 0x30,              /* xor edx, edx; wrmsr */
    0xba, 0xe4, 0x05, 0xee, 0xfb,              /* mov dx, PORT + DONE; out dx, al; sti */
    0xf4, 0xeb, 0xfd,                          /* hlt; jmp */
    0xba, 0xe2, 0x05, 0xeb, 0x03,              /* other: mov dx, PORT + OTHER; jmp end */
    0xba, 0xe0, 0x05,                          /* handler: mov dx, PORT */
    0xee,                                      /* end: out dx, al */
    0x66, 0xb9, 0x0b, 0x08, 0x00, 0x00,        /* mov ecx, IA32_X2APIC_EOI */
    0x66, 0x31, 0xc0, 0x66, 0x31, 0xd2,        /* xor eax, eax; xor edx, edx */
    0x0f, 0x30, 0xcf,                          /* wrmsr; iret */
};
static const uint8_t reset_vector[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 }; /* jmp F000:0000 */

typedef struct Doorbell {
    MemoryRegion mr;
    unsigned writes;     /* that the handler got */
    unsigned others;     /* of them those at OTHER */
    bool done;
} Doorbell;

static void doorbell_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Doorbell *bell = opaque;

    bell->done |= addr == DONE;
    bell->writes += addr != DONE;
    bell->others += addr == OTHER;
}

static const MemoryRegionOps doorbell_ops = {
    .write = doorbell_write, .valid = { 1, 4, true }, .impl = { 1, 4, true },
};

static const char *write_rom(const uint8_t *code, size_t size)
{
    g_autofree uint8_t *rom = g_malloc0(ROM_SIZE);
    const char *path;

    close(tmp_file(&path));
    memcpy(rom, code, size);
    memcpy(rom + ROM_SIZE - 16, reset_vector, sizeof(reset_vector));
    g_assert_true(g_file_set_contents(path, (char *)rom, ROM_SIZE, NULL));
    return path;
}

static gboolean tick(gpointer opaque)
{
    return G_SOURCE_CONTINUE;
}

static Startup *build_machine(const char *rom)
{
    const char *accel = g_getenv("DOPPEL_ACCEL") ? g_getenv("DOPPEL_ACCEL") : "tcg";
    const char *const args[] = {
        "doppel", "-accel", accel, "-m", "16", "-S", "-display", "none", "-nodefaults", "-vga", "none",
        "-cpu", "max", "-bios", rom, NULL,
    };
    Config *config = config_new();
    bool done = false;

    g_assert_true(config_parse(config, g_strv_length((char **)args), (char **)args, &done,
                               &error_fatal));
    Startup *startup = startup_build(config, &error_fatal);
    config_free(config);
    return startup;
}

/* A machine with a doorbell at PORT, paused at the first instruction of some code. */
typedef struct Board {
    const char *rom;
    Startup *startup;
    RunState *rs;
    MachineState *m;
    Doorbell bell;
    int fd;
} Board;

static void board_init(Board *b, const uint8_t *code, size_t size)
{
    *b = (Board) { .rom = write_rom(code, size), .fd = eventfd(0, EFD_NONBLOCK) };
    b->startup = build_machine(b->rom);
    b->rs = startup_runstate(b->startup);
    b->m = runstate_machine(b->rs);
    memory_region_init_io(&b->bell.mr, NULL, &doorbell_ops, &b->bell, "doorbell", 8);
    memory_region_add_subregion(&b->m->system_io, PORT, &b->bell.mr);
    runstate_start(b->rs);
}

static void board_end(Board *b)
{
    vm_stop(b->rs, RUN_STATE_PAUSED);
    memory_region_del_subregion(&b->m->system_io, &b->bell.mr);
    startup_free(b->startup);
    machine_destroy(b->m);
    close(b->fd);
}

/* Runs the main loop until a condition holds; fails after a minute. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        gint64 end_ = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;                                \
        while (!(condition) && g_get_monotonic_time() < end_) {                                    \
            main_loop_wait(true);                                                                  \
        }                                                                                          \
        g_assert_true(condition);                                                                  \
    } while (0)

static uint64_t rings(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void test_ports(void)
{
    Board b;

    board_init(&b, port_code, sizeof(port_code));
    memory_region_add_eventfd(&b.bell.mr, 0, 1, true, MATCH, b.fd);
    vm_start(b.rs);
    WAIT_FOR(b.bell.done);
    g_assert_cmpuint(rings(b.fd), ==, 3);
    g_assert_cmpuint(b.bell.writes, ==, 2); /* the other value, the other size */
    board_end(&b);
}

static void test_memory(void)
{
    Doorbell window = { .writes = 0 };
    Board b;

    board_init(&b, memory_code, sizeof(memory_code));
    memory_region_init_io(&window.mr, NULL, &doorbell_ops, &window, "window", GUEST_PAGE_SIZE);
    memory_region_add_eventfd(&window.mr, 0, 2, true, WIDE_MATCH, b.fd);
    memory_region_add_subregion_overlap(&b.m->system_memory, WINDOW, &window.mr, 100);
    vm_start(b.rs);
    WAIT_FOR(b.bell.done);
    g_assert_cmpuint(rings(b.fd), ==, 2);
    g_assert_cmpuint(window.writes, ==, 3); /* another size, place, value */
    vm_stop(b.rs, RUN_STATE_PAUSED);
    memory_region_del_subregion(&b.m->system_memory, &window.mr);
    board_end(&b);
}

static void ring(int fd)
{
    const uint64_t one = 1;

    g_assert_cmpint(write(fd, &one, sizeof(one)), ==, sizeof(one));
}

static void test_interrupts(void)
{
    Board b;

    board_init(&b, interrupt_code, sizeof(interrupt_code));
    const IrqchipOps *chip = b.m->irqchip;
    if (!chip || !chip->irqfd_add) {
        g_test_skip("the interrupt controllers are not the kernel's");
        board_end(&b);
        return;
    }
    vm_start(b.rs);
    WAIT_FOR(b.bell.done);
    int route = chip->irqfd_add(b.m, b.fd, MSI_TO_CPU_0, VECTOR);
    g_assert_cmpint(route, >=, 0);
    for (unsigned n = 1; n <= 3; n++) {
        ring(b.fd);
        WAIT_FOR(b.bell.writes == n);
    }
    g_assert_cmpuint(b.bell.others, ==, 0);
    chip->irqfd_change(b.m, route, MSI_TO_CPU_0, OTHER_VECTOR);
    ring(b.fd);
    WAIT_FOR(b.bell.others == 1);
    chip->irqfd_remove(b.m, route, b.fd);
    ring(b.fd);
    g_assert_cmpuint(rings(b.fd), ==, 1); /* nobody else took it */
    chip->send_msi(b.m, MSI_TO_CPU_0, VECTOR);
    WAIT_FOR(b.bell.writes == 5);
    g_assert_cmpuint(b.bell.others, ==, 1);
    board_end(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (ModuleKind kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    g_timeout_add(5, tick, NULL);
    g_test_add_func("/kvm/eventfd/ports", test_ports);
    g_test_add_func("/kvm/eventfd/memory", test_memory);
    g_test_add_func("/kvm/eventfd/interrupts", test_interrupts);
    return g_test_run();
}

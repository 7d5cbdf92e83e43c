/*
 * ioeventfds with a CPU that runs: the writes that match are signalled, the others reach the
 * device's handler.
 *
 *   test-eventfd          DOPPEL_ACCEL in the environment is the value of -accel
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "system/startup.h"
#include "util/main-loop.h"

enum { PORT = 0x5e0, DONE = 4, MATCH = 0x21, ROM_SIZE = 0x10000 };

/* Real mode. */
static const uint8_t code[] = {
    0xba, 0xe0, 0x05,                          /* mov dx, PORT */
    0xb0, 0x20, 0xee,                          /* mov al, 20h; out dx, al: matches nothing */
    0xb0, 0x21, 0xee, 0xee, 0xee,              /* mov al, MATCH; out dx, al three times */
    0xef,                                      /* out dx, eax: another size */
    0xb2, 0xe4, 0xee,                          /* mov dl, low byte of PORT + DONE; out dx, al */
    0xf4, 0xeb, 0xfd,                          /* hlt; jmp */
};
static const uint8_t reset_vector[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 }; /* jmp F000:0000 */

typedef struct Doorbell {
    MemoryRegion mr;
    unsigned writes;     /* that the handler got */
    bool done;
} Doorbell;

static void doorbell_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Doorbell *bell = opaque;

    bell->done |= addr == DONE;
    bell->writes += addr != DONE;
}

static const MemoryRegionOps doorbell_ops = {
    .write = doorbell_write, .valid = { 1, 4, true }, .impl = { 1, 4, true },
};

static char *write_rom(void)
{
    g_autofree uint8_t *rom = g_malloc0(ROM_SIZE);
    char *path = g_strdup_printf("%s/doppel-eventfd-%d.rom", g_get_tmp_dir(), getpid());

    memcpy(rom, code, sizeof(code));
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
        "-bios", rom, NULL,
    };
    Config *config = config_new();
    bool done = false;

    g_assert_true(config_parse(config, g_strv_length((char **)args), (char **)args, &done,
                               &error_fatal));
    Startup *startup = startup_build(config, &error_fatal);
    config_free(config);
    return startup;
}

static void test_ports(void)
{
    g_autofree char *rom = write_rom();
    Startup *startup = build_machine(rom);
    RunState *rs = startup_runstate(startup);
    MachineState *m = runstate_machine(rs);
    Doorbell bell = { .writes = 0 };
    int fd = eventfd(0, EFD_NONBLOCK);
    uint64_t rings = 0;

    memory_region_init_io(&bell.mr, NULL, &doorbell_ops, &bell, "doorbell", 8);
    memory_region_add_eventfd(&bell.mr, 0, 1, true, MATCH, fd);
    memory_region_add_subregion(&m->system_io, PORT, &bell.mr);
    runstate_start(rs);
    vm_start(rs);
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    while (!bell.done && g_get_monotonic_time() < end) {
        main_loop_wait(true);
    }
    vm_stop(rs, RUN_STATE_PAUSED);
    g_assert_true(bell.done);
    g_assert_cmpint(read(fd, &rings, sizeof(rings)), ==, sizeof(rings));
    g_assert_cmpuint(rings, ==, 3);
    g_assert_cmpuint(bell.writes, ==, 2); /* the other value, the other size */
    memory_region_del_subregion(&m->system_io, &bell.mr);
    startup_free(startup);
    machine_destroy(m);
    g_unlink(rom);
    close(fd);
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
    return g_test_run();
}

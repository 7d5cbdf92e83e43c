/*
 * Fuzz target: the gdb stub, from bytes on its connection to breakpoints in the CPU. The
 * input is a list of packets; the first byte of each chooses how it begins (0: the bytes go out as
 * they are), the second one is its length.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "accel/accel.h"
#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"
#include "tests/fuzz/fuzz.h"
#include "util/main-loop.h"
#include "util/module.h"

static const char *const prefixes[] = {
    NULL, "", "m", "M", "X", "p", "P", "G", "g", "Z", "z", "Z0,", "Z2,", "z0,", "c", "s", "vCont", "vCont;c",
    "vCont;s:p1.", "Hg", "Hc", "T", "qSupported:", "qXfer:features:read:target.xml:",
    "qThreadExtraInfo,", "qRcmd,", "q", "Q", "Qqemu.", "vAttach;", "D", "?", "qfThreadInfo",
};

/* What most parameters are made of. */
static const char alphabet[] = "0123456789abcdef,;:.-=p";

static Chardev *connection(MachineState *m)
{
    return chardev_find(m->chardevs, "gdb");
}

static RunState *make_stub(void)
{
    static const AccelChoice qtest = { .name = "qtest" };
    static const RunOptions options = { .no_shutdown = true };

    for (int kind = 0; kind < MODULE_COUNT; kind++) {
        module_call_init(kind);
    }
    main_loop_init();
    MachineState *m = machine_new("pc", &error_fatal);
    m->ram_size = 16 << 20;
    m->defaults = true;
    m->kernel_cmdline = g_strdup("");
    m->smp_cpus = m->max_cpus = m->smp_sockets = 2;
    const AccelOps *accel = accel_select(m, &qtest, 1, &error_fatal);
    g_assert(accel);
    RunState *rs = runstate_new(m, accel, &options);
    g_assert(machine_init_run(m, &error_fatal));
    machine_reset(m);
    g_assert(gdbstub_start(rs, "vc", &error_fatal));
    return rs;
}

/* One packet from data; returns how many bytes it took. */
static size_t feed(MachineState *m, const uint8_t *data, size_t size)
{
    const char *prefix = prefixes[data[0] % G_N_ELEMENTS(prefixes)];
    size_t n = MIN(size > 1 ? data[1] : 0, size > 2 ? size - 2 : 0);
    g_autoptr(GByteArray) out = g_byte_array_new();

    if (!prefix) {
        g_byte_array_append(out, data + 2, n);
    } else {
        g_autoptr(GString) payload = g_string_new(prefix);
        for (size_t i = 0; i < n; i++) {
            uint8_t c = data[2 + i];
            g_string_append_c(payload, c & 0x80 ? c : alphabet[c % (sizeof(alphabet) - 1)]);
        }
        gdb_packet_append(out, payload->str, payload->len);
    }
    chr_ringbuf_inject(connection(m), out->data, out->len);
    return 2 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static RunState *rs;

    if (!rs) {
        rs = make_stub();
    }
    for (size_t at = 0, n; at < size; at += n) {
        n = MIN(feed(runstate_machine(rs), data + at, size - at), size - at);
    }
    /* The next input finds a stub without breakpoints. */
    chr_ringbuf_inject(connection(runstate_machine(rs)), (const uint8_t *)"$D#44", 5);
    main_loop_wait(false);
    return 0;
}

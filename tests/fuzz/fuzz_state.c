/*
 * Fuzz target: loading a machine state that somebody has changed. The input is a list of
 * changes: section, offset, byte. What is accepted must run: accesses to every device, steps of
 * the clock, instructions of the CPU.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>
#include "target/i386/interp/interp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/state/machines.h"
#include "util/main-loop.h"

enum {
    SECTION_DEVICE = 2,
    FIELDS = 4096, /* of a section that are changed: behind them are buffers */
    ACCESSES = 40,
    INSTRUCTIONS = 40,
};

typedef struct Range {
    size_t start, len;
} Range;

static TestMachine *machine;
static GByteArray *pristine;
static GArray *sections; /* Range of each device's payload */

static uint64_t number(size_t at, unsigned size)
{
    uint64_t val = 0;

    while (size--) {
        val = val << 8 | pristine->data[at++];
    }
    return val;
}

/* By the layout in hw/core/machine-state.c. */
static void find_sections(void)
{
    size_t at = 8 + 4;

    at += 2 + number(at, 2) + 8;
    while (pristine->data[at]) {
        unsigned kind = pristine->data[at];
        at += 1 + 2 + number(at + 1, 2);
        Range range = { at + 8, number(at, 8) };
        if (kind == SECTION_DEVICE) {
            g_array_append_val(sections, range);
        }
        at = range.start + range.len;
    }
}

static void prepare(void)
{
    machine = test_machine_new(NULL);
    work_all(machine);
    pristine = g_byte_array_new();
    sections = g_array_new(FALSE, FALSE, sizeof(Range));
    machine_save_state(machine->m, pristine);
    find_sections();
}

static void change(GByteArray *state, const uint8_t *input)
{
    const Range *range = &g_array_index(sections, Range, input[0] % sections->len);
    size_t offset = (input[1] << 8 | input[2]) % MIN(range->len, FIELDS);

    state->data[range->start + offset] = input[3];
}

static void run_on(unsigned seed)
{
    g_autoptr(GRand) rng = g_rand_new_with_seed(seed);
    X86CPU *cpu = g_ptr_array_index(machine->m->cpus, 0);

    for (unsigned i = 0; i < ACCESSES; i++) {
        random_access(machine, rng);
    }
    for (unsigned i = 0; i < INSTRUCTIONS && !cpu->state.triple_fault; i++) {
        x86_interp_step(cpu);
    }
    settle(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!machine) {
        prepare();
    }
    g_autoptr(GByteArray) state = g_byte_array_sized_new(pristine->len);
    Error *err = NULL;

    g_byte_array_append(state, pristine->data, pristine->len);
    for (size_t at = 0; at + 4 <= size; at += 4) {
        change(state, data + at);
    }
    if (machine_load_state(machine->m, state->data, state->len, &err)) {
        run_on(size ? data[0] : 0);
    } else {
        g_assert(err);
        error_free(err);
    }
    return 0;
}

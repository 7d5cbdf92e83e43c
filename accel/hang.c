/*
 * The watch over a guest that makes no progress: see hang.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "accel/hang.h"
#include <stdio.h>
#include <stdlib.h>
#include "accel/failure.h"
#include "hw/intc/intc.h"

enum { PAGE_BITS = 12 };

/* What one CPU did since the last progress. */
typedef struct CPUWatch {
    HangWatch *watch;
    uint64_t pages[HANG_PAGES];
    unsigned count;          /* of pages */
    bool roams;              /* more pages than that */
    bool asked;              /* a sample was asked for and has not been taken */
    unsigned unanswered;     /* ticks since then */
} CPUWatch;

struct HangWatch {
    RunState *rs;
    MachineState *machine;
    bool end;
    int64_t tick_ns;
    Timer timer;
    DisplayListener screen;
    uint64_t drawn;          /* updates of a screen with graphics */
    uint64_t mark;           /* what all output made, at the last progress */
    unsigned ticks;          /* since then */
    bool reported;
    CPUWatch *cpus;
};

/* --- output ----------------------------------------------------------------------------- */

static void add_requests(BlockBackend *blk, void *opaque)
{
    const BlockStats *st = blk_stats(blk);
    uint64_t *sum = opaque;

    for (BlockOp op = 0; op < BLOCK_OP_COUNT; op++) {
        *sum += st->ops[op] + st->failed[op];
    }
}

static void count_update(DisplayListener *l, int x, int y, int w, int h)
{
    HangWatch *watch = (HangWatch *)((char *)l - offsetof(HangWatch, screen));
    watch->drawn++;
}

static const DisplayListenerOps screen_ops = { .name = "hang-watch", .update = count_update };

/* Text by its characters, as a blinking cursor is drawn all the time. */
static uint64_t screen_mark(HangWatch *watch)
{
    Console *con = watch->screen.console;
    uint64_t drawn = watch->drawn;

    if (!con) {
        return 0;
    }
    console_refresh(con);
    g_autofree char *text = console_text(con);
    if (!text) {
        return watch->drawn;
    }
    watch->drawn = drawn;
    return UINT64_C(1) << 63 | g_str_hash(text);
}

/* A number that is another one after any output. */
static uint64_t output_mark(HangWatch *watch)
{
    uint64_t requests = 0;

    block_foreach(watch->machine->drives, add_requests, &requests);
    return requests + chardev_guest_output(watch->machine->chardevs) * 0x9e3779b97f4a7c15u +
           screen_mark(watch) * 0xc2b2ae3d27d4eb4fu;
}

/* --- CPUs ------------------------------------------------------------------------------- */

/* On the CPU's thread. */
static void take_sample(CPUState *cpu, void *opaque)
{
    CPUWatch *cw = opaque;
    uint64_t page = CPU_GET_CLASS(cpu)->get_pc(cpu) >> PAGE_BITS;

    cw->asked = false;
    cw->unanswered = 0;
    if (cpu->halted) {
        return;
    }
    for (unsigned i = 0; i < cw->count; i++) {
        if (cw->pages[i] == page) {
            return;
        }
    }
    if (cw->count == HANG_PAGES) {
        cw->roams = true;
    } else {
        cw->pages[cw->count++] = page;
    }
}

static CPUState *cpu_at(HangWatch *watch, guint i)
{
    return g_ptr_array_index(watch->machine->cpus, i);
}

static void ask_for_samples(HangWatch *watch)
{
    for (guint i = 0; i < watch->machine->cpus->len; i++) {
        CPUWatch *cw = &watch->cpus[i];
        if (cw->asked) {
            cw->unanswered++;
        } else {
            cw->asked = true;
            cpu_async_run_on(cpu_at(watch, i), take_sample, cw);
        }
    }
}

static bool any_cpu_roams(const HangWatch *watch)
{
    for (guint i = 0; i < watch->machine->cpus->len; i++) {
        if (watch->cpus[i].roams) {
            return true;
        }
    }
    return false;
}

/* A CPU that owes a sample cannot be asked for its registers either. */
static bool any_cpu_owes(const HangWatch *watch)
{
    for (guint i = 0; i < watch->machine->cpus->len; i++) {
        if (watch->cpus[i].asked) {
            return true;
        }
    }
    return false;
}

/* The number of a CPU that has not come out of one instruction for so long that the host's
 * load cannot be why; -1: none. */
static int stuck_cpu(const HangWatch *watch)
{
    for (guint i = 0; i < watch->machine->cpus->len; i++) {
        if (watch->cpus[i].unanswered >= 2 * HANG_SAMPLES) {
            return (int)i;
        }
    }
    return -1;
}

/* --- the verdict ------------------------------------------------------------------------- */

static int print_controller(Object *obj, void *opaque)
{
    ObjectClass *ic = object_class_dynamic_cast(object_get_class(obj),
                                                TYPE_INTERRUPT_STATS_PROVIDER);
    if (ic) {
        ((InterruptStatsProviderClass *)ic)->print_info(obj, opaque);
    }
    return 0;
}

static void report_controllers(HangWatch *watch)
{
    g_autoptr(GString) text = g_string_new(NULL);

    object_child_foreach_recursive(watch->machine, print_controller, text);
    fputs(text->str, stderr);
}

static void report_stuck_cpu(HangWatch *watch, int index)
{
    int64_t seconds = watch->tick_ns * watch->cpus[index].unanswered / NS_PER_SECOND;

    watch->reported = true;
    failure_report(watch->machine, false, "-hang-timeout: CPU %d has not come out of one "
                   "instruction for %" G_GINT64_FORMAT " s", index, seconds);
    if (watch->end) {
        exit(HANG_EXIT_STATUS); /* an orderly end would wait for that CPU */
    }
}

static void report_guest(HangWatch *watch)
{
    int64_t seconds = watch->tick_ns * HANG_SAMPLES / NS_PER_SECOND;

    watch->reported = true;
    failure_report(watch->machine, true, "-hang-timeout: the guest has made no progress for %"
                   G_GINT64_FORMAT " s", seconds);
    report_controllers(watch);
    if (watch->end) {
        runstate_quit(watch->rs, HANG_EXIT_STATUS, SHUTDOWN_CAUSE_HOST_ERROR);
    }
}

static void judge(HangWatch *watch)
{
    int stuck = stuck_cpu(watch);

    if (stuck >= 0) {
        report_stuck_cpu(watch, stuck);
    } else if (watch->ticks >= HANG_SAMPLES && !any_cpu_owes(watch)) {
        report_guest(watch);
    }
}

static void begin_again(HangWatch *watch, uint64_t mark)
{
    watch->mark = mark;
    watch->ticks = 0;
    watch->reported = false;
    for (guint i = 0; i < watch->machine->cpus->len; i++) {
        watch->cpus[i].count = 0;
        watch->cpus[i].roams = false;
    }
}

static void tick(void *opaque)
{
    HangWatch *watch = opaque;
    uint64_t mark = output_mark(watch);

    timer_mod(&watch->timer, clock_get_ns(clock_real()) + watch->tick_ns);
    if (!runstate_is_running(watch->rs) || mark != watch->mark || any_cpu_roams(watch)) {
        begin_again(watch, mark);
    } else {
        watch->ticks++;
        if (!watch->reported) {
            judge(watch);
        }
    }
    if (runstate_is_running(watch->rs)) {
        ask_for_samples(watch);
    }
}

HangWatch *hang_watch_new(RunState *rs, int64_t timeout_ns, bool end)
{
    HangWatch *watch = g_new0(HangWatch, 1);
    Console *con;

    watch->rs = rs;
    watch->machine = runstate_machine(rs);
    watch->end = end;
    watch->tick_ns = timeout_ns / HANG_SAMPLES;
    watch->cpus = g_new0(CPUWatch, watch->machine->cpus->len + 1);
    watch->screen.ops = &screen_ops;
    con = console_by_index(watch->machine->consoles, 0);
    if (con) {
        display_listener_register(&watch->screen, con);
    }
    timer_init(&watch->timer, clock_real(), tick, watch);
    timer_mod(&watch->timer, clock_get_ns(clock_real()) + watch->tick_ns);
    return watch;
}

void hang_watch_free(HangWatch *watch)
{
    if (!watch) {
        return;
    }
    timer_deinit(&watch->timer);
    if (watch->screen.console) {
        display_listener_unregister(&watch->screen);
    }
    g_free(watch->cpus);
    g_free(watch);
}

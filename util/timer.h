/*
 * Clocks and timers: time is an input.
 *
 * A Clock counts nanoseconds and owns timers. A machine has one virtual clock
 * (it stops with the machine; under qtest it moves only when told to). The
 * real clock (monotonic) and the host clock (date and time) are shared.
 * Timers fire on the main thread with the big lock held, in deadline order.
 *
 * All functions may be called from any thread; timers of a virtual clock that
 * is stopped do not fire.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UTIL_TIMER_H
#define UTIL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

typedef struct Clock Clock;
typedef struct Timer Timer;
typedef void TimerFn(void *opaque);

struct Timer {
    Clock *clock;
    TimerFn *fn;
    void *opaque;
    int64_t expire;  /* ns of its clock; -1 when not pending */
    Timer *next;     /* the clock's list, sorted by expire */
};

/* A stopped virtual clock at 0. */
Clock *clock_new_virtual(void);
void clock_free(Clock *clock);
/* Monotonic host time; never stops. */
Clock *clock_real(void);
/* Host date and time, nanoseconds since 1970-01-01 UTC. */
Clock *clock_host(void);

int64_t clock_get_ns(Clock *clock);
/* Virtual clocks only. */
void clock_start(Clock *clock);
void clock_stop(Clock *clock);
/* From now on the clock moves only by clock_advance_to(). */
void clock_set_manual(Clock *clock);
/* Manual clocks: steps to each deadline up to ns in turn, firing timers. */
void clock_advance_to(Clock *clock, int64_t ns);
/* Replaces the current time (state loading); pending timers keep their deadlines. */
void clock_set_ns(Clock *clock, int64_t ns);
/* The next deadline, or -1. */
int64_t clock_next_deadline(Clock *clock);

/* An embedded timer: initialise once, deinit before its memory goes. */
void timer_init(Timer *timer, Clock *clock, TimerFn *fn, void *opaque);
void timer_deinit(Timer *timer);
/* (Re)arms for an absolute time of its clock. */
void timer_mod(Timer *timer, int64_t expire_ns);
void timer_del(Timer *timer);
bool timer_pending(const Timer *timer);
/* Absolute expiry time or -1. */
int64_t timer_expire_time(const Timer *timer);

/* a * b / c without overflow of the product. */
static inline uint64_t muldiv64(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif

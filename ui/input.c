/*
 * The input queue: see input.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/input.h"
#include <glib.h>
#include "util/trace.h"

TRACE_EVENT(input_key, "%s %s");
TRACE_EVENT(input_button, "button %d %s");
TRACE_EVENT(input_move, "%s axis %d value %d");

enum {
    HELD_BACK_MAX = 64,  /* keys down or up; beyond, the handler gets the oldest, room or not */
    HELD_BACK_MS = 5,    /* between two of them */
};

struct InputBinding {
    InputQueue *queue;
    const InputHandler *handler;
    void *opaque;
    int index;      /* in order of registration, for the monitor */
    bool pending;   /* got events since its last sync */
};

/* A step of input_press_keys(). */
typedef struct KeyStep {
    KeyCode code;
    bool down;
    unsigned delay_ms; /* before it */
} KeyStep;

typedef struct LedListener {
    InputLedFn *fn;
    void *opaque;
} LedListener;

typedef struct AbsoluteListener {
    InputAbsoluteFn *fn;
    void *opaque;
} AbsoluteListener;

struct InputQueue {
    Clock *clock;
    GList *bindings;     /* active first */
    int next_index;
    GQueue steps;
    Timer step_timer;
    GQueue held_back;    /* InputEvent of keys that their handler had no room for */
    Timer held_back_timer;
    unsigned leds;
    GSList *led_listeners;
    bool was_absolute;   /* what the listeners were told last */
    GSList *absolute_listeners;
};

/* --- handlers ----------------------------------------------------------------------- */

static InputBinding *find_handler(const InputQueue *queue, unsigned kinds)
{
    for (GList *l = queue->bindings; l; l = l->next) {
        InputBinding *b = l->data;
        if (b->handler->mask & kinds) {
            return b;
        }
    }
    return NULL;
}

bool input_is_absolute(const InputQueue *queue)
{
    InputBinding *pointer = find_handler(queue, INPUT_REL | INPUT_ABS);
    return pointer && (pointer->handler->mask & INPUT_ABS);
}

/* After each change of the order. */
static void note_absolute(InputQueue *queue)
{
    bool absolute = input_is_absolute(queue);

    if (absolute == queue->was_absolute) {
        return;
    }
    queue->was_absolute = absolute;
    for (GSList *l = queue->absolute_listeners; l; l = l->next) {
        AbsoluteListener *listener = l->data;
        listener->fn(listener->opaque, absolute);
    }
}

static bool is_relative(const InputHandler *handler)
{
    return (handler->mask & (INPUT_REL | INPUT_ABS)) == INPUT_REL;
}

InputBinding *input_handler_register(InputQueue *queue, const InputHandler *handler, void *opaque)
{
    InputBinding *b = g_new0(InputBinding, 1);
    InputBinding *tablet = is_relative(handler) ? find_handler(queue, INPUT_ABS) : NULL;

    b->queue = queue;
    b->handler = handler;
    b->opaque = opaque;
    b->index = queue->next_index++;
    if (tablet) {
        queue->bindings = g_list_insert(queue->bindings, b,
                                        g_list_index(queue->bindings, tablet) + 1);
    } else {
        queue->bindings = g_list_prepend(queue->bindings, b);
    }
    note_absolute(queue);
    return b;
}

void input_handler_unregister(InputBinding *binding)
{
    InputQueue *queue = binding->queue;

    queue->bindings = g_list_remove(queue->bindings, binding);
    g_free(binding);
    note_absolute(queue);
}

void input_handler_activate(InputBinding *binding)
{
    InputQueue *queue = binding->queue;

    queue->bindings = g_list_remove(queue->bindings, binding);
    queue->bindings = g_list_prepend(queue->bindings, binding);
    note_absolute(queue);
}

void input_handler_foreach(InputQueue *queue,
                           void (*fn)(InputBinding *binding, const InputHandler *handler,
                                      int index, bool current, void *opaque),
                           void *opaque)
{
    InputBinding *pointer = find_handler(queue, INPUT_REL | INPUT_ABS);
    InputBinding *keyboard = find_handler(queue, INPUT_KEY);

    for (GList *l = queue->bindings; l; l = l->next) {
        InputBinding *b = l->data;
        fn(b, b->handler, b->index, b == pointer || b == keyboard, opaque);
    }
}

/* --- events ------------------------------------------------------------------------- */

static void send(InputQueue *queue, const InputEvent *event)
{
    InputBinding *b = find_handler(queue, event->kind);

    if (b) {
        b->pending = true;
        b->handler->event(b->opaque, event);
    }
}

static void send_held_back(InputQueue *queue)
{
    g_autofree InputEvent *event = g_queue_pop_head(&queue->held_back);

    send(queue, event);
    input_sync(queue);
}

static bool has_room(const InputBinding *keyboard)
{
    return !keyboard || !keyboard->handler->has_room ||
           keyboard->handler->has_room(keyboard->opaque);
}

static void send_next_later(InputQueue *queue)
{
    if (!g_queue_is_empty(&queue->held_back) && !timer_pending(&queue->held_back_timer)) {
        timer_mod(&queue->held_back_timer,
                  clock_get_ns(queue->clock) + HELD_BACK_MS * NS_PER_MS);
    }
}

static void held_back_due(void *opaque)
{
    InputQueue *queue = opaque;

    if (!g_queue_is_empty(&queue->held_back) && has_room(find_handler(queue, INPUT_KEY))) {
        send_held_back(queue);
        send_next_later(queue);
    }
}

void input_handler_drained(InputBinding *binding)
{
    send_next_later(binding->queue);
}

static void hold_back(InputQueue *queue, const InputEvent *event)
{
    g_queue_push_tail(&queue->held_back, g_memdup2(event, sizeof(*event)));
    if (g_queue_get_length(&queue->held_back) > HELD_BACK_MAX) {
        send_held_back(queue);
    }
    send_next_later(queue);
}

void input_send_key(InputQueue *queue, KeyCode code, bool down)
{
    InputEvent event = { .kind = INPUT_KEY, .key = { code, down } };

    trace(input_key, key_code_name(code), down ? "down" : "up");
    if (g_queue_is_empty(&queue->held_back) && has_room(find_handler(queue, INPUT_KEY))) {
        send(queue, &event);
    } else {
        hold_back(queue, &event);
    }
}

void input_send_button(InputQueue *queue, InputButton button, bool down)
{
    trace(input_button, button, down ? "down" : "up");
    send(queue, &(InputEvent){ .kind = INPUT_BUTTON, .btn = { button, down } });
}

void input_send_rel(InputQueue *queue, InputAxis axis, int delta)
{
    trace(input_move, "relative", axis, delta);
    send(queue, &(InputEvent){ .kind = INPUT_REL, .move = { axis, delta } });
}

void input_send_abs(InputQueue *queue, InputAxis axis, int value, int min, int max)
{
    int64_t range = (int64_t)max - min;
    int scaled = range > 0 ? (CLAMP(value, min, max) - (int64_t)min) * INPUT_ABS_MAX / range
                           : INPUT_ABS_MAX / 2;

    trace(input_move, "absolute", axis, scaled);
    send(queue, &(InputEvent){ .kind = INPUT_ABS, .move = { axis, scaled } });
}

void input_sync(InputQueue *queue)
{
    for (GList *l = queue->bindings; l; l = l->next) {
        InputBinding *b = l->data;
        if (b->pending && b->handler->sync) {
            b->handler->sync(b->opaque);
        }
        b->pending = false;
    }
}

/* --- keys over time ----------------------------------------------------------------- */

/* Runs steps until one has to wait. */
static void run_steps(InputQueue *queue)
{
    KeyStep *step;

    while ((step = g_queue_peek_head(&queue->steps))) {
        if (step->delay_ms) {
            timer_mod(&queue->step_timer,
                      clock_get_ns(queue->clock) + step->delay_ms * NS_PER_MS);
            step->delay_ms = 0;
            return;
        }
        g_queue_pop_head(&queue->steps);
        input_send_key(queue, step->code, step->down);
        input_sync(queue);
        g_free(step);
    }
}

static void step_due(void *opaque)
{
    run_steps(opaque);
}

static void add_step(InputQueue *queue, KeyCode code, bool down, unsigned delay_ms)
{
    KeyStep *step = g_new(KeyStep, 1);

    *step = (KeyStep){ code, down, delay_ms };
    g_queue_push_tail(&queue->steps, step);
}

void input_press_keys(InputQueue *queue, const KeyCode *codes, size_t n, unsigned hold_ms)
{
    bool idle = g_queue_is_empty(&queue->steps);

    for (size_t i = 0; i < n; i++) {
        /* A pause before the next combination, too, or the guest sees them as one. */
        add_step(queue, codes[i], true, i == 0 && !idle ? hold_ms : 0);
    }
    for (size_t i = n; i-- > 0;) {
        add_step(queue, codes[i], false, i + 1 == n ? hold_ms : 0);
    }
    if (idle) {
        run_steps(queue);
    }
}

/* --- lights --------------------------------------------------------------------------- */

void input_set_leds(InputQueue *queue, unsigned leds)
{
    queue->leds = leds;
    for (GSList *l = queue->led_listeners; l; l = l->next) {
        LedListener *listener = l->data;
        listener->fn(listener->opaque, leds);
    }
}

unsigned input_leds(const InputQueue *queue)
{
    return queue->leds;
}

void input_add_led_listener(InputQueue *queue, InputLedFn *fn, void *opaque)
{
    LedListener *listener = g_new(LedListener, 1);

    *listener = (LedListener){ fn, opaque };
    queue->led_listeners = g_slist_append(queue->led_listeners, listener);
}

void input_remove_led_listener(InputQueue *queue, InputLedFn *fn, void *opaque)
{
    for (GSList *l = queue->led_listeners; l; l = l->next) {
        LedListener *listener = l->data;
        if (listener->fn == fn && listener->opaque == opaque) {
            queue->led_listeners = g_slist_delete_link(queue->led_listeners, l);
            g_free(listener);
            return;
        }
    }
}

/* --- absolute pointers ------------------------------------------------------------------ */

void input_add_absolute_listener(InputQueue *queue, InputAbsoluteFn *fn, void *opaque)
{
    AbsoluteListener *listener = g_new(AbsoluteListener, 1);

    *listener = (AbsoluteListener){ fn, opaque };
    queue->absolute_listeners = g_slist_append(queue->absolute_listeners, listener);
}

void input_remove_absolute_listener(InputQueue *queue, InputAbsoluteFn *fn, void *opaque)
{
    for (GSList *l = queue->absolute_listeners; l; l = l->next) {
        AbsoluteListener *listener = l->data;
        if (listener->fn == fn && listener->opaque == opaque) {
            queue->absolute_listeners = g_slist_delete_link(queue->absolute_listeners, l);
            g_free(listener);
            return;
        }
    }
}

/* --- life ----------------------------------------------------------------------------- */

InputQueue *input_queue_new(Clock *clock)
{
    InputQueue *queue = g_new0(InputQueue, 1);

    queue->clock = clock;
    g_queue_init(&queue->steps);
    timer_init(&queue->step_timer, clock, step_due, queue);
    g_queue_init(&queue->held_back);
    timer_init(&queue->held_back_timer, clock, held_back_due, queue);
    return queue;
}

void input_queue_free(InputQueue *queue)
{
    timer_deinit(&queue->step_timer);
    g_queue_clear_full(&queue->steps, g_free);
    timer_deinit(&queue->held_back_timer);
    g_queue_clear_full(&queue->held_back, g_free);
    g_list_free_full(queue->bindings, g_free);
    g_slist_free_full(queue->led_listeners, g_free);
    g_slist_free_full(queue->absolute_listeners, g_free);
    g_free(queue);
}

/*
 * Waiting for a screen: until it shows a text, or has stopped changing. For tests
 * and programs that drive a guest by its screen.
 *
 * In text modes the text counts, not the picture: a blinking cursor is no change.
 * In graphics modes a change within a rectangle of a text cursor's size is none.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_SCREEN_WATCH_H
#define UI_SCREEN_WATCH_H

#include "ui/console.h"

typedef enum ScreenWatchResult { SCREEN_TEXT, SCREEN_STABLE, SCREEN_TIMEOUT } ScreenWatchResult;

typedef struct ScreenWatchWanted {
    const char *text;     /* a Perl-compatible regular expression; NULL: any */
    int64_t stable_ms;    /* without a change for that long; -1: does not matter */
    int64_t timeout_ms;   /* -1: none */
} ScreenWatchWanted;

typedef struct ScreenWatch ScreenWatch;
/* Calls done once, on the main thread, when what comes first of the three has come to pass; the
 * watch is gone then. NULL with errp set if the expression is wrong. */
ScreenWatch *screen_watch_new(Console *con, const ScreenWatchWanted *wanted,
                              void (*done)(void *opaque, ScreenWatchResult result), void *opaque,
                              Error **errp);
void screen_watch_free(ScreenWatch *watch);

#endif

/*
 * Character devices: a stream of bytes between a device (front end) and the
 * host (back end).
 *
 * Back ends never block the main loop: what the host cannot take at once is
 * queued up to a limit, then dropped, oldest kept. Everything runs on the main
 * thread or with the big lock.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "util/error.h"
#include "util/option.h"

typedef struct Chardev Chardev;
typedef struct ChardevRegistry ChardevRegistry; /* a machine's chardevs by id */

typedef enum CharEvent {
    CHR_EVENT_OPENED,  /* a peer is there */
    CHR_EVENT_CLOSED,
    CHR_EVENT_BREAK,   /* serial break from the host side */
    CHR_EVENT_MUX_IN,  /* this front end got the input focus */
    CHR_EVENT_MUX_OUT,
} CharEvent;

/* What a device embeds. */
typedef struct CharFrontend {
    Chardev *chr;      /* NULL: not connected; writes vanish */
    /* How many bytes read() takes now. When it grows from 0, call chr_fe_accept_input(). */
    int (*can_read)(void *opaque);
    void (*read)(void *opaque, const uint8_t *buf, int len);
    void (*event)(void *opaque, CharEvent event);
    void *opaque;
    int mux_index;
    bool guest;        /* a device: what it writes is the guest's output */
} CharFrontend;

ChardevRegistry *chardev_registry_new(void);
/* Writes what is queued, restores terminals and closes everything: the end of the program.
 * Devices keep running without their peers. */
void chardev_close_all(ChardevRegistry *reg);
void chardev_registry_free(ChardevRegistry *reg);
/* Waits until queued output is written, or a peer takes nothing for a second. For exit paths. */
void chardev_flush(ChardevRegistry *reg);
/* -chardev BACKEND,id=ID,... (implied key "backend"). */
Chardev *chardev_add(ChardevRegistry *reg, OptDict *opts, Error **errp);
/* The short form of -serial, -monitor, -debugcon: "stdio", "mon:stdio", "file:X", "pipe:X",
 * "pty", "unix:X,server=on,wait=off", "tcp:H:P", "null", "vc" or "chardev:ID". "none" gives
 * NULL without an error. */
Chardev *chardev_add_legacy(ChardevRegistry *reg, const char *label, const char *text,
                            Error **errp);
Chardev *chardev_find(ChardevRegistry *reg, const char *id);
/* Fails if there is none of this name or a device uses it. */
bool chardev_remove(ChardevRegistry *reg, const char *id, Error **errp);
void chardev_foreach(ChardevRegistry *reg, void (*fn)(Chardev *chr, void *opaque), void *opaque);
const char *chardev_label(const Chardev *chr);
/* "unix:/path,server=on", as query-chardev shows. */
const char *chardev_filename(const Chardev *chr);
/* True if a front end is connected and takes input: query-chardev's frontend-open. */
bool chardev_frontend_open(const Chardev *chr);
void chardev_help(GString *out);
/* How many bytes devices have written. */
uint64_t chardev_guest_output(const ChardevRegistry *reg);
/* Calls fn for each kind of back end, aliases included. */
void chardev_backend_foreach(void (*fn)(const char *name, void *opaque), void *opaque);
/* A break, as if the host's side of the line had sent it. */
void chardev_send_break(Chardev *chr);
/* A connected socket becomes the peer of a "socket" that listens. Takes over fd on success. */
bool chardev_add_client(Chardev *chr, int fd, Error **errp);
/* Whether there is a connection that yank breaks. */
bool chardev_can_yank(const Chardev *chr);
void chardev_yank(Chardev *chr);

/* Connects a front end; fails if the chardev is taken (a mux takes several). */
bool chr_fe_init(CharFrontend *fe, Chardev *chr, Error **errp);
void chr_fe_deinit(CharFrontend *fe);
/* Sets the callbacks in fe and starts input; all NULL stops it. */
void chr_fe_set_handlers(CharFrontend *fe, int (*can_read)(void *opaque),
                         void (*read)(void *opaque, const uint8_t *buf, int len),
                         void (*event)(void *opaque, CharEvent event), void *opaque);
/* Queues all of buf; returns len. */
int chr_fe_write(CharFrontend *fe, const uint8_t *buf, int len);
void chr_fe_accept_input(CharFrontend *fe);
/* Serial line parameters and modem lines, for back ends that have them. */
typedef struct CharSerialParams { int speed, parity, data_bits, stop_bits; } CharSerialParams;
void chr_fe_set_serial_params(CharFrontend *fe, const CharSerialParams *params);
void chr_fe_set_break(CharFrontend *fe, bool on);
/* A file descriptor that came with the input over a unix socket, or -1; the caller owns it. */
int chr_fe_take_fd(CharFrontend *fe);
bool chr_fe_backend_connected(const CharFrontend *fe);

/* Ctrl-A X on a mux'd stdio: system/ says what ends the program. */
void chardev_set_quit_hook(ChardevRegistry *reg, void (*fn)(void *opaque), void *opaque);

/* Ctrl-A S: what commits the disk images of -snapshot. */
void chardev_set_save_hook(ChardevRegistry *reg, void (*fn)(void *opaque), void *opaque);
/* The escape key of a mux (-echr); Ctrl-A (1) unless set. */
void chardev_set_escape(ChardevRegistry *reg, uint8_t key);

/* Back ends "ringbuf" and "vc": takes up to len of the oldest bytes that a front end wrote.
 * -1 if chr is neither. */
int chr_ringbuf_read(Chardev *chr, uint8_t *buf, int len);
/* What a user types into a "vc", or ringbuf-write sends: input of the front end. Returns how
 * many bytes it took, which is fewer than len if it is busy; -1 as above. */
int chr_ringbuf_inject(Chardev *chr, const uint8_t *buf, int len);

/* Who shows a "vc": a text console of the user interface. */
typedef struct CharView {
    void (*output)(void *opaque, const uint8_t *buf, int len);
    void (*accept)(void *opaque); /* the front end takes input again */
} CharView;
bool chardev_is_vc(const Chardev *chr);
/* Gives the view what was written so far, and from now on all output at once. */
void chr_vc_attach(Chardev *chr, const CharView *view, void *opaque);
void chr_vc_detach(Chardev *chr);
/* The size of the screen that the user asked for, in cells; 0: any. A cell is 8 by 16 pixels. */
void chr_vc_size(const Chardev *chr, int *columns, int *rows);

/* Restores the terminal if a stdio chardev changed it. Async-signal-safe; for exit paths. */
void chardev_restore_terminal(void);

#endif

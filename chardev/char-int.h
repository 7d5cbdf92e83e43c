/*
 * What a character back end implements, and helpers for those on file
 * descriptors. For chardev/ only.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef CHARDEV_CHAR_INT_H
#define CHARDEV_CHAR_INT_H

#include "chardev/char.h"

typedef struct ChardevInfo ChardevInfo;
struct ChardevInfo {
    const char *name;   /* "socket" */
    const char *alias;  /* an older name, or NULL */
    const char *desc;
    size_t size;        /* of the struct that begins with Chardev */
    /* Takes the options it knows; fails with errp set, after which close() is called too. */
    bool (*open)(Chardev *chr, OptDict *opts, Error **errp);
    void (*close)(Chardev *chr);
    /* Takes all of it. NULL: it vanishes. */
    void (*write)(Chardev *chr, const uint8_t *buf, int len);
    /* The front end's appetite changed: look again whether to read. */
    void (*update_read)(Chardev *chr);
    void (*flush)(Chardev *chr);
    void (*set_params)(Chardev *chr, const CharSerialParams *params);
    void (*set_break)(Chardev *chr, bool on);
    /* A file descriptor that came with the input, or -1. NULL: none ever does. */
    int (*take_fd)(Chardev *chr);
    /* A connected socket from elsewhere becomes the peer. NULL: it cannot. */
    bool (*add_client)(Chardev *chr, int fd, Error **errp);
    /* Breaks the connection, whatever it waits for. NULL: there is none to break. */
    void (*yank)(Chardev *chr);
    /* Back ends with several front ends (mux). NULL: one. */
    bool (*attach)(Chardev *chr, CharFrontend *fe, Error **errp);
    void (*detach)(Chardev *chr, CharFrontend *fe);
    void (*handlers_set)(Chardev *chr, CharFrontend *fe);
};

struct Chardev {
    const ChardevInfo *info;
    ChardevRegistry *reg;
    char *label, *filename;
    CharFrontend *fe;
    bool be_open;       /* a peer is there */
    int log_fd;         /* logfile=; -1 without */
};

typedef struct CharHook {
    void (*fn)(void *opaque);
    void *opaque;
} CharHook;

struct ChardevRegistry {
    GPtrArray *chardevs; /* in order of creation */
    CharHook quit, save;
    uint64_t guest_output; /* bytes */
    uint8_t escape;
};

void chardev_register(const ChardevInfo *info);
#define CHARDEV_TYPE(info)                                                     \
    static void info##_register(void)                                          \
    {                                                                          \
        chardev_register(&info);                                               \
    }                                                                          \
    chardev_init(info##_register)

/* The short form as an option dict; NULL with errp set. */
OptDict *chardev_parse_legacy(const char *text, Error **errp);
void chardev_set_filename(Chardev *chr, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* From a back end to its front end. */
int chr_be_can_write(Chardev *chr);
void chr_be_write(Chardev *chr, const uint8_t *buf, int len);
/* OPENED and CLOSED also set be_open; repeating the present state does nothing. */
void chr_be_event(Chardev *chr, CharEvent event);

static inline int fe_can_read(const CharFrontend *fe)
{
    return fe && fe->can_read && fe->read ? fe->can_read(fe->opaque) : 0;
}

static inline void fe_event(const CharFrontend *fe, CharEvent event)
{
    if (fe && fe->event) {
        fe->event(fe->opaque, event);
    }
}

/*
 * A pair of non-blocking descriptors served by the main loop. Output that the
 * kernel does not take is queued up to CHAR_IO_QUEUE bytes, then dropped.
 */
enum { CHAR_IO_QUEUE = 16 << 20 };
typedef struct CharIO {
    Chardev *chr;
    int in_fd, out_fd;          /* may be the same; -1: none */
    guint in_watch, out_watch;
    bool passes_fds;            /* in_fd is a unix socket, whose peer may pass descriptors */
    GArray *passed_fds;         /* of int: those nobody took yet; NULL: none */
    GIOCondition in_cond;       /* what in_watch waits for */
    GByteArray *out;
    /* The peer went or the descriptor failed. */
    void (*hangup)(Chardev *chr);
    /* Removes protocol bytes in place; returns how many bytes are left. NULL: none. */
    int (*filter)(Chardev *chr, uint8_t *buf, int len);
} CharIO;

void char_io_init(CharIO *io, Chardev *chr);
/* Begins with these descriptors, which it will close. */
void char_io_attach(CharIO *io, int in_fd, int out_fd);
void char_io_detach(CharIO *io);
void char_io_free(CharIO *io);
void char_io_update(CharIO *io);
void char_io_write(CharIO *io, const uint8_t *buf, int len);
void char_io_flush(CharIO *io);
/* The oldest descriptor that came with the latest input, or -1. */
int char_io_take_fd(CharIO *io);

/* For back ends that are a CharIO and nothing else. */
typedef struct FdChardev {
    Chardev parent;
    CharIO io;
} FdChardev;
void fd_chardev_start(Chardev *chr, int in_fd, int out_fd);
void fd_chardev_close(Chardev *chr);
void fd_chardev_write(Chardev *chr, const uint8_t *buf, int len);
void fd_chardev_update_read(Chardev *chr);
void fd_chardev_flush(Chardev *chr);

/* open() with close-on-exec; a message with the option's key and path on failure. */
int chardev_open_path(const Chardev *chr, const char *key, const char *path, int flags,
                      Error **errp);
/* The option's value; an error if it is missing. */
const char *chardev_require(const Chardev *chr, OptDict *opts, const char *key, Error **errp);

#endif

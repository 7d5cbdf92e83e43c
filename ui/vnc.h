/*
 * The VNC server's parts. For ui/vnc*.c only.
 *
 * libvncserver speaks the protocol (RFC 6143). Each client has a thread of its own,
 * in which it may be as slow or as wrong as it likes; what it types and clicks goes
 * to the main thread as a queue of events. The main thread copies what the console
 * shows into a picture that all threads read.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef UI_VNC_H
#define UI_VNC_H

#include <rfb/rfb.h>
/* rfb.h has macros of these names. */
#undef max
#undef min
#include "ui/display.h"
#include "ui/keyboard.h"
#include "util/main-loop.h"

typedef struct VncServer VncServer;

/* A client: made on the main thread, which also frees it after its thread has ended. */
typedef struct VncClient {
    VncServer *server;
    GThread *thread;
    int fd;
    json_object *address;     /* host, service, family, websocket */
    int shutdown_fd;          /* the same socket, which the library does not close */
    int wake_fd;              /* eventfd: there may be something to send */
    gint stop;                /* atomic: the thread shall end */
    GMutex sending;           /* held while the picture is read */
    gint pending;             /* atomic: events in the queue */

    /* Main thread. */
    bool initialized;
    Keyboard kbd;
    unsigned modifiers;       /* CONSOLE_MOD_*, for text consoles */
    int x, y, buttons;

    /* The client's thread. */
    rfbClientPtr cl;
    bool announced;
} VncClient;

typedef enum VncEventKind { VNC_EVENT_READY, VNC_EVENT_KEYSYM, VNC_EVENT_KEY, VNC_EVENT_POINTER,
                            VNC_EVENT_GONE } VncEventKind;

typedef struct VncEvent {
    VncEventKind kind;
    VncClient *client;
    bool down;
    uint32_t key;             /* a keysym; a KeyCode */
    int x, y, buttons;
} VncEvent;

/* Where a server listens. */
typedef struct VncSocket {
    VncServer *vnc;
    int fd;
    guint watch;
    bool websocket;
    json_object *address;     /* host, service, family, websocket */
} VncSocket;

struct VncServer {
    DisplayListener listener;
    const DisplayHost *host;
    char *id, *title;
    rfbScreenInfoPtr screen;
    pixman_image_t *picture;  /* what the clients see: red in the lowest byte */
    void *pixels;             /* of the picture: room for the largest, reserved once */
    bool resize_pending;      /* the picture is not of the surface's size yet */
    bool changed;             /* since the last refresh */
    GPtrArray *sockets;       /* VncSocket */
    GPtrArray *clients;       /* VncClient */
    GAsyncQueue *events;      /* VncEvent, from the clients' threads */
    BH *bh;

    GMutex password_lock;
    bool wants_password;
    char *password;           /* [password_lock] NULL: nobody gets in */
    int64_t password_expires; /* [password_lock] seconds since 1970 */
};

/* vnc-listen.c */
enum { VNC_PORT_BASE = 5900, VNC_WEBSOCKET_BASE = 5700 };
/* Listens where -vnc says, HOST:D or unix:PATH; tries displays up to `to` if it is not 0. *display
 * becomes the number, -1 for a unix socket. */
bool vnc_listen(VncServer *vnc, const char *where, unsigned to, int *display, Error **errp);
/* The first port that is free; -1 with errp set if none is. */
int vnc_listen_tcp(VncServer *vnc, const char *host, unsigned first, unsigned last, bool websocket,
                   Error **errp);
void vnc_socket_free(gpointer sock);

/* vnc-client.c */
/* Takes over a connected socket. */
void vnc_client_new(VncServer *vnc, int fd, json_object *address);
/* The picture changed. */
void vnc_client_wake(VncClient *client);
/* Ends its thread and frees it. Main thread. */
void vnc_client_free(VncClient *client);
/* For rfbScreenInfo: hooks that run in the clients' threads. */
void vnc_client_set_hooks(rfbScreenInfoPtr screen);

/* vnc-input.c: main thread. */
void vnc_handle_event(VncServer *vnc, const VncEvent *event);

/* vnc.c */
void vnc_switch_console(VncServer *vnc, unsigned index);
void vnc_emit(VncServer *vnc, const char *event, const VncClient *client);

#endif

/*
 * VNC clients, each in a thread: see vnc.h.
 *
 * The thread waits for the client's messages and for the main thread's word that
 * the picture changed. Nothing here touches the machine.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ui/vnc.h"
#include <rfb/rfbregion.h>

/* A client that does not read is dropped after this; one that floods loses events. */
enum { WRITE_PATIENCE_MS = 5000, EVENTS_MAX = 1000 };
/* For the request of a web client, and how much of it is looked at. */
enum { REQUEST_PATIENCE_MS = 5000, REQUEST_MAX = 4096 };

/* --- to the main thread ----------------------------------------------------------------- */

static void post(VncClient *client, const VncEvent *event)
{
    if (event->kind != VNC_EVENT_GONE && event->kind != VNC_EVENT_READY &&
        g_atomic_int_get(&client->pending) >= EVENTS_MAX) {
        return;
    }
    VncEvent *copy = g_new(VncEvent, 1);
    *copy = *event;
    copy->client = client;
    g_atomic_int_inc(&client->pending);
    g_async_queue_push(client->server->events, copy);
    bh_schedule(client->server->bh);
}

static void on_keysym(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
    post(cl->clientData, &(VncEvent){ VNC_EVENT_KEYSYM, .down = down, .key = keysym });
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
    post(cl->clientData, &(VncEvent){ VNC_EVENT_POINTER, .x = x, .y = y, .buttons = buttons });
}

static rfbBool check_password(rfbClientPtr cl, const char *response, int len)
{
    VncServer *vnc = ((VncClient *)cl->clientData)->server;
    unsigned char expected[CHALLENGESIZE];
    bool ok = false;

    g_mutex_lock(&vnc->password_lock);
    if (vnc->password && len == CHALLENGESIZE &&
        g_get_real_time() / G_USEC_PER_SEC < vnc->password_expires) {
        memcpy(expected, cl->authChallenge, CHALLENGESIZE);
        rfbEncryptBytes(expected, vnc->password);
        ok = memcmp(expected, response, CHALLENGESIZE) == 0;
    }
    g_mutex_unlock(&vnc->password_lock);
    return ok;
}

/* --- keys by their place: QEMU's extension of the protocol ---------------------------------- */

/*
 * The client announces the pseudo-encoding, the server answers with an empty rectangle of it,
 * and keys come as messages of 12 bytes:
 *
 *   | 255 | 0 | down (16) | keysym (32) | scan code, set 1, 0x80 marks E0 (32) |
 */
enum { EXTENDED_KEY_ENCODING = -258, EXTENDED_KEY_MESSAGE = 255, EXTENDED_KEY_REST = 11 };

static int extended_key_encodings[] = { EXTENDED_KEY_ENCODING, 0 };

static rfbBool enable_extended_keys(rfbClientPtr cl, void **data, int encoding)
{
    rfbFramebufferUpdateMsg update = { .type = rfbFramebufferUpdate, .nRects = Swap16IfLE(1) };
    rfbFramebufferUpdateRectHeader rect = {
        .encoding = Swap32IfLE((uint32_t)EXTENDED_KEY_ENCODING),
    };

    if (encoding != EXTENDED_KEY_ENCODING) {
        return FALSE;
    }
    rect.r.w = Swap16IfLE(cl->screen->width);
    rect.r.h = Swap16IfLE(cl->screen->height);
    return rfbWriteExact(cl, (char *)&update, sz_rfbFramebufferUpdateMsg) > 0 &&
           rfbWriteExact(cl, (char *)&rect, sz_rfbFramebufferUpdateRectHeader) > 0;
}

static rfbBool extended_key(rfbClientPtr cl, void *data, const rfbClientToServerMsg *message)
{
    uint8_t rest[EXTENDED_KEY_REST];

    if (message->type != EXTENDED_KEY_MESSAGE ||
        rfbReadExact(cl, (char *)rest, sizeof(rest)) <= 0 || rest[0] != 0) {
        return FALSE; /* the library drops the client */
    }
    uint32_t keysym = (uint32_t)rest[3] << 24 | rest[4] << 16 | rest[5] << 8 | rest[6];
    uint32_t number = (uint32_t)rest[7] << 24 | rest[8] << 16 | rest[9] << 8 | rest[10];
    KeyCode code = number < 0x100 ? key_code_from_number(number) : KEY_CODE_COUNT;
    VncEvent event = { VNC_EVENT_KEY, .down = rest[1] || rest[2], .key = code, .x = (int)keysym };

    if (code == KEY_CODE_COUNT || code == KEY_UNMAPPED) {
        event.kind = VNC_EVENT_KEYSYM;
        event.key = keysym;
    }
    post(cl->clientData, &event);
    return TRUE;
}

static rfbProtocolExtension extended_keys = {
    .pseudoEncodings = extended_key_encodings,
    .enablePseudoEncoding = enable_extended_keys,
    .handleMessage = extended_key,
};

void vnc_client_set_hooks(rfbScreenInfoPtr screen)
{
    static gsize registered; /* the library keeps one list of extensions for the process */

    if (g_once_init_enter(&registered)) {
        rfbRegisterProtocolExtension(&extended_keys);
        g_once_init_leave(&registered, 1);
    }
    screen->kbdAddEvent = on_keysym;
    screen->ptrAddEvent = on_pointer;
    screen->passwordCheck = check_password;
    screen->maxClientWait = WRITE_PATIENCE_MS;
}

/* --- the thread --------------------------------------------------------------------------- */

/* Sends what changed, if the client asked for it. */
static void send_updates(VncClient *client)
{
    rfbClientPtr cl = client->cl;
    sraRegionPtr changed = NULL;

    if (cl->state != RFB_NORMAL || cl->onHold) {
        return;
    }
    pthread_mutex_lock(&cl->updateMutex);
    if (!sraRgnEmpty(cl->requestedRegion) && FB_UPDATE_PENDING(cl)) {
        changed = sraRgnCreateRgn(cl->modifiedRegion);
    }
    pthread_mutex_unlock(&cl->updateMutex);
    if (changed) {
        g_mutex_lock(&client->sending);
        rfbSendFramebufferUpdate(cl, changed);
        g_mutex_unlock(&client->sending);
        sraRgnDestroy(changed);
    }
}

static void serve(VncClient *client)
{
    rfbClientPtr cl = client->cl;
    struct pollfd fds[] = { { .fd = client->fd, .events = POLLIN },
                            { .fd = client->wake_fd, .events = POLLIN } };
    uint64_t count;

    while (cl->sock >= 0 && !g_atomic_int_get(&client->stop)) {
        if (poll(fds, G_N_ELEMENTS(fds), webSocketsHasDataInBuffer(cl) ? 0 : -1) < 0 &&
            errno != EINTR) {
            break;
        }
        if (fds[1].revents && read(client->wake_fd, &count, sizeof(count)) < 0) {
            break;
        }
        if (fds[0].revents || webSocketsHasDataInBuffer(cl)) {
            rfbProcessClientMessage(cl);
        }
        if (cl->state == RFB_NORMAL && !client->announced) {
            client->announced = true;
            post(client, &(VncEvent){ VNC_EVENT_READY });
        }
        if (cl->sock >= 0) {
            send_updates(client);
        }
    }
}

/* Waits until a web client's request (RFC 6455, 4.1) is there to its end. The library itself waits a tenth of
 * a second for its begin, and for each byte, and takes who is slower for somebody else. */
static void await_request(const VncClient *client)
{
    int64_t until = g_get_monotonic_time() + REQUEST_PATIENCE_MS * 1000;
    struct pollfd fds = { .fd = client->fd, .events = POLLIN };
    char request[REQUEST_MAX];
    int at_least = 1;

    while (poll(&fds, 1, (int)MAX(until - g_get_monotonic_time(), 0) / 1000) > 0) {
        ssize_t len = recv(client->fd, request, sizeof(request), MSG_PEEK | MSG_DONTWAIT);
        if (len < at_least || len == sizeof(request) || memmem(request, len, "\r\n\r\n", 4)) {
            break;
        }
        at_least = (int)len + 1; /* poll() waits for more than has been seen */
        setsockopt(client->fd, SOL_SOCKET, SO_RCVLOWAT, &at_least, sizeof(at_least));
    }
    at_least = 1;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVLOWAT, &at_least, sizeof(at_least));
}

static void *client_thread(void *opaque)
{
    VncClient *client = opaque;

    if (json_member_bool(client->address, "websocket", false)) {
        await_request(client);
    }
    client->cl = rfbNewClient(client->server->screen, client->fd);
    if (client->cl) {
        client->cl->clientData = client;
        serve(client);
        rfbClientConnectionGone(client->cl);
    }
    post(client, &(VncEvent){ VNC_EVENT_GONE });
    return NULL;
}

/* --- life --------------------------------------------------------------------------------- */

void vnc_client_new(VncServer *vnc, int fd, json_object *address)
{
    VncClient *client = g_new0(VncClient, 1);

    client->server = vnc;
    client->fd = fd;
    client->address = address;
    client->shutdown_fd = dup(fd);
    client->wake_fd = eventfd(0, EFD_CLOEXEC);
    g_mutex_init(&client->sending);
    keyboard_init(&client->kbd, vnc->host->input, vnc->host->keymap);
    g_ptr_array_add(vnc->clients, client);
    display_listener_set_hidden(&vnc->listener, false);
    vnc_emit(vnc, "VNC_CONNECTED", client);
    client->thread = g_thread_new("vnc-client", client_thread, client);
}

void vnc_client_wake(VncClient *client)
{
    uint64_t one = 1;

    if (write(client->wake_fd, &one, sizeof(one)) < 0) {
        return; /* the counter is full: it is awake */
    }
}

void vnc_client_free(VncClient *client)
{
    keyboard_release_all(&client->kbd);
    g_atomic_int_set(&client->stop, 1);
    shutdown(client->shutdown_fd, SHUT_RDWR);
    vnc_client_wake(client);
    g_thread_join(client->thread);
    close(client->shutdown_fd);
    close(client->wake_fd);
    json_object_put(client->address);
    g_mutex_clear(&client->sending);
    g_free(client);
}

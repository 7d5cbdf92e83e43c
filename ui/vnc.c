/*
 * "-vnc": the VNC server. See vnc.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "ui/vnc.h"
#include <sys/mman.h>
#include "ui/front-ends.h"
#include "util/trace.h"

TRACE_EVENT(vnc_log, "%s");

/* Room for the largest picture: address space only, until it is used. */
enum { PICTURE_MAX_BYTES = 256 << 20 };
enum { PASSWORD_MAX = 8 }; /* characters that the protocol's DES key holds */

/* --- the picture ------------------------------------------------------------------------- */

static bool lock_senders(VncServer *vnc)
{
    for (guint i = 0; i < vnc->clients->len; i++) {
        VncClient *client = vnc->clients->pdata[i];
        if (!g_mutex_trylock(&client->sending)) {
            while (i-- > 0) {
                client = vnc->clients->pdata[i];
                g_mutex_unlock(&client->sending);
            }
            return false;
        }
    }
    return true;
}

static void unlock_senders(VncServer *vnc)
{
    for (guint i = 0; i < vnc->clients->len; i++) {
        VncClient *client = vnc->clients->pdata[i];
        g_mutex_unlock(&client->sending);
    }
}

static void wake_clients(VncServer *vnc)
{
    for (guint i = 0; i < vnc->clients->len; i++) {
        vnc_client_wake(vnc->clients->pdata[i]);
    }
}

static void copy_to_picture(VncServer *vnc, int x, int y, int w, int h)
{
    pixman_image_composite32(PIXMAN_OP_SRC, console_surface(vnc->listener.console), NULL,
                             vnc->picture, x, y, 0, 0, x, y, w, h);
}

static void new_picture(VncServer *vnc, int width, int height)
{
    if (vnc->picture) {
        pixman_image_unref(vnc->picture);
    }
    vnc->picture = pixman_image_create_bits(PIXMAN_x8b8g8r8, width, height, vnc->pixels, width * 4);
    copy_to_picture(vnc, 0, 0, width, height);
}

/* The clients' picture gets the surface's size, as soon as none is reading it. */
static void resize_picture(VncServer *vnc)
{
    pixman_image_t *surface = console_surface(vnc->listener.console);
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);

    if ((size_t)width * height * 4 > PICTURE_MAX_BYTES || !lock_senders(vnc)) {
        return;
    }
    new_picture(vnc, width, height);
    rfbNewFramebuffer(vnc->screen, vnc->pixels, width, height, 8, 3, 4);
    unlock_senders(vnc);
    vnc->resize_pending = false;
    wake_clients(vnc);
}

static void switch_surface(DisplayListener *l, pixman_image_t *surface)
{
    VncServer *vnc = (VncServer *)l;

    vnc->resize_pending = true;
    resize_picture(vnc);
}

static void update(DisplayListener *l, int x, int y, int w, int h)
{
    VncServer *vnc = (VncServer *)l;

    if (!vnc->resize_pending) {
        copy_to_picture(vnc, x, y, w, h);
        rfbMarkRectAsModified(vnc->screen, x, y, x + w, y + h);
        vnc->changed = true;
    }
}

static void refresh(DisplayListener *l)
{
    VncServer *vnc = (VncServer *)l;

    if (vnc->resize_pending) {
        resize_picture(vnc);
    } else if (vnc->changed) {
        wake_clients(vnc);
    }
    vnc->changed = false;
}

static const DisplayListenerOps listener_ops = {
    .name = "vnc",
    .switch_surface = switch_surface,
    .update = update,
    .refresh = refresh,
};

void vnc_switch_console(VncServer *vnc, unsigned index)
{
    Console *con = console_by_index(vnc->host->consoles, index);

    if (con && con != vnc->listener.console) {
        display_listener_unregister(&vnc->listener);
        display_listener_register(&vnc->listener, con);
    }
}

/* --- QMP ---------------------------------------------------------------------------------- */

static const char *auth_name(const VncServer *vnc)
{
    return vnc->wants_password ? "vnc" : "none";
}

void vnc_emit(VncServer *vnc, const char *event, const VncClient *client)
{
    json_object *data = json_object_new_object();
    const VncSocket *sock = vnc->sockets->pdata[0];
    json_object *server = NULL;

    json_object_deep_copy(sock->address, &server, NULL);
    json_add_str(server, "auth", auth_name(vnc));
    json_object_object_add(data, "server", server);
    json_object_object_add(data, "client", json_object_get(client->address));
    vnc->host->emit(vnc->host->opaque, event, data);
}

static json_object *query(void *front)
{
    VncServer *vnc = front;
    json_object *info = json_object_new_object(), *servers = json_object_new_array();
    json_object *clients = json_object_new_array();

    for (guint i = 0; i < vnc->sockets->len; i++) {
        const VncSocket *sock = vnc->sockets->pdata[i];
        json_object *server = NULL;
        json_object_deep_copy(sock->address, &server, NULL);
        json_add_str(server, "auth", auth_name(vnc));
        json_object_array_add(servers, server);
    }
    for (guint i = 0; i < vnc->clients->len; i++) {
        const VncClient *client = vnc->clients->pdata[i];
        if (client->initialized) {
            json_object_array_add(clients, json_object_get(client->address));
        }
    }
    json_add_str(info, "id", vnc->id);
    json_object_object_add(info, "server", servers);
    json_object_object_add(info, "clients", clients);
    json_add_str(info, "auth", auth_name(vnc));
    return info;
}

static bool set_password(void *front, const char *password, Error **errp)
{
    VncServer *vnc = front;

    if (!vnc->wants_password) {
        error_setg(errp, "the VNC server asks for no password; start with -vnc ...,password=on");
        return false;
    }
    g_mutex_lock(&vnc->password_lock);
    g_free(vnc->password);
    vnc->password = password ? g_strndup(password, PASSWORD_MAX) : NULL;
    g_mutex_unlock(&vnc->password_lock);
    return true;
}

static void expire_password(void *front, int64_t time)
{
    VncServer *vnc = front;

    g_mutex_lock(&vnc->password_lock);
    vnc->password_expires = time;
    g_mutex_unlock(&vnc->password_lock);
}

/* --- life --------------------------------------------------------------------------------- */

static void handle_events(void *opaque)
{
    VncServer *vnc = opaque;
    VncEvent *event;

    while ((event = g_async_queue_try_pop(vnc->events))) {
        vnc_handle_event(vnc, event);
        g_free(event);
    }
}

static void G_GNUC_PRINTF(1, 2) log_message(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    trace(vnc_log, g_strchomp(text));
}

/* Who may push whom out (RFC 6143, 7.3.1). */
static bool set_policy(rfbScreenInfoPtr screen, OptDict *opts, Error **errp)
{
    const char *share = optdict_get(opts, "share");

    if (!share || g_str_equal(share, "allow-exclusive")) {
        return true;
    }
    screen->alwaysShared = g_str_equal(share, "ignore");
    screen->dontDisconnect = g_str_equal(share, "force-shared");
    if (!screen->alwaysShared && !screen->dontDisconnect) {
        error_setg(errp, "-vnc share=%s: write allow-exclusive, force-shared or ignore", share);
        return false;
    }
    return true;
}

static bool open_screen(VncServer *vnc, Console *con, OptDict *opts, Error **errp)
{
    pixman_image_t *surface = console_surface(con);
    int width = pixman_image_get_width(surface), height = pixman_image_get_height(surface);
    const char *name = vnc->host->name;

    vnc->pixels = mmap(NULL, PICTURE_MAX_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    rfbLog = rfbErr = log_message;
    vnc->screen = vnc->pixels != MAP_FAILED ? rfbGetScreen(NULL, NULL, width, height, 8, 3, 4)
                                            : NULL;
    if (!vnc->screen) {
        error_setg(errp, "-vnc: there is no memory for the screen");
        return false;
    }
    vnc->title = g_strconcat("Doppel", name ? " (" : NULL, name, ")", NULL);
    vnc->screen->desktopName = vnc->title;
    vnc->screen->frameBuffer = vnc->pixels;
    vnc->screen->cursor = NULL;
    vnc->screen->authPasswdData = vnc->wants_password ? vnc : NULL;
    vnc_client_set_hooks(vnc->screen);
    return set_policy(vnc->screen, opts, errp);
}

/* websocket=on listens on port 5700+D, websocket=PORT there; the library speaks both
 * protocols on every socket. */
static bool listen_websocket(VncServer *vnc, OptDict *opts, const char *where, int display,
                             Error **errp)
{
    const char *text = optdict_get(opts, "websocket");
    uint64_t port = display + VNC_WEBSOCKET_BASE;

    if (!text || g_str_equal(text, "off")) {
        return true;
    }
    if (display < 0 || (!g_str_equal(text, "on") && (!parse_u64("-vnc", text, &port, NULL) ||
                                                     port > UINT16_MAX))) {
        error_setg(errp, "-vnc %s,websocket=%s: write on or a port number, with HOST:D", where,
                   text);
        return false;
    }
    g_autofree char *host = g_strndup(where, strrchr(where, ':') - where);
    return vnc_listen_tcp(vnc, host, (unsigned)port, (unsigned)port, true, errp) >= 0;
}

static bool open_sockets(VncServer *vnc, OptDict *opts, Error **errp)
{
    const char *where = optdict_get(opts, "vnc");
    uint64_t to = 0;
    int display;

    if (!where) {
        error_setg(errp, "-vnc: the display is missing; write -vnc :0");
        return false;
    }
    return optdict_get_u64(opts, "to", &to, errp) &&
           vnc_listen(vnc, where, (unsigned)MIN(to, UINT16_MAX), &display, errp) &&
           listen_websocket(vnc, opts, where, display, errp);
}

static void stop(void *front)
{
    VncServer *vnc = front;

    g_ptr_array_unref(vnc->sockets);
    g_ptr_array_unref(vnc->clients); /* ends their threads */
    bh_delete(vnc->bh);
    g_async_queue_unref(vnc->events);
    display_listener_unregister(&vnc->listener);
    if (vnc->screen) {
        rfbScreenCleanup(vnc->screen);
    }
    if (vnc->picture) {
        pixman_image_unref(vnc->picture);
    }
    if (vnc->pixels != MAP_FAILED) {
        munmap(vnc->pixels, PICTURE_MAX_BYTES);
    }
    g_mutex_clear(&vnc->password_lock);
    g_free(vnc->password);
    g_free(vnc->title);
    g_free(vnc->id);
    g_free(vnc);
}

static void *start(const DisplayHost *host, OptDict *opts, Error **errp)
{
    Console *con = console_by_index(host->consoles, 0);
    VncServer *vnc = g_new0(VncServer, 1);
    const char *id = optdict_get(opts, "id");

    vnc->listener.ops = &listener_ops;
    vnc->listener.hidden = true; /* until there is a client */
    vnc->host = host;
    vnc->id = g_strdup(id ? id : "default");
    vnc->pixels = MAP_FAILED;
    vnc->sockets = g_ptr_array_new_with_free_func(vnc_socket_free);
    vnc->clients = g_ptr_array_new_with_free_func((GDestroyNotify)vnc_client_free);
    vnc->events = g_async_queue_new_full(g_free);
    vnc->bh = bh_new(handle_events, vnc);
    vnc->password_expires = INT64_MAX;
    g_mutex_init(&vnc->password_lock);
    if (!con) {
        error_setg(errp, "-vnc: this machine has nothing to show; leave -vnc out");
    } else if (optdict_get_bool(opts, "password", &vnc->wants_password, errp) &&
               open_screen(vnc, con, opts, errp) && open_sockets(vnc, opts, errp)) {
        display_listener_register(&vnc->listener, con);
        return vnc;
    }
    stop(vnc);
    return NULL;
}

const DisplayType display_vnc = {
    .name = "vnc",
    .help = "a VNC server, vnc=HOST:D (to=, password=, websocket=, share=, id=)",
    .start = start,
    .stop = stop,
    .query = query,
    .set_password = set_password,
    .expire_password = expire_password,
};

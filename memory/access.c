/*
 * Reads and writes through an address space.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"
#include <string.h>
#include <unistd.h>
#include "util/main-loop.h"
#include "util/trace.h"

TRACE_EVENT(memory_nothing_here, "%s: address 0x%" PRIx64 " write %d");
TRACE_EVENT(memory_write_to_rom, "%s: offset 0x%" PRIx64 " length %" PRIu64);

/* Returns whether the big lock was taken here. */
static bool enter_bql(void)
{
    if (bql_locked()) {
        return false;
    }
    bql_lock();
    return true;
}

static void leave_bql(bool taken)
{
    if (taken) {
        bql_unlock();
    }
}

static MemTxResult locked_io_read(const FlatRange *fr, hwaddr offset, uint64_t *val,
                                  unsigned size, MemTxAttrs attrs)
{
    bool taken = enter_bql();
    MemTxResult res = io_read(fr->mr, offset, val, size, attrs);
    leave_bql(taken);
    return res;
}

/* Signals the eventfd that waits for exactly this write, if there is one. */
static bool signal_eventfd(const FlatView *view, hwaddr addr, uint64_t val, unsigned size)
{
    for (unsigned i = 0; i < view->n_eventfds; i++) {
        const FlatEventfd *efd = &view->eventfds[i];
        if (efd->addr == addr && efd->size == size &&
            (!efd->match_data || efd->data == (val & mask_of_size(size)))) {
            uint64_t one = 1;
            /* Fails only when the counter is full, that is, already signalled. */
            ssize_t unused G_GNUC_UNUSED = write(efd->fd, &one, sizeof(one));
            return true;
        }
    }
    return false;
}

static MemTxResult locked_io_write(const FlatView *view, const FlatRange *fr, hwaddr offset,
                                   uint64_t val, unsigned size, MemTxAttrs attrs)
{
    if (view->n_eventfds &&
        signal_eventfd(view, fr->start + (offset - fr->offset), val, size)) {
        return MEMTX_OK;
    }
    bool taken = enter_bql();
    MemTxResult res = io_write(fr->mr, offset, val, size, attrs);
    leave_bql(taken);
    return res;
}

/* How much of len, from addr on, is answered as fr says (NULL: a hole before next). */
static uint64_t clip_len(const FlatRange *fr, const FlatRange *next, hwaddr addr, uint64_t len)
{
    hwaddr last = fr ? fr->last : next ? next->start - 1 : UINT64_MAX;
    return last - addr < len - 1 ? last - addr + 1 : len;
}

/*
 * An I/O region is accessed by the address alone: a register of 4 bytes is read whole, even if
 * another region lies over its second byte (0xcf8 and 0xcf9 of a PC). So the region, not the
 * range, limits what one access may take.
 */
static uint64_t room_in_region(const FlatRange *fr, hwaddr offset)
{
    return last_of_size(fr->mr->size) - offset;
}

/* --- runs of bytes ------------------------------------------------------ */

/* Each of these does the first part, of *len bytes at most, and sets *len to what it did. */
static MemTxResult read_part(AddressSpace *as, const FlatView *view, hwaddr addr, uint8_t *buf,
                             uint64_t *len, MemTxAttrs attrs)
{
    const FlatRange *next, *fr = flatview_find(view, addr, &next);
    hwaddr offset = fr ? fr->offset + (addr - fr->start) : 0;
    if (fr && !fr->direct_read) {
        uint64_t val, room = room_in_region(fr, offset);
        *len = io_piece(fr->mr, offset, room < *len ? room + 1 : *len);
        MemTxResult res = locked_io_read(fr, offset, &val, *len, attrs);
        memcpy(buf, &val, *len);
        return res;
    }
    *len = clip_len(fr, next, addr, *len);
    if (!fr) {
        trace(memory_nothing_here, as->name, addr, 0);
        memset(buf, 0xff, *len);
        return MEMTX_DECODE_ERROR;
    }
    memcpy(buf, fr->block->host + offset, *len);
    return MEMTX_OK;
}

static MemTxResult write_part(AddressSpace *as, const FlatView *view, hwaddr addr,
                              const uint8_t *buf, uint64_t *len, MemTxAttrs attrs)
{
    const FlatRange *next, *fr = flatview_find(view, addr, &next);
    hwaddr offset = fr ? fr->offset + (addr - fr->start) : 0;
    if (fr && !fr->direct_write && !fr->readonly) {
        uint64_t val = 0, room = room_in_region(fr, offset);
        *len = io_piece(fr->mr, offset, room < *len ? room + 1 : *len);
        memcpy(&val, buf, *len);
        return locked_io_write(view, fr, offset, val, *len, attrs);
    }
    *len = clip_len(fr, next, addr, *len);
    if (!fr) {
        trace(memory_nothing_here, as->name, addr, 1);
        return MEMTX_DECODE_ERROR;
    }
    if (fr->readonly) {
        trace(memory_write_to_rom, fr->mr->mr_name, offset, *len);
        return MEMTX_OK;
    }
    memcpy(fr->block->host + offset, buf, *len);
    ram_block_written(fr->block, offset, *len);
    return MEMTX_OK;
}

MemTxResult address_space_read(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, void *buf,
                               uint64_t len)
{
    MemTxResult res = MEMTX_OK;
    uint8_t *out = buf;
    rcu_reader_enter();
    const FlatView *view = address_space_view(as);
    for (uint64_t n; len; addr += n, out += n, len -= n) {
        n = len;
        res |= read_part(as, view, addr, out, &n, attrs);
    }
    rcu_reader_leave();
    return res;
}

MemTxResult address_space_write(AddressSpace *as, hwaddr addr, MemTxAttrs attrs, const void *buf,
                                uint64_t len)
{
    MemTxResult res = MEMTX_OK;
    const uint8_t *in = buf;
    rcu_reader_enter();
    const FlatView *view = address_space_view(as);
    for (uint64_t n; len; addr += n, in += n, len -= n) {
        n = len;
        res |= write_part(as, view, addr, in, &n, attrs);
    }
    rcu_reader_leave();
    return res;
}

MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len)
{
    MemTxResult res = MEMTX_OK;
    const uint8_t *in = buf;
    rcu_reader_enter();
    const FlatView *view = address_space_view(as);
    while (len) {
        const FlatRange *next, *fr = flatview_find(view, addr, &next);
        uint64_t n = clip_len(fr, next, addr, len);
        if (fr && fr->block) {
            hwaddr offset = fr->offset + (addr - fr->start);
            memcpy(fr->block->host + offset, in, n);
            ram_block_written(fr->block, offset, n);
        } else {
            res |= fr ? MEMTX_ERROR : MEMTX_DECODE_ERROR;
        }
        addr += n;
        in += n;
        len -= n;
    }
    rcu_reader_leave();
    return res;
}

MemTxResult address_space_set(AddressSpace *as, hwaddr addr, uint8_t byte, uint64_t len)
{
    MemTxResult res = MEMTX_OK;
    uint8_t chunk[GUEST_PAGE_SIZE];
    memset(chunk, byte, sizeof(chunk));
    while (len) {
        uint64_t n = MIN(len, sizeof(chunk));
        res |= address_space_write(as, addr, MEMTXATTRS_NONE, chunk, n);
        addr += n;
        len -= n;
    }
    return res;
}

/* --- single accesses ---------------------------------------------------- */

static uint64_t host_load(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, 2);
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, 4);
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p, 8);
        return v;
    }
    }
}

static void host_store(void *p, uint64_t val, unsigned size)
{
    switch (size) {
    case 1:
        memcpy(p, &val, 1);
        break;
    case 2:
        memcpy(p, &val, 2);
        break;
    case 4:
        memcpy(p, &val, 4);
        break;
    default:
        memcpy(p, &val, 8);
        break;
    }
}

MemTxResult address_space_load(AddressSpace *as, hwaddr addr, unsigned size, MemTxAttrs attrs,
                               uint64_t *val)
{
    MemTxResult res;
    rcu_reader_enter();
    const FlatRange *next, *fr = flatview_find(address_space_view(as), addr, &next);
    hwaddr offset = fr ? fr->offset + (addr - fr->start) : 0;
    if (fr && fr->direct_read && fr->last - addr >= size - 1) {
        *val = host_load(fr->block->host + offset, size);
        res = MEMTX_OK;
    } else if (fr && !fr->direct_read && room_in_region(fr, offset) >= size - 1 &&
               io_takes_whole(fr->mr, offset, size)) {
        res = locked_io_read(fr, offset, val, size, attrs);
    } else {
        *val = 0;
        res = address_space_read(as, addr, attrs, val, size);
    }
    rcu_reader_leave();
    return res;
}

unsigned address_space_load_run(AddressSpace *as, hwaddr addr, unsigned size, void *buf,
                                unsigned count)
{
    unsigned done = 0;
    rcu_reader_enter();
    const FlatRange *next, *fr = flatview_find(address_space_view(as), addr, &next);
    hwaddr offset = fr ? fr->offset + (addr - fr->start) : 0;
    if (fr && !fr->direct_read && fr->mr->ops->read_run &&
        room_in_region(fr, offset) >= size - 1) {
        bool taken = enter_bql();
        done = io_read_run(fr->mr, offset, buf, size, count);
        leave_bql(taken);
    }
    rcu_reader_leave();
    return done;
}

MemTxResult address_space_store(AddressSpace *as, hwaddr addr, unsigned size, MemTxAttrs attrs,
                                uint64_t val)
{
    MemTxResult res = MEMTX_OK;
    rcu_reader_enter();
    const FlatView *view = address_space_view(as);
    const FlatRange *next, *fr = flatview_find(view, addr, &next);
    hwaddr offset = fr ? fr->offset + (addr - fr->start) : 0;
    if (fr && fr->direct_write && fr->last - addr >= size - 1) {
        host_store(fr->block->host + offset, val, size);
        ram_block_written(fr->block, offset, size);
    } else if (fr && !fr->direct_write && !fr->readonly &&
               room_in_region(fr, offset) >= size - 1 && io_takes_whole(fr->mr, offset, size)) {
        res = locked_io_write(view, fr, offset, val, size, attrs);
    } else {
        res = address_space_write(as, addr, attrs, &val, size);
    }
    rcu_reader_leave();
    return res;
}

/* --- looking behind an address ------------------------------------------- */

void address_space_lookup(AddressSpace *as, hwaddr addr, MemorySection *out)
{
    const FlatRange *next, *fr = flatview_find(address_space_view(as), addr, &next);
    *out = (MemorySection){ .address = addr, .length = clip_len(fr, next, addr, UINT64_MAX) };
    if (!fr) {
        return;
    }
    out->mr = fr->mr;
    out->offset = fr->offset + (addr - fr->start);
    out->writable = fr->direct_write;
    if (fr->block) {
        out->block = fr->block;
        out->block_offset = out->offset;
        out->host = fr->direct_read ? fr->block->host + out->offset : NULL;
    }
}

void *address_space_map(AddressSpace *as, hwaddr addr, uint64_t *len, bool is_write)
{
    MemorySection section;
    void *host = NULL;
    rcu_reader_enter();
    address_space_lookup(as, addr, &section);
    if (section.host && (section.writable || !is_write)) {
        *len = MIN(*len, section.length);
        ram_block_ref(section.block);
        host = section.host;
    }
    rcu_reader_leave();
    return host;
}

void address_space_unmap(AddressSpace *as, void *host, uint64_t len, bool is_write)
{
    RAMBlock *block = ram_block_from_host(host);
    g_assert(block);
    if (is_write && len) {
        ram_block_written(block, (uint8_t *)host - block->host, len);
    }
    ram_block_unref(block);
}

/*
 * One access to an I/O region.
 *
 * Everything here counts in the region's own offsets. An access is first held
 * against ops->valid; then it is cut or widened into accesses that ops->impl
 * allows. Between this file and a handler, values are swapped if the region is
 * big-endian; above it, everything is little-endian.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"
#include "util/trace.h"

TRACE_EVENT(memory_io_read, "%s: offset 0x%" PRIx64 " size %u value 0x%" PRIx64 " result %d");
TRACE_EVENT(memory_io_read_run, "%s: offset 0x%" PRIx64 " size %u count %u done %u");
TRACE_EVENT(memory_io_write, "%s: offset 0x%" PRIx64 " size %u value 0x%" PRIx64 " result %d");
TRACE_EVENT(memory_io_invalid, "%s: offset 0x%" PRIx64 " size %u is not a valid access");
TRACE_EVENT(memory_io_reentered, "%s: offset 0x%" PRIx64 " size %u, while its device is busy");

/* Devices that this thread is inside of: innermost first. */
typedef struct IOFrame {
    const void *device;
    struct IOFrame *outer;
} IOFrame;

static __thread IOFrame *frames;

static const void *device_of(const MemoryRegion *mr)
{
    return mr->owner ? mr->owner : mr;
}

static bool device_is_busy(const MemoryRegion *mr)
{
    const void *device = device_of(mr);
    for (const IOFrame *f = frames; f; f = f->outer) {
        if (f->device == device) {
            return true;
        }
    }
    return false;
}

typedef struct Sizes {
    unsigned min, max;
} Sizes;

static Sizes sizes(unsigned min_size, unsigned max_size)
{
    return (Sizes){ min_size ? min_size : 1, max_size ? max_size : 4 };
}

static Sizes valid_sizes(const MemoryRegion *mr)
{
    return sizes(mr->ops->valid.min_size, mr->ops->valid.max_size);
}

static Sizes impl_sizes(const MemoryRegionOps *ops)
{
    return sizes(ops->impl.min_size, ops->impl.max_size);
}

/* One call of a handler takes from pos on, up to a number of bytes of the access. */
typedef struct Step {
    hwaddr base;     /* where the handler is called */
    unsigned size;   /* with which size */
    unsigned skip;   /* bytes before the access begins */
    unsigned count;  /* bytes of the access in it */
} Step;

static Step next_step(const MemoryRegionOps *ops, hwaddr pos, hwaddr end)
{
    Sizes impl = impl_sizes(ops);
    unsigned size = impl.min;
    hwaddr base = ops->impl.unaligned ? pos : pos & -(hwaddr)size;
    while (size * 2 <= impl.max && pos + size * 2 <= end && base == pos &&
           (ops->impl.unaligned || pos % (size * 2) == 0)) {
        size *= 2;
    }
    unsigned skip = pos - base;
    return (Step){ base, size, skip, MIN(size - skip, end - pos) };
}

static uint64_t swap_for(const MemoryRegionOps *ops, uint64_t val, unsigned size)
{
    return ops->endianness == MEMORY_BIG_ENDIAN ? __builtin_bswap64(val) >> (64 - 8 * size) : val;
}

static MemTxResult call_read(MemoryRegion *mr, hwaddr addr, uint64_t *val, unsigned size,
                             MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    uint64_t raw = UINT64_MAX;
    MemTxResult res = MEMTX_OK;
    if (ops->read) {
        raw = ops->read(mr->opaque, addr, size);
    } else if (ops->read_with_attrs) {
        res = ops->read_with_attrs(mr->opaque, addr, &raw, size, attrs);
    } else {
        res = MEMTX_ERROR;
    }
    *val = swap_for(ops, raw & mask_of_size(size), size);
    return res;
}

static MemTxResult call_write(MemoryRegion *mr, hwaddr addr, uint64_t val, unsigned size,
                              MemTxAttrs attrs)
{
    const MemoryRegionOps *ops = mr->ops;
    val = swap_for(ops, val & mask_of_size(size), size);
    if (ops->write) {
        ops->write(mr->opaque, addr, val, size);
        return MEMTX_OK;
    }
    if (ops->write_with_attrs) {
        return ops->write_with_attrs(mr->opaque, addr, val, size, attrs);
    }
    return MEMTX_ERROR;
}

static MemTxResult read_steps(MemoryRegion *mr, hwaddr offset, uint64_t *val, unsigned size,
                              MemTxAttrs attrs)
{
    MemTxResult res = MEMTX_OK;
    hwaddr end = offset + size;
    *val = 0;
    for (hwaddr pos = offset; pos < end;) {
        Step step = next_step(mr->ops, pos, end);
        uint64_t part;
        res |= call_read(mr, step.base, &part, step.size, attrs);
        part = (part >> (8 * step.skip)) & mask_of_size(step.count);
        *val |= part << (8 * (pos - offset));
        pos += step.count;
    }
    return res;
}

static MemTxResult write_steps(MemoryRegion *mr, hwaddr offset, uint64_t val, unsigned size,
                               MemTxAttrs attrs)
{
    MemTxResult res = MEMTX_OK;
    hwaddr end = offset + size;
    for (hwaddr pos = offset; pos < end;) {
        Step step = next_step(mr->ops, pos, end);
        uint64_t part = val >> (8 * (pos - offset));
        if (step.count < step.size) {
            uint64_t old, mask = mask_of_size(step.count) << (8 * step.skip);
            res |= call_read(mr, step.base, &old, step.size, attrs);
            part = (old & ~mask) | ((part << (8 * step.skip)) & mask);
        }
        res |= call_write(mr, step.base, part, step.size, attrs);
        pos += step.count;
    }
    return res;
}

static bool access_allowed(const MemoryRegion *mr, hwaddr offset, unsigned size)
{
    Sizes valid = valid_sizes(mr);
    if (size < valid.min || size > valid.max) {
        trace(memory_io_invalid, mr->mr_name, offset, size);
        return false;
    }
    if (!mr->ops->reentrant && device_is_busy(mr)) {
        trace(memory_io_reentered, mr->mr_name, offset, size);
        return false;
    }
    return true;
}

MemTxResult io_read(MemoryRegion *mr, hwaddr offset, uint64_t *val, unsigned size,
                    MemTxAttrs attrs)
{
    if (!access_allowed(mr, offset, size)) {
        *val = mask_of_size(size);
        return MEMTX_ERROR;
    }
    IOFrame frame = { device_of(mr), frames };
    frames = &frame;
    MemTxResult res = read_steps(mr, offset, val, size, attrs);
    frames = frame.outer;
    trace(memory_io_read, mr->mr_name, offset, size, *val, res);
    return res;
}

/* Neither cut nor widened, and no bytes to swap. */
static bool run_allowed(const MemoryRegion *mr, hwaddr offset, unsigned size)
{
    Sizes impl = impl_sizes(mr->ops);

    return mr->ops->endianness == MEMORY_LITTLE_ENDIAN && offset % size == 0 && size >= impl.min &&
           size <= impl.max && access_allowed(mr, offset, size);
}

unsigned io_read_run(MemoryRegion *mr, hwaddr offset, void *buf, unsigned size, unsigned count)
{
    if (!mr->ops->read_run || !run_allowed(mr, offset, size)) {
        return 0;
    }
    IOFrame frame = { device_of(mr), frames };
    frames = &frame;
    unsigned done = mr->ops->read_run(mr->opaque, offset, buf, size, count);
    frames = frame.outer;
    trace(memory_io_read_run, mr->mr_name, offset, size, count, done);
    return done;
}

MemTxResult io_write(MemoryRegion *mr, hwaddr offset, uint64_t val, unsigned size,
                     MemTxAttrs attrs)
{
    if (!access_allowed(mr, offset, size)) {
        return MEMTX_ERROR;
    }
    IOFrame frame = { device_of(mr), frames };
    frames = &frame;
    MemTxResult res = write_steps(mr, offset, val, size, attrs);
    frames = frame.outer;
    trace(memory_io_write, mr->mr_name, offset, size, val & mask_of_size(size), res);
    return res;
}

/* The buses behind are 32 bits wide: only a region that asks for it sees 8 bytes at once. */
bool io_takes_whole(const MemoryRegion *mr, hwaddr offset, unsigned size)
{
    return (offset % size == 0 || mr->ops->valid.unaligned) &&
           (size < 8 || valid_sizes(mr).max >= 8);
}

unsigned io_piece(const MemoryRegion *mr, hwaddr offset, uint64_t len)
{
    unsigned piece = 1, max = valid_sizes(mr).max;
    while (piece * 2 <= max && piece * 2 <= len && offset % (piece * 2) == 0) {
        piece *= 2;
    }
    return piece;
}

/*
 * i8257: a DMA controller of the PC.
 *
 * The name is that of the part's ancestor; it behaves as the 8237A (Intel 231466) inside the
 * 82371SB (2.5.2), which has no memory-to-memory transfers. The second controller counts
 * words: address and count are in units of two bytes. The page registers add
 * the address bits above 16 and do not take a carry.
 *
 * Transfers run from a bottom half, so that a device may ask for service from within
 * its own register handler.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/dma/i8257.h"
#include <string.h>
#include "hw/core/machine.h"
#include "util/main-loop.h"
#include "util/trace.h"

OBJECT_DECLARE_SIMPLE(I8257State, I8257, TYPE_I8257)

TRACE_EVENT(i8257_write, "channels from %d register 0x%x value 0x%02x");
TRACE_EVENT(i8257_read, "channels from %d register 0x%x value 0x%02x");
TRACE_EVENT(i8257_dreq, "channel %d level %d");
TRACE_EVENT(i8257_transfer, "channel %d position %u of %u moved %d");
TRACE_EVENT(i8257_terminal_count, "channel %d");

enum {
    CHANNELS = 4,
    REG_STATUS_COMMAND = 8, REG_REQUEST, REG_SINGLE_MASK, REG_MODE, REG_CLEAR_BYTE_POINTER,
    REG_MASTER_CLEAR, REG_CLEAR_MASK, REG_ALL_MASK, REGISTERS,

    COMMAND_DISABLE = 1 << 2,
    COMMAND_ROTATE = 1 << 4,

    MODE_CHANNEL = 3,
    MODE_TRANSFER = 3 << 2,
    MODE_VERIFY = 0 << 2,
    MODE_WRITE = 1 << 2,  /* to memory */
    MODE_READ = 2 << 2,   /* from memory */
    MODE_AUTOINIT = 1 << 4,
    MODE_DECREMENT = 1 << 5,
    MODE_SERVICE = 3 << 6,
    MODE_CASCADE = 3 << 6,

    REQUEST_SET = 1 << 2, /* also of the single mask register */
    FLOATING_BUS = 0xff,
    PAGE_PORTS = 8,
};

typedef struct DMAChannel {
    uint16_t base_address, base_count, address, count;
    uint8_t mode;
    int (*transfer)(void *dev, int channel, int pos, int size);
    void *dev;
} DMAChannel;

struct I8257State {
    ISADevice parent_obj;
    MemoryRegion io, page_io;
    AddressSpace *as;
    BH *bh;
    uint32_t base, page_base;
    uint8_t word_shift;    /* 1: counts words */

    DMAChannel channels[CHANNELS];
    uint8_t command, mask;
    uint8_t dreq;          /* lines of the devices */
    uint8_t software_request;
    uint8_t terminal_count;
    uint8_t first;         /* the channel with the highest priority */
    bool high_byte;        /* byte pointer flip-flop */
    uint8_t pages[PAGE_PORTS];
};

/* The page port of each channel, from the controller's first one (82371SB, table 3). */
static const uint8_t page_ports[CHANNELS] = { 7, 3, 1, 2 };

static int first_channel(const I8257State *s)
{
    return s->word_shift ? CHANNELS : 0;
}

/* --- memory ------------------------------------------------------------------------ */

/* Where unit n of the channel's block lies. */
static hwaddr unit_address(const I8257State *s, const DMAChannel *ch, unsigned n)
{
    unsigned page = s->pages[page_ports[ch - s->channels]];
    uint16_t address = ch->mode & MODE_DECREMENT ? ch->base_address - n : ch->base_address + n;

    if (s->word_shift) {
        return (hwaddr)(page & 0xfe) << 16 | (hwaddr)address << 1;
    }
    return (hwaddr)page << 16 | address;
}

/* How many units from n on lie at ascending addresses without wrapping. */
static unsigned contiguous_units(const DMAChannel *ch, unsigned n)
{
    return ch->mode & MODE_DECREMENT ? 1 : 0x10000 - (uint16_t)(ch->base_address + n);
}

/* Copies between buf and bytes [pos, pos + len) of the block. */
static void copy_block(I8257State *s, DMAChannel *ch, void *buf, unsigned pos, unsigned len,
                       bool to_memory)
{
    uint8_t *bytes = buf;

    while (len) {
        unsigned n = pos >> s->word_shift;
        unsigned odd = pos & s->word_shift;
        unsigned chunk = MIN(len, (contiguous_units(ch, n) << s->word_shift) - odd);
        hwaddr addr = unit_address(s, ch, n) + odd;
        if (to_memory) {
            address_space_write(s->as, addr, MEMTXATTRS_NONE, bytes, chunk);
        } else {
            address_space_read(s->as, addr, MEMTXATTRS_NONE, bytes, chunk);
        }
        bytes += chunk;
        pos += chunk;
        len -= chunk;
    }
}

static int dma_read_memory(void *opaque, int channel, void *buf, int pos, int len)
{
    I8257State *s = opaque;
    DMAChannel *ch = &s->channels[channel % CHANNELS];

    if ((ch->mode & MODE_TRANSFER) == MODE_READ) {
        copy_block(s, ch, buf, pos, len, false);
    } else {
        memset(buf, FLOATING_BUS, len);
    }
    return len;
}

static int dma_write_memory(void *opaque, int channel, const void *buf, int pos, int len)
{
    I8257State *s = opaque;
    DMAChannel *ch = &s->channels[channel % CHANNELS];

    if ((ch->mode & MODE_TRANSFER) == MODE_WRITE) {
        copy_block(s, ch, (void *)buf, pos, len, true);
    }
    return len;
}

/* --- service ----------------------------------------------------------------------------- */

static uint8_t requests(const I8257State *s)
{
    return s->dreq | s->software_request;
}

static bool wants_service(const I8257State *s, unsigned n)
{
    return !(s->command & COMMAND_DISABLE) && (requests(s) & ~s->mask & 1 << n) &&
           (s->channels[n].mode & MODE_SERVICE) != MODE_CASCADE;
}

static void terminal_count(I8257State *s, unsigned n)
{
    DMAChannel *ch = &s->channels[n];

    trace(i8257_terminal_count, first_channel(s) + n);
    s->terminal_count |= 1 << n;
    s->software_request &= ~(1 << n);
    if (ch->mode & MODE_AUTOINIT) {
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    } else {
        s->mask |= 1 << n;
    }
}

/* A request that no device stands behind: the data bus floats. */
static int transfer_with_nobody(I8257State *s, unsigned n, unsigned pos, unsigned size)
{
    uint8_t floating[256];

    memset(floating, FLOATING_BUS, sizeof(floating));
    while (pos < size) {
        unsigned chunk = MIN(size - pos, sizeof(floating));
        dma_write_memory(s, n, floating, pos, chunk);
        pos += chunk;
    }
    return size;
}

/* Serves one channel; false if the device moved nothing. */
static bool run_channel(I8257State *s, unsigned n)
{
    DMAChannel *ch = &s->channels[n];
    unsigned size = (ch->base_count + 1u) << s->word_shift;
    unsigned pos = (uint16_t)(ch->base_count - ch->count) << s->word_shift;
    int end = ch->transfer ? ch->transfer(ch->dev, first_channel(s) + n, pos, size)
                           : transfer_with_nobody(s, n, pos, size);
    int units = (CLAMP(end, (int)pos, (int)size) - (int)pos) >> s->word_shift;

    trace(i8257_transfer, first_channel(s) + n, pos, size, end);
    ch->address += ch->mode & MODE_DECREMENT ? -units : units;
    ch->count -= units;
    if (units && pos + (units << s->word_shift) == size) {
        terminal_count(s, n);
    }
    if (s->command & COMMAND_ROTATE) {
        s->first = (n + 1) % CHANNELS;
    }
    return units;
}

static void dma_run(void *opaque)
{
    I8257State *s = opaque;
    unsigned first = s->first;
    bool again = false;

    for (unsigned i = 0; i < CHANNELS; i++) {
        unsigned n = (first + i) % CHANNELS;
        if (wants_service(s, n) && run_channel(s, n)) {
            again |= wants_service(s, n);
        }
    }
    if (again) {
        bh_schedule(s->bh);
    }
}

static void dma_set_dreq(void *opaque, int channel, int level)
{
    I8257State *s = opaque;
    uint8_t bit = 1 << channel % CHANNELS;

    trace(i8257_dreq, channel, level);
    s->dreq = level ? s->dreq | bit : s->dreq & ~bit;
    if (level) {
        bh_schedule(s->bh);
    }
}

static void dma_register_channel(void *opaque, int channel,
                                 int (*transfer)(void *dev, int channel, int pos, int size),
                                 void *dev)
{
    I8257State *s = opaque;
    DMAChannel *ch = &s->channels[channel % CHANNELS];

    ch->transfer = transfer;
    ch->dev = dev;
}

static bool dma_has_autoinit(void *opaque, int channel)
{
    I8257State *s = opaque;
    return s->channels[channel % CHANNELS].mode & MODE_AUTOINIT;
}

static const IsaDmaOps dma_ops = {
    .set_dreq = dma_set_dreq,
    .register_channel = dma_register_channel,
    .read_memory = dma_read_memory,
    .write_memory = dma_write_memory,
    .has_autoinit = dma_has_autoinit,
};

/* --- registers -------------------------------------------------------------------------------- */

static void master_clear(I8257State *s)
{
    s->command = s->software_request = s->terminal_count = 0;
    s->high_byte = false;
    s->first = 0;
    s->mask = 15;
}

static uint8_t read_address_or_count(I8257State *s, unsigned reg)
{
    const DMAChannel *ch = &s->channels[reg / 2];
    uint16_t val = reg & 1 ? ch->count : ch->address;
    bool high = s->high_byte;

    s->high_byte = !high;
    return high ? val >> 8 : val;
}

static uint16_t with_byte(uint16_t old, bool high, uint8_t val)
{
    return high ? (old & 0xff) | val << 8 : (old & 0xff00) | val;
}

static void write_address_or_count(I8257State *s, unsigned reg, uint8_t val)
{
    DMAChannel *ch = &s->channels[reg / 2];
    uint16_t *base = reg & 1 ? &ch->base_count : &ch->base_address;
    uint16_t *current = reg & 1 ? &ch->count : &ch->address;

    *base = with_byte(*base, s->high_byte, val);
    *current = with_byte(*current, s->high_byte, val);
    s->high_byte = !s->high_byte;
}

static uint8_t read_status(I8257State *s)
{
    uint8_t val = requests(s) << 4 | s->terminal_count;
    s->terminal_count = 0;
    return val;
}

static uint64_t dma_io_read(void *opaque, hwaddr addr, unsigned size)
{
    I8257State *s = opaque;
    unsigned reg = addr >> s->word_shift;
    uint8_t val = 0;

    if (reg < REG_STATUS_COMMAND) {
        val = read_address_or_count(s, reg);
    } else if (reg == REG_STATUS_COMMAND) {
        val = read_status(s);
    } else if (reg == REG_ALL_MASK) {
        val = s->mask;
    }
    trace(i8257_read, first_channel(s), reg, val);
    return val;
}

static uint8_t with_request(uint8_t old, uint8_t val)
{
    uint8_t bit = 1 << (val & MODE_CHANNEL);
    return val & REQUEST_SET ? old | bit : old & ~bit;
}

static void dma_io_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    I8257State *s = opaque;
    unsigned reg = addr >> s->word_shift;
    uint8_t val = data;

    trace(i8257_write, first_channel(s), reg, val);
    switch (reg) {
    case REG_STATUS_COMMAND:
        s->command = val;
        s->first = val & COMMAND_ROTATE ? s->first : 0;
        break;
    case REG_REQUEST:
        s->software_request = with_request(s->software_request, val);
        break;
    case REG_SINGLE_MASK:
        s->mask = with_request(s->mask, val);
        break;
    case REG_MODE:
        s->channels[val & MODE_CHANNEL].mode = val & ~MODE_CHANNEL;
        break;
    case REG_CLEAR_BYTE_POINTER:
        s->high_byte = false;
        break;
    case REG_MASTER_CLEAR:
        master_clear(s);
        break;
    case REG_CLEAR_MASK:
        s->mask = 0;
        break;
    case REG_ALL_MASK:
        s->mask = val & 15;
        break;
    default:
        write_address_or_count(s, reg, val);
        return;
    }
    if (requests(s) & ~s->mask) {
        bh_schedule(s->bh);
    }
}

static uint64_t page_read(void *opaque, hwaddr addr, unsigned size)
{
    I8257State *s = opaque;
    return s->pages[addr + (PAGE_PORTS - memory_region_size(&s->page_io))];
}

static void page_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    I8257State *s = opaque;
    s->pages[addr + (PAGE_PORTS - memory_region_size(&s->page_io))] = val;
}

static const MemoryRegionOps dma_io_ops = {
    .read = dma_io_read,
    .write = dma_io_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

static const MemoryRegionOps page_ops = {
    .read = page_read,
    .write = page_write,
    .impl = { .min_size = 1, .max_size = 1 },
};

/* --- device ------------------------------------------------------------------------ */

static bool dma_realize(DeviceState *dev, Error **errp)
{
    I8257State *s = I8257(dev);
    /* Port 0x80, the first page port of the first controller, is the diagnostic port. */
    unsigned skip = s->page_base & PAGE_PORTS ? 0 : 1;

    if (s->word_shift > 1) {
        error_setg(errp, "i8257: dshift=%u is neither 0 (bytes) nor 1 (words)", s->word_shift);
        return false;
    }
    s->as = &dev->machine->memory_as;
    s->bh = bh_new(dma_run, s);
    memory_region_init_io(&s->io, dev, &dma_io_ops, s, "dma", REGISTERS << s->word_shift);
    isa_register_ioport(dev, &s->io, s->base);
    memory_region_init_io(&s->page_io, dev, &page_ops, s, "dma-page", PAGE_PORTS - skip);
    isa_register_ioport(dev, &s->page_io, s->page_base + skip);
    isa_bus_of(dev)->dma_ops[s->word_shift] = &dma_ops;
    isa_bus_of(dev)->dma_opaque[s->word_shift] = s;
    return true;
}

static void dma_unrealize(DeviceState *dev)
{
    I8257State *s = I8257(dev);

    bh_delete(s->bh);
    memory_region_destroy(&s->io);
    memory_region_destroy(&s->page_io);
}

static void dma_reset(DeviceState *dev)
{
    I8257State *s = I8257(dev);

    master_clear(s);
    bh_cancel(s->bh);
    s->dreq = 0;
    memset(s->pages, 0, sizeof(s->pages));
    for (unsigned n = 0; n < CHANNELS; n++) {
        DMAChannel *ch = &s->channels[n];
        *ch = (DMAChannel){ .transfer = ch->transfer, .dev = ch->dev };
    }
}

static bool dma_post_load(void *opaque, Error **errp)
{
    I8257State *s = opaque;

    s->first %= CHANNELS;
    bh_schedule(s->bh);
    return true;
}

static const VMStateField channel_fields[] = {
    VMSTATE_UINT16(base_address, DMAChannel),
    VMSTATE_UINT16(base_count, DMAChannel),
    VMSTATE_UINT16(address, DMAChannel),
    VMSTATE_UINT16(count, DMAChannel),
    VMSTATE_UINT8(mode, DMAChannel),
    VMSTATE_END
};

static const VMStateDescription vmstate_channel = {
    .name = "i8257-channel", .version = 1, .fields = channel_fields,
};

static const VMStateField dma_fields[] = {
    VMSTATE_STRUCT_ARRAY(channels, I8257State, CHANNELS, vmstate_channel, DMAChannel),
    VMSTATE_UINT8(command, I8257State),
    VMSTATE_UINT8(mask, I8257State),
    VMSTATE_UINT8(dreq, I8257State),
    VMSTATE_UINT8(software_request, I8257State),
    VMSTATE_UINT8(terminal_count, I8257State),
    VMSTATE_UINT8(first, I8257State),
    VMSTATE_BOOL(high_byte, I8257State),
    VMSTATE_UINT8_ARRAY(pages, I8257State, PAGE_PORTS),
    VMSTATE_END
};

static const VMStateDescription vmstate_dma = {
    .name = "i8257", .version = 1, .fields = dma_fields, .post_load = dma_post_load,
};

static const Property dma_props[] = {
    PROP_UINT32("base", I8257State, base, 0x00),
    PROP_UINT32("page-base", I8257State, page_base, 0x80),
    PROP_UINT8("dshift", I8257State, word_shift, 0),
    PROP_END
};

static const DeviceInfo i8257_info = {
    .name = TYPE_I8257, .parent = TYPE_ISA_DEVICE, .instance_size = sizeof(I8257State),
    .desc = "8237A DMA controller", .internal = true, .props = dma_props, .vmsd = &vmstate_dma,
    .realize = dma_realize, .unrealize = dma_unrealize, .reset = dma_reset,
};
DEVICE_TYPE(i8257_info)

bool i8257_create_pair(ISABus *bus, Error **errp)
{
    for (unsigned words = 0; words < 2; words++) {
        DeviceState *dev = qdev_new(TYPE_I8257);
        I8257State *s = I8257(dev);
        s->base = words ? 0xc0 : 0x00;
        s->page_base = words ? 0x88 : 0x80;
        s->word_shift = words;
        if (!isa_realize(dev, bus, errp)) {
            return false;
        }
    }
    return true;
}

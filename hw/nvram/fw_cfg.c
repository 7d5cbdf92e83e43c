/*
 * fw_cfg with its port interface: see fw_cfg.h.
 *
 *     0x510  w   selector: 16 bits, little-endian
 *     0x511  r   data: next byte of the selected item; 0 past its end
 *     0x514  w   DMA address, high half; r: "QEMU"
 *     0x518  w   DMA address, low half, starts the transfer; r: " CFG"
 *
 * The DMA registers are big-endian, as is the descriptor they point to:
 *
 *     +0  control  31..16 key if SELECT | 4 WRITE | 3 SELECT | 2 SKIP | 1 READ | 0 ERROR
 *     +4  length
 *     +8  address
 *
 * The device clears control when done, or leaves ERROR in it.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/nvram/fw_cfg.h"
#include <string.h>
#include <unistd.h>
#include "hw/core/machine.h"
#include "util/trace.h"

TRACE_EVENT(fw_cfg_select, "key 0x%x (%s)");
TRACE_EVENT(fw_cfg_read, "key 0x%x offset 0x%x value 0x%02x");
TRACE_EVENT(fw_cfg_dma, "descriptor 0x%" PRIx64 " control 0x%x length 0x%x address 0x%" PRIx64);
TRACE_EVENT(fw_cfg_add_file, "%s: %zu bytes");

/* FW_CFG_ID. */
enum { FW_CFG_VERSION_TRADITIONAL = 1 << 0, FW_CFG_VERSION_DMA = 1 << 1 };

/* Descriptor control. */
enum {
    FW_CFG_DMA_CTL_ERROR = 1 << 0,
    FW_CFG_DMA_CTL_READ = 1 << 1,
    FW_CFG_DMA_CTL_SKIP = 1 << 2,
    FW_CFG_DMA_CTL_SELECT = 1 << 3,
    FW_CFG_DMA_CTL_WRITE = 1 << 4,
};

static const uint64_t FW_CFG_DMA_SIGNATURE = UINT64_C(0x51454d5520434647); /* "QEMU CFG" */
enum { FW_CFG_INVALID = 0xffff };
enum { FW_CFG_DEFAULT_SLOTS = 0x20, FILE_CHUNK = 64 << 10 };

typedef struct FWCfgEntry {
    uint8_t *data;             /* NULL, and not in_file: there is no such item */
    uint32_t len;
    bool in_file;              /* the first len bytes of fd */
    int fd;
    bool writable;
    GDestroyNotify destroy;
    FWCfgSelectFn *on_select;
    FWCfgWriteFn *on_write;
    void *opaque;
} FWCfgEntry;

/* One entry of FW_CFG_FILE_DIR, after its big-endian count. */
typedef struct FWCfgFile {
    uint32_t size;
    uint16_t select;
    uint16_t reserved;
    char name[FW_CFG_MAX_FILE_NAME];
} FWCfgFile;
G_STATIC_ASSERT(sizeof(FWCfgFile) == 64);

typedef struct FWCfgDir {
    uint32_t count;
    FWCfgFile files[];
} FWCfgDir;

typedef struct FWCfgDma {
    uint32_t control;
    uint32_t length;
    uint64_t address;
} FWCfgDma;

struct FWCfgState {
    DeviceState parent_obj;
    MemoryRegion comb, dma;
    AddressSpace *dma_as;
    FWCfgEntry *generic, *local; /* FW_CFG_FILE_FIRST + file_slots each */
    FWCfgDir *dir;
    uint16_t nfiles;

    uint16_t file_slots;
    bool dma_enabled;

    uint16_t cur_key; /* FW_CFG_INVALID: none */
    uint32_t cur_offset;
    uint64_t dma_addr;
};

/* --- items ------------------------------------------------------------------- */

static unsigned max_entry(const FWCfgState *s)
{
    return FW_CFG_FILE_FIRST + s->file_slots;
}

static FWCfgEntry *entry_of(FWCfgState *s, uint16_t key)
{
    unsigned index = key & ~(FW_CFG_ARCH_LOCAL | FW_CFG_WRITE_CHANNEL);

    if (key == FW_CFG_INVALID || index >= max_entry(s)) {
        return NULL;
    }
    return key & FW_CFG_ARCH_LOCAL ? &s->local[index] : &s->generic[index];
}

static void entry_clear(FWCfgEntry *e)
{
    if (e->destroy) {
        e->destroy(e->data);
    }
    if (e->in_file) {
        close(e->fd);
    }
    *e = (FWCfgEntry){ 0 };
}

/* The selected item, or NULL if there is nothing to read at the present offset. */
static FWCfgEntry *current_entry(FWCfgState *s)
{
    FWCfgEntry *e = entry_of(s, s->cur_key);
    return e && (e->data || e->in_file) && s->cur_offset < e->len ? e : NULL;
}

/* len bytes of the item, all of them in it. False if the file has become shorter or unreadable. */
static bool read_entry(const FWCfgEntry *e, uint32_t offset, uint8_t *to, uint32_t len)
{
    if (!e->in_file) {
        memcpy(to, e->data + offset, len);
        return true;
    }
    for (uint32_t done = 0; done < len;) {
        ssize_t n = pread(e->fd, to + done, len - done, (off_t)offset + done);

        if (n <= 0) {
            return false;
        }
        done += n;
    }
    return true;
}

static const char *key_name(uint16_t key)
{
    static const char *const names[] = {
        [FW_CFG_SIGNATURE] = "signature", [FW_CFG_ID] = "id", [FW_CFG_UUID] = "uuid",
        [FW_CFG_RAM_SIZE] = "ram_size", [FW_CFG_NOGRAPHIC] = "nographic",
        [FW_CFG_NB_CPUS] = "nb_cpus", [FW_CFG_MACHINE_ID] = "machine_id",
        [FW_CFG_KERNEL_ADDR] = "kernel_addr", [FW_CFG_KERNEL_SIZE] = "kernel_size",
        [FW_CFG_KERNEL_CMDLINE] = "kernel_cmdline", [FW_CFG_INITRD_ADDR] = "initrd_addr",
        [FW_CFG_INITRD_SIZE] = "initrd_size", [FW_CFG_BOOT_DEVICE] = "boot_device",
        [FW_CFG_NUMA] = "numa", [FW_CFG_BOOT_MENU] = "boot_menu", [FW_CFG_MAX_CPUS] = "max_cpus",
        [FW_CFG_KERNEL_ENTRY] = "kernel_entry", [FW_CFG_KERNEL_DATA] = "kernel_data",
        [FW_CFG_INITRD_DATA] = "initrd_data", [FW_CFG_CMDLINE_ADDR] = "cmdline_addr",
        [FW_CFG_CMDLINE_SIZE] = "cmdline_size", [FW_CFG_CMDLINE_DATA] = "cmdline_data",
        [FW_CFG_SETUP_ADDR] = "setup_addr", [FW_CFG_SETUP_SIZE] = "setup_size",
        [FW_CFG_SETUP_DATA] = "setup_data", [FW_CFG_FILE_DIR] = "file_dir",
    };
    static const char *const local_names[] = {
        "acpi_tables", "smbios_entries", "irq0_override", "e820_table", "hpet",
    };
    unsigned index = key & ~(FW_CFG_ARCH_LOCAL | FW_CFG_WRITE_CHANNEL);

    if (key & FW_CFG_ARCH_LOCAL) {
        return index < G_N_ELEMENTS(local_names) ? local_names[index] : NULL;
    }
    return index < G_N_ELEMENTS(names) ? names[index] : NULL;
}

static const char *entry_name(const FWCfgState *s, uint16_t key)
{
    unsigned index = key & ~FW_CFG_WRITE_CHANNEL;
    const char *name;

    if (index >= FW_CFG_FILE_FIRST && index - FW_CFG_FILE_FIRST < s->nfiles) {
        return s->dir->files[index - FW_CFG_FILE_FIRST].name;
    }
    name = key_name(key);
    return name ? name : "unknown";
}

void fw_cfg_take_bytes(FWCfgState *s, uint16_t key, void *data, size_t len,
                       GDestroyNotify destroy)
{
    FWCfgEntry *e = entry_of(s, key);

    g_assert(e && len <= UINT32_MAX);
    entry_clear(e);
    e->data = data;
    e->len = len;
    e->destroy = destroy;
}

void fw_cfg_take_file(FWCfgState *s, uint16_t key, int fd, size_t len)
{
    FWCfgEntry *e = entry_of(s, key);

    g_assert(e && len <= UINT32_MAX);
    entry_clear(e);
    *e = (FWCfgEntry){ .len = len, .in_file = true, .fd = fd };
}

void fw_cfg_add_bytes(FWCfgState *s, uint16_t key, const void *data, size_t len)
{
    /* One byte more, so that an item of no bytes still exists. */
    uint8_t *copy = g_malloc(len + 1);

    if (len) {
        memcpy(copy, data, len);
    }
    fw_cfg_take_bytes(s, key, copy, len, g_free);
}

void fw_cfg_add_string(FWCfgState *s, uint16_t key, const char *text)
{
    fw_cfg_add_bytes(s, key, text, strlen(text) + 1);
}

void fw_cfg_add_i16(FWCfgState *s, uint16_t key, uint16_t value)
{
    uint16_t le = GUINT16_TO_LE(value);
    fw_cfg_add_bytes(s, key, &le, sizeof(le));
}

void fw_cfg_add_i32(FWCfgState *s, uint16_t key, uint32_t value)
{
    uint32_t le = GUINT32_TO_LE(value);
    fw_cfg_add_bytes(s, key, &le, sizeof(le));
}

void fw_cfg_add_i64(FWCfgState *s, uint16_t key, uint64_t value)
{
    uint64_t le = GUINT64_TO_LE(value);
    fw_cfg_add_bytes(s, key, &le, sizeof(le));
}

/* --- files ------------------------------------------------------------------- */

/* Where name is (*found) or belongs in the sorted directory. */
static unsigned find_file(const FWCfgState *s, const char *name, bool *found)
{
    unsigned i = 0;
    int order = 1;

    while (i < s->nfiles && (order = strcmp(s->dir->files[i].name, name)) < 0) {
        i++;
    }
    *found = i < s->nfiles && order == 0;
    return i;
}

bool fw_cfg_file_exists(const FWCfgState *s, const char *name)
{
    bool found;
    find_file(s, name, &found);
    return found;
}

static bool check_new_file(const FWCfgState *s, const char *name, size_t len, Error **errp)
{
    if (!*name || strlen(name) >= FW_CFG_MAX_FILE_NAME) {
        error_setg(errp, "fw_cfg file name '%s' must have 1 to %d characters", name,
                   FW_CFG_MAX_FILE_NAME - 1);
    } else if (len > UINT32_MAX) {
        error_setg(errp, "fw_cfg file '%s' has %zu bytes; the most is %u", name, len, UINT32_MAX);
    } else if (fw_cfg_file_exists(s, name)) {
        error_setg(errp, "there is already a fw_cfg file '%s'", name);
    } else if (s->nfiles == s->file_slots) {
        error_setg(errp, "no room for fw_cfg file '%s': all %u slots are used; raise them with "
                   "-global fw_cfg_io.x-file-slots=N", name, s->file_slots);
    } else {
        return true;
    }
    return false;
}

/* A file's key is its place in the sorted directory, so later ones move up. */
static FWCfgEntry *insert_file(FWCfgState *s, const char *name)
{
    bool found;
    unsigned at = find_file(s, name, &found), tail = s->nfiles - at;
    FWCfgEntry *e = &s->generic[FW_CFG_FILE_FIRST + at];
    FWCfgFile *file = &s->dir->files[at];

    memmove(e + 1, e, tail * sizeof(*e));
    memmove(file + 1, file, tail * sizeof(*file));
    *e = (FWCfgEntry){ 0 };
    *file = (FWCfgFile){ 0 };
    g_strlcpy(file->name, name, sizeof(file->name));
    s->nfiles++;
    s->dir->count = GUINT32_TO_BE(s->nfiles);
    for (unsigned i = at; i < s->nfiles; i++) {
        s->dir->files[i].select = GUINT16_TO_BE(FW_CFG_FILE_FIRST + i);
    }
    return e;
}

static void set_file_bytes(FWCfgState *s, const char *name, void *data, size_t len,
                           GDestroyNotify destroy)
{
    bool found;
    unsigned at = find_file(s, name, &found);

    fw_cfg_take_bytes(s, FW_CFG_FILE_FIRST + at, data, len, destroy);
    s->dir->files[at].size = GUINT32_TO_BE(len);
    trace(fw_cfg_add_file, name, len);
}

bool fw_cfg_add_file_callback(FWCfgState *s, const char *name, FWCfgSelectFn *on_select,
                              FWCfgWriteFn *on_write, void *opaque, void *data, size_t len,
                              bool readonly, Error **errp)
{
    FWCfgEntry *e;

    if (!check_new_file(s, name, len, errp)) {
        return false;
    }
    e = insert_file(s, name);
    set_file_bytes(s, name, data, len, NULL);
    e->on_select = on_select;
    e->on_write = on_write;
    e->opaque = opaque;
    e->writable = !readonly;
    return true;
}

bool fw_cfg_add_file(FWCfgState *s, const char *name, const void *data, size_t len,
                     Error **errp)
{
    if (!check_new_file(s, name, len, errp)) {
        return false;
    }
    insert_file(s, name);
    return fw_cfg_modify_file(s, name, data, len, errp);
}

bool fw_cfg_modify_file(FWCfgState *s, const char *name, const void *data, size_t len,
                        Error **errp)
{
    uint8_t *copy;

    if (!fw_cfg_file_exists(s, name)) {
        return fw_cfg_add_file(s, name, data, len, errp);
    }
    copy = g_malloc(len + 1);
    if (len) {
        memcpy(copy, data, len);
    }
    set_file_bytes(s, name, copy, len, g_free);
    return true;
}

bool fw_cfg_add_option(FWCfgState *s, OptDict *opts, Error **errp)
{
    const char *name = optdict_get(opts, "name");
    const char *path = optdict_get(opts, "file");
    const char *string = optdict_get(opts, "string");
    g_autofree char *contents = NULL;
    g_autoptr(GError) gerr = NULL;
    size_t len;

    if (!optdict_check_all_used(opts, errp)) {
        return false;
    }
    if (!name || !path == !string) {
        error_setg(errp, "-fw_cfg needs name=NAME and one of file=PATH and string=TEXT");
        return false;
    }
    if (!g_str_has_prefix(name, "opt/")) {
        warn_report("-fw_cfg name=%s: names that are not the firmware's own should begin with "
                    "\"opt/\"", name);
    }
    if (string) {
        return fw_cfg_add_file(s, name, string, strlen(string), errp);
    }
    if (!g_file_get_contents(path, &contents, &len, &gerr)) {
        error_setg(errp, "-fw_cfg file=%s: %s", path, gerr->message);
        return false;
    }
    return fw_cfg_add_file(s, name, contents, len, errp);
}

/* --- guest side -------------------------------------------------------------- */

static void fw_cfg_select(FWCfgState *s, uint16_t key)
{
    FWCfgEntry *e = entry_of(s, key);

    trace(fw_cfg_select, key, entry_name(s, key));
    s->cur_offset = 0;
    s->cur_key = e ? key : FW_CFG_INVALID;
    if (e && e->on_select) {
        e->on_select(e->opaque);
    }
}

/* Selector and data share ports, told apart by the width of the access. */
static MemTxResult comb_read(void *opaque, hwaddr addr, uint64_t *val, unsigned size,
                             MemTxAttrs attrs)
{
    FWCfgState *s = opaque;
    FWCfgEntry *e = current_entry(s);
    uint8_t byte = 0;

    if (size != 1) {
        return MEMTX_ERROR;
    }
    if (e && !read_entry(e, s->cur_offset++, &byte, 1)) {
        byte = 0;
    }
    *val = byte;
    trace(fw_cfg_read, s->cur_key, s->cur_offset, (unsigned)*val);
    return MEMTX_OK;
}

static MemTxResult comb_write(void *opaque, hwaddr addr, uint64_t val, unsigned size,
                              MemTxAttrs attrs)
{
    if (size == 2) {
        fw_cfg_select(opaque, val);
    }
    return MEMTX_OK; /* writing items through the data port was withdrawn: ignored */
}

static const MemoryRegionOps comb_ops = {
    .read_with_attrs = comb_read,
    .write_with_attrs = comb_write,
    .valid = { .min_size = 1, .max_size = 2, .unaligned = true },
    .impl = { .min_size = 1, .max_size = 2, .unaligned = true },
};

/* len bytes of the item, all of them in it, to the guest's memory. */
static MemTxResult dma_copy(const FWCfgState *s, const FWCfgEntry *e, hwaddr addr, uint32_t len)
{
    if (!e->in_file) {
        return address_space_write(s->dma_as, addr, MEMTXATTRS_NONE, e->data + s->cur_offset, len);
    }
    g_autofree uint8_t *chunk = g_malloc(FILE_CHUNK);
    MemTxResult r = MEMTX_OK;

    for (uint32_t done = 0, n; done < len && r == MEMTX_OK; done += n) {
        n = MIN(len - done, FILE_CHUNK);
        r = !read_entry(e, s->cur_offset + done, chunk, n) ? MEMTX_ERROR
            : address_space_write(s->dma_as, addr + done, MEMTXATTRS_NONE, chunk, n);
    }
    return r;
}

static bool dma_read_item(FWCfgState *s, hwaddr addr, uint32_t len)
{
    FWCfgEntry *e = current_entry(s);
    uint32_t have = e ? MIN(len, e->len - s->cur_offset) : 0;
    MemTxResult r = MEMTX_OK;

    if (have) {
        r = dma_copy(s, e, addr, have);
        s->cur_offset += have;
    }
    if (r == MEMTX_OK && have < len) {
        r = address_space_set(s->dma_as, addr + have, 0, len - have);
    }
    return r == MEMTX_OK;
}

static bool dma_write_item(FWCfgState *s, hwaddr addr, uint32_t len)
{
    FWCfgEntry *e = current_entry(s);
    uint32_t start = s->cur_offset;

    if (!len) {
        return true;
    }
    if (!e || !e->writable || len > e->len - start ||
        address_space_read(s->dma_as, addr, MEMTXATTRS_NONE, e->data + start, len) != MEMTX_OK) {
        return false;
    }
    s->cur_offset += len;
    if (e->on_write) {
        e->on_write(e->opaque, start, len);
    }
    return true;
}

static void dma_skip(FWCfgState *s, uint32_t len)
{
    FWCfgEntry *e = current_entry(s);
    if (e) {
        s->cur_offset += MIN(len, e->len - s->cur_offset);
    }
}

static bool dma_run(FWCfgState *s, const FWCfgDma *dma)
{
    if (dma->control & FW_CFG_DMA_CTL_SELECT) {
        fw_cfg_select(s, dma->control >> 16);
    }
    if (dma->control & FW_CFG_DMA_CTL_READ) {
        return dma_read_item(s, dma->address, dma->length);
    }
    if (dma->control & FW_CFG_DMA_CTL_WRITE) {
        return dma_write_item(s, dma->address, dma->length);
    }
    if (dma->control & FW_CFG_DMA_CTL_SKIP) {
        dma_skip(s, dma->length);
    }
    return true;
}

static void dma_transfer(FWCfgState *s)
{
    hwaddr at = s->dma_addr;
    FWCfgDma dma = { 0 };
    uint32_t control = FW_CFG_DMA_CTL_ERROR;

    s->dma_addr = 0;
    if (address_space_read(s->dma_as, at, MEMTXATTRS_NONE, &dma, sizeof(dma)) == MEMTX_OK) {
        dma.control = GUINT32_FROM_BE(dma.control);
        dma.length = GUINT32_FROM_BE(dma.length);
        dma.address = GUINT64_FROM_BE(dma.address);
        trace(fw_cfg_dma, at, dma.control, dma.length, dma.address);
        control = dma_run(s, &dma) ? 0 : FW_CFG_DMA_CTL_ERROR;
    }
    control = GUINT32_TO_BE(control);
    address_space_write(s->dma_as, at, MEMTXATTRS_NONE, &control, sizeof(control));
}

static uint64_t dma_reg_read(void *opaque, hwaddr addr, unsigned size)
{
    uint64_t low = FW_CFG_DMA_SIGNATURE >> ((8 - addr - size) * 8);
    return size == 8 ? low : low & ((UINT64_C(1) << (size * 8)) - 1);
}

static void dma_reg_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    FWCfgState *s = opaque;

    if (size == 4 && addr == 0) {
        s->dma_addr = val << 32;
    } else if (size == 4 && addr == 4) {
        s->dma_addr |= val;
        dma_transfer(s);
    } else if (size == 8) {
        s->dma_addr = val;
        dma_transfer(s);
    }
}

static const MemoryRegionOps dma_ops = {
    .read = dma_reg_read,
    .write = dma_reg_write,
    .endianness = MEMORY_BIG_ENDIAN,
    .valid = { .min_size = 1, .max_size = 8 },
    .impl = { .min_size = 1, .max_size = 8 },
};

/* --- device ------------------------------------------------------------------ */

static void fw_cfg_reset(DeviceState *dev)
{
    FWCfgState *s = FW_CFG(dev);

    s->dma_addr = 0;
    fw_cfg_select(s, FW_CFG_SIGNATURE);
}

static bool fw_cfg_realize(DeviceState *dev, Error **errp)
{
    FWCfgState *s = FW_CFG(dev);
    size_t dir_size;

    if (s->file_slots < FW_CFG_DEFAULT_SLOTS / 2 ||
        s->file_slots > FW_CFG_WRITE_CHANNEL - FW_CFG_FILE_FIRST) {
        error_setg(errp, "fw_cfg_io.x-file-slots=%u is out of range; 16 to %d work",
                   s->file_slots, FW_CFG_WRITE_CHANNEL - FW_CFG_FILE_FIRST);
        return false;
    }
    s->generic = g_new0(FWCfgEntry, max_entry(s));
    s->local = g_new0(FWCfgEntry, max_entry(s));
    dir_size = sizeof(FWCfgDir) + s->file_slots * sizeof(FWCfgFile);
    s->dir = g_malloc0(dir_size);
    fw_cfg_take_bytes(s, FW_CFG_FILE_DIR, s->dir, dir_size, NULL);
    fw_cfg_add_bytes(s, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_i32(s, FW_CFG_ID, FW_CFG_VERSION_TRADITIONAL |
                                 (s->dma_enabled ? FW_CFG_VERSION_DMA : 0));
    memory_region_init_io(&s->comb, s, &comb_ops, s, "fwcfg", 2);
    memory_region_init_io(&s->dma, s, &dma_ops, s, "fwcfg.dma", 8);
    return true;
}

static void fw_cfg_unrealize(DeviceState *dev)
{
    FWCfgState *s = FW_CFG(dev);

    memory_region_destroy(&s->comb);
    memory_region_destroy(&s->dma);
    for (unsigned i = 0; i < max_entry(s); i++) {
        entry_clear(&s->generic[i]);
        entry_clear(&s->local[i]);
    }
    g_clear_pointer(&s->generic, g_free);
    g_clear_pointer(&s->local, g_free);
    g_clear_pointer(&s->dir, g_free);
}

static const VMStateField fw_cfg_fields[] = {
    VMSTATE_UINT16(cur_key, FWCfgState),
    VMSTATE_UINT32(cur_offset, FWCfgState),
    VMSTATE_UINT64(dma_addr, FWCfgState),
    VMSTATE_END
};

static const VMStateDescription vmstate_fw_cfg = {
    .name = "fw_cfg", .version = 1, .fields = fw_cfg_fields,
};

static const Property fw_cfg_props[] = {
    PROP_BOOL("dma_enabled", FWCfgState, dma_enabled, true),
    PROP_UINT16("x-file-slots", FWCfgState, file_slots, FW_CFG_DEFAULT_SLOTS),
    PROP_END
};

static const DeviceInfo fw_cfg_info = {
    .name = TYPE_FW_CFG_IO,
    .instance_size = sizeof(FWCfgState),
    .desc = "firmware configuration",
    .vmsd = &vmstate_fw_cfg,
    .props = fw_cfg_props,
    .internal = true,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset,
};
DEVICE_TYPE(fw_cfg_info)

FWCfgState *fw_cfg_init_io(MachineState *machine, MemoryRegion *io, AddressSpace *dma_as,
                           Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_FW_CFG_IO);
    FWCfgState *s = FW_CFG(dev);

    s->dma_as = dma_as;
    object_property_add_child(OBJECT(machine), "fw_cfg", OBJECT(dev));
    if (!qdev_realize_and_unref(dev, NULL, machine, errp)) {
        object_unparent(dev);
        return NULL;
    }
    memory_region_add_subregion(io, FW_CFG_IO_BASE, &s->comb);
    if (s->dma_enabled) {
        memory_region_add_subregion(io, FW_CFG_DMA_IO_BASE, &s->dma);
    }
    return s;
}

FWCfgState *fw_cfg_find(MachineState *machine)
{
    Object *obj = object_resolve_path_from(OBJECT(machine), "/fw_cfg", NULL);
    return obj ? FW_CFG(obj) : NULL;
}

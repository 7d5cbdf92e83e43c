/*
 * The IDE bus and the drives that plug into it, as devices: "ide-hd",
 * "ide-cd"; properties, state description, attachment of -drive if=ide.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/core/machine.h"
#include "hw/ide/ide-int.h"

/* --- bus ------------------------------------------------------------------ */

static bool check_address(BusState *qbus, DeviceState *dev, Error **errp)
{
    IDEBus *bus = IDE_BUS(qbus);
    IDEDevice *d = IDE_DEVICE(dev);

    if (d->unit == UINT32_MAX) {
        d->unit = bus->drives[0] && !bus->drives[1];
    }
    if (d->unit > 1) {
        error_setg(errp, "Can't create IDE unit %u, bus '%s' takes units 0 and 1", d->unit,
                   qbus->name);
        return false;
    }
    if (bus->drives[d->unit]) {
        error_setg(errp, "IDE unit %u is in use on bus '%s'; give another unit= or bus=", d->unit,
                   qbus->name);
        return false;
    }
    return true;
}

static void ide_bus_class_init(ObjectClass *klass, const void *data)
{
    BUS_CLASS(klass)->check_address = check_address;
}

static const TypeInfo ide_bus_type = {
    .name = TYPE_IDE_BUS, .parent = TYPE_BUS, .instance_size = sizeof(IDEBus),
    .class_init = ide_bus_class_init,
};

static void ide_bus_register(void)
{
    type_register_static(&ide_bus_type);
}
type_init(ide_bus_register)

void ide_bus_init(IDEBus *bus, size_t size, DeviceState *controller, unsigned index)
{
    g_autofree char *name = g_strdup_printf("ide.%u", index);

    bus_init(bus, size, TYPE_IDE_BUS, controller, name);
    bus->index = index;
    bus->parent_obj.max_dev = 2;
}

static const VMStateField ide_bus_fields[] = {
    VMSTATE_UINT8(selected, IDEBus),
    VMSTATE_UINT8(control, IDEBus),
    VMSTATE_END
};

static bool ide_bus_post_load(void *opaque, Error **errp)
{
    IDEBus *bus = opaque;

    if (bus->selected > 1) {
        error_setg(errp, "%s: the saved state selects drive %u", bus->parent_obj.name,
                   bus->selected);
        return false;
    }
    return true;
}

const VMStateDescription vmstate_ide_bus = {
    .name = "ide_bus", .version = 1, .fields = ide_bus_fields, .post_load = ide_bus_post_load,
};

/* --- realize -------------------------------------------------------------- */

static void default_text(char **text, char *value)
{
    if (*text) {
        g_free(value);
    } else {
        *text = value;
    }
}

static void set_names(IDEDevice *d)
{
    const DriveInfo *info = block_drive_of(DEVICE(d)->machine->drives, ide_blk(d));

    if (!d->serial && info && info->serial) {
        d->serial = g_strdup(info->serial);
    }
    default_text(&d->serial, g_strdup_printf("QM%05u", ide_bus_of(d)->index * 2 + d->unit + 1));
    default_text(&d->version, g_strdup("2.5+"));
    default_text(&d->model, g_strdup(d->is_cd ? "QEMU DVD-ROM" : "QEMU HARDDISK"));
}

static bool check_texts(const IDEDevice *d, Error **errp)
{
    if ((d->serial && strlen(d->serial) > 20) || (d->version && strlen(d->version) > 8)
        || (d->model && strlen(d->model) > 40)) {
        error_setg(errp, "%s: serial= takes 20 characters, ver= 8, model= 40",
                   object_get_typename(d));
        return false;
    }
    return true;
}

static bool check_disk(const IDEDevice *d, Error **errp)
{
    const char *type = object_get_typename(d);
    uint32_t pbs = d->physical_block_size;

    if (!blk_is_inserted(ide_blk(d))) {
        error_setg(errp, "%s: a hard disk needs a medium, but drive '%s' is empty; give it file=",
                   type, d->drive.id ? d->drive.id : "");
        return false;
    }
    if (!blk_is_writable(ide_blk(d))) {
        error_setg(errp, "%s: a hard disk cannot be read-only; use readonly=off, snapshot=on or "
                   "an ide-cd", type);
        return false;
    }
    if (pbs < SECTOR_SIZE || pbs > 32768 || (pbs & (pbs - 1))) {
        error_setg(errp, "%s: physical_block_size=%u must be a power of two from 512 to 32768",
                   type, pbs);
        return false;
    }
    return true;
}

static void plug(IDEDevice *d)
{
    set_names(d);
    ide_bus_of(d)->drives[d->unit] = d;
    ide_device_reset(d);
}

static void ide_reset(DeviceState *dev)
{
    ide_device_reset(IDE_DEVICE(dev));
}

static bool ide_hd_realize(DeviceState *dev, Error **errp)
{
    static const BlockDevOps no_change = { NULL };
    IDEDevice *d = IDE_DEVICE(dev);

    if (!d->drive.id) {
        error_setg(errp, "%s: drive= is missing; give the id of a -drive if=none",
                   object_get_typename(d));
        return false;
    }
    if (!check_texts(d, errp) || !qdev_drive_take(dev, &d->drive, &no_change, errp)) {
        return false;
    }
    d->native_sectors = blk_getlength(ide_blk(d)) / SECTOR_SIZE;
    if (!check_disk(d, errp) || !ide_guess_geometry(d, errp)) {
        qdev_drive_release(dev, &d->drive);
        return false;
    }
    plug(d);
    return true;
}

static bool ide_cd_realize(DeviceState *dev, Error **errp)
{
    IDEDevice *d = IDE_DEVICE(dev);

    d->is_cd = true;
    if (!check_texts(d, errp) || !qdev_drive_take(dev, &d->drive, &atapi_dev_ops, errp)) {
        return false;
    }
    plug(d);
    return true;
}

static void ide_unrealize(DeviceState *dev)
{
    IDEDevice *d = IDE_DEVICE(dev);

    ide_device_reset(d);
    ide_bus_of(d)->drives[d->unit] = NULL;
    qdev_drive_release(dev, &d->drive);
}

/* --- state ---------------------------------------------------------------- */

/* A request under way is finished first, so that the registers are what the guest would see. */
static void ide_pre_save(void *opaque)
{
    IDEDevice *d = opaque;
    blk_drain(ide_blk(d));
}

static bool disk_state_valid(const IDEDevice *d)
{
    bool moving = d->pio == PIO_READ || d->pio == PIO_WRITE || d->dma == DMA_READ
               || d->dma == DMA_WRITE;

    return d->cur_heads && d->cur_secs && d->multiple <= MAX_MULTIPLE
        && d->max_sectors <= d->native_sectors && d->block_sectors <= MAX_MULTIPLE
        && d->step_sectors <= IDE_BUFFER_SIZE / SECTOR_SIZE
        && (!moving || (d->lba <= d->max_sectors && d->remaining <= d->max_sectors - d->lba));
}

static bool atapi_state_valid(const AtapiState *a)
{
    return a->buf_pos <= a->buf_end && a->buf_end <= IDE_BUFFER_SIZE
        && (a->sector_size == CD_SECTOR_SIZE || a->sector_size == CD_RAW_SIZE)
        && a->left == a->buf_end - a->buf_pos + (uint64_t)a->sectors * a->sector_size;
}

static bool ide_post_load(void *opaque, Error **errp)
{
    IDEDevice *d = opaque;

    if (d->pio >= PIO_COUNT || d->dma >= DMA_COUNT || d->data_pos > d->data_end
        || d->data_end > IDE_BUFFER_SIZE || d->trim_pos > d->trim_end
        || d->trim_end > IDE_BUFFER_SIZE
        || !(d->is_cd ? atapi_state_valid(&d->atapi) : disk_state_valid(d))) {
        error_setg(errp, "the saved state of unit %u of %s is inconsistent", d->unit,
                   ide_bus_of(d)->parent_obj.name);
        return false;
    }
    return true;
}

static const VMStateField ide_reg_fields[] = {
    VMSTATE_UINT8(cur, IDEReg),
    VMSTATE_UINT8(prev, IDEReg),
    VMSTATE_END
};

static const VMStateDescription vmstate_ide_reg = {
    .name = "ide_reg", .version = 1, .fields = ide_reg_fields,
};

static const VMStateField ide_fields[] = {
    VMSTATE_STRUCT(feature, IDEDevice, vmstate_ide_reg, IDEReg),
    VMSTATE_STRUCT(count, IDEDevice, vmstate_ide_reg, IDEReg),
    VMSTATE_STRUCT(lba_low, IDEDevice, vmstate_ide_reg, IDEReg),
    VMSTATE_STRUCT(lba_mid, IDEDevice, vmstate_ide_reg, IDEReg),
    VMSTATE_STRUCT(lba_high, IDEDevice, vmstate_ide_reg, IDEReg),
    VMSTATE_UINT8(device, IDEDevice),
    VMSTATE_UINT8(status, IDEDevice),
    VMSTATE_UINT8(error, IDEDevice),
    VMSTATE_BOOL(irq_pending, IDEDevice),
    VMSTATE_UINT8(cur_heads, IDEDevice),
    VMSTATE_UINT8(cur_secs, IDEDevice),
    VMSTATE_UINT8(multiple, IDEDevice),
    VMSTATE_UINT8(transfer_mode, IDEDevice),
    VMSTATE_UINT8(power_mode, IDEDevice),
    VMSTATE_BOOL(write_cache, IDEDevice),
    VMSTATE_BOOL(read_ahead, IDEDevice),
    VMSTATE_BOOL(smart_enabled, IDEDevice),
    VMSTATE_BOOL(after_native_max, IDEDevice),
    VMSTATE_UINT64(max_sectors, IDEDevice),
    VMSTATE_UINT8(command, IDEDevice),
    VMSTATE_BOOL(ext, IDEDevice),
    VMSTATE_UINT64(lba, IDEDevice),
    VMSTATE_UINT32(remaining, IDEDevice),
    VMSTATE_UINT32(block_sectors, IDEDevice),
    VMSTATE_UINT32(step_sectors, IDEDevice),
    VMSTATE_BOOL(list_ended, IDEDevice),
    VMSTATE_UINT32(trim_pos, IDEDevice),
    VMSTATE_UINT32(trim_end, IDEDevice),
    VMSTATE_UINT8(pio, IDEDevice),
    VMSTATE_UINT8(dma, IDEDevice),
    VMSTATE_UINT32(data_pos, IDEDevice),
    VMSTATE_UINT32(data_end, IDEDevice),
    VMSTATE_STRUCT(atapi, IDEDevice, vmstate_atapi, AtapiState),
    VMSTATE_BYTES(buf, IDEDevice, IDE_BUFFER_SIZE),
    VMSTATE_END
};

static const VMStateDescription vmstate_ide_drive = {
    .name = "ide_drive", .version = 1, .fields = ide_fields, .pre_save = ide_pre_save,
    .post_load = ide_post_load,
};

/* --- types ---------------------------------------------------------------- */

static void ide_device_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->bus_type = TYPE_IDE_BUS;
}

static const DeviceInfo ide_device_info = {
    .name = TYPE_IDE_DEVICE, .abstract = true, .instance_size = sizeof(IDEDevice),
    .desc = "IDE drive", .class_init = ide_device_class_init,
};
DEVICE_TYPE(ide_device_info)

#define IDE_COMMON_PROPS                                                       \
    PROP_DRIVE("drive", IDEDevice, drive),                                     \
    PROP_UINT32("unit", IDEDevice, unit, UINT32_MAX),                          \
    PROP_STRING("serial", IDEDevice, serial),                                  \
    PROP_STRING("ver", IDEDevice, version),                                    \
    PROP_STRING("model", IDEDevice, model),                                    \
    PROP_UINT64("wwn", IDEDevice, wwn, 0),                                     \
    PROP_INT32("bootindex", IDEDevice, bootindex, -1)

static const Property ide_hd_props[] = {
    IDE_COMMON_PROPS,
    PROP_UINT32("cyls", IDEDevice, cyls, 0),
    PROP_UINT32("heads", IDEDevice, heads, 0),
    PROP_UINT32("secs", IDEDevice, secs, 0),
    PROP_UINT16("rotation_rate", IDEDevice, rotation_rate, 0),
    PROP_UINT32("physical_block_size", IDEDevice, physical_block_size, SECTOR_SIZE),
    PROP_END
};

static const Property ide_cd_props[] = { IDE_COMMON_PROPS, PROP_END };

static const DeviceInfo ide_hd_info = {
    .name = "ide-hd", .parent = TYPE_IDE_DEVICE, .instance_size = sizeof(IDEDevice),
    .desc = "virtual IDE disk", .realize = ide_hd_realize, .unrealize = ide_unrealize,
    .reset = ide_reset,
    .props = ide_hd_props, .vmsd = &vmstate_ide_drive,
};
DEVICE_TYPE(ide_hd_info)

static const DeviceInfo ide_cd_info = {
    .name = "ide-cd", .parent = TYPE_IDE_DEVICE, .instance_size = sizeof(IDEDevice),
    .desc = "virtual IDE CD-ROM", .realize = ide_cd_realize, .unrealize = ide_unrealize,
    .reset = ide_reset,
    .props = ide_cd_props, .vmsd = &vmstate_ide_drive,
};
DEVICE_TYPE(ide_cd_info)

/* --- boards --------------------------------------------------------------- */

static bool attach_drive(IDEBus *bus, unsigned unit, const char *type, const char *drive_id,
                         Error **errp)
{
    MachineState *machine = bus->parent_obj.parent->machine;
    DeviceState *dev = qdev_new(type);

    if (!object_property_set_uint(OBJECT(dev), "unit", unit, errp)
        || !object_property_set_str(OBJECT(dev), "drive", drive_id, errp)) {
        object_unref(dev);
        return false;
    }
    return qdev_realize_and_unref(dev, BUS(bus), machine, errp);
}

/* An empty CD drive that can be filled later, under the id that monitors expect. */
static bool add_default_cd(BlockRegistry *drives, Error **errp)
{
    g_autoptr(OptDict) opts = optdict_parse("-drive", "if=ide,index=2,media=cdrom", NULL, errp);
    return block_drive_add(drives, opts, errp);
}

bool ide_attach_channels(IDEBus *const channels[2], BlockRegistry *drives, bool defaults,
                         Error **errp)
{
    if (defaults && !block_drive_get(drives, DRIVE_IF_IDE, 1, 0)
        && !add_default_cd(drives, errp)) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const DriveInfo *info = block_drive_get(drives, DRIVE_IF_IDE, i / 2, i % 2);
        if (info && !attach_drive(channels[i / 2], i % 2, info->is_cdrom ? "ide-cd" : "ide-hd",
                                  info->id, errp)) {
            return false;
        }
    }
    return true;
}

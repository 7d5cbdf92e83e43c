/*
 * Floppy drives and their media: the "floppy" device, its bus, and what the
 * size of an image says about its geometry.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/block/fdc-int.h"
#include "util/trace.h"

TRACE_EVENT(floppy_medium, "unit %u loaded %d: %u heads, %u cylinders, %u sectors");

/* The first row of a drive's type is its standard format. */
static const FloppyFormat formats[] = {
    { FLOPPY_144, 18, 80, 2, RATE_500K },
    { FLOPPY_144, 20, 80, 2, RATE_500K },
    { FLOPPY_144, 21, 80, 2, RATE_500K },
    { FLOPPY_144, 21, 82, 2, RATE_500K },
    { FLOPPY_144, 21, 83, 2, RATE_500K },
    { FLOPPY_144, 22, 80, 2, RATE_500K },
    { FLOPPY_144, 23, 80, 2, RATE_500K },
    { FLOPPY_144, 24, 80, 2, RATE_500K },
    { FLOPPY_288, 36, 80, 2, RATE_1M },
    { FLOPPY_288, 39, 80, 2, RATE_1M },
    { FLOPPY_288, 40, 80, 2, RATE_1M },
    { FLOPPY_288, 44, 80, 2, RATE_1M },
    { FLOPPY_288, 48, 80, 2, RATE_1M },
    { FLOPPY_720, 9, 80, 2, RATE_250K },
    { FLOPPY_144, 9, 80, 2, RATE_250K },
    { FLOPPY_144, 10, 80, 2, RATE_250K },
    { FLOPPY_144, 10, 82, 2, RATE_250K },
    { FLOPPY_144, 10, 83, 2, RATE_250K },
    { FLOPPY_144, 13, 80, 2, RATE_250K },
    { FLOPPY_144, 14, 80, 2, RATE_250K },
    { FLOPPY_120, 15, 80, 2, RATE_500K },
    { FLOPPY_120, 18, 80, 2, RATE_500K },
    { FLOPPY_120, 18, 82, 2, RATE_500K },
    { FLOPPY_120, 18, 83, 2, RATE_500K },
    { FLOPPY_120, 20, 80, 2, RATE_500K },
    { FLOPPY_360, 9, 40, 2, RATE_250K },
    { FLOPPY_120, 9, 40, 2, RATE_300K },
    { FLOPPY_120, 9, 40, 1, RATE_300K },
    { FLOPPY_120, 10, 41, 2, RATE_300K },
    { FLOPPY_120, 10, 42, 2, RATE_300K },
    { FLOPPY_120, 8, 40, 2, RATE_300K },
    { FLOPPY_120, 8, 40, 1, RATE_300K },
    { FLOPPY_144, 9, 80, 1, RATE_250K },
};

static const char *const type_names[FLOPPY_TYPES] = {
    [FLOPPY_AUTO] = "auto", [FLOPPY_360] = "360", [FLOPPY_120] = "120", [FLOPPY_720] = "720",
    [FLOPPY_144] = "144", [FLOPPY_288] = "288",
};

static uint64_t format_size(const FloppyFormat *f)
{
    return (uint64_t)f->secs * f->cyls * f->heads * FD_SECTOR_SIZE;
}

/* A 2.88M drive also takes what a 1.44M drive takes; those take 720K. */
static bool drive_reads(uint8_t drive, uint8_t format)
{
    return drive == format || (drive == FLOPPY_288 && format == FLOPPY_144);
}

/* The format of that size which suits the drive; without one, the drive's standard format,
 * so that an image cut short can be used. */
static const FloppyFormat *find_format(const FloppyDrive *d, uint64_t size)
{
    const FloppyFormat *standard = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        const FloppyFormat *f = &formats[i];
        if (d->type != FLOPPY_AUTO && !drive_reads(d->type, f->type)) {
            continue;
        }
        if (format_size(f) == size) {
            return f;
        }
        if (!standard && (d->type == FLOPPY_AUTO || d->type == f->type)) {
            standard = f;
        }
    }
    return standard;
}

static void change_media(void *dev, bool load)
{
    FloppyDrive *d = dev;

    d->media_changed = true;
    d->next_id = 1;
    d->format = blk_is_inserted(floppy_blk(d)) ? find_format(d, blk_getlength(floppy_blk(d)))
                                               : NULL;
    if (d->format) {
        trace(floppy_medium, d->unit, load, d->format->heads, d->format->cyls, d->format->secs);
    } else {
        trace(floppy_medium, d->unit, load, 0, 0, 0);
    }
}

int64_t floppy_sector(const FloppyDrive *d, uint8_t cyl, uint8_t head, uint8_t sec)
{
    const FloppyFormat *f = d->format;

    if (!f || cyl >= f->cyls || head >= f->heads || sec < 1 || sec > f->secs) {
        return -1;
    }
    return ((int64_t)cyl * f->heads + head) * f->secs + sec - 1;
}

/* --- the drive as a device ------------------------------------------------ */

static const BlockDevOps floppy_dev_ops = { .change_media = change_media };

static bool parse_type(FloppyDrive *d, Error **errp)
{
    const char *name = d->type_name ? d->type_name : "auto";

    for (int i = 0; i < FLOPPY_TYPES; i++) {
        if (g_str_equal(name, type_names[i])) {
            d->type = i;
            return true;
        }
    }
    error_setg(errp, "floppy: drive-type='%s' is not known; use auto, 120, 144, 288, 360 or 720",
               name);
    return false;
}

static bool floppy_realize(DeviceState *dev, Error **errp)
{
    FloppyDrive *d = FLOPPY(dev);

    if (!parse_type(d, errp) || !qdev_drive_take(dev, &d->drive, &floppy_dev_ops, errp)) {
        return false;
    }
    if (blk_is_inserted(floppy_blk(d)) && d->type == FLOPPY_AUTO) {
        d->type = find_format(d, blk_getlength(floppy_blk(d)))->type;
    } else if (d->type == FLOPPY_AUTO) {
        d->type = FLOPPY_288; /* takes every 3.5 inch medium that may come */
    }
    change_media(d, blk_is_inserted(floppy_blk(d)));
    FLOPPY_BUS(dev->parent_bus)->drives[d->unit] = d;
    return true;
}

static void floppy_unrealize(DeviceState *dev)
{
    FloppyDrive *d = FLOPPY(dev);

    FLOPPY_BUS(dev->parent_bus)->drives[d->unit] = NULL;
    qdev_drive_release(dev, &d->drive);
}

static void floppy_reset(DeviceState *dev)
{
    FloppyDrive *d = FLOPPY(dev);

    d->cyl = 0;
    d->next_id = 1;
}

static void floppy_class_init(ObjectClass *klass, const void *data)
{
    DEVICE_CLASS(klass)->bus_type = TYPE_FLOPPY_BUS;
}

static const Property floppy_props[] = {
    PROP_DRIVE("drive", FloppyDrive, drive),
    PROP_UINT32("unit", FloppyDrive, unit, UINT32_MAX),
    PROP_STRING("drive-type", FloppyDrive, type_name),
    PROP_END
};

static const VMStateField floppy_fields[] = {
    VMSTATE_BOOL(media_changed, FloppyDrive),
    VMSTATE_UINT8(cyl, FloppyDrive),
    VMSTATE_UINT8(next_id, FloppyDrive),
    VMSTATE_END
};

static const VMStateDescription vmstate_floppy = {
    .name = "floppy", .version = 1, .fields = floppy_fields,
};

static const DeviceInfo floppy_info = {
    .name = TYPE_FLOPPY, .instance_size = sizeof(FloppyDrive), .desc = "virtual floppy drive",
    .realize = floppy_realize, .unrealize = floppy_unrealize, .reset = floppy_reset,
    .props = floppy_props, .vmsd = &vmstate_floppy, .class_init = floppy_class_init,
};
DEVICE_TYPE(floppy_info)

/* --- the bus -------------------------------------------------------------- */

static bool check_address(BusState *qbus, DeviceState *dev, Error **errp)
{
    FloppyBus *bus = FLOPPY_BUS(qbus);
    FloppyDrive *d = FLOPPY(dev);

    if (d->unit == UINT32_MAX) {
        d->unit = bus->drives[0] && !bus->drives[1];
    }
    if (d->unit >= FDC_DRIVES) {
        error_setg(errp, "Can't create floppy unit %u, bus '%s' takes units 0 and 1", d->unit,
                   qbus->name);
        return false;
    }
    if (bus->drives[d->unit]) {
        error_setg(errp, "Floppy unit %u is in use on bus '%s'; give another unit=", d->unit,
                   qbus->name);
        return false;
    }
    return true;
}

static void floppy_bus_class_init(ObjectClass *klass, const void *data)
{
    BUS_CLASS(klass)->check_address = check_address;
}

static const TypeInfo floppy_bus_type = {
    .name = TYPE_FLOPPY_BUS, .parent = TYPE_BUS, .instance_size = sizeof(FloppyBus),
    .class_init = floppy_bus_class_init,
};

static void floppy_bus_register(void)
{
    type_register_static(&floppy_bus_type);
}
type_init(floppy_bus_register)

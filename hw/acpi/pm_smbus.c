/*
 * SMBus host controller of the PIIX4: see pm_smbus.h. No devices are on the bus: every
 * transaction ends at once because nobody acknowledges its address.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "hw/acpi/pm_smbus.h"
#include <string.h>
#include "util/trace.h"

TRACE_EVENT(pm_smbus_read, "register 0x%02x value 0x%02x");
TRACE_EVENT(pm_smbus_write, "register 0x%02x value 0x%02x");

enum {
    SMBHSTSTS = 0x00,
    SMBHSTCNT = 0x02,
    SMBHSTCMD = 0x03,
    SMBHSTADD = 0x04,
    SMBHSTDAT0 = 0x05,
    SMBHSTDAT1 = 0x06,
    SMBBLKDAT = 0x07,

    STS_DEV_ERR = 1 << 2,
    STS_W1C = 0x1e,        /* interrupt, device error, bus collision, failed */
    CNT_START = 1 << 6,    /* reads as 0 */
};

static uint8_t next_block_byte(PMSMBus *s)
{
    return s->block_index++ % sizeof(s->block);
}

/* Reading the control register points at the first byte of the block buffer. */
static uint64_t smbus_read(void *opaque, hwaddr addr, unsigned size)
{
    PMSMBus *s = opaque;
    uint8_t val = 0;
    switch (addr) {
    case SMBHSTSTS:
        val = s->sts;
        break;
    case SMBHSTCNT:
        s->block_index = 0;
        val = s->cnt;
        break;
    case SMBHSTCMD:
        val = s->cmd;
        break;
    case SMBHSTADD:
        val = s->add;
        break;
    case SMBHSTDAT0:
        val = s->dat0;
        break;
    case SMBHSTDAT1:
        val = s->dat1;
        break;
    case SMBBLKDAT:
        val = s->block[next_block_byte(s)];
        break;
    }
    trace(pm_smbus_read, (unsigned)addr, val);
    return val;
}

static void smbus_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    PMSMBus *s = opaque;
    trace(pm_smbus_write, (unsigned)addr, (unsigned)val);
    switch (addr) {
    case SMBHSTSTS:
        s->sts &= ~(val & STS_W1C);
        break;
    case SMBHSTCNT:
        s->cnt = val & ~CNT_START;
        if (val & CNT_START) {
            s->sts |= STS_DEV_ERR;
        }
        break;
    case SMBHSTCMD:
        s->cmd = val;
        break;
    case SMBHSTADD:
        s->add = val;
        break;
    case SMBHSTDAT0:
        s->dat0 = val;
        break;
    case SMBHSTDAT1:
        s->dat1 = val;
        break;
    case SMBBLKDAT:
        s->block[next_block_byte(s)] = val;
        break;
    }
}

static const MemoryRegionOps smbus_ops = {
    .read = smbus_read,
    .write = smbus_write,
    .impl = { .max_size = 1 },
};

void pm_smbus_init(PMSMBus *s, DeviceState *dev)
{
    memory_region_init_io(&s->io, dev, &smbus_ops, s, "pm-smbus", PM_SMBUS_SIZE);
}

void pm_smbus_reset(PMSMBus *s)
{
    s->sts = s->cnt = s->cmd = s->add = s->dat0 = s->dat1 = s->block_index = 0;
    memset(s->block, 0, sizeof(s->block));
}

static const VMStateField pm_smbus_fields[] = {
    VMSTATE_UINT8(sts, PMSMBus),
    VMSTATE_UINT8(cnt, PMSMBus),
    VMSTATE_UINT8(cmd, PMSMBus),
    VMSTATE_UINT8(add, PMSMBus),
    VMSTATE_UINT8(dat0, PMSMBus),
    VMSTATE_UINT8(dat1, PMSMBus),
    VMSTATE_UINT8_ARRAY(block, PMSMBus, 32),
    VMSTATE_UINT8(block_index, PMSMBus),
    VMSTATE_END
};

const VMStateDescription vmstate_pm_smbus = {
    .name = "PMSMBus",
    .version = 1,
    .fields = pm_smbus_fields,
};

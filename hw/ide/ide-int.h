/*
 * Inside the IDE drives: registers, transfer state, and what core, ATA and
 * ATAPI command sets call of each other. ATA/ATAPI-6 (T13/1410D).
 *
 * A command runs in three kinds of step: it waits for the host (DRQ, PIO), for
 * the DMA engine (DRQ, dma set), or for the image (BSY, req set). Each
 * completion takes the next step; nothing waits inside a register access.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_IDE_IDE_INT_H
#define HW_IDE_IDE_INT_H

#include "hw/core/qdev-drive.h"
#include "hw/ide/ide.h"

/* Command block registers (7.2 - 7.15). */
enum { IDE_REG_DATA, IDE_REG_ERROR_FEATURES, IDE_REG_COUNT, IDE_REG_LBA_LOW, IDE_REG_LBA_MID,
       IDE_REG_LBA_HIGH, IDE_REG_DEVICE, IDE_REG_STATUS_COMMAND, IDE_NUM_REGS };

/* Status register (7.15.6) */
enum { STATUS_ERR = 0x01, STATUS_CHK = 0x01, STATUS_DRQ = 0x08, STATUS_SERV = 0x10,
       STATUS_DSC = 0x10, STATUS_DF = 0x20, STATUS_DRDY = 0x40, STATUS_BSY = 0x80 };
/* Error register (7.9.6) */
enum { ERROR_MED = 0x01, ERROR_NM = 0x02, ERROR_ABRT = 0x04, ERROR_MCR = 0x08, ERROR_IDNF = 0x10,
       ERROR_MC = 0x20, ERROR_UNC = 0x40, ERROR_ICRC = 0x80 };
/* Device register (7.7) */
enum { DEVICE_DEV = 0x10, DEVICE_LBA = 0x40, DEVICE_OBSOLETE = 0xa0 };
/* Device control register (7.8.6) */
enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04, CONTROL_HOB = 0x80 };
/* Interrupt reason, in the sector count register of packet devices (9.2) */
enum { REASON_CD = 0x01, REASON_IO = 0x02, REASON_MASK = 0x07 };

enum { SECTOR_SIZE = 512, CD_SECTOR_SIZE = 2048, CD_RAW_SIZE = 2352 };
enum { MAX_MULTIPLE = 16 };
/* Holds one step of a transfer; PIO of a packet device needs 64 KiB and what is left over. */
enum { IDE_BUFFER_SIZE = 128 << 10 };
/* Behind it, CD sectors on their way to raw form. */
enum { IDE_STAGING_SIZE = 32 * CD_SECTOR_SIZE };

typedef enum IDEPio {
    PIO_NONE,
    PIO_REPLY,       /* to the host, one block, then the command is done */
    PIO_READ,        /* to the host, blocks of block_sectors */
    PIO_WRITE,       /* from the host, blocks of block_sectors */
    PIO_PACKET,      /* from the host: a command packet */
    PIO_PACKET_IN,   /* to the host: a packet command's data */
    PIO_PACKET_OUT,  /* from the host: a packet command's parameters */
    PIO_COUNT
} IDEPio;

typedef enum IDEDma {
    DMA_NONE, DMA_READ, DMA_WRITE, DMA_TRIM, DMA_PACKET_IN, DMA_PACKET_OUT, DMA_COUNT
} IDEDma;

/* A two-deep register: the present content and, for 48-bit commands, the one before. */
typedef struct IDEReg {
    uint8_t cur, prev;
} IDEReg;

enum { ATAPI_PACKET_SIZE = 12 };

/* State of a packet device's command (atapi.c). */
typedef struct AtapiState {
    uint8_t packet[ATAPI_PACKET_SIZE];
    uint8_t sense_key, asc, ascq;
    bool tray_open, tray_locked;
    bool unit_attention;      /* medium may have changed: the next command is told */
    uint8_t event;            /* media event to report (MMC 6.6.2), 0 none */
    bool use_dma;
    bool reading;             /* the data are sectors of the medium, not a reply */
    uint32_t byte_limit;      /* byte count limit of the command, PIO */
    uint32_t lba;             /* next sector to read */
    uint32_t sectors;         /* still to read from the medium */
    uint32_t sector_size;     /* as sent: 2048, 2352 */
    uint32_t left;            /* bytes not yet with the host */
    uint32_t buf_pos, buf_end; /* of these, what lies in the buffer */
    uint32_t fill_sectors;    /* being read */
} AtapiState;

struct IDEDevice {
    DeviceState parent_obj;

    /* Properties. */
    DriveProperty drive;
    uint32_t unit;            /* UINT32_MAX: the first that is free */
    char *serial, *version, *model;
    uint64_t wwn;
    uint32_t cyls, heads, secs; /* 0: by size */
    uint16_t rotation_rate;
    uint32_t physical_block_size;
    int32_t bootindex;

    bool is_cd;
    uint8_t translation;      /* CMOS code */
    uint64_t native_sectors;  /* of 512 bytes */

    /* Registers. */
    IDEReg feature, count, lba_low, lba_mid, lba_high;
    uint8_t device, status, error;
    bool irq_pending;

    /* Settings that commands change. */
    uint8_t cur_heads, cur_secs; /* INITIALIZE DEVICE PARAMETERS */
    uint8_t multiple;         /* SET MULTIPLE MODE; 0: off */
    uint8_t transfer_mode;    /* SET FEATURES 03h */
    uint8_t power_mode;       /* CHECK POWER MODE's answer */
    bool write_cache, read_ahead, smart_enabled;
    bool after_native_max;    /* the command before was READ NATIVE MAX: SET MAX is allowed */
    uint64_t max_sectors;     /* visible capacity, SET MAX */

    /* The command under way. */
    uint8_t command;
    bool ext;                 /* 48-bit registers */
    uint64_t lba;
    uint32_t remaining;       /* sectors */
    uint32_t block_sectors;   /* in a DRQ block */
    uint32_t step_sectors;    /* being read or written */
    bool list_ended;          /* the DMA list gave less than asked */
    uint32_t trim_pos, trim_end;
    uint8_t pio, dma;         /* IDEPio, IDEDma */
    uint32_t data_pos, data_end; /* of the DRQ block in buf */
    AtapiState atapi;
    uint8_t buf[IDE_BUFFER_SIZE + IDE_STAGING_SIZE];
    struct iovec iov;
    BlockRequest *req;        /* NULL: nothing under way */
};

static inline IDEBus *ide_bus_of(const IDEDevice *d)
{
    return (IDEBus *)DEVICE(d)->parent_bus;
}

static inline BlockBackend *ide_blk(const IDEDevice *d)
{
    return d->drive.blk;
}

/* --- core.c --------------------------------------------------------------- */

void ide_raise_irq(IDEDevice *d);
/* Status DRDY, DSC, and the interrupt: the command is done. */
void ide_complete(IDEDevice *d);
/* The command ends with ERR and these bits in the error register. */
void ide_fail(IDEDevice *d, uint8_t error);
void ide_set_signature(IDEDevice *d);
/* DRQ: the host may move buf[start..end), then the kind's next step is taken. */
void ide_pio_begin(IDEDevice *d, IDEPio kind, uint32_t start, uint32_t end);
void ide_dma_begin(IDEDevice *d, IDEDma kind);
void ide_dma_finished(IDEDevice *d, bool error);
/* Moves bytes by DMA; fewer than len if the list ended. */
uint32_t ide_dma_transfer(IDEDevice *d, uint32_t pos, uint32_t len, bool to_memory);
/* Requests on the image, buf[pos..pos+len); fn gets the IDEDevice, req is NULL again by then. */
void ide_blk_read(IDEDevice *d, uint64_t offset, uint32_t pos, uint32_t len,
                  BlockCompletionFn *fn);
void ide_blk_write(IDEDevice *d, uint64_t offset, uint32_t pos, uint32_t len,
                   BlockCompletionFn *fn);
void ide_blk_flush(IDEDevice *d, BlockCompletionFn *fn);
/* The registers as after power-on or a reset of the drive. */
void ide_device_reset(IDEDevice *d);

/* --- ata.c, ata-control.c: hard disks ------------------------------------- */

typedef struct AtaCommand AtaCommand;
struct AtaCommand {
    void (*fn)(IDEDevice *d, const AtaCommand *cmd);
    uint8_t flags; /* ATA_... */
};
enum { ATA_EXT = 1, ATA_DMA = 2, ATA_WRITE = 4, ATA_MULTIPLE = 8, ATA_VERIFY = 16,
       ATA_MEDIUM = 32 };

void ata_exec(IDEDevice *d, uint8_t command);
/* LBA and count from the registers; false if the address is not on the disk. */
bool ata_get_range(IDEDevice *d, bool ext, uint64_t *lba, uint32_t *count);
void ata_set_lba(IDEDevice *d, bool ext, uint64_t lba);
/* Next steps of transfers. */
void ata_pio_read_next(IDEDevice *d);
void ata_pio_write_block(IDEDevice *d);
void ata_dma_run(IDEDevice *d);

void ata_cmd_nop(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_done(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_identify(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_set_features(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_set_multiple(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_init_params(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_power(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_check_power(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_native_max(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_set_max(IDEDevice *d, const AtaCommand *cmd);
void ata_cmd_smart(IDEDevice *d, const AtaCommand *cmd);

/* identify.c: 256 words at buf. */
void ata_identify(const IDEDevice *d, uint8_t *buf);
void atapi_identify(const IDEDevice *d, uint8_t *buf);
/* geometry.c: fills cyls, heads, secs, translation. */
bool ide_guess_geometry(IDEDevice *d, Error **errp);
/* drive.c: the drives of -drive if=ide on two channels. */
bool ide_attach_channels(IDEBus *const channels[2], BlockRegistry *drives, bool defaults,
                         Error **errp);

/* --- atapi.c: packet devices ---------------------------------------------- */

void atapi_exec(IDEDevice *d, uint8_t command);
void atapi_reset(IDEDevice *d);
void atapi_packet(IDEDevice *d);       /* a whole packet has arrived in buf */
void atapi_pio_in_next(IDEDevice *d);  /* the host took a block */
void atapi_pio_out_done(IDEDevice *d);
void atapi_dma_run(IDEDevice *d);
extern const BlockDevOps atapi_dev_ops;

extern const VMStateDescription vmstate_atapi;

#endif

/*
 * Inside the floppy disk controller: drives and media (floppy.c), registers
 * and phases (fdc.c), commands (fdc-command.c), data transfers
 * (fdc-transfer.c). Intel 82078 data sheet (290474).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_BLOCK_FDC_INT_H
#define HW_BLOCK_FDC_INT_H

#include "hw/core/qdev-drive.h"
#include "hw/isa/isa.h"
#include "util/main-loop.h"

#define TYPE_FLOPPY_BUS "floppy-bus"
#define TYPE_FLOPPY "floppy"
OBJECT_DECLARE_SIMPLE(FloppyBus, FLOPPY_BUS, TYPE_FLOPPY_BUS)
OBJECT_DECLARE_SIMPLE(FloppyDrive, FLOPPY, TYPE_FLOPPY)

enum { FDC_DRIVES = 2, FD_SECTOR_SIZE = 512, FD_SIZE_CODE = 2 };

/* Data rates as in DSR and CCR */
enum { RATE_500K, RATE_300K, RATE_250K, RATE_1M };

typedef enum FloppyType { FLOPPY_AUTO, FLOPPY_360, FLOPPY_120, FLOPPY_720, FLOPPY_144, FLOPPY_288,
                          FLOPPY_TYPES } FloppyType;

/* What a size of image means, for a type of drive. */
typedef struct FloppyFormat {
    uint8_t type;      /* FloppyType of the drive */
    uint8_t secs, cyls, heads;
    uint8_t rate;
} FloppyFormat;

struct FloppyBus {
    BusState parent_obj;
    FloppyDrive *drives[FDC_DRIVES];
};

struct FloppyDrive {
    DeviceState parent_obj;
    DriveProperty drive;
    uint32_t unit;
    char *type_name;          /* drive-type= */
    uint8_t type;             /* FloppyType; never AUTO once realized */
    bool fixed_type;
    const FloppyFormat *format; /* of the medium; NULL without one */
    bool media_changed;       /* disk change line; a step with a medium clears it */
    uint8_t cyl;              /* where the heads stand */
    uint8_t next_id;          /* sector that READ ID sees next, 1-based */
};

/* Sector number on the medium, or -1 if there is no such place. */
int64_t floppy_sector(const FloppyDrive *d, uint8_t cyl, uint8_t head, uint8_t sec);
static inline BlockBackend *floppy_blk(const FloppyDrive *d)
{
    return d->drive.blk;
}

/* --- the controller ------------------------------------------------------- */

/* Registers, from the base port (2.0) */
enum { FD_SRA, FD_SRB, FD_DOR, FD_TDR, FD_MSR_DSR, FD_FIFO, FD_DIR_CCR = 7 };
enum { DOR_DRIVE = 0x03, DOR_NRESET = 0x04, DOR_DMAGATE = 0x08, DOR_MOTOR0 = 0x10 };
enum { DSR_RATE = 0x03, DSR_POWERDOWN = 0x40, DSR_RESET = 0x80 };
enum { MSR_CMDBSY = 0x10, MSR_NONDMA = 0x20, MSR_DIO = 0x40, MSR_RQM = 0x80 };
enum { DIR_DSKCHG = 0x80 };
/* Status registers 0-3 (6.0) */
enum { ST0_EC = 0x10, ST0_SE = 0x20, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLING = 0xc0 };
enum { ST1_MA = 0x01, ST1_NW = 0x02, ST1_ND = 0x04, ST1_DE = 0x20, ST1_EN = 0x80 };
enum { ST2_SN = 0x04, ST2_SH = 0x08, ST2_WC = 0x10, ST2_DD = 0x20, ST2_CM = 0x40 };
enum { ST3_HD = 0x04, ST3_TWO_SIDE = 0x08, ST3_TRK0 = 0x10, ST3_READY = 0x20, ST3_WP = 0x40 };
/* Bits of CONFIGURE's second byte */
enum { CONFIG_POLL_OFF = 0x10, CONFIG_EFIFO_OFF = 0x20, CONFIG_EIS = 0x40 };
/* Command byte modifiers */
enum { CMD_MT = 0x80, CMD_MFM = 0x40, CMD_SK = 0x20 };

typedef enum FdcPhase { PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT, PHASE_COUNT } FdcPhase;

typedef enum FdcTransfer { XFER_NONE, XFER_TO_HOST, XFER_FROM_HOST, XFER_VERIFY, XFER_SCAN,
                           XFER_FORMAT, XFER_COUNT } FdcTransfer;

/* Consecutive sectors of the medium: one for each head that a transfer covers. */
typedef struct FdcSegment {
    uint16_t start, count;
} FdcSegment;

enum { FDC_MAX_BYTES = 17 };
/* Both heads of a cylinder, more sectors than any format has. */
enum { FDC_BUFFER_SIZE = 2 * 64 * FD_SECTOR_SIZE };

typedef struct FDCState FDCState;
struct FDCState {
    IRQLine *irq;
    const IsaDmaOps *dma;
    void *dma_opaque;
    uint32_t dma_channel;
    FloppyBus *bus;

    uint8_t dor, tdr, dsr;
    bool irq_level;
    uint8_t phase;             /* FdcPhase */
    uint8_t bytes[FDC_MAX_BYTES]; /* command and parameters, or results */
    uint8_t pos, len;
    uint8_t command;           /* bytes[0] of the command under way */
    uint8_t st0;               /* for SENSE INTERRUPT STATUS */
    bool seek_done;            /* an interrupt that waits to be sensed */
    uint8_t reset_sense;       /* polling interrupts after a reset still to be sensed */

    /* SPECIFY, CONFIGURE, PERPENDICULAR, LOCK ... */
    uint8_t timer0, timer1;    /* SRT/HUT, HLT/ND */
    uint8_t config, pretrk;
    uint8_t perpendicular;
    uint8_t eot;               /* of the last transfer, for DUMPREG */
    uint8_t power_mode, option;
    bool lock;

    /* The transfer under way. */
    uint8_t xfer;              /* FdcTransfer */
    bool non_dma;
    uint8_t cyl, head, sec;    /* ID field of the first sector, then of the next */
    FdcSegment segments[2];
    uint8_t segment;           /* being read or written */
    uint8_t end_st1;           /* what ends it if no terminal count does: EN or ND */
    uint8_t st2;
    uint32_t data_pos, data_len; /* bytes with the host; bytes there are */
    bool terminal_count;
    bool scan_equal, scan_fits; /* the present sector so far */
    uint8_t buf[FDC_BUFFER_SIZE];
    struct iovec iov;
    BlockRequest *req;
};

static inline bool fdc_non_dma(const FDCState *s)
{
    return s->timer1 & 1;
}

/* --- fdc.c ---------------------------------------------------------------- */

/* Power-on or the bus's reset line. */
void fdc_hard_reset(FDCState *s);
uint8_t fdc_read(FDCState *s, unsigned reg);
void fdc_write(FDCState *s, unsigned reg, uint8_t val);
void fdc_set_irq(FDCState *s, bool level);
/* The drive a command names, or NULL. */
FloppyDrive *fdc_drive(const FDCState *s, unsigned n);
/* Result phase with the first len of bytes[]; 0: straight back to the command phase. */
void fdc_result(FDCState *s, uint8_t len);
bool fdc_rate_matches(const FDCState *s, const FloppyDrive *d);
extern const VMStateDescription vmstate_fdc;

/* --- fdc-command.c -------------------------------------------------------- */

/* Parameter bytes that follow a command byte. */
uint8_t fdc_parameters(uint8_t command);
/* bytes[0..] hold a whole command. */
void fdc_execute(FDCState *s);
void fdc_seek(FloppyDrive *d, uint8_t cyl);

/* --- fdc-transfer.c ------------------------------------------------------- */

void fdc_start_transfer(FDCState *s);
void fdc_start_format(FDCState *s);
void fdc_read_id(FDCState *s);
/* A byte through the FIFO in the execution phase. */
uint8_t fdc_pio_read(FDCState *s);
void fdc_pio_write(FDCState *s, uint8_t val);
int fdc_dma_transfer(void *opaque, int channel, int pos, int size);
void fdc_cancel(FDCState *s);

#endif

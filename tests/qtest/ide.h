/*
 * What the tests of IDE drives share: registers, the PCI function, data by PIO and by bus master.
 * Names of registers and bits are ATA/ATAPI-6's and the bus-master IDE interface's.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_QTEST_IDE_H
#define TESTS_QTEST_IDE_H

#include "tests/qtest/libqtest.h"

enum { DATA, FEATURE, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS, ERROR = FEATURE,
       COMMAND = STATUS };
enum { PRIMARY = 0x1f0, SECONDARY = 0x170, CONTROL = 0x206 };
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DSC = 0x10, DRQ = 0x08, ERR = 0x01 };
enum { ABRT = 0x04, IDNF = 0x10 };
enum { NIEN = 0x02, SRST = 0x04, HOB = 0x80 };
enum { LBA = 0xe0, DEV1 = 0x10 };
enum { BMBASE = 0xc000, BM_CMD = 0, BM_STATUS = 2, BM_PRD = 4 };
enum { BM_START = 1, BM_TO_MEMORY = 8, BM_ACTIVE = 1, BM_ERROR = 2, BM_INTR = 4 };
enum { PRD = 0x100000, BUFFER = 0x200000 };
enum { DISK_SIZE = 64 << 20, SECTOR = 512, CD_SECTOR = 2048, IRQ14 = 14, IRQ15 = 15 };
#define PRD_EOT 0x80000000u

/* A machine with one image, and the channel that the functions below talk to. */
typedef struct Ide {
    QTest *qts;
    const char *path;
    uint16_t base; /* PRIMARY or SECONDARY */
    unsigned irq;  /* IRQ14 or IRQ15 */
} Ide;

/* Of a list of physical regions. */
typedef struct Region {
    uint32_t addr, len; /* 0x10000 is written as 0 */
} Region;

bool on_qemu(void);

/* A new temporary file whose first bytes hold the pattern that assert_pattern() knows. */
const char *make_image(size_t size, size_t filled);

/* Configuration space of 00:01.1. */
void pci_write(QTest *qts, unsigned reg, uint32_t val);
uint32_t pci_read(QTest *qts, unsigned reg);

/* A machine with an image behind -drive DRIVE and more options, as it is on the primary channel. */
Ide ide_start(size_t size, size_t filled, const char *drive, const char *more);

/* A machine with an ATA disk, 4 MiB of it filled, as master of the primary channel. */
Ide disk_start(const char *more);

void ide_stop(Ide *ide);

/* Registers of the command block, and CONTROL. */
uint8_t in(Ide *ide, unsigned reg);
void out(Ide *ide, unsigned reg, uint8_t val);

/* A request completes on another thread: polls until the drive is not busy. Returns the status. */
uint8_t wait_idle(Ide *ide);

void wait_irq(Ide *ide);

/* Waits for the interrupt and takes it. Returns the status. */
uint8_t take_irq(Ide *ide);

void set_lba28(Ide *ide, uint32_t lba, uint8_t count);
void set_lba48(Ide *ide, uint64_t lba, uint16_t count);

/* LEN bytes through the data register. */
void read_words(Ide *ide, void *buf, size_t len);
void write_words(Ide *ide, const void *buf, size_t len);

/* BUF holds what make_image() wrote at an offset; guest memory does; the file holds something. */
void assert_pattern(const uint8_t *buf, uint64_t offset, size_t len);
void assert_memory(Ide *ide, uint32_t addr, uint64_t offset, size_t len);
void assert_file(Ide *ide, uint64_t offset, const void *expected, size_t len);

/* Runs a command without data that ends with an error, or well. */
void assert_fails(Ide *ide, uint8_t command, uint8_t error);
void assert_completes(Ide *ide, uint8_t command);

/* The 256 words of IDENTIFY DEVICE or IDENTIFY PACKET DEVICE of drive 0, and a text in them. */
void identify(Ide *ide, uint8_t command, uint16_t *id);
void assert_id_text(const uint16_t *id, unsigned word, unsigned words, const char *text);

/* Runs a read command; each block must come with an interrupt and hold the pattern. */
void pio_read(Ide *ide, uint8_t command, unsigned blocks, size_t block_len, uint64_t offset);

/* Puts a list of regions where the engine of the primary channel looks. */
void write_prds(Ide *ide, const Region *regions, size_t n);

/*
 * Runs a command with the engine of the primary channel; the taskfile is set. Waits for the drive's
 * interrupt, or for the engine to stop if there will be none. Returns the engine's status.
 */
uint8_t dma(Ide *ide, uint8_t command, bool to_memory, const Region *regions, size_t n,
            bool interrupts);

#endif

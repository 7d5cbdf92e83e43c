/*
 * Saving and loading a RAM block: its length, then each page that is not all zeros,
 * led by its number.
 *
 *   +------------+-----------------------------------+-- -
 *   | length (8) | page number (8) | 4096 bytes      | ...
 *   +------------+-----------------------------------+-- -
 *
 * Numbers are big-endian and ascend. Pages that the host never gave are not touched.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "memory/internal.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_SIZE = 8 + GUEST_PAGE_SIZE };

static bool page_is_zero(const uint8_t *page)
{
    return !page[0] && !memcmp(page, page + 1, GUEST_PAGE_SIZE - 1);
}

/* Finds the pages that the host has given by its page map (proc_pid_pagemap(5)); without one
 * every page counts as given. */
typedef struct PageScan {
    const RAMBlock *block;
    int fd;
    uint64_t first, count;  /* the pages whose entries are here */
    uint64_t entries[512];
} PageScan;

static void scan_begin(PageScan *scan, const RAMBlock *block)
{
    scan->block = block;
    scan->fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    scan->first = scan->count = 0;
}

static void scan_end(PageScan *scan)
{
    if (scan->fd >= 0) {
        close(scan->fd);
    }
}

static bool is_given(PageScan *scan, uint64_t page)
{
    const uint64_t present_or_swapped = 3ull << 62;

    if (page - scan->first >= scan->count) {
        uint64_t host = ((uintptr_t)scan->block->host >> GUEST_PAGE_BITS) + page;
        ssize_t n = pread(scan->fd, scan->entries, sizeof(scan->entries), host * 8);

        if (n < 8) {
            return true;
        }
        scan->first = page;
        scan->count = n / 8;
    }
    return scan->entries[page - scan->first] & present_or_swapped;
}

/* The first page from *page on, and below end, that the host has given; false if there is none. */
static bool next_page(PageScan *scan, uint64_t *page, uint64_t end)
{
    while (*page < end) {
        if (is_given(scan, *page)) {
            return true;
        }
        ++*page;
    }
    return false;
}

static uint8_t *page_at(const RAMBlock *block, uint64_t page)
{
    return block->host + (page << GUEST_PAGE_BITS);
}

static void append_uint64(GByteArray *out, uint64_t val)
{
    uint64_t be = GUINT64_TO_BE(val);

    g_byte_array_append(out, (uint8_t *)&be, 8);
}

static uint64_t uint64_at(const uint8_t *data)
{
    uint64_t be;

    memcpy(&be, data, 8);
    return GUINT64_FROM_BE(be);
}

void ram_block_save(const RAMBlock *block, GByteArray *out)
{
    uint64_t pages = block->length >> GUEST_PAGE_BITS;
    PageScan scan;

    append_uint64(out, block->length);
    scan_begin(&scan, block);
    for (uint64_t page = 0; next_page(&scan, &page, pages); page++) {
        if (!page_is_zero(page_at(block, page))) {
            append_uint64(out, page);
            g_byte_array_append(out, page_at(block, page), GUEST_PAGE_SIZE);
        }
    }
    scan_end(&scan);
}

bool ram_block_check_saved(const RAMBlock *block, const uint8_t *data, size_t len, Error **errp)
{
    uint64_t next = 0;

    if (len < 8 || (len - 8) % RECORD_SIZE) {
        error_setg(errp, "the saved memory '%s' is truncated", block->name);
        return false;
    }
    if (uint64_at(data) != block->length) {
        error_setg(errp, "the saved memory '%s' has %" PRIu64 " bytes; this machine's has %" PRIu64,
                   block->name, uint64_at(data), block->length);
        return false;
    }
    for (size_t at = 8; at < len; at += RECORD_SIZE) {
        uint64_t page = uint64_at(data + at);
        if (page < next || page >= block->length >> GUEST_PAGE_BITS) {
            error_setg(errp, "the saved memory '%s' has a page %" PRIu64 " out of place",
                       block->name, page);
            return false;
        }
        next = page + 1;
    }
    return true;
}

static void clear_pages(PageScan *scan, uint64_t from, uint64_t to)
{
    const RAMBlock *block = scan->block;

    for (uint64_t page = from; next_page(scan, &page, to); page++) {
        if (!page_is_zero(page_at(block, page))) {
            memset(page_at(block, page), 0, GUEST_PAGE_SIZE);
        }
    }
}

void ram_block_load(RAMBlock *block, const uint8_t *data, size_t len)
{
    uint64_t next = 0;
    PageScan scan;

    scan_begin(&scan, block);
    for (size_t at = 8; at < len; at += RECORD_SIZE) {
        uint64_t page = uint64_at(data + at);
        clear_pages(&scan, next, page);
        memcpy(page_at(block, page), data + at + 8, GUEST_PAGE_SIZE);
        next = page + 1;
    }
    clear_pages(&scan, next, block->length >> GUEST_PAGE_BITS);
    scan_end(&scan);
    ram_block_written(block, 0, block->length);
}

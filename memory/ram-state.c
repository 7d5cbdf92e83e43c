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
#include <string.h>
#include <unistd.h>

enum { RECORD_SIZE = 8 + GUEST_PAGE_SIZE };

static bool page_is_zero(const uint8_t *page)
{
    return !page[0] && !memcmp(page, page + 1, GUEST_PAGE_SIZE - 1);
}

/* The first page from *page on that the host has given; false if none follows. */
static bool next_page(const RAMBlock *block, uint64_t *page)
{
    off_t at = lseek(block->fd, *page << GUEST_PAGE_BITS, SEEK_DATA);

    if (at < 0 || (uint64_t)at >= block->length) {
        return false;
    }
    *page = (uint64_t)at >> GUEST_PAGE_BITS;
    return true;
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
    append_uint64(out, block->length);
    for (uint64_t page = 0; next_page(block, &page); page++) {
        if (!page_is_zero(page_at(block, page))) {
            append_uint64(out, page);
            g_byte_array_append(out, page_at(block, page), GUEST_PAGE_SIZE);
        }
    }
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

static void clear_pages(RAMBlock *block, uint64_t from, uint64_t to)
{
    for (uint64_t page = from; next_page(block, &page) && page < to; page++) {
        if (!page_is_zero(page_at(block, page))) {
            memset(page_at(block, page), 0, GUEST_PAGE_SIZE);
        }
    }
}

void ram_block_load(RAMBlock *block, const uint8_t *data, size_t len)
{
    uint64_t next = 0;

    for (size_t at = 8; at < len; at += RECORD_SIZE) {
        uint64_t page = uint64_at(data + at);
        clear_pages(block, next, page);
        memcpy(page_at(block, page), data + at + 8, GUEST_PAGE_SIZE);
        next = page + 1;
    }
    clear_pages(block, next, block->length >> GUEST_PAGE_BITS);
    ram_block_written(block, 0, block->length);
}

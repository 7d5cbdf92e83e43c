/*
 * Makes random instructions of a row from the row's own text: the encoding
 * column gives prefixes, opcode and ModRM, what follows is random, and the
 * decoder says whether the result is the row. See encode.h.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "tests/cpu/encode.h"
#include <stdlib.h>
#include <string.h>

typedef struct Emitter {
    Random *r;
    const X86Row *row;
    X86Mode mode;
    uint8_t *p;
    uint8_t rex;          /* bits W R X B wanted */
    bool modrm_exact;
} Emitter;

static bool has(const Emitter *e, const char *operand)
{
    return strstr(e->row->operands, operand) != NULL;
}

static bool token_is(const char *s, const char *token)
{
    size_t n = strlen(token);

    return strncmp(s, token, n) == 0 && (s[n] == ' ' || s[n] == 0);
}

static const char *next_token(const char *s)
{
    while (*s && *s != ' ') {
        s++;
    }
    return *s ? s + 1 : s;
}

/* Prefixes that mean nothing, or that the decoder will sort out. */
static void emit_random_prefixes(Emitter *e)
{
    static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

    if (random_chance(e->r, 25)) {
        *e->p++ = 0x66;
    }
    if (random_chance(e->r, 12)) {
        *e->p++ = 0x67;
    }
    if (random_chance(e->r, 12)) {
        *e->p++ = segments[random_below(e->r, 6)];
    }
    if (e->row->legality & X86_ROW_LOCK && random_chance(e->r, 20)) {
        *e->p++ = 0xf0;
    }
    if (random_chance(e->r, e->row->legality & X86_ROW_REP ? 60 : 2)) {
        *e->p++ = random_chance(e->r, 50) ? 0xf3 : 0xf2;
    }
}

/* Mandatory prefix and REX of a legacy row; returns the rest of the encoding. */
static const char *emit_legacy_prefixes(Emitter *e, const char *s)
{
    bool fixed = token_is(s, "NP") || token_is(s, "66") || token_is(s, "F3") || token_is(s, "F2");
    bool rex_w;

    if (fixed && *next_token(s)) {
        if (*s != 'N') {
            *e->p++ = strtoul(s, NULL, 16);
        }
        s = next_token(s);
    } else if (token_is(s, "NFx")) {
        s = next_token(s);
    }
    rex_w = token_is(s, "REX.W");
    if (rex_w) {
        s = next_token(s);
    }
    if (e->mode == X86_MODE_64 && (rex_w || random_chance(e->r, 55))) {
        e->rex = random_below(e->r, 16) | (rex_w ? 8 : 0);
        if (!rex_w && random_chance(e->r, 40)) {
            e->rex &= 7;
        }
        *e->p++ = 0x40 | e->rex;
    }
    return s;
}

/* VEX.L.pp.map.W */
static const char *emit_vex(Emitter *e, const char *s)
{
    g_auto(GStrv) part = g_strsplit(s, " ", 2);
    g_auto(GStrv) field = g_strsplit(part[0], ".", 5);
    unsigned l = field[1][0] == '2' ? 1 : field[1][0] == '1' ? 0 : random_below(e->r, 2);
    unsigned pp = field[2][0] == 'N' ? 0 : field[2][0] == '6' ? 1 : field[2][1] == '3' ? 2 : 3;
    unsigned map = strcmp(field[3], "0F") == 0 ? 1 : strcmp(field[3], "0F38") == 0 ? 2 : 3;
    unsigned w = strcmp(field[4], "W0") == 0 ? 0 : strcmp(field[4], "W1") == 0 ? 1
               : random_below(e->r, 2);
    bool vvvv = has(e, "H") || has(e, "B");
    unsigned rest = (vvvv ? random_below(e->r, 16) : 15) << 3 | l << 2 | pp;

    e->rex = e->mode == X86_MODE_64 ? random_below(e->r, 8) : 0;
    if (map == 1 && w == 0 && !(e->rex & 3) && random_chance(e->r, 50)) {
        *e->p++ = 0xc5;
        *e->p++ = (e->rex & 4 ? 0 : 0x80) | rest;
    } else {
        *e->p++ = 0xc4;
        *e->p++ = (~e->rex & 7) << 5 | map;
        *e->p++ = w << 7 | rest;
    }
    return next_token(s);
}

static bool is_hex_byte(const char *s)
{
    return g_ascii_isxdigit(s[0]) && g_ascii_isxdigit(s[1]);
}

static const char *emit_opcode(Emitter *e, const char *s, bool vex)
{
    if (!vex && token_is(s, "0F") && *next_token(s)) {
        *e->p++ = 0x0f;
        s = next_token(s);
        if ((token_is(s, "38") || token_is(s, "3A")) && *next_token(s)) {
            *e->p++ = strtoul(s, NULL, 16);
            s = next_token(s);
        }
    }
    *e->p = strtoul(s, NULL, 16);
    if (strncmp(s + 2, "+r", 2) == 0) {
        *e->p += random_below(e->r, 8);
    }
    e->p++;
    return next_token(s);
}

static void emit_displacement(Emitter *e, Encoding *enc, const uint8_t *start, unsigned size)
{
    uint32_t disp = random_chance(e->r, 50) ? random_below(e->r, 64) : random64(e->r);

    if (size) {
        enc->disp_at = e->p - start;
        enc->disp_size = size;
        memcpy(e->p, &disp, size);
        e->p += size;
    }
}

static void emit_memory(Emitter *e, Encoding *enc, const uint8_t *start, bool addr16,
                        unsigned reg)
{
    unsigned mod = random_below(e->r, 3), rm = random_below(e->r, 8);
    unsigned sib = random_below(e->r, 256);

    if (has(e, "K")) {
        rm = 4;
    }
    *e->p++ = mod << 6 | reg << 3 | rm;
    if (addr16) {
        emit_displacement(e, enc, start, mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
        return;
    }
    if (rm == 4) {
        *e->p++ = sib;
    }
    if (mod == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5))) {
        emit_displacement(e, enc, start, 4);
    } else {
        emit_displacement(e, enc, start, mod == 1 ? 1 : mod == 2 ? 4 : 0);
    }
}

static void emit_modrm(Emitter *e, const char *s, Encoding *enc, const uint8_t *start)
{
    bool addr67 = memchr(start, 0x67, e->p - start) != NULL;
    bool addr16 = e->mode == X86_MODE_16 ? !addr67 : e->mode == X86_MODE_32 && addr67;
    unsigned reg = s[1] == 'r' ? random_below(e->r, 8) : (unsigned)(s[1] - '0');

    if (is_hex_byte(s)) {
        *e->p++ = strtoul(s, NULL, 16) + (s[2] == '+' ? random_below(e->r, 8) : 0);
        return;
    }
    if (random_chance(e->r, 45)) {
        *e->p++ = 0xc0 | reg << 3 | random_below(e->r, 8);
    } else {
        emit_memory(e, enc, start, addr16, reg);
    }
}

static void emit_rest(Emitter *e, const uint8_t *start)
{
    static const uint8_t edges[] = { 0, 1, 0xff, 0x7f, 0x80, 31, 32, 63, 64 };
    bool edge = random_chance(e->r, 40);

    while (e->p < start + 16) {
        *e->p++ = edge ? edges[random_below(e->r, sizeof(edges))] : random64(e->r);
    }
}

static void emit(Emitter *e, Encoding *enc, uint8_t *start)
{
    const char *s = e->row->encoding;
    bool vex = strncmp(s, "VEX", 3) == 0;

    e->p = start;
    *enc = (Encoding){ 0 };
    if (vex) {
        if (random_chance(e->r, 10)) {
            *e->p++ = random_chance(e->r, 50) ? 0x67 : 0x65;
        }
        s = emit_vex(e, s);
    } else {
        emit_random_prefixes(e);
        s = emit_legacy_prefixes(e, s);
    }
    s = emit_opcode(e, s, vex);
    if (*s) {
        emit_modrm(e, s, enc, start);
    } else if (has(e, "O")) {
        enc->disp_at = e->p - start;
    }
    emit_rest(e, start);
}

bool encode_row(Random *r, unsigned row, X86Mode mode, uint8_t code[16], X86Insn *insn,
                Encoding *encoding)
{
    const X86Row *x = &x86_rows[row];
    uint8_t buffer[64];

    if (x->legality & (mode == X86_MODE_64 ? X86_ROW_NO64 : X86_ROW_ONLY64)) {
        return false;
    }
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        Emitter e = { .r = r, .row = x, .mode = mode };
        emit(&e, encoding, buffer);
        if (x86_decode(buffer, 15, mode, X86_DECODE_HAS_BMI1 | X86_DECODE_HAS_LZCNT, insn) ==
            X86_DECODE_OK && insn->row == row) {
            memcpy(code, buffer, 16);
            if (has(&e, "O")) {
                encoding->disp_size = insn->addr_size;
            }
            return true;
        }
    }
    return false;
}

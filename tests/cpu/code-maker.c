/*
 * Random instructions (code-maker.h).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <glib.h>
#include <string.h>
#include "target/i386/cpu.h"
#include "tests/cpu/code-maker.h"

unsigned code_any_size(CodeMaker *m)
{
    return 1u << random_below(&m->random, 4);
}

void code_byte(CodeMaker *m, unsigned val)
{
    g_assert_cmpuint(m->len, <, CODE_MAX);
    m->code[m->len++] = val;
}

void code_bytes(CodeMaker *m, uint64_t val, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        code_byte(m, val >> i * 8);
    }
}

void code_immediate(CodeMaker *m, unsigned size)
{
    uint64_t val = random64(&m->random);

    code_bytes(m, random_chance(&m->random, 50) ? val & 3 : val, MIN(size, 4));
}

static void modrm_memory(CodeMaker *m, unsigned reg, const CodeMem *mem, unsigned imm_size)
{
    bool sib = mem->index != CODE_NONE || (mem->base & 7) == X86_RSP;
    unsigned size = !mem->disp && (mem->base & 7) != X86_RBP ? 0 : mem->disp == (int8_t)mem->disp ? 1 : 4;
    unsigned mode = size == 4 ? 2 : size;

    reg = (reg & 7) << 3;
    if (mem->rip) {
        code_byte(m, reg | 5);
        code_bytes(m, mem->disp - (m->len + 4 + imm_size), 4);
        return;
    }
    code_byte(m, mode << 6 | reg | (sib ? 4 : mem->base & 7));
    if (sib) {
        code_byte(m, mem->scale << 6 | (mem->index == CODE_NONE ? 4 : mem->index & 7) << 3 | (mem->base & 7));
    }
    code_bytes(m, mem->disp, size);
}

static unsigned high(unsigned reg)
{
    return reg < CODE_NONE ? reg >> 3 : 0;
}

void code_legacy(CodeMaker *m, unsigned op, bool wide, unsigned reg, const CodeMem *mem, unsigned rm,
                 unsigned imm_size)
{
    if (mem && mem->narrow) {
        code_byte(m, 0x67);
    }
    if (op >> 16) {
        code_byte(m, op >> 16);
    }
    code_byte(m, 0x40 | wide << 3 | high(reg) << 2 |
              (mem ? high(mem->index) << 1 | high(mem->base) : high(rm)));
    if ((op >> 8 & 0xff) == 0x0f) {
        code_byte(m, 0x0f);
    }
    code_byte(m, op);
    if (mem) {
        modrm_memory(m, reg, mem, imm_size);
    } else {
        code_byte(m, 0xc0 | (reg & 7) << 3 | (rm & 7));
    }
}

void code_sized(CodeMaker *m, unsigned op, unsigned size, unsigned reg, const CodeMem *mem, unsigned rm,
                unsigned imm_size)
{
    code_legacy(m, op | (size > 1) | (size == 2) * 0x660000, size == 8, reg, mem, rm, imm_size);
}

void code_vex(CodeMaker *m, unsigned map, unsigned pp, bool wide, bool l, unsigned op, unsigned reg,
              unsigned vvvv, const CodeMem *mem)
{
    if (mem->narrow) {
        code_byte(m, 0x67);
    }
    code_byte(m, 0xc4);
    code_byte(m, (high(reg) ^ 1) << 7 | (high(mem->index) ^ 1) << 6 | (high(mem->base) ^ 1) << 5 | map);
    code_byte(m, wide << 7 | (~vvvv & 15) << 3 | l << 2 | pp);
    code_byte(m, op);
    modrm_memory(m, reg, mem, 0);
}

void code_push(CodeMaker *m, unsigned reg)
{
    code_byte(m, 0x40 | high(reg));
    code_byte(m, 0x50 | (reg & 7));
}

void code_pop(CodeMaker *m, unsigned reg)
{
    code_byte(m, 0x40 | high(reg));
    code_byte(m, 0x58 | (reg & 7));
}

void code_jump_back(CodeMaker *m, unsigned cond, unsigned to)
{
    int disp = (int)to - (int)(m->len + 2);

    if (disp >= -128 && random_chance(&m->random, 80)) {
        code_byte(m, 0x70 | cond);
        code_byte(m, disp);
    } else {
        code_byte(m, 0x0f);
        code_byte(m, 0x80 | cond);
        code_bytes(m, to - (m->len + 4), 4);
    }
}

unsigned code_jump_ahead(CodeMaker *m, unsigned cond)
{
    code_byte(m, 0x0f);
    code_byte(m, 0x80 | cond);
    code_bytes(m, 0, 4);
    return m->len - 4;
}

void code_land(CodeMaker *m, unsigned at)
{
    uint32_t disp = m->len - (at + 4);

    memcpy(m->code + at, &disp, 4);
}

/*
 * What the decoder rejects must be #UD on the host CPU too: every opcode of
 * every map with every mandatory prefix and, with --all, every ModRM byte.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include "tests/cpu/native.h"

static gboolean all;

/* Bytes before the opcode. */
static const struct Head {
    uint8_t len, bytes[4];
} heads[] = {
    { 0 }, { 1, { 0x66 } }, { 1, { 0xf3 } }, { 1, { 0xf2 } }, { 1, { 0xf0 } },
    { 1, { 0x0f } }, { 2, { 0x66, 0x0f } }, { 2, { 0xf3, 0x0f } }, { 2, { 0xf2, 0x0f } },
    { 2, { 0xf0, 0x0f } },
    { 2, { 0x0f, 0x38 } }, { 3, { 0x66, 0x0f, 0x38 } }, { 3, { 0xf3, 0x0f, 0x38 } },
    { 3, { 0xf2, 0x0f, 0x38 } }, { 2, { 0x0f, 0x3a } }, { 3, { 0x66, 0x0f, 0x3a } },
    { 3, { 0xf3, 0x0f, 0x3a } }, { 3, { 0xf2, 0x0f, 0x3a } },
    { 2, { 0xc5, 0xf8 } }, { 2, { 0xc5, 0xf9 } }, { 2, { 0xc5, 0xfa } }, { 2, { 0xc5, 0xfb } },
    { 2, { 0xc5, 0xfc } }, { 2, { 0xc5, 0xfd } }, { 2, { 0xc5, 0xfe } }, { 2, { 0xc5, 0xff } },
    { 2, { 0xc5, 0xe8 } }, { 2, { 0xc5, 0xe9 } }, { 2, { 0xc5, 0xea } }, { 2, { 0xc5, 0xeb } },
    { 2, { 0xc5, 0xec } }, { 2, { 0xc5, 0xed } },
    { 3, { 0xc4, 0xe2, 0x78 } }, { 3, { 0xc4, 0xe2, 0x79 } }, { 3, { 0xc4, 0xe2, 0x7a } },
    { 3, { 0xc4, 0xe2, 0x7b } }, { 3, { 0xc4, 0xe2, 0x7d } }, { 3, { 0xc4, 0xe2, 0xf9 } },
    { 3, { 0xc4, 0xe2, 0xfd } }, { 3, { 0xc4, 0xe2, 0x69 } }, { 3, { 0xc4, 0xe2, 0x6d } },
    { 3, { 0xc4, 0xe2, 0xe9 } }, { 3, { 0xc4, 0xe2, 0xed } }, { 3, { 0xc4, 0xe3, 0x79 } },
    { 3, { 0xc4, 0xe3, 0x7d } }, { 3, { 0xc4, 0xe3, 0xf9 } }, { 3, { 0xc4, 0xe3, 0xfd } },
    { 3, { 0xc4, 0xe3, 0x69 } }, { 3, { 0xc4, 0xe3, 0x6d } }, { 3, { 0xc4, 0xe3, 0xe9 } },
    { 3, { 0xc4, 0xe3, 0xed } }, { 3, { 0xc4, 0xe3, 0x7b } }, { 3, { 0xc4, 0xe1, 0xf9 } },
    { 3, { 0xc4, 0xe0, 0x78 } }, { 3, { 0xc4, 0xe4, 0x78 } }, { 3, { 0x8f, 0xe8, 0x78 } },
};

/* What hosts may have and no guest does: bytes after any of 66, F2, F3; the last one masked. */
static const struct {
    uint8_t len, bytes[4], mask;
    const char *what;
} beyond[] = {
    { 3, { 0x0f, 0x01, 0xc1 }, 0xff, "VMCALL: a hypervisor answers" },
    { 3, { 0x0f, 0x01, 0xfa }, 0xff, "MONITORX" },
    { 3, { 0x0f, 0x01, 0xfb }, 0xff, "MWAITX" },
    { 3, { 0x0f, 0x01, 0xfd }, 0xff, "RDPRU" },
    { 3, { 0x0f, 0x01, 0xfe }, 0xfe, "INVLPGB, TLBSYNC, PVALIDATE, RMPADJUST, PSMASH" },
    { 3, { 0xf0, 0x0f, 0x20 }, 0xfd, "AltMovCr8: LOCK MOV CR0 means CR8" },
    { 4, { 0xf0, 0x0f, 0x00, 0x28 }, 0x38, "LOCK VERW: Zen 3 ignores LOCK" },
    { 4, { 0xc4, 0xe3, 0x7d, 0x00 }, 0xfe, "VPERMQ, VPERMPD: Zen 3 ignores VEX.W" },
};

/* Opcode maps of VEX: 0F, 0F 38, 0F 3A; without VEX, after 66, of the last two. */
static unsigned map_and_opcode(const uint8_t *code, unsigned *opcode)
{
    if (code[0] == 0xc5 || code[0] == 0xc4) {
        *opcode = code[code[0] == 0xc5 ? 2 : 3];
        return code[0] == 0xc5 ? 1 : code[1] & 0x1f;
    }
    bool long_map = code[0] == 0x66 && code[1] == 0x0f && (code[2] == 0x38 || code[2] == 0x3a);

    *opcode = code[3];
    return long_map ? code[2] == 0x38 ? 2 : 3 : 0;
}

/* GFNI, and the mask registers of AVX-512, of hosts that have them. */
static bool is_newer(const uint8_t *code)
{
    static const uint8_t mask_opcodes[] = { 0x41, 0x42, 0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x90,
                                            0x91, 0x92, 0x93, 0x98, 0x99 };
    unsigned eax, ebx, ecx, edx, opcode, map = map_and_opcode(code, &opcode);

    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return false;
    }
    bool gfni = ecx >> 8 & 1, avx512 = ebx >> 16 & 1;
    if (gfni && (opcode == 0xcf ? map >= 2 : opcode == 0xce && map == 3)) {
        return true;
    }
    return avx512 && code[0] != 0x66 &&
           (map == 1 ? memchr(mask_opcodes, opcode, sizeof(mask_opcodes)) != NULL
                     : map == 3 && opcode >= 0x30 && opcode <= 0x33);
}

static bool is_beyond(const uint8_t *code)
{
    while (*code == 0x66 || *code == 0xf2 || *code == 0xf3) {
        code++;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(beyond); i++) {
        unsigned last = beyond[i].len - 1;
        if (memcmp(code, beyond[i].bytes, last) == 0 &&
            (code[last] & beyond[i].mask) == beyond[i].bytes[last]) {
            return true;
        }
    }
    return false;
}

static void init_case(CpuCase *c, X86Mode mode)
{
    memset(c, 0, sizeof(*c));
    c->mode = mode;
    c->insn.len = 15;
    for (unsigned i = 0; i < 16; i++) {
        c->in.gpr[i] = mode == X86_MODE_64 || i < 8 ? WINDOW_BASE + WINDOW_DATA + 0x800 : 0;
    }
    c->in.gpr[X86_RSP] = WINDOW_BASE + WINDOW_STACK + 0x1000;
    c->in.rip = WINDOW_BASE + WINDOW_CODE + 0x800;
    c->in.eflags = 0x202;
    c->in.mxcsr = 0x1f80;
    c->in.fcw = 0x37f;
    for (unsigned i = 0; i < X86_SEG_COUNT; i++) {
        c->in.seg[i] = SEL_DATA;
    }
    c->in.seg[X86_FS] = c->in.seg[X86_GS] = 0;
    c->in.seg[X86_CS] = mode == X86_MODE_64 ? SEL_CODE64 : SEL_CODE32;
}

static bool check_one(CpuCase *c, unsigned reported)
{
    CpuOutcome o;
    X86Insn insn;

    if (x86_decode(c->code, 15, c->mode, X86_DECODE_HAS_BMI1 | X86_DECODE_HAS_LZCNT, &insn) !=
        X86_DECODE_UD || is_beyond(c->code) || is_newer(c->code)) {
        return true;
    }
    native_run(c, &o);
    if (o.vector == X86_EXCP_UD) {
        return true;
    }
    if (reported > 40) {
        return false;
    }
    g_test_message("%s-bit %02x %02x %02x %02x %02x %02x: the host gives vector %d",
                   c->mode == X86_MODE_64 ? "64" : "32", c->code[0], c->code[1], c->code[2],
                   c->code[3], c->code[4], c->code[5], o.vector);
    return false;
}

/* Without --all: each ModRM.reg with memory and some registers; 0F 01 has single instructions. */
static bool is_selected(unsigned opcode)
{
    unsigned modrm = opcode & 0xff, rm = modrm & 7;

    return all || opcode >> 8 == 0x01 || (modrm < 0x40 && rm == 0) ||
           (modrm >= 0xc0 && (rm == 0 || rm == 3 || rm == 7));
}

static void test_mode(gconstpointer data)
{
    CpuCase c;
    unsigned failures = 0;

    init_case(&c, GPOINTER_TO_INT(data));
    for (unsigned h = 0; h < G_N_ELEMENTS(heads); h++) {
        for (unsigned opcode = 0; opcode < 65536; opcode++) {
            if (!is_selected(opcode)) {
                continue;
            }
            memset(c.code, 0, sizeof(c.code));
            memcpy(c.code, heads[h].bytes, heads[h].len);
            c.code[heads[h].len] = opcode >> 8;
            c.code[heads[h].len + 1] = opcode;
            failures += !check_one(&c, failures);
        }
    }
    g_assert_cmpuint(failures, ==, 0);
}

int main(int argc, char **argv)
{
    const GOptionEntry options[] = {
        { "all", 0, 0, G_OPTION_ARG_NONE, &all, "Every ModRM byte", NULL }, { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    const char *why;

    g_test_init(&argc, &argv, NULL);
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL)) {
        return 1;
    }
    if (!native_init(&why)) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    g_test_add_data_func("/cpu/undefined/64", GINT_TO_POINTER(X86_MODE_64), test_mode);
    g_test_add_data_func("/cpu/undefined/32", GINT_TO_POINTER(X86_MODE_32), test_mode);
    return g_test_run();
}

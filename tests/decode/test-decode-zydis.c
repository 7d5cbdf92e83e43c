/*
 * The decoder against Zydis: random bytes in all modes, and a linear sweep over
 * the code of installed programs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <elf.h>
#include <glib.h>
#include <string.h>
#include "tests/decode/zydis-oracle.h"

static int cases = 1000000; /* per mode */
static int sweep_mib = 24;

typedef struct Run {
    ZydisOracle *oracle;
    GString *why;
    GHashTable *seen; /* kinds of differences already printed */
    unsigned failures;
} Run;

static void report(Run *run, const uint8_t *code, size_t len, X86Mode mode)
{
    static const char *const mode_names[] = { "16-bit", "32-bit", "64-bit" };
    GString *hex;

    run->failures++;
    if (!g_hash_table_add(run->seen, g_strdup(run->why->str)) ||
        g_hash_table_size(run->seen) > 60) {
        return;
    }
    hex = g_string_new(NULL);
    for (size_t i = 0; i < len && i < X86_MAX_INSN_LEN; i++) {
        g_string_append_printf(hex, "%02x ", code[i]);
    }
    g_test_message("%s %s: %s", mode_names[mode], hex->str, run->why->str);
    g_string_free(hex, true);
}

static void run_init(Run *run)
{
    run->oracle = zydis_oracle_new();
    run->why = g_string_new(NULL);
    run->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    run->failures = 0;
}

static void run_end(Run *run)
{
    zydis_oracle_free(run->oracle);
    g_string_free(run->why, true);
    g_hash_table_destroy(run->seen);
    g_assert_cmpuint(run->failures, ==, 0);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Random bytes, biased so that every map and prefix comes up often. */
static void random_code(uint64_t *seed, uint8_t *code)
{
    static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x67, 0x2e, 0x64, 0xf0, 0x48, 0x41 };
    uint64_t r = next_random(seed);
    uint64_t bytes[2] = { next_random(seed), next_random(seed) };
    unsigned n = 0;

    memcpy(code, bytes, 16);
    for (; n < 2 && (r & 3) == 0; r >>= 8) {
        code[n++] = prefixes[(r >> 2) % G_N_ELEMENTS(prefixes)];
    }
    switch (r >> 2 & 15) {
    case 0 ... 3:
        code[n] = 0x0f;
        break;
    case 4 ... 5:
        code[n] = 0x0f;
        code[n + 1] = 0x38;
        break;
    case 6:
        code[n] = 0x0f;
        code[n + 1] = 0x3a;
        break;
    case 7 ... 8:
        code[n] = 0xc5;
        code[n + 1] |= r & 64 ? 0x78 : 0;
        break;
    case 9 ... 11:
        code[n] = 0xc4;
        code[n + 1] = (code[n + 1] & 0xe0) | (1 + (r >> 8) % 3);
        code[n + 2] |= r & 64 ? 0x78 : 0;
        break;
    }
}

static void test_random(gconstpointer data)
{
    X86Mode mode = GPOINTER_TO_INT(data);
    uint64_t seed = 0x9e3779b97f4a7c15 + mode;
    uint8_t code[16];
    unsigned length;
    Run run;

    run_init(&run);
    for (int i = 0; i < cases; i++) {
        random_code(&seed, code);
        if (!zydis_oracle_compare(run.oracle, code, 15, mode, &length, run.why)) {
            report(&run, code, 15, mode);
        }
    }
    run_end(&run);
}

/* Every map, opcode and mandatory prefix with every ModRM byte. */
static void test_all_opcodes(gconstpointer data)
{
    static const uint8_t heads[][5] = {
        { 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a },
        { 2, 0xc5, 0xf8 }, { 2, 0xc5, 0xfc }, { 3, 0xc4, 0xe2, 0x78 }, { 3, 0xc4, 0xe2, 0x7c },
        { 3, 0xc4, 0xe2, 0xf8 }, { 3, 0xc4, 0xe2, 0xfc }, { 3, 0xc4, 0xe3, 0x78 },
        { 3, 0xc4, 0xe3, 0x7c }, { 3, 0xc4, 0xe3, 0xf8 }, { 3, 0xc4, 0xe3, 0xfc },
        { 3, 0xc4, 0xe2, 0x68 }, { 3, 0xc4, 0xe2, 0x6c }, { 3, 0xc4, 0xe3, 0x68 },
        { 3, 0xc4, 0xe3, 0x6c }, { 2, 0xc5, 0xe8 }, { 2, 0xc5, 0xec },
    };
    static const uint8_t prefixes[] = { 0x90, 0x66, 0xf3, 0xf2, 0x48, 0xf0, 0x67 };
    X86Mode mode = GPOINTER_TO_INT(data);
    unsigned length;
    Run run;

    run_init(&run);
    for (unsigned h = 0; h < G_N_ELEMENTS(heads); h++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(prefixes) * 65536; i++) {
            uint8_t code[16] = { 0 }, n = 0;
            unsigned p = i >> 16, head = heads[h][0];

            if (heads[h][1] >= 0xc4) { /* the prefix is VEX.pp */
                if (p > 3) {
                    break;
                }
                memcpy(code, &heads[h][1], head);
                code[head - 1] |= p;
                n = head;
            } else {
                if (p > 0) {
                    code[n++] = prefixes[p];
                }
                memcpy(code + n, &heads[h][1], head);
                n += head;
            }
            code[n] = i >> 8;
            code[n + 1] = i;
            memset(code + n + 2, 0x24, sizeof(code) - n - 2);
            if (!zydis_oracle_compare(run.oracle, code, 15, mode, &length, run.why)) {
                report(&run, code, 15, mode);
            }
        }
    }
    run_end(&run);
}

static void sweep(Run *run, const uint8_t *code, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned length;

        if (!zydis_oracle_compare(run->oracle, code + i, MIN(size - i, 15), X86_MODE_64, &length,
                                  run->why)) {
            report(run, code + i, MIN(size - i, 15), X86_MODE_64);
        }
        i += length;
    }
}

/* Sweeps the executable sections of a 64-bit ELF file; returns the bytes swept. */
static size_t sweep_elf(Run *run, const char *path, size_t limit)
{
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, false, NULL);
    const char *base = file ? g_mapped_file_get_contents(file) : NULL;
    size_t size = file ? g_mapped_file_get_length(file) : 0;
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Shdr *section;
    size_t done = 0;

    if (size < sizeof(*header) || memcmp(base, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
        header->e_shoff > size || header->e_shnum * sizeof(*section) > size - header->e_shoff) {
        return 0;
    }
    section = (const void *)(base + header->e_shoff);
    for (unsigned i = 0; i < header->e_shnum; i++) {
        if (section[i].sh_type == SHT_PROGBITS && section[i].sh_flags & SHF_EXECINSTR &&
            section[i].sh_offset <= size && section[i].sh_size <= size - section[i].sh_offset) {
            size_t part = MIN(section[i].sh_size, limit);
            sweep(run, (const uint8_t *)base + section[i].sh_offset, part);
            done += part;
        }
    }
    return done;
}

static void test_programs(void)
{
    size_t budget = (size_t)sweep_mib << 20, done = 0;
    g_autoptr(GDir) dir = g_dir_open("/usr/bin", 0, NULL);
    const char *name;
    Run run;

    if (!dir) {
        g_test_skip("no /usr/bin");
        return;
    }
    run_init(&run);
    while (done < budget && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename("/usr/bin", name, NULL);
        done += sweep_elf(&run, path, 512 << 10);
    }
    g_test_message("%zu KiB of code", done >> 10);
    run_end(&run);
}

int main(int argc, char **argv)
{
    const GOptionEntry options[] = {
        { "cases", 0, 0, G_OPTION_ARG_INT, &cases, "Random instructions for each mode", "N" },
        { "sweep", 0, 0, G_OPTION_ARG_INT, &sweep_mib, "Program code to sweep over", "MIB" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_test_init(&argc, &argv, NULL);
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, NULL)) {
        return 1;
    }
    g_test_add_data_func("/decode/zydis/random/16", GINT_TO_POINTER(X86_MODE_16), test_random);
    g_test_add_data_func("/decode/zydis/random/32", GINT_TO_POINTER(X86_MODE_32), test_random);
    g_test_add_data_func("/decode/zydis/random/64", GINT_TO_POINTER(X86_MODE_64), test_random);
    g_test_add_data_func("/decode/zydis/all/16", GINT_TO_POINTER(X86_MODE_16), test_all_opcodes);
    g_test_add_data_func("/decode/zydis/all/32", GINT_TO_POINTER(X86_MODE_32), test_all_opcodes);
    g_test_add_data_func("/decode/zydis/all/64", GINT_TO_POINTER(X86_MODE_64), test_all_opcodes);
    g_test_add_func("/decode/zydis/programs", test_programs);
    return g_test_run();
}

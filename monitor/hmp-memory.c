/*
 * Human monitor: memory and ports.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "hw/core/machine.h"
#include "monitor/hmp-int.h"
#include "target/i386/cpu.h"
#include "target/i386/disas.h"
#include "target/i386/phys.h"
#include "util/rcu.h"

/* --- one value as text ---------------------------------------------------------- */

/* Columns of the largest value of size bytes, by base. */
static int decimal_columns(unsigned size)
{
    static const int columns[] = { [1] = 3, [2] = 5, [4] = 10, [8] = 20 };
    return columns[size];
}

static void print_char(Hmp *hmp, uint8_t c)
{
    static const struct { char value, letter; } escapes[] = {
        { '\'', '\'' }, { '\\', '\\' }, { '\n', 'n' }, { '\r', 'r' },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(escapes); i++) {
        if (c == escapes[i].value) {
            hmp_printf(hmp, "'\\%c'", escapes[i].letter);
            return;
        }
    }
    hmp_printf(hmp, g_ascii_isprint(c) ? "'%c'" : "'\\x%02x'", c);
}

static uint64_t take_value(const uint8_t *data, unsigned size)
{
    uint64_t val = 0;
    memcpy(&val, data, size);
    return val;
}

/* "d" is signed for 8 bytes only, as in QEMU. */
static void print_value(Hmp *hmp, char format, unsigned size, uint64_t val)
{
    hmp_printf(hmp, " ");
    switch (format) {
    case 'o':
        hmp_printf(hmp, "%#*" PRIo64, (int)(size * 8 + 2) / 3, val);
        break;
    case 'u':
        hmp_printf(hmp, "%*" PRIu64, decimal_columns(size), val);
        break;
    case 'd':
        hmp_printf(hmp, "%*" PRId64, decimal_columns(size), (int64_t)val);
        break;
    case 'c':
        print_char(hmp, (uint8_t)val);
        break;
    default:
        hmp_printf(hmp, "0x%0*" PRIx64, (int)size * 2, val);
        break;
    }
}

/* --- x, xp ------------------------------------------------------------------------- */

enum { LINE_BYTES = 16, CHAR_LINE_BYTES = 8, PAGE = 4096 };

typedef struct Dump {
    Hmp *hmp;
    HmpFormat format;
    uint64_t addr;
    bool physical;
} Dump;

/* Reads by physical address, or by linear address page after page; false if a page is not
 * mapped or nobody answers. */
static bool read_memory(CPUState *cpu, const Dump *dump, uint64_t addr, uint8_t *buf, size_t len)
{
    MachineState *machine = dump->hmp->machine;

    while (len) {
        size_t n = MIN(len, PAGE - (addr & (PAGE - 1)));
        uint64_t phys = addr;
        AddressSpace *as = cpu && !dump->physical ? x86_phys_space(X86_CPU(cpu))
                                                  : &machine->memory_as;
        if (!dump->physical && !CPU_GET_CLASS(cpu)->translate_debug(cpu, addr, &phys)) {
            return false;
        }
        if (address_space_read(as, phys, MEMTXATTRS_NONE, buf, n) != MEMTX_OK) {
            return false;
        }
        addr += n;
        buf += n;
        len -= n;
    }
    return true;
}

static void dump_data(CPUState *cpu, const Dump *dump)
{
    unsigned size = dump->format.size;
    uint64_t left = (uint64_t)dump->format.count * size, addr = dump->addr;
    unsigned per_line = dump->format.format == 'c' ? CHAR_LINE_BYTES : LINE_BYTES;
    uint8_t line[LINE_BYTES];

    while (left) {
        unsigned n = (unsigned)MIN(left, per_line);
        hmp_printf(dump->hmp, "%016" PRIx64 ":", addr);
        if (!read_memory(cpu, dump, addr, line, n)) {
            hmp_printf(dump->hmp, " Cannot access memory\n");
            return;
        }
        for (unsigned i = 0; i < n; i += size) {
            print_value(dump->hmp, dump->format.format, size, take_value(line + i, size));
        }
        hmp_printf(dump->hmp, "\n");
        addr += n;
        left -= n;
    }
}

/* The bytes that can be read at addr; a longest instruction's worth, or up to the last page
 * that is mapped. */
static size_t read_code(CPUState *cpu, const Dump *dump, uint64_t addr, uint8_t *code, size_t max)
{
    size_t in_page = MIN(max, PAGE - (addr & (PAGE - 1)));

    if (!read_memory(cpu, dump, addr, code, in_page)) {
        return 0;
    }
    return in_page == max || read_memory(cpu, dump, addr + in_page, code + in_page, max - in_page)
         ? max : in_page;
}

static void dump_code(CPUState *cpu, const Dump *dump)
{
    enum { LONGEST = 15, BYTES_COLUMNS = 8 };
    X86Mode mode = x86_mode(&X86_CPU(cpu)->state);
    uint64_t addr = dump->addr;

    for (unsigned i = 0; i < dump->format.count; i++) {
        uint8_t code[LONGEST];
        g_autoptr(GString) text = g_string_new(NULL);
        size_t len = read_code(cpu, dump, addr, code, sizeof(code));

        hmp_printf(dump->hmp, "0x%08" PRIx64 ": ", addr);
        if (!len) {
            hmp_printf(dump->hmp, " unable to read memory\n");
            return;
        }
        unsigned n = x86_disas_att(text, code, len, mode, addr);
        for (unsigned j = 0; j < MAX(n, BYTES_COLUMNS); j++) {
            hmp_printf(dump->hmp, j < n ? " %02x" : "   ", code[j % LONGEST]);
        }
        hmp_printf(dump->hmp, "  %s\n", text->str);
        addr += n;
    }
}

static void dump_memory(CPUState *cpu, void *opaque)
{
    const Dump *dump = opaque;

    if (dump->format.format == 'i') {
        dump_code(cpu, dump);
    } else {
        dump_data(cpu, dump);
    }
}

static void dump(Hmp *hmp, const HmpArgs *args, bool physical, Error **errp)
{
    Dump dump = { hmp, *hmp_arg_format(args), (uint64_t)hmp_arg_int(args, "addr", 0), physical };
    CPUState *cpu = hmp_cpu(hmp);

    if (cpu) {
        cpu_run_on(cpu, dump_memory, &dump);
    } else if (physical && dump.format.format != 'i') {
        dump_data(NULL, &dump);
    } else {
        error_setg(errp, "No CPU available");
    }
}

static void run_x(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    dump(hmp, args, false, errp);
}

static void run_xp(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    dump(hmp, args, true, errp);
}

static void run_print(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    int64_t val = hmp_arg_int(args, "val", 0);

    switch (hmp_arg_format(args)->format) {
    case 'o':
        hmp_printf(hmp, "%#" PRIo64, val);
        break;
    case 'u':
        hmp_printf(hmp, "%" PRIu64, val);
        break;
    case 'd':
        hmp_printf(hmp, "%" PRId64, val);
        break;
    case 'c':
        print_char(hmp, (uint8_t)val);
        break;
    default:
        hmp_printf(hmp, "%#" PRIx64, val);
        break;
    }
    hmp_printf(hmp, "\n");
}

/* --- ports ---------------------------------------------------------------------------- */

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

/* A port has 1, 2 or 4 bytes. */
static unsigned port_size(const HmpArgs *args)
{
    unsigned size = hmp_arg_format(args)->size;
    return size == 1 || size == 2 ? size : 4;
}

static void run_in(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    uint16_t addr = (uint16_t)hmp_arg_int(args, "addr", 0);
    unsigned size = port_size(args);

    if (hmp_arg_given(args, "index")) {
        address_space_st(&hmp->machine->io_as, addr, 1,
                         (uint8_t)hmp_arg_int(args, "index", 0));
        addr++;
    }
    uint64_t val = address_space_ld(&hmp->machine->io_as, addr, size);
    hmp_printf(hmp, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", size_letter(size), addr, (int)size * 2,
               val);
}

static void run_out(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    address_space_st(&hmp->machine->io_as, (uint16_t)hmp_arg_int(args, "addr", 0),
                     port_size(args), (uint64_t)hmp_arg_int(args, "val", 0));
}

/* --- sum, memsave ------------------------------------------------------------------------ */

/* The BSD checksum: rotate right, add. */
static void run_sum(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    uint64_t start = (uint64_t)hmp_arg_int(args, "start", 0);
    uint32_t size = (uint32_t)hmp_arg_int(args, "size", 0);
    uint16_t sum = 0;
    uint8_t buf[PAGE];

    for (uint64_t done = 0; done < size; ) {
        size_t n = MIN(size - done, sizeof(buf));
        address_space_read(&hmp->machine->memory_as, start + done, MEMTXATTRS_NONE, buf, n);
        for (size_t i = 0; i < n; i++) {
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]);
        }
        done += n;
    }
    hmp_printf(hmp, "%05d\n", sum);
}

static bool write_all(int fd, const uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        buf += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
    return true;
}

static bool save_memory(CPUState *cpu, const Dump *dump, uint64_t size, int fd, Error **errp)
{
    uint8_t buf[PAGE];

    for (uint64_t done = 0; done < size; ) {
        size_t n = MIN(size - done, sizeof(buf));
        if (!read_memory(cpu, dump, dump->addr + done, buf, n)) {
            error_setg(errp, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified",
                       dump->addr, size);
            return false;
        }
        if (!write_all(fd, buf, n)) {
            error_setg(errp, "writing memory to file failed: %s", g_strerror(errno));
            return false;
        }
        done += n;
    }
    return true;
}

static void save(Hmp *hmp, const HmpArgs *args, bool physical, Error **errp)
{
    Dump dump = { .hmp = hmp, .addr = (uint64_t)hmp_arg_int(args, "val", 0),
                  .physical = physical };
    const char *path = hmp_arg_str(args, "filename");
    uint64_t size = (uint32_t)hmp_arg_int(args, "size", 0);
    CPUState *cpu = physical ? NULL : hmp_need_cpu(hmp, errp);

    if (!physical && !cpu) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return;
    }
    save_memory(cpu, &dump, size, fd, errp);
    close(fd);
}

static void run_memsave(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    save(hmp, args, false, errp);
}

static void run_pmemsave(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    save(hmp, args, true, errp);
}

/* --- where guest memory is on the host -------------------------------------------------- */

/* The host address of a guest physical one; its region's name is copied to *name. */
static uint8_t *host_address(Hmp *hmp, uint64_t addr, char **name, Error **errp)
{
    MemorySection section;

    rcu_reader_enter();
    address_space_lookup(&hmp->machine->memory_as, addr, &section);
    if (!section.mr) {
        error_setg(errp, "No memory is mapped at address 0x%" PRIx64, addr);
    } else if (!section.host) {
        error_setg(errp, "Memory at address 0x%" PRIx64 " is not RAM", addr);
    } else {
        *name = g_strdup(section.mr->mr_name);
    }
    rcu_reader_leave();
    return section.mr ? section.host : NULL;
}

static void run_gpa2hva(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    uint64_t addr = (uint64_t)hmp_arg_int(args, "addr", 0);
    g_autofree char *name = NULL;
    uint8_t *host = host_address(hmp, addr, &name, errp);

    if (host) {
        hmp_printf(hmp, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", addr, name,
                   (void *)host);
    }
}

/* /proc/self/pagemap: bit 63 present, bits 54-0 the page frame (0 without privilege). */
static bool host_frame(const void *host, uint64_t *frame, Error **errp)
{
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, &entry, sizeof(entry),
                                    (off_t)((uintptr_t)host / page_size * sizeof(entry)));
    if (fd >= 0) {
        close(fd);
    }
    if (n != sizeof(entry)) {
        error_setg(errp, "Cannot read /proc/self/pagemap");
        return false;
    }
    *frame = entry & ((UINT64_C(1) << 55) - 1);
    if (!(entry >> 63) || !*frame) {
        error_setg(errp, "Page not present, or the host does not tell its address");
        return false;
    }
    return true;
}

static void run_gpa2hpa(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    uint64_t addr = (uint64_t)hmp_arg_int(args, "addr", 0), frame;
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    g_autofree char *name = NULL;
    uint8_t *host = host_address(hmp, addr, &name, errp);

    if (host && host_frame(host, &frame, errp)) {
        hmp_printf(hmp, "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n", addr,
                   name, frame * page_size + (uintptr_t)host % page_size);
    }
}

/* --- the memory map ------------------------------------------------------------------------ */

static void run_mtree(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    AddressSpace *spaces[] = { &hmp->machine->memory_as, &hmp->machine->io_as,
                               hmp->machine->smm_as };
    bool disabled = hmp_arg_flag(args, 'D');

    for (size_t i = 0; i < G_N_ELEMENTS(spaces) && spaces[i]; i++) {
        if (hmp_arg_flag(args, 'f')) {
            hmp_printf(hmp, "FlatView #%zu\n", i);
            memory_print_flat(hmp->out, spaces[i]);
        } else {
            memory_print_tree(hmp->out, spaces[i], disabled);
        }
    }
}

static int print_rom(Object *obj, void *opaque)
{
    Hmp *hmp = opaque;
    const MemoryRegion *mr = (MemoryRegion *)object_dynamic_cast(obj, TYPE_MEMORY_REGION);

    if (mr && mr->kind == MEMORY_ROM && mr->container) {
        hmp_printf(hmp, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n",
                   mr->addr, mr->size, mr->mr_name);
    }
    return 0;
}

static void run_roms(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    object_child_foreach_recursive(hmp->machine, print_rom, hmp);
}

static int print_ramblock(Object *obj, void *opaque)
{
    Hmp *hmp = opaque;
    const MemoryRegion *mr = (MemoryRegion *)object_dynamic_cast(obj, TYPE_MEMORY_REGION);

    if (mr && mr->block && mr->kind != MEMORY_ALIAS) {
        hmp_printf(hmp, "%23s %8s 0x%016" PRIx64 "\n", mr->block->name, "4 KiB",
                   mr->block->length);
    }
    return 0;
}

static void run_ramblock(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    hmp_printf(hmp, "%23s %8s %18s\n", "Block Name", "PSize", "Total");
    object_child_foreach_recursive(hmp->machine, print_ramblock, hmp);
}

/* The machine's memory is one block; it has no other back ends. */
static void run_memdev(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    if (hmp->machine->ram_size && hmp->machine->ram.block) {
        hmp_printf(hmp, "memory backend: %s\n  size:  %" PRIu64 "\n  share: true\n\n",
                   hmp->machine->ram.block->name, hmp->machine->ram_size);
    }
}

static void run_memory_size(Hmp *hmp, const HmpArgs *args, Error **errp)
{
    hmp_printf(hmp, "base memory: %" PRIu64 "\nplugged memory: 0\n", hmp->machine->ram_size);
}

const HmpCommand hmp_commands_memory[] = {
    { "x", "fmt:/ addr:l", "/fmt addr", "show memory at a linear address", run_x },
    { "xp", "fmt:/ addr:l", "/fmt addr", "show memory at a physical address", run_xp },
    { "print|p", "fmt:/ val:l", "/fmt expr", "show the value of an expression ($reg is a "
      "register)", run_print },
    { "i", "fmt:/ addr:i index:i?", "/fmt addr [index]", "read a port, after writing index to "
      "the one before it if that is given", run_in },
    { "o", "fmt:/ addr:i val:i", "/fmt addr value", "write to a port", run_out },
    { "sum", "start:l size:i", "addr size", "show the checksum of physical memory", run_sum },
    { "memsave", "val:l size:i filename:F", "addr size file", "write memory at a linear address "
      "to a file", run_memsave },
    { "pmemsave", "val:l size:i filename:F", "addr size file", "write memory at a physical "
      "address to a file", run_pmemsave },
    { "gpa2hva", "addr:l", "addr", "show the host's address of guest physical memory",
      run_gpa2hva },
    { "gpa2hpa", "addr:l", "addr", "show the host's physical address of guest physical memory",
      run_gpa2hpa },
    { "info mtree", "-f -D", "[-f][-D]", "show the memory regions (-f: as they are rendered; "
      "-D: disabled ones too)", run_mtree },
    { "info roms", NULL, NULL, "show ROM images", run_roms },
    { "info ramblock", NULL, NULL, "show the blocks of memory", run_ramblock },
    { "info memdev", NULL, NULL, "show memory back ends", run_memdev },
    { "info memory_size_summary", NULL, NULL, "show the amount of memory in bytes",
      run_memory_size },
    { NULL },
};

/*
 * QMP commands that write guest memory to files: memsave, pmemsave. For core files see dump.c.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include "hw/core/cpu-debug.h"
#include "monitor/monitor.h"
#include "util/module.h"

enum { CHUNK = 4096 };

/* Fills buf from an address; false with errp set. */
typedef bool ReadMemoryFn(void *source, uint64_t addr, void *buf, size_t len, Error **errp);

static bool save(const char *filename, ReadMemoryFn *read, void *source, uint64_t addr,
                 uint64_t size, Error **errp)
{
    FILE *file = fopen(filename, "wbe");
    bool ok = true;

    if (!file) {
        error_setg_errno(errp, errno, "Could not open '%s'", filename);
        return false;
    }
    for (uint64_t done = 0; ok && done < size; ) {
        uint8_t buf[CHUNK];
        size_t len = MIN(size - done, CHUNK - (addr + done) % CHUNK);
        ok = read(source, addr + done, buf, len, errp);
        if (ok && fwrite(buf, 1, len, file) != len) {
            error_setg_errno(errp, errno, "Could not write '%s'", filename);
            ok = false;
        }
        done += len;
    }
    if (fclose(file) && ok) {
        error_setg_errno(errp, errno, "Could not write '%s'", filename);
        ok = false;
    }
    return ok;
}

/* A size that is not negative. */
static bool size_arg(json_object *args, uint64_t *size, Error **errp)
{
    int64_t given = json_member_int(args, "size", 0);

    *size = given;
    if (given < 0) {
        error_setg(errp, "Parameter 'size' expects a number of bytes");
    }
    return given >= 0;
}

static bool read_physical(void *source, uint64_t addr, void *buf, size_t len, Error **errp)
{
    address_space_read(source, addr, MEMTXATTRS_NONE, buf, len);
    return true;
}

static json_object *qmp_pmemsave(Monitor *mon, json_object *args, Error **errp)
{
    uint64_t size;

    if (size_arg(args, &size, errp)) {
        save(json_member_str(args, "filename"), read_physical, &monitor_machine(mon)->memory_as,
             json_member_int(args, "val", 0), size, errp);
    }
    return NULL;
}

static bool read_virtual(void *source, uint64_t addr, void *buf, size_t len, Error **errp)
{
    if (!cpu_memory_rw_debug(source, addr, buf, len, false)) {
        error_setg(errp, "Invalid addr 0x%016" PRIx64 "/size %zu specified", addr, len);
        return false;
    }
    return true;
}

typedef struct MemSave {
    json_object *args;
    uint64_t size;
    Error **errp;
} MemSave;

static void save_on_cpu(CPUState *cpu, void *opaque)
{
    MemSave *job = opaque;

    save(json_member_str(job->args, "filename"), read_virtual, cpu,
         json_member_int(job->args, "val", 0), job->size, job->errp);
}

static json_object *qmp_memsave(Monitor *mon, json_object *args, Error **errp)
{
    GPtrArray *cpus = monitor_machine(mon)->cpus;
    int64_t index = json_member_int(args, "cpu-index", 0);
    MemSave job = { .args = args, .errp = errp };

    if (index < 0 || index >= (int64_t)cpus->len) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
    } else if (size_arg(args, &job.size, errp)) {
        cpu_run_on(g_ptr_array_index(cpus, index), save_on_cpu, &job);
    }
    return NULL;
}

static const QmpHandler memory_commands[] = {
    { "memsave", qmp_memsave },
    { "pmemsave", qmp_pmemsave },
};
QMP_COMMANDS(memory_commands)

/*
 * Work for the kernel: system calls, switches, processes, page faults, protection, signals, files,
 * code that is written while it runs.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "kernels.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static uint64_t run_getppid(unsigned long n)
{
    long first = syscall(SYS_getppid), same = 0;

    for (unsigned long i = 0; i < n * 1000; i++) {
        same += syscall(SYS_getppid) == first;
    }
    return (uint64_t)same;
}

/* --- pipe: one byte to and fro between two processes ------------------------------------------ */

static void echo_bytes(int in, int out)
{
    char byte;

    while (read(in, &byte, 1) == 1) {
        must(write(out, &byte, 1) == 1, "write");
    }
    _exit(0);
}

static uint64_t run_pipe(unsigned long n)
{
    int there[2], back[2], status;
    uint64_t sum = 0;
    pid_t child;

    must(!pipe(there) && !pipe(back), "pipe");
    child = fork();
    must(child >= 0, "fork");
    if (!child) {
        close(there[1]);
        echo_bytes(there[0], back[1]);
    }
    for (unsigned long i = 0; i < n * 100; i++) {
        unsigned char byte = (unsigned char)i;

        must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
        sum = fold(sum, byte);
    }
    close(there[1]);
    must(waitpid(child, &status, 0) == child, "waitpid");
    return sum;
}

/* --- processes -------------------------------------------------------------------------------- */

static uint64_t wait_for(pid_t child)
{
    int status = -1;

    must(child > 0 && waitpid(child, &status, 0) == child, "waitpid");
    return (uint64_t)WEXITSTATUS(status);
}

static uint64_t run_fork(unsigned long n)
{
    uint64_t sum = 0;

    for (; n; n--) {
        pid_t child = fork();

        if (!child) {
            _exit((int)(n % 100));
        }
        sum = fold(sum, wait_for(child));
    }
    return sum;
}

static uint64_t run_forkexec(unsigned long n)
{
    uint64_t sum = 0;

    for (; n; n--) {
        pid_t child = fork();

        if (!child) {
            execl("/proc/self/exe", "kernels", "nothing", (char *)NULL);
            _exit(99);
        }
        sum = fold(sum, wait_for(child));
    }
    return sum;
}

static void *thread_main(void *opaque)
{
    return opaque;
}

static uint64_t run_threads(unsigned long n)
{
    uint64_t sum = 0;

    for (; n; n--) {
        pthread_t thread;
        void *result;

        must(!pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)n), "pthread_create");
        pthread_join(thread, &result);
        sum = fold(sum, (uintptr_t)result);
    }
    return sum;
}

/* --- memory ----------------------------------------------------------------------------------- */

static unsigned char *map_pages(size_t pages, int protection)
{
    void *p = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(p != MAP_FAILED, "mmap");
    return p;
}

static uint64_t run_faults(unsigned long n)
{
    enum { PAGES = 256 };
    uint64_t sum = 0;

    for (; n; n--) {
        unsigned char *p = map_pages(PAGES, PROT_READ | PROT_WRITE);

        for (int i = 0; i < PAGES; i++) {
            p[i * PAGE] = (unsigned char)i;
        }
        sum = fold(sum, p[(n % PAGES) * PAGE]);
        munmap(p, PAGES * PAGE);
    }
    return sum;
}

static uint64_t run_mprotect(unsigned long n)
{
    enum { PAGES = 16 };
    unsigned char *p = map_pages(PAGES, PROT_READ | PROT_WRITE);
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * 100; i++) {
        unsigned char *page = p + i % PAGES * PAGE;

        page[1]++;
        must(!mprotect(page, PAGE, PROT_READ), "mprotect");
        sum = fold(sum, page[1]);
        must(!mprotect(page, PAGE, PROT_READ | PROT_WRITE), "mprotect");
    }
    munmap(p, PAGES * PAGE);
    return sum;
}

/* --- signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals_seen;

static void count_signal(int number)
{
    (void)number;
    signals_seen++;
}

static uint64_t run_signals(unsigned long n)
{
    struct sigaction action = { .sa_handler = count_signal };

    must(!sigaction(SIGUSR1, &action, NULL), "sigaction");
    signals_seen = 0;
    for (unsigned long i = 0; i < n * 100; i++) {
        must(!raise(SIGUSR1), "raise");
    }
    return (uint64_t)signals_seen;
}

/* A write to a read-only page, put right by the handler of its SIGSEGV. */
static unsigned char *segv_page;

static void allow_write(int number)
{
    (void)number;
    signals_seen++;
    mprotect(segv_page, PAGE, PROT_READ | PROT_WRITE);
}

static uint64_t run_segv(unsigned long n)
{
    struct sigaction action = { .sa_handler = allow_write };

    segv_page = map_pages(1, PROT_READ | PROT_WRITE);
    must(!sigaction(SIGSEGV, &action, NULL), "sigaction");
    signals_seen = 0;
    for (unsigned long i = 0; i < n * 100; i++) {
        must(!mprotect(segv_page, PAGE, PROT_READ), "mprotect");
        *(volatile unsigned char *)segv_page = (unsigned char)i;
    }
    signal(SIGSEGV, SIG_DFL);
    munmap(segv_page, PAGE);
    return (uint64_t)signals_seen;
}

/* --- files ------------------------------------------------------------------------------------ */

enum { TREE_WIDTH = 8, TREE_DEPTH = 3 };

static void make_tree(const char *path, int depth)
{
    char name[256];

    must(!mkdir(path, 0755), "mkdir");
    for (int i = 0; i < TREE_WIDTH; i++) {
        snprintf(name, sizeof(name), "%.200s/file%d", path, i);
        int fd = open(name, O_CREAT | O_WRONLY, 0644);

        must(fd >= 0 && write(fd, name, (size_t)i) == i, "write");
        close(fd);
        if (depth > 1) {
            snprintf(name, sizeof(name), "%.200s/dir%d", path, i);
            make_tree(name, depth - 1);
        }
    }
}

/* The sizes of all files below path; removes them on the way if asked to. */
static uint64_t walk_tree(const char *path, int remove_it)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    uint64_t sum = 0;

    must(dir != NULL, "opendir");
    while ((entry = readdir(dir))) {
        char name[256];
        struct stat st;

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%.180s/%.60s", path, entry->d_name);
        must(!stat(name, &st), "stat");
        if (S_ISDIR(st.st_mode)) {
            sum += walk_tree(name, remove_it);
        } else {
            sum += (uint64_t)st.st_size + 1;
            must(!remove_it || !unlink(name), "unlink");
        }
    }
    closedir(dir);
    must(!remove_it || !rmdir(path), "rmdir");
    return sum;
}

static uint64_t run_walk(unsigned long n)
{
    char path[] = "walk-XXXXXX";
    uint64_t sum = 0;

    must(mkdtemp(path) && !rmdir(path), "mkdtemp");
    make_tree(path, TREE_DEPTH);
    for (; n; n--) {
        sum = fold(sum, walk_tree(path, 0));
    }
    return fold(sum, walk_tree(path, 1));
}

static uint64_t run_files(unsigned long n)
{
    char path[] = "files-XXXXXX", data[PAGE];
    int fd = mkstemp(path);
    uint64_t sum = 0;

    must(fd >= 0, "mkstemp");
    memset(data, 'x', sizeof(data));
    for (unsigned long i = 0; i < n * 100; i++) {
        off_t at = (off_t)(i % 64) * PAGE;

        data[0] = (char)i;
        must(pwrite(fd, data, PAGE, at) == PAGE && pread(fd, data, PAGE, at) == PAGE, "pread");
        sum = fold(sum, (unsigned char)data[0]);
    }
    close(fd);
    unlink(path);
    return sum;
}

/* --- code that is rewritten between its runs -------------------------------------------------- */

/* mov eax, VALUE; ret */
static void emit_constant(unsigned char *code, uint32_t value)
{
    code[0] = 0xb8;
    memcpy(code + 1, &value, sizeof(value));
    code[5] = 0xc3;
}

typedef uint32_t (*Function)(void);

static uint64_t run_rewrite(unsigned long n)
{
    unsigned char *code = map_pages(1, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint64_t sum = 0;

    for (unsigned long i = 0; i < n * 100; i++) {
        unsigned char *at = code + i % 4 * 64;

        emit_constant(at, (uint32_t)i);
        for (int k = 0; k < 20; k++) {
            sum = fold(sum, ((Function)(uintptr_t)at)());
        }
    }
    munmap(code, PAGE);
    return sum;
}

/* What a compiler in a guest does: fills a page, runs it, goes on to a fresh one. */
static uint64_t run_jit(unsigned long n)
{
    enum { PAGES = 16, FUNCTIONS = 64 };
    uint64_t sum = 0;

    for (; n; n--) {
        unsigned char *code = map_pages(PAGES, PROT_READ | PROT_WRITE);

        for (int i = 0; i < PAGES * FUNCTIONS; i++) {
            emit_constant(code + i * (PAGE / FUNCTIONS), (uint32_t)(i + n));
        }
        must(!mprotect(code, PAGES * PAGE, PROT_READ | PROT_EXEC), "mprotect");
        for (int k = 0; k < 20; k++) {
            for (int i = 0; i < PAGES * FUNCTIONS; i++) {
                sum += ((Function)(uintptr_t)(code + i * (PAGE / FUNCTIONS)))();
            }
        }
        munmap(code, PAGES * PAGE);
    }
    return sum;
}

const Kernel system_kernels[] = {
    { "getppid", run_getppid },   { "pipe", run_pipe },       { "fork", run_fork },
    { "forkexec", run_forkexec }, { "threads", run_threads }, { "faults", run_faults },
    { "mprotect", run_mprotect }, { "signals", run_signals }, { "segv", run_segv },
    { "walk", run_walk },         { "files", run_files },     { "rewrite", run_rewrite },
    { "jit", run_jit },           { 0 },
};

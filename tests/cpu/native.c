/*
 * Runs cases on the host CPU, by signal frames.
 *
 * An INT3 enters a signal handler, which replaces the interrupted state in its
 * frame by the case's and returns: the kernel loads everything, CS and the
 * vector registers included. The case's instruction is surrounded by INT3, so
 * that it ends in the handler again, by INT3 or by its own fault; the frame
 * then holds the outcome.
 *
 *   native_run: int3 --> handler: frame = case --> sigreturn --> instruction
 *   native_run returns <-- sigreturn <-- handler: outcome = frame <-- int3 or fault
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <immintrin.h>
#include "tests/cpu/native.h"
#include <asm/ldt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

/* Offsets in the XSAVE area of a signal frame (SDM vol. 1, 13.4). */
enum {
    XSAVE_FCW = 0, XSAVE_FSW = 2, XSAVE_FTW = 4, XSAVE_FOP = 6, XSAVE_FIP = 8, XSAVE_FDP = 16,
    XSAVE_MXCSR = 24, XSAVE_ST = 32, XSAVE_XMM = 160, XSAVE_BV = 512, XSAVE_YMMH = 576,
    XSAVE_SIZE = 576 + 256,
};

typedef enum Phase { PHASE_HOST, PHASE_ENTER, PHASE_RUN } Phase;

static struct {
    volatile Phase phase;
    const CpuCase *c;
    CpuOutcome *o;
    uint8_t *window; /* second mapping, all writable */
    gregset_t host_gregs;
    uint8_t host_fp[XSAVE_SIZE];
    uint64_t cases, cases_at_alarm; /* the same case at two alarms: it hangs */
    bool ldt;
    struct sigaction action; /* of the signals that end a case */
} native;

/* Between the assembly below and C: what signal frames do not hold. */
struct NativeSegments {
    uint64_t fs_base, gs_base;
    uint16_t ds, es, fs, gs;
    uint32_t load;
    uint64_t host_fs_base, host_gs_base;
} native_segments __attribute__((used));

extern void native_signal_entry(int sig, siginfo_t *info, void *context);
void native_on_signal(int sig, siginfo_t *info, ucontext_t *context);

/*
 * The handler's frame: EFLAGS as C expects them (AC would fault in C code) and
 * the segment registers swapped. A null FS or GS has a base of its own.
 */
__asm__(
    ".text\n"
    ".globl native_signal_entry\n"
    "native_signal_entry:\n"
    "    pushq $2\n"
    "    popfq\n"
    "    lea native_segments(%rip), %rcx\n"
    "    rdfsbase %rax\n"
    "    mov %rax, 0(%rcx)\n"
    "    rdgsbase %rax\n"
    "    mov %rax, 8(%rcx)\n"
    "    mov %ds, 16(%rcx)\n"
    "    mov %es, 18(%rcx)\n"
    "    mov %fs, 20(%rcx)\n"
    "    mov %gs, 22(%rcx)\n"
    "    xor %eax, %eax\n"
    "    mov %eax, %fs\n"
    "    mov %eax, %gs\n"
    "    mov 32(%rcx), %rax\n"
    "    wrfsbase %rax\n"
    "    sub $8, %rsp\n"
    "    call native_on_signal\n"
    "    add $8, %rsp\n"
    "    lea native_segments(%rip), %rcx\n"
    "    cmpl $0, 24(%rcx)\n"
    "    je 2f\n"
    "    mov 16(%rcx), %ds\n"
    "    mov 18(%rcx), %es\n"
    "    mov 20(%rcx), %fs\n"
    "    mov 22(%rcx), %gs\n"
    "    testw $0xfffc, 20(%rcx)\n"
    "    jne 1f\n"
    "    mov 0(%rcx), %rax\n"
    "    wrfsbase %rax\n"
    "1:  testw $0xfffc, 22(%rcx)\n"
    "    jne 3f\n"
    "    mov 8(%rcx), %rax\n"
    "    wrgsbase %rax\n"
    "3:  ret\n"
    "2:  mov 40(%rcx), %rax\n"
    "    wrgsbase %rax\n"
    "    ret\n");

/* General registers by encoding, as indices of gregset_t. */
static const uint8_t greg_of[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

uint64_t __attribute__((target("xsave"))) native_extra_components(void)
{
    return _xgetbv(0) & ~(uint64_t)7;
}

static void load_fp(uint8_t *fp, const CpuRegs *r)
{
    uint64_t components = 7;

    memcpy(fp + XSAVE_FCW, &r->fcw, 2);
    memcpy(fp + XSAVE_FSW, &r->fsw, 2);
    fp[XSAVE_FTW] = r->ftw;
    memcpy(fp + XSAVE_FOP, &r->fop, 2);
    memcpy(fp + XSAVE_FIP, &r->fip, 8);
    memcpy(fp + XSAVE_FDP, &r->fdp, 8);
    memcpy(fp + XSAVE_MXCSR, &r->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(fp + XSAVE_ST + 16 * i, &r->st[i], 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(fp + XSAVE_XMM + 16 * i, r->ymm[i], 16);
        memcpy(fp + XSAVE_YMMH + 16 * i, r->ymm[i] + 2, 16);
    }
    memcpy(fp + XSAVE_BV, &components, 8);
}

/* A component that is not in use is in its initial state. */
static void store_fp(const uint8_t *fp, CpuRegs *r)
{
    uint64_t components;

    memcpy(&components, fp + XSAVE_BV, 8);
    memset(r->ymm, 0, sizeof(r->ymm));
    memset(r->st, 0, sizeof(r->st));
    memcpy(&r->mxcsr, fp + XSAVE_MXCSR, 4);
    r->fcw = 0x37f;
    r->fsw = r->fop = r->ftw = 0;
    r->fip = r->fdp = 0;
    if (components & 1) {
        memcpy(&r->fcw, fp + XSAVE_FCW, 2);
        memcpy(&r->fsw, fp + XSAVE_FSW, 2);
        r->ftw = fp[XSAVE_FTW];
        memcpy(&r->fop, fp + XSAVE_FOP, 2);
        memcpy(&r->fip, fp + XSAVE_FIP, 8);
        memcpy(&r->fdp, fp + XSAVE_FDP, 8);
        for (unsigned i = 0; i < 8; i++) {
            memcpy(&r->st[i], fp + XSAVE_ST + 16 * i, 10);
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        if (components & 2) {
            memcpy(r->ymm[i], fp + XSAVE_XMM + 16 * i, 16);
        }
        if (components & 4) {
            memcpy(r->ymm[i] + 2, fp + XSAVE_YMMH + 16 * i, 16);
        }
    }
}

static void enter_case(ucontext_t *uc)
{
    const CpuRegs *r = &native.c->in;
    greg_t *g = uc->uc_mcontext.gregs;

    memcpy(native.host_gregs, g, sizeof(native.host_gregs));
    memcpy(native.host_fp, uc->uc_mcontext.fpregs, XSAVE_SIZE);
    for (unsigned i = 0; i < 16; i++) {
        g[greg_of[i]] = r->gpr[i];
    }
    g[REG_RIP] = r->rip;
    g[REG_EFL] = r->eflags;
    g[REG_CSGSFS] = r->seg[X86_CS] | (uint64_t)r->seg[X86_SS] << 48;
    load_fp((uint8_t *)uc->uc_mcontext.fpregs, r);
    native_segments = (struct NativeSegments){
        .fs_base = r->fs_base, .gs_base = r->gs_base, .host_fs_base = native_segments.host_fs_base,
        .host_gs_base = native_segments.host_gs_base,
        .ds = r->seg[X86_DS], .es = r->seg[X86_ES], .fs = r->seg[X86_FS], .gs = r->seg[X86_GS],
        .load = 1,
    };
    native.phase = PHASE_RUN;
}

/* What stopped the case: an INT3 around the instruction means that it completed. */
static void classify(const greg_t *g, CpuOutcome *o)
{
    uint64_t start = native.c->in.rip, rip = g[REG_RIP];

    o->vector = g[REG_TRAPNO];
    o->error = g[REG_ERR];
    o->cr2 = g[REG_CR2];
    o->out.rip = rip;
    if (o->vector == X86_EXCP_BP && rip - 1 - start >= native.c->insn.len) {
        o->vector = OUTCOME_NONE;
        o->out.rip = rip - 1;
    } else if (rip != start && o->vector != X86_EXCP_BP && o->vector != X86_EXCP_DB &&
               o->vector != X86_EXCP_OF) {
        o->vector = OUTCOME_NONE; /* completed; the next fetch faulted */
    }
}

static void leave_case(ucontext_t *uc, int sig)
{
    CpuOutcome *o = native.o;
    greg_t *g = uc->uc_mcontext.gregs;

    for (unsigned i = 0; i < 16; i++) {
        o->out.gpr[i] = g[greg_of[i]];
    }
    o->out.eflags = g[REG_EFL];
    o->out.seg[X86_CS] = g[REG_CSGSFS];
    o->out.seg[X86_SS] = g[REG_CSGSFS] >> 48;
    o->out.seg[X86_DS] = native_segments.ds;
    o->out.seg[X86_ES] = native_segments.es;
    o->out.seg[X86_FS] = native_segments.fs;
    o->out.seg[X86_GS] = native_segments.gs;
    o->out.fs_base = native_segments.fs_base;
    o->out.gs_base = native_segments.gs_base;
    store_fp((uint8_t *)uc->uc_mcontext.fpregs, &o->out);
    classify(g, o);
    if (native.c->insn.mnemonic == X86_MN_XGETBV && o->vector == OUTCOME_NONE) {
        o->out.gpr[X86_RAX] &= ~native_extra_components();
    }
    if (sig == SIGPROF) {
        o->vector = OUTCOME_HANG;
    }
    memcpy(g, native.host_gregs, sizeof(native.host_gregs));
    memcpy(uc->uc_mcontext.fpregs, native.host_fp, XSAVE_SIZE);
    native_segments.load = 0;
    native.phase = PHASE_HOST;
}

void native_on_signal(int sig, siginfo_t *info, ucontext_t *context)
{
    if (native.phase != PHASE_RUN) {
        native_segments.host_gs_base = native_segments.gs_base; /* translated code has one */
    }
    if (native.phase == PHASE_ENTER && sig == SIGTRAP) {
        enter_case(context);
    } else if (native.phase == PHASE_RUN) {
        if (sig != SIGPROF || native.cases_at_alarm == native.cases) {
            leave_case(context, sig);
        }
        native.cases_at_alarm = native.cases;
    } else if (sig != SIGPROF) {
        signal(sig, SIG_DFL); /* our own fault: happens again, and kills us */
    }
}

/* The trap that enters a case; the host goes on after it when the case is over. */
static void __attribute__((noinline)) run_phase(void)
{
    __asm__ volatile("int3" ::: "memory", "cc");
}

/* The translator's memory, which the cases must not find: all that is mapped in the second
 * GiB. Each range is one of its own, so that a few suffice. */
static struct { uintptr_t start, size; int prot; } hidden[16];
static unsigned hidden_count;

void native_hide_low_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long start, end;
    char line[512], prot[5];

    while (maps && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3 && start >= 0x40000000 &&
            end <= 0x80000000 && hidden_count < G_N_ELEMENTS(hidden)) {
            hidden[hidden_count].start = start;
            hidden[hidden_count].size = end - start;
            hidden[hidden_count++].prot = (prot[0] == 'r' ? PROT_READ : 0) |
                                          (prot[1] == 'w' ? PROT_WRITE : 0);
        }
    }
    if (maps) {
        fclose(maps);
    }
}

static void hide(bool on)
{
    for (unsigned i = 0; i < hidden_count; i++) {
        mprotect((void *)hidden[i].start, hidden[i].size, on ? PROT_NONE : hidden[i].prot);
    }
}

void native_run(const CpuCase *c, CpuOutcome *o)
{
    uint64_t offset = c->in.rip - WINDOW_BASE;
    uint8_t *code = native.window + WINDOW_CODE;
    static const int shared[] = { SIGFPE, SIGSEGV, SIGBUS }; /* the engines have handlers, too */
    struct sigaction guest_action[3];
    size_t at;

    if (c->in.seg[X86_CS] == LDT_SELECTOR(LDT_CODE16)) {
        offset = c->in.rip;
    }
    at = offset - WINDOW_CODE;
    memcpy(code + at, c->code, MIN(c->insn.len, 4096 - at));
    native.c = c;
    native.o = o;
    native.cases++;
    native.phase = PHASE_ENTER;
    for (unsigned i = 0; i < 3; i++) {
        sigaction(shared[i], &native.action, &guest_action[i]);
    }
    hide(true);
    run_phase();
    hide(false);
    for (unsigned i = 0; i < 3; i++) {
        sigaction(shared[i], &guest_action[i], NULL);
    }
    memset(code + at, 0xcc, MIN(c->insn.len, 4096 - at));
}

uint8_t *native_window(void)
{
    return native.window;
}

bool native_has_mode(X86Mode mode)
{
    return mode != X86_MODE_16 || native.ldt;
}

static bool map_window(void)
{
    static const int prot[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_EXEC };
    int fd = memfd_create("window", 0);

    if (fd < 0 || ftruncate(fd, WINDOW_SIZE) < 0) {
        return false;
    }
    native.window = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (unsigned i = 0; i < WINDOW_SIZE / 4096; i++) {
        void *want = (void *)(uintptr_t)(WINDOW_BASE + i * 4096);
        /* Populated, so that the host's page faults find pages present. */
        if (mmap(want, 4096, prot[window_pages[i]],
                 MAP_SHARED | MAP_FIXED_NOREPLACE | MAP_POPULATE, fd, i * 4096) != want) {
            return false;
        }
    }
    close(fd);
    memset(native.window + WINDOW_CODE, 0xcc, 4096);
    return native.window != MAP_FAILED;
}

static bool write_ldt(unsigned entry, const CpuDescriptor *d)
{
    struct user_desc desc = {
        .entry_number = entry, .base_addr = d->base, .limit = d->limit, .seg_32bit = d->big,
        .contents = (d->code ? 2 : 0) | d->expand_down_conforming,
        .read_exec_only = !d->writable_readable, .limit_in_pages = d->pages,
        .seg_not_present = d->not_present,
    };
    return syscall(SYS_modify_ldt, 0x11, &desc, sizeof(desc)) == 0;
}

static void install_handlers(void)
{
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGPROF };
    static uint8_t stack[1 << 16];
    const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

    sigaltstack(&alternate, NULL);
    native.action = (struct sigaction) {
        .sa_sigaction = native_signal_entry, .sa_flags = SA_SIGINFO | SA_ONSTACK,
    };
    sigfillset(&native.action.sa_mask);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &native.action, NULL);
    }
}

bool native_init(const char **why)
{
    static const struct itimerval watchdog = { { 0, 250000 }, { 0, 250000 } };

    if (!map_window()) {
        *why = "the address range at 1 MiB cannot be mapped";
        return false;
    }
    native.ldt = true;
    for (unsigned i = 0; i < LDT_COUNT; i++) {
        native.ldt &= write_ldt(i, &ldt_descriptors[i]);
    }
    if (!__builtin_cpu_supports("avx2")) {
        *why = "the host has no AVX2";
        return false;
    }
    __asm__ volatile("rdfsbase %0" : "=r"(native_segments.host_fs_base));
    install_handlers();
    setitimer(ITIMER_PROF, &watchdog, NULL);
    return true;
}

/*
 * Host faults in translated code: a copied instruction did what the guest's would
 * have done (#DE of a division, #GP of a misaligned vector). The interpreter runs the
 * instruction again and raises the guest's fault.
 *
 * Such an instruction has changed nothing; its cold code knows where its flags are, if they
 * have not been saved beforehand.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <signal.h>
#include <ucontext.h>
#include "target/i386/translate/jit.h"
#include "target/i386/window.h"

__thread X86Jit *jit_running;

static struct sigaction previous[3];
static const int signals[] = { SIGFPE, SIGSEGV, SIGBUS };

/* The instruction of tb whose host code holds pc. */
static const X86TbInsn *insn_at(const X86Tb *tb, const uint8_t *pc)
{
    unsigned i = tb->count;

    while (i > 0 && tb->body + tb->insns[i].host > pc) {
        i--;
    }
    return &tb->insns[i];
}

static bool redirect(ucontext_t *uc, uint64_t addr)
{
    X86Jit *jit = jit_running;
    const uint8_t *pc = (const uint8_t *)uc->uc_mcontext.gregs[REG_RIP];

    if (!jit || pc < jit->code_rx || pc >= jit->code_rx + jit->code_size) {
        return false;
    }
    const X86Tb *tb = jit_cache_find_host(jit, pc);
    if (!tb) {
        return false;
    }
    const X86TbInsn *insn = insn_at(tb, pc);
    uint64_t lin;
    if (jit->cpu->window && x86_window_holds(jit->cpu->window, addr, &lin)) {
        jit->window_fault = lin | 1; /* never 0 */
    }
    uc->uc_mcontext.gregs[REG_R14] = (greg_t)insn;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(insn->cold ? tb->cold + insn->cold - 1
                                                          : jit->stubs.interpret);
    return true;
}

static void handler(int sig, siginfo_t *info, void *context)
{
    if (redirect(context, sig == SIGSEGV || sig == SIGBUS ? (uintptr_t)info->si_addr : 0)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        if (signals[i] != sig) {
            continue;
        }
        if (previous[i].sa_flags & SA_SIGINFO) {
            previous[i].sa_sigaction(sig, info, context);
        } else {
            signal(sig, SIG_DFL); /* the instruction faults again */
        }
    }
}

void jit_install_fault_handler(void)
{
    static gsize done;

    if (!g_once_init_enter(&done)) {
        return;
    }
    struct sigaction action = {
        .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, &previous[i]);
    }
    g_once_init_leave(&done, 1);
}

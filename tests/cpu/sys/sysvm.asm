; Protected mode, 32 bits, the rarer parts: VME and PVI, SYSENTER, conforming
; code, 16-bit tasks, PAE, I/O breakpoints, RF, alignment checks, UMIP and TSD
; (SDM vol. 3, chapters 4, 5, 7, 17, 20).
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "prot32.inc"

PDPT equ 0x22000
PAEDIR equ 0x23000
VIF equ 1 << 19
VIP equ 1 << 20

; VM86 code with the flags, up to a HLT, which is #GP(0) there.
%macro VM86 1
    mov eax, (%1) | 0x20002
    mov ebx, %%code
    jmp enter_vm86
    bits 16
%%code:
%endmacro
%macro LEAVE_VM86 0
    AT
    hlt
    bits 32
    FAULT 13, 0
%endmacro

; --- VME -----------------------------------------------------------------------------
    mov eax, cr4
    or eax, 3               ; VME, PVI
    mov cr4, eax

    BEGIN "vme: cli clears vif"
    VM86 VIF
    cli
    LEAVE_VM86
    BEGIN "vme: vif is clear"
    mov eax, [got_eflags]
    and eax, VIF | 0x200
    VALUE eax, 0

    BEGIN "vme: sti sets vif"
    VM86 0
    sti
    LEAVE_VM86
    BEGIN "vme: vif is set"
    mov eax, [got_eflags]
    and eax, VIF | 0x200
    VALUE eax, VIF

    BEGIN "vme: sti with vip: #GP(0)"
    VM86 VIP
    AT
    sti
    bits 32
    FAULT 13, 0

    BEGIN "vme: pushf"
    VM86 VIF
    pushf
    pop word [scratch]
    LEAVE_VM86
    BEGIN "vme: pushf shows vif as if, and iopl 3"
    movzx eax, word [scratch]
    and eax, 0x3200
    VALUE eax, 0x3200

    BEGIN "vme: pushfd: #GP(0)"
    VM86 0
    AT
    o32 pushf
    bits 32
    FAULT 13, 0

    BEGIN "vme: popf sets vif, not if"
    VM86 0
    push word 0x3202
    popf
    LEAVE_VM86
    BEGIN "vme: vif after popf, iopl unchanged"
    mov eax, [got_eflags]
    and eax, VIF | 0x3200
    VALUE eax, VIF

    BEGIN "vme: popf with tf: #GP(0)"
    VM86 0
    push word 0x102
    AT
    popf
    bits 32
    FAULT 13, 0

    BEGIN "vme: int n goes to the vm86 handler"
    mov dword [0x40 * 4], .handler
    VM86 VIF
    int 0x40
    ud2
.handler:
    pop word [scratch]
    pop word [scratch + 2]
    pop word [scratch]
    LEAVE_VM86
    BEGIN "vme: int n saves vif as if"
    movzx eax, word [scratch]
    and eax, 0x200
    VALUE eax, 0x200
    BEGIN "vme: int n clears vif"
    mov eax, [got_eflags]
    and eax, VIF
    VALUE eax, 0

    BEGIN "vme: iret sets vif"
    VM86 0
    push word 0x202
    push word 0
    push word .after
    iret
.after:
    LEAVE_VM86
    BEGIN "vme: vif after iret"
    mov eax, [got_eflags]
    and eax, VIF | 0x200
    VALUE eax, VIF

; --- PVI -----------------------------------------------------------------------------
    BEGIN "pvi: sti in ring 3 sets vif"
    RING3
    sti
    pushfd
    pop eax
    RING0
    and eax, VIF | 0x200
    VALUE eax, VIF

    BEGIN "pvi: cli in ring 3 clears vif"
    RING3
    sti
    cli
    pushfd
    pop eax
    RING0
    and eax, VIF | 0x200
    VALUE eax, 0

    mov eax, cr4
    and eax, ~3
    mov cr4, eax

; --- SYSENTER ---------------------------------------------------------------------------
    BEGIN "sysenter with a null cs: #GP(0)"
    AT
    sysenter
    FAULT 13, 0

    mov ecx, 0x174
    mov eax, CODE
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, KSTACK - 0x100
    wrmsr
    inc ecx
    mov eax, sysenter_target
    wrmsr
    BEGIN "sysenter and sysexit"
    RING3
    mov ecx, esp
    mov edx, .returned
    sysenter
.returned:
    mov eax, cs
    shl eax, 16
    mov bx, ss
    mov ax, bx
    RING0
    VALUE eax, (UCODE << 16) | UDATA
    BEGIN "sysenter: cs and ss"
    VALUE dword [entry_cs_ss], (CODE << 16) | DATA
    BEGIN "sysenter: esp"
    VALUE dword [entry_esp], KSTACK - 0x100

; --- conforming code ----------------------------------------------------------------------
    BEGIN "call to conforming code keeps the ring"
    RING3
    call CONFCODE:.conforming
    jmp .end
.conforming:
    mov eax, cs
    retf
.end:
    RING0
    VALUE eax, CONFCODE | 3

; --- tasks --------------------------------------------------------------------------------
    BEGIN "call tss, limit too small: #TS(sel)"
    mov word [gdt + TSS2], 0x66
    AT
    call TSS2:0
    FAULT 10, TSS2

    BEGIN "call tss, not present: #NP(sel)"
    mov word [gdt + TSS2], 0x67
    mov byte [gdt + TSS2 + 5], 0x09
    AT
    call TSS2:0
    FAULT 11, TSS2

    BEGIN "16-bit tss: registers of the new task"
    mov byte [gdt + TSS2 + 5], 0x81
    mov word [gdt + TSS2], 0x2b
    mov dword [gdt + TSS2 + 2], tss16
    mov byte [gdt + TSS2 + 5], 0x81
    call TSS2:0
    clts
    movzx eax, word [task16_ax]
    VALUE eax, 0x1234
    BEGIN "16-bit tss: saved state of the task"
    movzx eax, word [tss16 + 0x12]
    VALUE eax, 0x4321

; --- debug ----------------------------------------------------------------------------------
    BEGIN "i/o breakpoint"
    mov eax, cr4
    or eax, 8               ; DE
    mov cr4, eax
    mov eax, 0x80
    mov dr2, eax
    mov eax, 0x02000420     ; G2, I/O, 1 byte
    mov dr7, eax
    mov al, 0
    out 0x80, al
    AT
    nop
    FAULT 1, -1
    BEGIN "i/o breakpoint: dr6.b2"
    xor eax, eax
    mov dr7, eax
    mov eax, dr6
    and eax, 0x600f
    VALUE eax, 4

    BEGIN "dr4 with cr4.de: #UD"
    AT
    mov eax, dr4
    FAULT 6, -1

    BEGIN "iret with rf passes a code breakpoint"
    mov eax, .broken
    mov dr0, eax
    mov eax, 0x402
    mov dr7, eax
    push dword 0x10002
    push dword CODE
    push dword .broken
    iretd
.broken:
    nop
    xor eax, eax
    mov dr7, eax
    mov eax, 7
    VALUE eax, 7

; --- small things ----------------------------------------------------------------------------
    BEGIN "alignment check: #AC(0)"
    mov eax, cr0
    or eax, 0x40000         ; AM
    mov cr0, eax
    RING3
    push dword 0x40002
    popfd
    AT
    mov eax, [scratch + 1]
    FAULT 17, 0

    BEGIN "umip: sgdt in ring 3: #GP(0)"
    mov eax, cr4
    or eax, 0x800
    mov cr4, eax
    RING3
    AT
    sgdt [scratch]
    FAULT 13, 0

    BEGIN "tsd: rdtsc in ring 3: #GP(0)"
    mov eax, cr4
    or eax, 4
    mov cr4, eax
    RING3
    AT
    rdtsc
    FAULT 13, 0

    BEGIN "lmsw cannot clear pe"
    xor eax, eax
    lmsw ax
    mov eax, cr0
    and eax, 1
    VALUE eax, 1

    BEGIN "cr4, reserved bit: #GP(0)"
    mov eax, cr4
    bts eax, 31
    AT
    mov cr4, eax
    FAULT 13, 0

    BEGIN "cr0, pg without pe: #GP(0)"
    mov eax, 0x80000010
    AT
    mov cr0, eax
    FAULT 13, 0

    BEGIN "arpl"
    mov ax, 0x10
    mov bx, 3
    arpl ax, bx
    setz bl
    movzx eax, ax
    shl eax, 8
    mov al, bl
    VALUE eax, 0x1301

; --- PAE --------------------------------------------------------------------------------------
    mov edi, PDPT
    mov ecx, 2048
    xor eax, eax
    rep stosd
    mov dword [PDPT], PAEDIR | 1
    mov dword [PAEDIR], 0x87        ; 2 MiB, user, writable
    mov dword [PAEDIR + 8], 0x200083 ; supervisor
    mov eax, cr4
    or eax, 0x20
    mov cr4, eax
    mov eax, PDPT
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax

    BEGIN "pae: user read of a supervisor page: #PF(5)"
    RING3
    AT
    mov eax, [0x3ffffc]
    FAULT 14, 5

    BEGIN "pae: not present: #PF(0)"
    AT
    mov eax, [0x400000]
    FAULT 14, 0

    BEGIN "pae: reserved bit of a pdpte: #GP(0) at mov cr3"
    mov dword [PDPT + 8], 2 | 1
    mov eax, PDPT
    AT
    mov cr3, eax
    FAULT 13, 0

    BEGIN "pae: pdptes are read with cr3 only"
    mov dword [PDPT + 8], PAEDIR | 1
    AT
    mov eax, [0x40000000]
    FAULT 14, 0

    BEGIN "pae: and then are there"
    mov dword [scratch], 0x5a5a
    mov eax, PDPT
    mov cr3, eax
    mov eax, [0x40000000 + scratch]
    VALUE eax, 0x5a5a

    jmp finish

; --- code behind the tests ---------------------------------------------------------------------
sysenter_target:
    mov [ss:entry_esp], esp
    mov eax, cs
    shl eax, 16
    mov bx, ss
    mov ax, bx
    mov [ss:entry_cs_ss], eax
    sysexit

gate_target:
    retf 8

task2:
    iretd

    bits 16
task16:
    mov [task16_ax], ax
    mov ax, 0x4321
    iret
    bits 32

entry_esp: dd 0
entry_cs_ss: dd 0
task16_ax: dw 0
    align 4
tss16:
    dw 0
    dw 0, 0, 0, 0, 0, 0
    dw task16 - $$ + 0x7c00, 2
    dw 0x1234, 0, 0, 0, TSTACK, 0, 0, 0
    dw DATA16, CODE16, DATA16, DATA16
    dw 0

%include "prot32-end.inc"

; Protected mode, 32 bits: descriptor checks and error codes, privilege
; changes, tasks, VM86, debug registers, page faults (SDM vol. 3, chapters 4-7,
; 17, 20).
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "prot32.inc"

; --- segment loads ------------------------------------------------------------
    BEGIN "mov ss, null: #GP(0)"
    xor eax, eax
    AT
    mov ss, ax
    FAULT 13, 0

    BEGIN "mov ss, wrong dpl: #GP(sel)"
    mov eax, UDATA & ~3
    AT
    mov ss, ax
    FAULT 13, UDATA & ~3

    BEGIN "mov ss, wrong rpl: #GP(sel)"
    mov eax, DATA | 3
    AT
    mov ss, ax
    FAULT 13, DATA

    BEGIN "mov ss, read-only: #GP(sel)"
    mov eax, RODATA
    AT
    mov ss, ax
    FAULT 13, RODATA

    BEGIN "mov ss, not present: #SS(sel)"
    mov eax, NPDATA
    AT
    mov ss, ax
    FAULT 12, NPDATA

    BEGIN "mov ds, not present: #NP(sel)"
    mov eax, NPDATA
    AT
    mov ds, ax
    FAULT 11, NPDATA

    BEGIN "mov ds, execute-only: #GP(sel)"
    mov eax, XCODE
    AT
    mov ds, ax
    FAULT 13, XCODE

    BEGIN "mov ds, beyond the gdt: #GP(sel)"
    mov eax, 0x1f8
    AT
    mov ds, ax
    FAULT 13, 0x1f8

    BEGIN "mov ds, system descriptor: #GP(sel)"
    mov eax, TSS
    AT
    mov ds, ax
    FAULT 13, TSS

    BEGIN "mov ds, no ldt: #GP(sel)"
    xor eax, eax
    lldt ax
    mov eax, 0x0c
    AT
    mov ds, ax
    FAULT 13, 0x0c

    BEGIN "null ds used: #GP(0)"
    xor eax, eax
    mov es, ax
    AT
    mov al, [es:0]
    FAULT 13, 0

    BEGIN "mov es, conforming code"
    mov eax, CONFCODE
    mov es, ax
    mov ax, es
    movzx eax, ax
    VALUE eax, CONFCODE

    BEGIN "pop es, pointer unchanged by a fault"
    mov ebp, esp
    push dword 0x1f8
    mov [scratch], esp
    AT
    pop es
    FAULT 13, 0x1f8

    BEGIN "accessed bit set by a load"
    mov eax, SMALL
    mov es, ax
    movzx eax, byte [gdt + SMALL + 5]
    VALUE eax, 0x93

    BEGIN "write to read-only: #GP(0)"
    mov eax, RODATA
    mov es, ax
    AT
    mov [es:0], al
    FAULT 13, 0

    BEGIN "read beyond the limit: #GP(0)"
    mov eax, SMALL
    mov es, ax
    AT
    mov eax, [es:0xffd]
    FAULT 13, 0

    BEGIN "expand-down, inside the hole: #GP(0)"
    mov eax, DOWNDATA
    mov es, ax
    AT
    mov al, [es:0xfff]
    FAULT 13, 0

    BEGIN "expand-down, above the limit"
    mov eax, DOWNDATA
    mov es, ax
    mov dword [scratch], 0x1234
    mov eax, [es:scratch]
    VALUE eax, 0x1234

    BEGIN "stack access beyond the limit: #SS(0)"
    RING3
    mov eax, USMALL
    mov ss, ax
    mov esp, 0x2000
    AT
    push eax
    FAULT 12, 0

; --- far transfers -------------------------------------------------------------
    BEGIN "jmp far to data: #GP(sel)"
    AT
    jmp DATA:0
    FAULT 13, DATA

    BEGIN "jmp far, null: #GP(0)"
    AT
    jmp 0:0
    FAULT 13, 0

    BEGIN "jmp far, not present: #NP(sel)"
    AT
    jmp NPCODE:0
    FAULT 11, NPCODE

    BEGIN "jmp far to an outer ring: #GP(sel)"
    AT
    jmp (UCODE & ~3):0
    FAULT 13, UCODE & ~3

    BEGIN "jmp far beyond the limit: #GP(0)"
    AT
    jmp CODE16:0x12345
    FAULT 13, 0

    BEGIN "call far not present gate: #NP(sel)"
    AT
    call NPGATE:0
    FAULT 11, NPGATE

    BEGIN "call and ret far, same ring"
    push dword 0x55
    call CODE:.target
    jmp .back
.target:
    mov eax, [esp + 8]
    retf 4
.back:
    VALUE eax, 0x55

    BEGIN "retf to an inner ring: #GP(sel)"
    RING3
    push dword CODE
    push dword 0
    AT
    retf
    FAULT 13, CODE

    BEGIN "call gate to ring 0 with parameters"
    RING3
    push dword 0x1111
    push dword 0x2222
    call CALLGATE:0
.esp_check:
    mov eax, esp
    RING0
    VALUE dword [gate_sum], 0x3333

    BEGIN "call gate: return stack of the caller"
    VALUE eax, USTACK

    BEGIN "call gate: old stack saved for the inner ring"
    VALUE dword [gate_ss_esp], ((UDATA & 0xffff) << 16) + USTACK - 8

; --- LAR and friends -----------------------------------------------------------
    BEGIN "lar"
    mov eax, CODE
    lar eax, eax
    and eax, 0xfff0ffff     ; bits 16-19 are undefined
    VALUE eax, 0x00c09b00

    BEGIN "lsl, granular"
    mov eax, DATA
    lsl eax, eax
    VALUE eax, 0xffffffff

    BEGIN "lar of nothing clears zf"
    mov eax, 0x1f8
    lar ebx, eax
    setz al
    movzx eax, al
    VALUE eax, 0

    BEGIN "verw of read-only clears zf, verr sets it"
    mov eax, RODATA
    verw ax
    setz bl
    verr ax
    setz bh
    movzx eax, bx
    VALUE eax, 0x100

    BEGIN "ltr, busy: #GP(sel)"
    mov eax, TSS
    AT
    ltr ax
    FAULT 13, TSS

    BEGIN "lldt, not an ldt: #GP(sel)"
    mov eax, DATA
    AT
    lldt ax
    FAULT 13, DATA

    BEGIN "lldt, then a selector in it"
    mov eax, LDT
    lldt ax
    mov eax, 4
    mov es, ax
    mov al, [es:0]
    xor eax, eax
    lldt ax
    VALUE eax, 0

; --- interrupts ----------------------------------------------------------------
    BEGIN "int beyond the idt: #GP(n * 8 + 2)"
    AT
    int 0x80
    FAULT 13, 0x80 * 8 + 2

    BEGIN "int, gate not present: #NP(n * 8 + 2)"
    AT
    int 0x32
    FAULT 11, 0x32 * 8 + 2

    BEGIN "int from ring 3, gate dpl 0: #GP(n * 8 + 2)"
    RING3
    AT
    int 0x31
    FAULT 13, 0x31 * 8 + 2

    BEGIN "int3 saves the next eip"
    int3
    AT
    nop
    FAULT 3, -1

    BEGIN "into"
    mov al, 0x7f
    inc al
    into
    AT
    nop
    FAULT 4, -1

    BEGIN "bound"
    mov eax, 9
    AT
    bound eax, [bounds]
    FAULT 5, -1

    BEGIN "ud2"
    AT
    ud2
    FAULT 6, -1

    BEGIN "fault saves rf = 1"
    VALUE dword [got_rf], 1

    BEGIN "div: #DE"
    xor ecx, ecx
    AT
    div ecx
    FAULT 0, -1

    BEGIN "fault in delivery of #GP is a double fault"
    mov byte [IDT + 13 * 8 + 5], 0x0e ; not present
    mov eax, 0x1f8
    AT
    mov ds, ax
    FAULT 8, 0
    mov byte [IDT + 13 * 8 + 5], 0x8e

; --- privilege -----------------------------------------------------------------
    BEGIN "cli in ring 3: #GP(0)"
    RING3
    AT
    cli
    FAULT 13, 0

    BEGIN "hlt in ring 3: #GP(0)"
    RING3
    AT
    hlt
    FAULT 13, 0

    BEGIN "mov cr0 in ring 3: #GP(0)"
    RING3
    AT
    mov eax, cr0
    FAULT 13, 0

    BEGIN "in, bitmap forbids: #GP(0)"
    RING3
    AT
    in al, 0x60
    FAULT 13, 0

    BEGIN "out, bitmap allows"
    RING3
    mov al, ' '
    out DEBUG_PORT, al
    RING0
    VALUE 0, 0

    BEGIN "in of two ports, one forbidden: #GP(0)"
    RING3
    mov dx, DEBUG_PORT
    AT
    in ax, dx
    FAULT 13, 0

    BEGIN "popf in ring 3 leaves if and iopl"
    RING3
    push dword 0x3202
    popfd
    pushfd
    pop eax
    RING0
    VALUE eax, 2

; --- tasks ----------------------------------------------------------------------
    BEGIN "call tss: the new task runs nested"
    mov dword [task_eflags], 0
    mov dword [tss2 + 0x20], task2
    call TSS2:0
    mov eax, [task_eflags]
    and eax, 0x4000
    VALUE eax, 0x4000

    BEGIN "call tss: back link"
    movzx eax, word [tss2]
    VALUE eax, TSS

    BEGIN "iret from a task clears its busy bit"
    movzx eax, byte [gdt + TSS2 + 5]
    VALUE eax, 0x89

    BEGIN "task switch sets cr0.ts"
    mov eax, cr0
    clts
    and eax, 8
    VALUE eax, 8

    BEGIN "task gate through int"
    mov dword [task_eflags], 0
    mov dword [tss2 + 0x20], task2
    int 0x33
    mov eax, [task_eflags]
    clts
    and eax, 0x4000
    VALUE eax, 0x4000

    BEGIN "call busy tss: #GP(sel)"
    AT
    call TSS:0
    FAULT 13, TSS

; --- VM86 -----------------------------------------------------------------------
    BEGIN "vm86: cli with iopl 0: #GP(0)"
    mov eax, 0x20002
    mov ebx, .v1
    jmp enter_vm86
    bits 16
.v1:
    AT
    cli
    bits 32
    FAULT 13, 0

    BEGIN "vm86: int with iopl 0: #GP(0)"
    mov eax, 0x20002
    mov ebx, .v2
    jmp enter_vm86
    bits 16
.v2:
    AT
    int 0x30
    bits 32
    FAULT 13, 0

    BEGIN "vm86: int with iopl 3 through the gate"
    mov eax, 0x23002
    mov ebx, .v3
    jmp enter_vm86
    bits 16
.v3:
    mov ax, 0x1234
    mov ds, ax
    int 0x30
    bits 32
    VALUE dword [got_vm_ds], 0x1234

    BEGIN "vm86: segments are shifted selectors"
    mov dword [0x12345], 0xcafe
    mov eax, 0x23002
    mov ebx, .v4
    jmp enter_vm86
    bits 16
.v4:
    mov ax, 0x1234
    mov ds, ax
    mov eax, [5]
    int 0x30
    bits 32
    VALUE eax, 0xcafe

; --- debug ----------------------------------------------------------------------
    BEGIN "single step"
    pushfd
    or dword [esp], 0x100
    popfd
    nop
    AT
    nop
    FAULT 1, -1

    BEGIN "single step: dr6.bs"
    mov eax, dr6
    and eax, 0x600f
    mov ebx, 0xffff0ff0
    mov dr6, ebx
    VALUE eax, 0x4000

    BEGIN "code breakpoint"
    mov eax, %$at
    mov dr0, eax
    mov eax, 0x402
    mov dr7, eax
    nop
    AT
    nop
    FAULT 1, -1

    BEGIN "code breakpoint: dr6.b0"
    xor eax, eax
    mov dr7, eax
    mov eax, dr6
    and eax, 0x600f
    mov ebx, 0xffff0ff0
    mov dr6, ebx
    VALUE eax, 1

    BEGIN "data breakpoint after a store"
    mov eax, scratch
    mov dr1, eax
    mov eax, 0x00d00408     ; G1, write, 4 bytes
    mov dr7, eax
    mov eax, [scratch]
    mov byte [scratch + 3], 1
    AT
    nop
    FAULT 1, -1

    BEGIN "data breakpoint: dr6.b1"
    xor eax, eax
    mov dr7, eax
    mov eax, dr6
    and eax, 0x600f
    mov ebx, 0xffff0ff0
    mov dr6, ebx
    VALUE eax, 2

    BEGIN "dr7.gd"
    mov eax, 0x2400
    mov dr7, eax
    AT
    mov eax, dr0
    FAULT 1, -1

    BEGIN "dr7.gd: cleared by #DB, dr6.bd set"
    mov eax, dr7
    mov ebx, dr6
    and eax, 0x2000
    and ebx, 0x2000
    or eax, ebx
    VALUE eax, 0x2000

; --- paging ---------------------------------------------------------------------
    call make_pages
    mov eax, PAGEDIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000      ; PG, WP
    mov cr0, eax

    BEGIN "read of a page not present: #PF(0)"
    AT
    mov eax, [TESTPAGE + 0x123]
    FAULT 14, 0

    BEGIN "page fault: cr2"
    mov eax, cr2
    VALUE eax, TESTPAGE + 0x123

    BEGIN "write of a page not present: #PF(2)"
    AT
    mov [TESTPAGE], eax
    FAULT 14, 2

    BEGIN "write of a read-only page, wp: #PF(3)"
    AT
    mov [TESTPAGE + 0x1000], eax
    FAULT 14, 3

    BEGIN "dirty and accessed bits"
    mov [TESTPAGE + 0x2000], eax
    mov eax, [PAGETAB + (TESTPAGE >> 12) * 4 + 8]
    and eax, 0x60
    VALUE eax, 0x60

    BEGIN "user read of a supervisor page: #PF(5)"
    RING3
    AT
    mov eax, [TESTPAGE + 0x2000]
    FAULT 14, 5

    BEGIN "user write of a supervisor page: #PF(7)"
    RING3
    AT
    mov [TESTPAGE + 0x2000], eax
    FAULT 14, 7

    BEGIN "user read of a page not present: #PF(4)"
    RING3
    AT
    mov eax, [TESTPAGE]
    FAULT 14, 4

    BEGIN "access across pages: cr2 is the second page"
    AT
    mov eax, [TESTPAGE - 2]
    FAULT 14, 0
    BEGIN "access across pages: cr2"
    mov eax, cr2
    VALUE eax, TESTPAGE

    BEGIN "invlpg makes a new mapping visible"
    mov dword [PAGETAB + (TESTPAGE >> 12) * 4], (TESTPAGE + 0x2000) | 3
    invlpg [TESTPAGE]
    mov dword [TESTPAGE + 0x2000], 0xbeef
    mov eax, [TESTPAGE]
    VALUE eax, 0xbeef

    jmp finish

; --- code of the second task and behind the gate --------------------------------------------------------------------
task2:
    pushfd
    pop dword [task_eflags]
    iretd

gate_target: ; ring 0, stack: eip cs param2 param1 esp ss
    push eax
    mov eax, [esp + 12]
    add eax, [esp + 16]
    mov eax, [esp + 24]
    shl eax, 16
    mov ax, [esp + 20]
    mov [ss:gate_ss_esp], eax
    mov eax, [esp + 12]
    add eax, [esp + 16]
    mov [ss:gate_sum], eax
    pop eax
    retf 8

gate_sum: dd 0
gate_ss_esp: dd 0
task_eflags: dd 0

%include "prot32-end.inc"

; Protected mode, 32 bits: descriptor checks and error codes, privilege
; changes, tasks, VM86, debug registers, page faults (SDM vol. 3, chapters 4-7,
; 17, 20).
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "boot.inc"

; --- layout -----------------------------------------------------------------
IDT equ 0x1000
KSTACK equ 0x7000       ; top of the ring 0 stack
USTACK equ 0x6000       ; top of the ring 3 stack
VSTACK equ 0x5000       ; top of the VM86 stack
TSTACK equ 0x4800       ; of the second task
DFSTACK equ 0x4400
PAGEDIR equ 0x20000
PAGETAB equ 0x21000
TESTPAGE equ 0x30000

CODE equ 0x08
DATA equ 0x10
UCODE equ 0x18 | 3
UDATA equ 0x20 | 3
CODE16 equ 0x28
DATA16 equ 0x30
TSS equ 0x38
TSS2 equ 0x40
NPDATA equ 0x48
RODATA equ 0x50
XCODE equ 0x58
CONFCODE equ 0x60
CALLGATE equ 0x68
LDT equ 0x70
TASKGATE equ 0x78
NPCODE equ 0x88
DOWNDATA equ 0x90
NPGATE equ 0x98
TSSDF equ 0xa0
SMALL equ 0xb0
USMALL equ 0xb8 | 3

; --- entry --------------------------------------------------------------------
    bits 16
    lgdt [gdtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp CODE:start32

    bits 32
; One test. BEGIN name ... AT marks the instruction that should fault ...
; FAULT vector, error.
%macro BEGIN 1
    %push test
    jmp %$over
%$name: db %1, 0
%$over:
    mov dword [test_name], %$name
    mov dword [resume], %$end
    mov dword [got_vector], -1
%endmacro

%macro AT 0
%$at:
%endmacro

%macro FAULT 2
%$end:
    push dword %$at
    push dword %2
    push dword %1
    call check_fault
    %pop
%endmacro

; The test must not fault, and a value (not in ESP) must be right.
%macro VALUE 2
    push dword %2
    push dword %1
%$end:
    call check_value
    %pop
%endmacro

; Goes to ring 3 code at the next line; a fault or INT 0x30 ends it.
%macro RING3 0
    push dword UDATA
    push dword USTACK
    push dword 2
    push dword UCODE
    push dword %%user
    iretd
%%user:
    push dword UDATA
    pop ds
%endmacro

%macro RING0 0
    int 0x30
%endmacro

start32:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov esp, KSTACK
    call make_idt
    lidt [idtr]
    mov ax, TSS
    ltr ax

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

    mov esi, done_text
    call print
    xor al, al
    out EXIT_PORT, al
.stop:
    cli
    hlt
    jmp .stop

; --- helpers --------------------------------------------------------------------
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

; EFLAGS in EAX, IP in EBX.
enter_vm86:
    push dword 0            ; gs
    push dword 0            ; fs
    push dword 0            ; ds
    push dword 0            ; es
    push dword 0            ; ss
    push dword VSTACK
    push eax
    push dword 0
    push ebx
    iretd

make_idt:
    mov edi, IDT
    mov ebx, stubs
    xor ecx, ecx
.next:
    mov eax, ebx
    mov [edi], ax
    mov word [edi + 2], CODE
    mov word [edi + 4], 0x8e00
    shr eax, 16
    mov [edi + 6], ax
    add edi, 8
    add ebx, STUB_SIZE
    inc ecx
    cmp ecx, 0x34
    jne .next
    mov byte [IDT + 3 * 8 + 5], 0xee
    mov byte [IDT + 4 * 8 + 5], 0xee
    mov byte [IDT + 0x30 * 8 + 5], 0xee
    mov byte [IDT + 0x32 * 8 + 5], 0x0e
    mov dword [IDT + 0x33 * 8], TSS2 << 16
    mov dword [IDT + 0x33 * 8 + 4], 0xe500
    ret

make_pages: ; the first 4 MiB one to one, for user and supervisor
    mov edi, PAGETAB
    mov eax, 7
.next:
    stosd
    add eax, 0x1000
    cmp eax, 0x400007
    jb .next
    mov edi, PAGEDIR
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [PAGEDIR], PAGETAB | 7
    mov dword [PAGETAB + (TESTPAGE >> 12) * 4], 0
    mov dword [PAGETAB + (TESTPAGE >> 12) * 4 + 4], (TESTPAGE + 0x1000) | 1
    mov dword [PAGETAB + (TESTPAGE >> 12) * 4 + 8], (TESTPAGE + 0x2000) | 3
    ret

; Exception stubs push a dummy error where the CPU pushes none, then the vector.
%macro STUB 1
    align 16, db 0x90
%if %1 = 8 || (%1 >= 10 && %1 <= 14) || %1 = 17
%else
    push dword -1
%endif
    push dword %1
    jmp near caught
%endmacro
STUB_SIZE equ 16
    align 16, db 0x90
stubs:
%assign n 0
%rep 0x34
    STUB n
%assign n n + 1
%endrep

; Stack: vector error eip cs eflags [esp ss [es ds fs gs]]
caught:
    push eax
    mov ax, DATA
    mov ds, ax
    mov es, ax
    pop dword [saved_eax]
    pop dword [got_vector]
    pop dword [got_error]
    pop dword [got_eip]
    pop eax
    pop eax
    mov edx, eax
    shr edx, 16
    and edx, 1
    mov [got_rf], edx
    test eax, 0x20000
    jz .not_vm86
    mov eax, [esp + 12]
    mov [got_vm_ds], eax
.not_vm86:
    mov eax, [saved_eax]
    mov dx, DATA
    mov ss, dx
    mov esp, KSTACK
    cmp dword [got_vector], 0x30
    jne .resume
    ; INT 0x30 ends ring 3 code: go on behind it
    mov dword [got_vector], -1
    cmp dword [got_vm_ds], -1
    jne .vm86
    jmp [got_eip]
.vm86:
    push eax
    mov eax, [got_eip]
    pop dword [saved_eax]
    mov edx, eax
    mov eax, [saved_eax]
    jmp edx
.resume:
    jmp [resume]

; check_fault(vector, error, eip)
check_fault:
    cld
    mov eax, [esp + 4]
    cmp eax, [got_vector]
    jne .fail
    mov eax, [esp + 8]
    cmp eax, [got_error]
    jne .fail
    mov eax, [esp + 12]
    cmp eax, [got_eip]
    jne .fail
    mov esi, ok_text
    call print
    mov esi, [test_name]
    call print
    mov al, 10
    out DEBUG_PORT, al
    ret 12
.fail:
    mov esi, fail_text
    call print
    mov esi, [test_name]
    call print
    mov eax, [got_vector]
    call print_hex
    mov eax, [got_error]
    call print_hex
    mov eax, [got_eip]
    sub eax, [esp + 12]
    call print_hex
    mov al, 10
    out DEBUG_PORT, al
    ret 12

; check_value(got, expected)
check_value:
    pushad
    cld
    cmp dword [got_vector], -1
    jne .fail
    mov eax, [esp + 36]
    cmp eax, [esp + 40]
    jne .fail
    mov esi, ok_text
    call print
    mov esi, [test_name]
    call print
    jmp .end
.fail:
    mov esi, fail_text
    call print
    mov esi, [test_name]
    call print
    mov eax, [got_vector]
    call print_hex
    mov eax, [esp + 36]
    call print_hex
    mov eax, [esp + 40]
    call print_hex
.end:
    mov al, 10
    out DEBUG_PORT, al
    mov ax, DATA
    mov es, ax
    mov dword [got_vm_ds], -1
    popad
    ret 8

print:
    lodsb
    test al, al
    jz .end
    out DEBUG_PORT, al
    jmp print
.end:
    ret

print_hex:
    mov edx, eax
    mov al, ' '
    out DEBUG_PORT, al
    mov ecx, 8
.next:
    rol edx, 4
    mov al, dl
    and al, 15
    cmp al, 10
    sbb al, 0x69
    das
    out DEBUG_PORT, al
    loop .next
    ret

ok_text: db "ok ", 0
fail_text: db "FAIL ", 0
done_text: db "done", 10, 0

    align 8
; limit, base, access, flags
%macro DESC 4
    dw (%1) & 0xffff, (%2) & 0xffff
    db ((%2) >> 16) & 0xff, %3, (((%1) >> 16) & 15) | ((%4) << 4), ((%2) >> 24) & 0xff
%endmacro
gdt:
    dq 0
    DESC 0xfffff, 0, 0x9a, 0xc     ; 08 code
    DESC 0xfffff, 0, 0x92, 0xc     ; 10 data
    DESC 0xfffff, 0, 0xfa, 0xc     ; 18 user code
    DESC 0xfffff, 0, 0xf2, 0xc     ; 20 user data
    DESC 0xffff, 0, 0x9a, 0        ; 28 code, 16 bits
    DESC 0xffff, 0, 0x92, 0        ; 30 data, 16 bits
    DESC 0x67 + 32 + 0x2001, tss - $$ + 0x7c00, 0x89, 0 ; 38
    DESC 0x67, tss2 - $$ + 0x7c00, 0x89, 0 ; 40
    DESC 0xfffff, 0, 0x12, 0xc     ; 48 not present
    DESC 0xfffff, 0, 0x90, 0xc     ; 50 read-only
    DESC 0xfffff, 0, 0x98, 0xc     ; 58 execute-only
    DESC 0xfffff, 0, 0x9e, 0xc     ; 60 conforming, readable
    dw gate_target - $$ + 0x7c00, CODE, 0xec02, 0 ; 68 call gate, dpl 3, 2 parameters
    DESC 15, ldt - $$ + 0x7c00, 0x82, 0 ; 70
    dw 0, TSS2, 0xe500, 0          ; 78 task gate
    DESC 0xfffff, 0, 0xb2, 0xc     ; 80 ring 1 data
    DESC 0xfffff, 0, 0x1a, 0xc     ; 88 code, not present
    DESC 0x0fff, 0, 0x96, 0x4      ; 90 expand-down above 0xfff
    dw 0, CODE, 0x0c00, 0          ; 98 call gate, not present
    DESC 0x67, tss2 - $$ + 0x7c00, 0x89, 0 ; a0
    dq 0                           ; a8
    DESC 0xfff, 0, 0x92, 0x4       ; b0 4 KiB
    DESC 0xfff, 0, 0xf2, 0x4       ; b8 4 KiB, ring 3
gdt_end:
ldt:
    DESC 0xfffff, 0, 0x92, 0xc
    dq 0
gdtr:
    dw gdt_end - gdt - 1
    dd gdt - $$ + 0x7c00
idtr:
    dw 0x34 * 8 - 1
    dd IDT

bounds: dd -8, 8
test_name: dd 0
resume: dd 0
got_vector: dd 0
got_error: dd 0
got_eip: dd 0
got_rf: dd 0
got_vm_ds: dd -1
saved_eax: dd 0
scratch: dd 0
gate_sum: dd 0
gate_ss_esp: dd 0
task_eflags: dd 0

    align 8
tss:
    dd 0, KSTACK, DATA
    times 0x66 - ($ - tss) db 0
    dw 0x68 + 32
    times 32 db 0                  ; VME redirection: unused
    times DEBUG_PORT / 8 db 0xff
    db ~(1 << (DEBUG_PORT % 8)) & 0xff
    times 0x2000 - DEBUG_PORT / 8 - 1 db 0xff
    db 0xff
    align 8
tss2:
    dd 0
    times 0x1c - ($ - tss2) db 0
    dd PAGEDIR
    dd task2 - $$ + 0x7c00, 2
    dd 0, 0, 0, 0, TSTACK, 0, 0, 0
    dd DATA, CODE, DATA, DATA, DATA, DATA
    dd 0
    dw 0, 0x68

    times 64 * 512 - ($ - $$) db 0

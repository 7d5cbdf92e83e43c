; Long mode: interrupts and IST, system calls, far transfers, canonical
; addresses, page-fault error codes (SDM vol. 3, chapters 4-6).
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "boot.inc"

IDT equ 0x1000
KSTACK equ 0x7000
USTACK equ 0x6000
IST1 equ 0x5000
PML4 equ 0x20000        ; PML4, PDPT, PD, PT follow each other
PT equ 0x23000
TESTPAGE equ 0x30000

CODE equ 0x08
DATA equ 0x10
UCODE32 equ 0x18 | 3    ; SYSRET's order: 32-bit code, data, 64-bit code
UDATA equ 0x20 | 3
UCODE equ 0x28 | 3
TSS equ 0x30            ; 16 bytes
CALLGATE equ 0x40       ; 16 bytes
NPDATA equ 0x50
CODE32 equ 0x58

    bits 16
    lgdt [gdtr]
    call make_pages
    mov eax, 0x20           ; PAE
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, 0x901          ; SCE, LME, NXE
    xor edx, edx
    wrmsr
    mov eax, cr0
    or eax, 0x80010001      ; PG, WP, PE
    mov cr0, eax
    jmp CODE:start64

make_pages: ; 4 MiB would do; the first 2 MiB in 4 KiB pages
    mov ax, 0x2000
    mov es, ax
    xor di, di
    xor eax, eax
    mov cx, 0x1000
    rep stosd
    mov dword [es:0], (PML4 + 0x1000) | 7
    mov dword [es:0x1000], (PML4 + 0x2000) | 7
    mov dword [es:0x2000], PT | 7
    mov di, 0x3000
    mov eax, 7
.next:
    mov [es:di], eax
    add di, 8
    add eax, 0x1000
    cmp di, 0x4000
    jne .next
    mov dword [es:0x3000 + (TESTPAGE >> 12) * 8], 0
    mov dword [es:0x3000 + (TESTPAGE >> 12) * 8 + 8], (TESTPAGE + 0x1000) | 1
    mov dword [es:0x3000 + (TESTPAGE >> 12) * 8 + 16], (TESTPAGE + 0x2000) | 3
    mov dword [es:0x3000 + (TESTPAGE >> 12) * 8 + 20], 0x80000000 ; NX
    xor ax, ax
    mov es, ax
    ret

    bits 64
%macro BEGIN 1
    %push test
    jmp %$over
%$name: db %1, 0
%$over:
    mov qword [test_name], %$name
    mov qword [resume], %$end
    mov qword [got_vector], -1
%endmacro

%macro AT 0
%$at:
%endmacro

%macro FAULT 2
%$end:
    mov r13, %1
    mov r14, %2
    mov r15, %$at
    call check_fault
    %pop
%endmacro

%macro VALUE 2
    mov r14, %2
    mov r13, %1
%$end:
    call check_value
    %pop
%endmacro

%macro RING3 0
    push UDATA
    push USTACK
    push 2
    push UCODE
    push %%user
    iretq
%%user:
%endmacro

%macro RING0 0
    int 0x30
%endmacro

start64:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov rsp, KSTACK
    call make_idt
    lidt [idtr]
    mov ax, TSS
    ltr ax
    mov ecx, 0xc0000081     ; STAR
    xor eax, eax
    mov edx, (UCODE32 << 16) | CODE
    wrmsr
    inc ecx                 ; LSTAR
    mov eax, syscall_entry
    xor edx, edx
    wrmsr
    mov ecx, 0xc0000084     ; FMASK
    mov eax, 0x400          ; DF
    wrmsr

; --- interrupts ------------------------------------------------------------------
    BEGIN "int3 saves the next rip"
    int3
    AT
    nop
    FAULT 3, -1

    BEGIN "frame is aligned to 16 bytes"
    mov rsp, KSTACK - 8
    ud2
    AT
    FAULT 6, -1
    BEGIN "frame: rsp of the interrupted code"
    VALUE [got_rsp], KSTACK - 8
    BEGIN "frame: where it begins"
    mov rax, [frame_rsp]
    VALUE rax, KSTACK - 16 - 5 * 8

    BEGIN "ist"
    int 0x31
    AT
    FAULT 0x31, -1
    BEGIN "ist: frame on that stack"
    VALUE [frame_rsp], IST1 - 5 * 8

    BEGIN "ring change: null ss"
    RING3
    RING0
    mov eax, ss
    VALUE rax, 0

    BEGIN "int, gate dpl 0 from ring 3: #GP(n * 8 + 2)"
    RING3
    AT
    int 0x31
    FAULT 13, 0x31 * 8 + 2

    BEGIN "int beyond the idt: #GP(n * 8 + 2)"
    AT
    int 0x80
    FAULT 13, 0x80 * 8 + 2

    BEGIN "double fault: #GP gate not present"
    and byte [IDT + 13 * 16 + 5], 0x7f
    mov eax, 0x1f8
    AT
    mov ds, ax
    FAULT 8, 0
    or byte [IDT + 13 * 16 + 5], 0x80

    BEGIN "page fault in delivery of #PF is a double fault"
    mov rsp, TESTPAGE + 0x1000  ; pushes go to a page not present
    AT
    mov rax, [TESTPAGE]
    FAULT 8, 0

; --- canonical addresses -----------------------------------------------------------
    BEGIN "non-canonical read: #GP(0)"
    mov rbx, 0x800000000000
    AT
    mov rax, [rbx]
    FAULT 13, 0

    BEGIN "non-canonical stack access: #SS(0)"
    mov rsp, 0x800000000000
    AT
    pop rax
    FAULT 12, 0

    BEGIN "jmp to a non-canonical address: #GP(0)"
    mov rbx, 0x800000000000
    AT
    jmp rbx
    FAULT 13, 0

    BEGIN "wrmsr of a non-canonical gs base: #GP(0)"
    mov ecx, 0xc0000101
    mov edx, 0x8000
    xor eax, eax
    AT
    wrmsr
    FAULT 13, 0

    BEGIN "iretq to a non-canonical rip: #GP(0)"
    push DATA
    push KSTACK
    push 2
    push CODE
    mov rax, 0x800000000000
    push rax
    AT
    iretq
    FAULT 13, 0

; --- segments ------------------------------------------------------------------------
    BEGIN "mov ss, null in ring 0"
    xor eax, eax
    mov ss, ax
    mov ebx, 1
    VALUE rbx, 1

    BEGIN "mov ss, null in ring 3: #GP(0)"
    RING3
    mov eax, 3
    AT
    mov ss, ax
    FAULT 13, 0

    BEGIN "iretq with null ss to ring 0"
    push 0
    push KSTACK - 64
    push 2
    push CODE
    push .back
    iretq
.back:
    VALUE rsp, KSTACK - 64

    BEGIN "iretq to ring 3 with null ss: #GP(0)"
    mov rsp, KSTACK
    push 3
    push USTACK
    push 2
    push UCODE
    push 0
    AT
    iretq
    FAULT 13, 0

    BEGIN "wrmsr fs base, mov fs keeps working"
    mov ecx, 0xc0000100
    mov eax, fs_data
    xor edx, edx
    wrmsr
    mov rax, [fs:abs 0]
    VALUE rax, 0x1122334455667788

    BEGIN "swapgs"
    mov ecx, 0xc0000102
    mov eax, fs_data
    xor edx, edx
    wrmsr
    mov ecx, 0xc0000101
    xor eax, eax
    wrmsr
    swapgs
    mov rax, [gs:abs 0]
    swapgs
    VALUE rax, 0x1122334455667788

    BEGIN "mov ds, not present: #NP(sel)"
    mov eax, NPDATA
    AT
    mov ds, ax
    FAULT 11, NPDATA

; --- far transfers ---------------------------------------------------------------------
    BEGIN "call gate from ring 3"
    RING3
    call far [gate_pointer]
    mov rax, rsp
    RING0
    VALUE rax, USTACK
    BEGIN "call gate: ring 0 stack of the TSS"
    VALUE [gate_rsp], KSTACK - 4 * 8
    BEGIN "call gate: saved ss and rsp"
    VALUE [gate_saved_rsp], USTACK

    BEGIN "to 32-bit code and back"
    push CODE32
    push compat
    retfq
back64:
    VALUE rax, 0x12345678

; --- system calls ----------------------------------------------------------------------
    BEGIN "syscall: rcx is the next rip"
    RING3
    syscall
    AT
    nop
    RING0
    VALUE [syscall_rcx], %$at

    BEGIN "syscall: rflags and the mask"
    RING3
    push 0x602              ; DF, IF as iopl allows not
    popfq
    syscall
    pushfq
    pop rbx
    cld
    RING0
    mov rax, [syscall_flags]
    shl rax, 32
    or rax, rbx
    VALUE rax, 0x200000402

    BEGIN "syscall: selectors"
    mov eax, [syscall_ss]
    VALUE rax, (DATA << 16) | CODE

    BEGIN "sysret: selectors"
    RING3
    syscall
    mov eax, ss
    shl eax, 16
    mov ebx, cs
    or eax, ebx
    RING0
    VALUE rax, (UDATA << 16) | UCODE

    BEGIN "syscall with sce clear: #UD"
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~1
    wrmsr
    AT
    syscall
    FAULT 6, -1

    BEGIN "wrmsr efer, reserved bit: #GP(0)"
    mov ecx, 0xc0000080
    rdmsr
    or eax, 2
    AT
    wrmsr
    FAULT 13, 0

    BEGIN "wrmsr efer, lme with paging on: #GP(0)"
    mov ecx, 0xc0000080
    rdmsr
    and eax, ~0x100
    AT
    wrmsr
    FAULT 13, 0

    BEGIN "clearing cr4.pae in long mode: #GP(0)"
    mov rax, cr4
    and eax, ~0x20
    AT
    mov cr4, rax
    FAULT 13, 0

    BEGIN "clearing cr0.pg in 64-bit mode: #GP(0)"
    mov rax, cr0
    btr rax, 31
    AT
    mov cr0, rax
    FAULT 13, 0

    BEGIN "cr0 above bit 31: #GP(0)"
    mov rax, cr0
    bts rax, 32
    AT
    mov cr0, rax
    FAULT 13, 0

    BEGIN "cr8"
    mov eax, 5
    mov cr8, rax
    xor eax, eax
    mov rax, cr8
    mov rbx, rax
    xor eax, eax
    mov cr8, rax
    VALUE rbx, 5

    BEGIN "dr7 above bit 31: #GP(0)"
    mov rax, 0x100000400
    AT
    mov dr7, rax
    FAULT 13, 0

    BEGIN "rdmsr of nothing: #GP(0)"
    mov ecx, 0x12345678
    AT
    rdmsr
    FAULT 13, 0

; --- page faults -------------------------------------------------------------------------
    BEGIN "read, not present: #PF(0)"
    AT
    mov rax, [TESTPAGE + 8]
    FAULT 14, 0
    BEGIN "cr2"
    mov rax, cr2
    VALUE rax, TESTPAGE + 8

    BEGIN "write to read-only, wp: #PF(3)"
    AT
    mov [TESTPAGE + 0x1000], rax
    FAULT 14, 3

    BEGIN "user read of a supervisor page: #PF(5)"
    RING3
    AT
    mov rax, [TESTPAGE + 0x2000]
    FAULT 14, 5

    BEGIN "fetch from an nx page: #PF(11)"
    mov rbx, TESTPAGE + 0x2000
    call rbx
    AT
    FAULT 14, 0x11
    BEGIN "fetch: cr2"
    mov rax, cr2
    VALUE rax, TESTPAGE + 0x2000

    BEGIN "reserved bit in an entry: #PF(9)"
    mov dword [PT + (TESTPAGE >> 12) * 8 + 4], 0x00080000
    mov dword [PT + (TESTPAGE >> 12) * 8], TESTPAGE | 3
    AT
    mov rax, [TESTPAGE]
    FAULT 14, 9

    BEGIN "single step over iretq and popfq"
    pushfq
    or dword [rsp], 0x100
    popfq
    nop
    AT
    nop
    FAULT 1, -1

    BEGIN "single step: mov ss holds it back"
    mov eax, DATA
    pushfq
    or dword [rsp], 0x100
    popfq
    mov ss, ax
    nop
    AT
    nop
    FAULT 1, -1

%include "space64.inc"

    mov rsi, done_text
    call print
    xor al, al
    out EXIT_PORT, al
.stop:
    cli
    hlt
    jmp .stop

; --- helpers ----------------------------------------------------------------------------
syscall_entry:
    mov [syscall_rcx], rcx
    mov [user_rsp], rsp
    mov rsp, KSTACK
    pushfq
    pop rax
    mov [syscall_flags], eax
    mov eax, ss
    shl eax, 16
    mov edx, cs
    or eax, edx
    mov [syscall_ss], eax
    mov rsp, [user_rsp]
    o64 sysret

gate_target:
    mov [gate_rsp], rsp
    push rax
    mov rax, [rsp + 24]
    mov [gate_saved_rsp], rax
    pop rax
    retfq

    bits 32
compat:
    mov eax, 0x12345678
    jmp CODE:back64
    bits 64

make_idt:
    mov edi, IDT
    mov ebx, stubs
    xor ecx, ecx
.next:
    mov eax, ebx
    mov [rdi], ax
    mov word [rdi + 2], CODE
    mov word [rdi + 4], 0x8e00
    shr eax, 16
    mov [rdi + 6], ax
    mov qword [rdi + 8], 0
    add edi, 16
    add ebx, STUB_SIZE
    inc ecx
    cmp ecx, 0x34
    jne .next
    mov byte [IDT + 3 * 16 + 5], 0xee
    mov byte [IDT + 0x30 * 16 + 5], 0xee
    mov byte [IDT + 0x31 * 16 + 4], 1
    mov byte [IDT + 8 * 16 + 4], 1
    mov byte [IDT + 12 * 16 + 4], 1
    ret

%macro STUB 1
    align 16, db 0x90
%if %1 = 8 || (%1 >= 10 && %1 <= 14) || %1 = 17
%else
    push -1
%endif
    push %1
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

; Stack: vector error rip cs rflags rsp ss. Touches R8-R11 only.
caught:
    pop r8
    pop r9
    mov [frame_rsp], rsp
    pop r10
    pop r11
    pop r11
    pop r11
    mov [got_rsp], r11
    mov [got_vector], r8
    mov [got_error], r9
    mov [got_rip], r10
    mov rsp, KSTACK
    cmp r8d, 0x30
    jne .resume
    mov qword [got_vector], -1
    jmp r10
.resume:
    jmp [resume]

; R13 vector, R14 error, R15 rip
check_fault:
    cld
    cmp r13, [got_vector]
    jne .fail
    cmp r14, [got_error]
    jne .fail
    cmp r15, [got_rip]
    jne .maybe
.ok:
    call print_ok
    jmp newline
.maybe:
    cmp r13, 14             ; a faulting fetch saves where it went, the test asks CR2
    jne .not_fetch
    cmp r14, 0x11
    je .ok
.not_fetch:
    mov rax, r15            ; a label behind the instruction, where its length is known
    sub rax, [got_rip]
    cmp rax, 2
    jne .fail
    cmp r13, 6
    je .ok
.fail:
    call print_failed
    mov rax, [got_error]
    call print_hex
    mov rax, [got_rip]
    sub rax, r15
    call print_hex
newline:
    mov al, 10
    out DEBUG_PORT, al
    ret

; R13 got, R14 expected
check_value:
    mov [saved_rax], rax
    mov [saved_rbx], rbx
    cld
    cmp qword [got_vector], -1
    jne .fail
    cmp r13, r14
    jne .fail
    call print_ok
    jmp .end
.fail:
    call print_failed
    mov rax, r13
    call print_hex
    mov rax, r14
    call print_hex
.end:
    mov al, 10
    out DEBUG_PORT, al
    mov rax, [saved_rax]
    mov rbx, [saved_rbx]
    ret

print_ok:
    mov rsi, ok_text
    call print
    mov rsi, [test_name]
    jmp print

print_failed:
    mov rsi, fail_text
    call print
    mov rsi, [test_name]
    call print
    mov rax, [got_vector]
    jmp print_hex

print:
    lodsb
    test al, al
    jz .end
    out DEBUG_PORT, al
    jmp print
.end:
    ret

print_hex:
    mov rdx, rax
    mov al, ' '
    out DEBUG_PORT, al
    mov ecx, 16
.next:
    rol rdx, 4
    mov al, dl
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe .digit
    add al, 7
.digit:
    out DEBUG_PORT, al
    loop .next
    ret

ok_text: db "ok ", 0
fail_text: db "FAIL ", 0
done_text: db "done", 10, 0

    align 8
gdt:
    dq 0
    dq 0x00209a0000000000   ; 08 code, 64 bits
    dq 0x00cf92000000ffff   ; 10 data
    dq 0x00cffa000000ffff   ; 18 user code, 32 bits
    dq 0x00cff2000000ffff   ; 20 user data
    dq 0x0020fa0000000000   ; 28 user code, 64 bits
    dw 0x67, tss - $$ + 0x7c00
    db 0, 0x89, 0, 0
    dq 0                    ; 30 TSS
    dw gate_target - $$ + 0x7c00, CODE, 0xec00, 0
    dq 0                    ; 40 call gate, dpl 3
    dq 0x00cf12000000ffff   ; 50 not present
    dq 0x00cf9a000000ffff   ; 58 code, 32 bits
gdt_end:
gdtr:
    dw gdt_end - gdt - 1
    dd gdt - $$ + 0x7c00
idtr:
    dw 0x34 * 16 - 1
    dq IDT

    align 8
gate_pointer: dd 0
    dw CALLGATE
    align 8
test_name: dq 0
resume: dq 0
got_vector: dq 0
got_error: dq 0
got_rip: dq 0
got_rsp: dq 0
frame_rsp: dq 0
gate_rsp: dq 0
gate_saved_rsp: dq 0
syscall_rcx: dq 0
user_rsp: dq 0
saved_rax: dq 0
saved_rbx: dq 0
syscall_flags: dd 0
syscall_ss: dd 0
    align 8
descriptor: dq 0, 0
fs_data: dq 0x1122334455667788
tss:
    dd 0
    dq KSTACK, 0, 0, 0, IST1
    times 0x66 - ($ - tss) db 0
    dw 0x68

    times 64 * 512 - ($ - $$) db 0

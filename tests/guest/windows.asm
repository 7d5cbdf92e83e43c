; Memory accesses of unprivileged 64-bit code whose translations change: what the host's MMU checks
; when they go by way of windows (target/i386/window.h) must be what the software TLB would say.
; Expectations are the manual's (SDM vol. 3, 4.6-4.10, 6.15; vol. 1, 3.3.7.1).
;
; Writes "ok NAME" or "FAIL NAME: rip, found, expected" to port 0xe9, then "done".
; CPUS = 1 or 2 is given by nasm -D, and PLACES: 0 the cases of windows-cases.inc, -spaces.inc, and
; -cpus.inc, 1 those of windows-places.inc, -indices.inc, -loops.inc, and -bytes.inc, which do not fit in
; beside them.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "boot.inc"

IDT equ 0x1000
TRAMPOLINE equ 0x2000   ; where the second CPU begins
TRAP_STACK equ 0x6000   ; of the CPU that tests: what interrupts user code comes here
KERNEL_STACK equ 0x7000
AP_TRAP_STACK equ 0x4000
AP_STACK equ 0x5000
VARS equ 0x10000        ; a page without code
BUFFER equ 0x11000
SLOTS equ 0x40000       ; copies of code, a page for 64 of them
USER_STACK equ 0x18000
AP_USER_STACK equ 0x1a000
LOW_PDPT equ 0x20000    ; of every address space: the first 2 MiB are everybody's, then 30 MiB are
LOW_PD equ 0x21000      ; the kernel's, and the APIC
LOW_PT equ 0x22000
BOOT_PML4 equ 0x23000
SPACES equ 0x400000     ; address spaces: PML4, PDPT, PD, PT of each
SPACE_COUNT equ 128
FRAMES equ 0x200000
BIG equ 0x1000000       ; three pages of 2 MiB

%define PML4(s) (SPACES + (s) * 0x4000)
%define PDPT(s) (PML4(s) + 0x1000)
%define PD(s) (PML4(s) + 0x2000)
%define PT(s) (PML4(s) + 0x3000)
%define F(n) (FRAMES + (n) * 0x1000)
V equ 0x10040600000     ; entry 2 of the PML4, 1 of the PDPT, 3 of the PD
V_BIG equ 0x10040800000 ; the next entry of the PD
NOFLUSH equ 1 << 63

APIC equ 0x2000000
%include "apic.inc"

TIMER_VECTOR equ 0x40
FLUSH_VECTOR equ 0x41
KERNEL_VECTOR equ 0x30
FAIL_VECTOR equ 0x31

CODE equ 0x08
DATA equ 0x10
UDATA equ 0x20 | 3
UCODE equ 0x28 | 3
UCODE32 equ 0x50 | 3
TSS equ 0x30

    absolute VARS
test_name: resq 1
failed: resq 1
resume: resq 1          ; where to go on after a fault, 0: none is expected
resume_rsp: resq 1
got_vector: resq 1
got_error: resq 1
got_address: resq 1
got_rip: resq 1
hook_entry: resq 1      ; what a page fault writes to a page table, once
hook_value: resq 1
hooked: resq 1          ; how often it did
kernel_rip: resq 1
kernel_rsp: resq 1
user_rsp: resq 1
ticks: resq 1
slot: resq 1            ; where the next copy of the routines will be
load_rax: resq 1
store_rcx: resq 1
load_rsp: resq 1
load_rbp: resq 1
load_vector: resq 1
add_one: resq 1
pcid: resq 1            ; in force
cr3_now: resq 1
descriptor: resq 2
base_now: resq 1        ; of windows-places.inc: the four pages, the entries that map them,
entries: resq 1
frames_now: resq 4      ; their frames,
frames_other: resq 4    ; and those that a page may get
mode: resq 1            ; what changes,
changed: resq 1         ; and which page
routine: resq 1
next_code: resq 1       ; the frame with the last copy of the routine
saved_rsp: resq 1
results: resq 8
target: resq 1          ; of windows-indices.inc: the address that is to be accessed,
good_now: resq 1        ; its place in the table,
index_now: resq 1       ; the index,
slot_now: resq 1        ; the copy of its code
next_base: resq 1
next_table: resq 1
narrow_code: resq 1     ; of windows-bytes.inc: what 32-bit code calls
skip: resq 1            ; if not 0, bytes that a fault leaves out
skipped: resq 1         ; how often one did
timer_hook: resq 1      ; if not 0, what the timer calls, once,
timer_wait: resq 1      ; in so many ticks
cpus: resq 1
    resb 0x800 - ($ - VARS)
ap_ready: resq 1
ap_rounds: resq 1
ap_seen: resq 1
ap_code: resq 1         ; if not 0, what the code that it writes shall return
ap_written: resq 1
ap_alias: resq 1
ap_alias_seen: resq 1
ap_alias_rounds: resq 1
request: resq 1
answer: resq 1
ap_space: resq 1
    section .text

    bits 16
    xor ax, ax
    mov ds, ax
    mov al, 0xff            ; no PIC interrupts
    out 0x21, al
    out 0xa1, al
    call make_low_pages
    xor ax, ax
    mov es, ax
    mov si, trampoline
    mov di, TRAMPOLINE
    mov cx, trampoline_end - trampoline
    rep movsb
trampoline:                 ; both CPUs; addresses do not depend on where it lies
    cli
    xor ax, ax
    mov ds, ax
    lgdt [gdtr]
    mov eax, 0x406a0        ; PAE, PGE, OSFXSR, OSXMMEXCPT, OSXSAVE
    mov cr4, eax
    mov eax, BOOT_PML4
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, 0x900          ; LME, NXE
    xor edx, edx
    wrmsr
    mov eax, 0x80010033     ; PG, WP, NE, ET, MP, PE
    mov cr0, eax
    jmp dword CODE:start64
trampoline_end:

make_low_pages:
    mov ax, LOW_PDPT >> 4
    mov es, ax
    xor di, di
    xor eax, eax
    mov cx, 0x4000 / 4
    rep stosd
    mov dword [es:0x3000], LOW_PDPT | 7
    mov dword [es:0], LOW_PD | 7
    mov dword [es:0x1000], LOW_PT | 7
    mov eax, 0x200000 | 0x83
    mov di, 0x1008
.big:
    mov [es:di], eax
    add di, 8
    add eax, 0x200000
    cmp di, 0x1000 + 16 * 8
    jne .big
    mov dword [es:di], 0xfee00000 | 0x93 ; not cached
    mov di, 0x2000
    mov eax, 7
.next:
    mov [es:di], eax
    add di, 8
    add eax, 0x1000
    cmp di, 0x3000
    jne .next
    ret

    bits 64
; --- words for tests ------------------------------------------------------------------------

%assign S 0
%macro BEGIN 2              ; name, how many address spaces: S, S + 1, ...; 0: those of before
    %if %2
        %assign S S + spaces
        %assign spaces %2
    %endif
    %if S + spaces > SPACE_COUNT
        %error "too many address spaces"
    %endif
    jmp %%over
%%name: db %1, 0
%%over:
    mov qword [test_name], %%name
    mov qword [failed], 0
    call fresh
%endmacro
%assign spaces 0

%macro END 0
    call end_test
%endmacro

%macro USER 0               ; goes on in ring 3, with all registers as they are
    mov [kernel_rsp], rsp
    push UDATA
    push qword [user_rsp]
    push 0x202
    push UCODE
    push %%user
    iretq
%%user:
%endmacro

%macro KERNEL 0             ; and in ring 0
    int KERNEL_VECTOR
%endmacro

%macro CHECK 2              ; found, expected; R13, R14 and flags are lost
    mov r13, %1
    mov r14, %2
    cmp r13, r14
    je %%ok
    int FAIL_VECTOR
%%ok:
%endmacro

%macro EXPECT_FAULT 0
    mov qword [resume], %%after
    mov [resume_rsp], rsp
    mov qword [got_vector], -1
    %define FAULTED %%after
%endmacro

%macro CHECK_FAULT 3        ; vector, error code, where the instruction is
FAULTED:
    mov qword [resume], 0
    CHECK qword [got_vector], %1
    CHECK qword [got_error], %2
    CHECK qword [got_rip], %3
%endmacro

%macro PAGE_FAULT 3         ; error code, address, pointer to a routine that begins with the access
    EXPECT_FAULT
    call [%3]
    CHECK_FAULT 14, %1, [%3]
    CHECK qword [got_address], %2
%endmacro

%macro GENERAL_FAULT 2      ; vector, routine
    EXPECT_FAULT
    call [%2]
    CHECK_FAULT %1, 0, [%2]
%endmacro

%macro MAP 4                ; page of V: space, which, frame, bits
    mov qword [PT(%1) + (%2) * 8], F(%3) | %4
%endmacro

%macro SPACE 1              ; goes to an address space without PCIDs
    mov rax, %1
    call load_space
%endmacro

%macro PCIDE 1
    mov rax, cr4
    and eax, ~(1 << 17)
    or eax, %1 << 17
    mov cr4, rax
%endmacro

%macro ENTRY 2              ; address and value of an entry
    mov rax, %2
    mov [%1], rax
%endmacro

; --- start ------------------------------------------------------------------------------------

start64:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, 7              ; x87, SSE, AVX
    xor edx, edx
    xor ecx, ecx
    xsetbv
    fninit
    mov eax, 1
    xchg [cpus], rax        ; who comes first?
    test eax, eax
    jnz ap_main
    mov rsp, KERNEL_STACK
    mov edi, VARS           ; all but cpus
    mov rax, [cpus]
    push rax
    mov ecx, 0x1000 / 8
    xor eax, eax
    rep stosq
    pop qword [cpus]
    mov qword [user_rsp], USER_STACK
    mov qword [slot], SLOTS
    call make_spaces
    call make_idt
    lidt [idtr]
    mov eax, TSS
    ltr ax
    mov dword [APIC_SPURIOUS], 0x1ff
    mov dword [APIC_DIVIDE], 3 ; by 16
    mov dword [APIC_TIMER], TIMER_VECTOR | 0x20000
    mov dword [APIC_COUNT], 100000
%if PLACES
%include "windows-places.inc"
%include "windows-indices.inc"
%include "windows-loops.inc"
%include "windows-bytes.inc"
ap_main:                    ; there is none
flush:
%else
%include "windows-cases.inc"
%include "windows-spaces.inc"
    mov dword [APIC_COUNT], 0
%include "windows-cpus.inc"
%endif
    mov rsi, text_done
    call print
    mov edx, EXIT_PORT
    xor eax, eax
    out dx, al
.halt:
    cli
    hlt
    jmp .halt

make_spaces:
    mov edi, PML4(0)
    mov ecx, SPACE_COUNT * 0x4000 / 8
    xor eax, eax
    rep stosq
    mov edi, FRAMES
    mov ecx, 64 * 0x1000 / 8
    rep stosq
    mov edi, PML4(0)
    mov ecx, SPACE_COUNT
.next:
    mov dword [rdi], LOW_PDPT | 7
    lea eax, [rdi + (PDPT(0) - PML4(0) + 7)]
    mov [rdi + 2 * 8], eax
    add eax, 0x1000
    mov [rdi + 0x1000 + 8], eax
    add eax, 0x1000
    mov [rdi + 0x2000 + 3 * 8], eax
    add edi, 0x4000
    loop .next
    ret

%macro GATE 3
    mov eax, %2
    mov edi, IDT + %1 * 16
    mov edx, %3
    call gate
%endmacro

gate:
    mov [rdi], ax
    mov word [rdi + 2], CODE
    mov [rdi + 4], dx
    shr eax, 16
    mov [rdi + 6], ax
    mov qword [rdi + 8], 0
    ret

make_idt:
    xor ecx, ecx
.next:
    mov edi, ecx
    shl edi, 4
    mov eax, ecx
    imul eax, eax, STUB_SIZE
    add eax, stubs
    add edi, IDT
    mov edx, 0x8e00
    call gate
    inc ecx
    cmp ecx, STUBS
    jne .next
    GATE KERNEL_VECTOR, enter_kernel, 0xee00
    GATE FAIL_VECTOR, check_failed, 0xee00
    GATE TIMER_VECTOR, timer, 0x8e00
    GATE FLUSH_VECTOR, flush, 0x8e00
    ret

STUBS equ 32
STUB_SIZE equ 16
    align 16
stubs:
%assign n 0
%rep STUBS
    align 16
    %if n = 8 || (n >= 10 && n <= 14) || n = 17 || n = 21
    %else
    push 0
    %endif
    push n
    jmp near caught
    %assign n n + 1
%endrep
    align 16

; On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS.
caught:
    push rax
    push rbx
    mov rax, cr2
    mov [got_address], rax
    mov rax, [rsp + 16]
    mov [got_vector], rax
    mov rax, [rsp + 24]
    mov [got_error], rax
    mov rax, [rsp + 32]
    mov [got_rip], rax
    mov eax, 2              ; DIV EDI by 0 is left out
    cmp qword [got_vector], 0
    je .skip
    mov rbx, [hook_entry]
    test rbx, rbx
    jz .no_hook
    mov rax, [hook_value]
    mov [rbx], rax
    mov qword [hook_entry], 0
    inc qword [hooked]
    jmp .return
.no_hook:
    mov rax, [skip]
    test rax, rax
    jnz .skip
    mov rax, [resume]
    test rax, rax
    jz unexpected
    mov [rsp + 32], rax
    mov rax, [resume_rsp]
    mov [rsp + 56], rax
    mov qword [resume], 0
    jmp .return
.skip:
    add [rsp + 32], rax
    inc qword [skipped]
.return:
    pop rbx
    pop rax
    add rsp, 16
    iretq

enter_kernel:
    pop qword [kernel_rip]
    add rsp, 16
    pop qword [user_rsp]
    mov rsp, [kernel_rsp]
    jmp [kernel_rip]

timer:
    inc qword [ticks]
    mov dword [APIC_EOI], 0
    cmp qword [timer_hook], 0
    jne .hook
    iretq
.hook:
    dec qword [timer_wait]
    jnz .later
    push rax
    mov rax, [timer_hook]
    mov qword [timer_hook], 0
    call rax
    pop rax
.later:
    iretq

unexpected:
    mov rsi, text_unexpected
    call print_failed
    mov rax, [got_vector]
    call print_number
    mov rax, [got_error]
    call print_number
    mov rax, [got_rip]
    call print_number
    mov rax, [got_address]
    call print_number
    call newline
    jmp $

; R13: found, R14: expected
check_failed:
    mov r15, [rsp]
    push rax
    push rcx
    push rdx
    push rsi
    inc qword [failed]
    cmp qword [failed], 4
    ja .enough
    mov rsi, text_check
    call print_failed
    mov rax, r15
    call print_number
    mov rax, r13
    call print_number
    mov rax, r14
    call print_number
    call newline
.enough:
    pop rsi
    pop rdx
    pop rcx
    pop rax
    iretq

print_failed:
    push rsi
    mov rsi, text_fail
    call print
    mov rsi, [test_name]
    call print
    pop rsi
    jmp print

end_test:
    cmp qword [failed], 0
    jne .end
    push rsi
    mov rsi, text_ok
    call print
    mov rsi, [test_name]
    call print
    call newline
    pop rsi
.end:
    ret

load_space:                 ; RAX: what CR3 gets
    mov cr3, rax
    btr rax, 63
    mov [cr3_now], rax
    and eax, 0xfff
    mov [pcid], rax
    ret

; Called by way of pointers, so that each case has a copy of its own: a translator may know something about
; the last one.
routines:
.load_rax:
    mov rax, [rbx]
    ret
.store_rcx:
    mov [rbx], rcx
    ret
.load_rsp:
    mov rax, [rsp + rbx] ; RBX: relative to RSP
    ret
.load_rbp:
    mov rax, [rbp]
    ret
.load_vector:
    vmovdqu ymm1, [rbx]
    ret
.add_one:
    mov rax, [rbx + 8]
    add qword [rbx], 1
    ret
routines_end:

%macro POINT_TO 1-*         ; pointers get the addresses of their routines in the copy at RDI; RCX is lost
    %rep %0
        lea ecx, [rdi + (routines.%1 - routines)]
        mov [%1], rcx
        %rotate 1
    %endrep
%endmacro

fresh:                      ; a new copy of the routines; no register changes
    push rsi
    push rdi
    push rcx
    pushfq
    mov edi, [slot]
    mov esi, routines
    mov ecx, SLOT_SIZE
    rep movsb
    add dword [slot], SLOT_SIZE
    mov edi, [slot]
    sub edi, SLOT_SIZE
    POINT_TO load_rax, store_rcx, load_rsp, load_rbp, load_vector, add_one
    popfq
    pop rcx
    pop rdi
    pop rsi
    ret
SLOT_SIZE equ 64
    %if routines_end - routines > SLOT_SIZE
        %error "the routines are too long"
    %endif

newline:
    mov edx, DEBUG_PORT
    mov al, 10
    out dx, al
    ret

print_number:               ; RAX, after a blank
    push rax
    mov edx, DEBUG_PORT
    mov al, ' '
    out dx, al
    pop rax
    jmp print_hex

%include "print.inc"

text_ok: db "ok ", 0
text_fail: db "FAIL ", 0
text_check: db ": rip, found, expected", 0
text_unexpected: db ": vector, error, rip, cr2", 0
text_done: db "done", 10, 0

    align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff
    dq 0x00cf93000000ffff
    dq 0
    dq 0x00cff3000000ffff
    dq 0x00affb000000ffff
    dw 0x67, tss - $$ + 0x7c00
    db 0, 0x89, 0, 0
    dq 0
    dw 0x67, ap_tss - $$ + 0x7c00
    db 0, 0x89, 0, 0
    dq 0
    dq 0x00cffb000000ffff
gdtr:
    dw $ - gdt - 1
    dd gdt
idtr:
    dw 0xfff
    dq IDT
    align 8
tss:
    dd 0
    dq TRAP_STACK
    times 0x66 - ($ - tss) db 0
    dw 0x68
    align 8
ap_tss:
    dd 0
    dq AP_TRAP_STACK
    times 0x66 - ($ - ap_tss) db 0
    dw 0x68
    times (IMAGE_SECTORS + 1) * 512 - ($ - $$) db 0

; Random changes of translations and code, with timer interrupts at any boundary, and on two
; CPUs with TLB shootdowns by IPI and code that the other CPU rewrites. The guest knows what
; every page must hold and checks it; a checksum of all it saw goes to the debug port.
;
; Writes "checksum X", "ok one CPU", with CPUS = 2 "ok two CPUs", then "done" to port 0xe9;
; "FAIL WHAT" instead of an ok. CPUS, ROUNDS and SMP_ROUNDS are given by nasm -D.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later

%include "boot.inc"

IDT equ 0x1000
TRAMPOLINE equ 0x2000   ; where the second CPU begins
PML4 equ 0x20000        ; PDPT, PD, PT of the first 2 MiB, PT of the next
PT equ 0x23000
VPT equ 0x24000
MAPPED equ 0x30000      ; dwords: frame of each page
CONSTS equ 0x30100      ; dwords: what the code of each frame returns
STACK equ 0x18000
AP_STACK equ 0x1a000
FRAMES equ 0x40000
VIRTUAL equ 0x200000
PAGES equ 16

CODE_AT equ 0x10        ; in each frame: mov eax, constant; ret
LAST equ 0xffc          ; and its number, here and at its beginning

APIC equ 0x400000       ; where it is mapped
%include "apic.inc"

TIMER_VECTOR equ 0x40
FLUSH_VECTOR equ 0x41

    bits 16
    xor ax, ax
    mov ds, ax
    in al, 0x21             ; no PIC interrupts
    mov al, 0xff
    out 0x21, al
    out 0xa1, al
    call make_pages
    mov si, trampoline
    mov di, TRAMPOLINE
    mov es, ax
    mov cx, trampoline_end - trampoline
    push ds
    pop es
    rep movsb
trampoline:                 ; both CPUs; addresses do not depend on where it lies
    cli
    xor ax, ax
    mov ds, ax
    lgdt [gdtr]
    mov eax, 0x6a0          ; PAE, PGE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100           ; LME
    wrmsr
    mov eax, 0x80010003     ; PG, WP, MP, PE
    mov cr0, eax
    jmp dword 8:start64
trampoline_end:

make_pages:
    mov ax, PML4 >> 4
    mov es, ax
    xor di, di
    xor eax, eax
    mov cx, 0x5000 / 4
    rep stosd
    mov dword [es:0], (PML4 + 0x1000) | 7
    mov dword [es:0x1000], (PML4 + 0x2000) | 7
    mov dword [es:0x2000], PT | 7
    mov dword [es:0x2008], VPT | 7
    mov dword [es:0x2010], 0xfee00000 | 0x93 ; 2 MiB, not cached
    mov di, 0x3000
    mov eax, 7
.next:
    mov [es:di], eax
    add di, 8
    add eax, 0x1000
    cmp di, 0x4000
    jne .next
    ret

    bits 64
start64:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, 1
    xchg [cpus], eax        ; who comes first?
    test eax, eax
    jnz ap_main
    mov rsp, STACK
    call make_frames
    call make_idt
    lidt [idtr]
    call start_apic
    mov dword [APIC_DIVIDE], 3 ; by 16
    mov dword [APIC_TIMER], TIMER_VECTOR
    mov dword [APIC_COUNT], 1000
    sti
    call one_cpu
    mov dword [APIC_COUNT], 0
%if CPUS > 1
    call two_cpus
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

make_frames:
    xor ecx, ecx
.next:
    mov edi, ecx
    shl edi, 12
    mov [FRAMES + rdi], ecx
    mov byte [FRAMES + rdi + CODE_AT], 0xb8
    mov [FRAMES + rdi + CODE_AT + 1], ecx
    mov byte [FRAMES + rdi + CODE_AT + 5], 0xc3
    mov [FRAMES + rdi + LAST], ecx
    mov [MAPPED + rcx * 4], ecx
    mov [CONSTS + rcx * 4], ecx
    lea eax, [rdi + (FRAMES | 7)]
    mov [VPT + rcx * 8], rax
    inc ecx
    cmp ecx, PAGES
    jne .next
    ret

%macro GATE 2
    mov eax, %2
    mov edi, IDT + %1 * 16
    call gate
%endmacro

gate:
    mov [rdi], ax
    mov word [rdi + 2], 8
    mov word [rdi + 4], 0x8e00
    shr eax, 16
    mov [rdi + 6], ax
    mov qword [rdi + 8], 0
    ret

make_idt:
    xor ecx, ecx
.next:
    mov edi, ecx
    shl edi, 4
    add edi, IDT
    mov eax, unexpected
    call gate
    inc ecx
    cmp ecx, 256
    jne .next
    GATE 3, breakpoint
    GATE 14, page_fault
    GATE TIMER_VECTOR, timer
    GATE FLUSH_VECTOR, flush
    ret

start_apic:
    mov dword [APIC_SPURIOUS], 0x1ff
    ret

; --- random numbers ---------------------------------------------------------------

%macro XORSHIFT 1           ; rax: the next number of the generator at %1; rdx is lost
    mov rax, [%1]
    mov rdx, rax
    shl rdx, 13
    xor rax, rdx
    mov rdx, rax
    shr rdx, 7
    xor rax, rdx
    mov rdx, rax
    shl rdx, 17
    xor rax, rdx
    mov [%1], rax
%endmacro

rand:
    XORSHIFT seed
    ret

; --- one CPU ------------------------------------------------------------------------

one_cpu:
    pxor xmm0, xmm0
    xor ebp, ebp            ; checksum
    mov r15d, ROUNDS
.first_tick:                ; the timer of a busy host may be late
    cmp dword [ticks], 0
    je .first_tick
.round:
    call rand
    mov r8d, eax            ; page
    and r8d, PAGES - 1
    mov r9d, eax            ; frame
    shr r9d, 8
    and r9d, PAGES - 1
    shr eax, 16
    and eax, 7
    mov ecx, r8d
    shl ecx, 12
    lea rbx, [rcx + VIRTUAL] ; address of the page
    mov r10d, [MAPPED + r8 * 4]
    shl r10d, 12
    add r10d, FRAMES        ; and of its frame
    call [actions + rax * 8]
    call check_pages
    dec r15d
    jnz .round
    movq rax, xmm0
    xor rbp, rax
    mov rsi, text_checksum
    call print
    mov rax, rbp
    call print_hex
    mov rsi, text_one
    jmp print

actions:
    dq remap, remap_all, remap, rewrite_there, rewrite_here, copy_code, fault_write, fault_read

remap:
    call set_page
    invlpg [rbx]
    ret

remap_all:
    call set_page
    mov rax, cr3
    mov cr3, rax
    ret

set_page:                   ; page r8 becomes frame r9
    mov eax, r9d
    shl eax, 12
    add eax, FRAMES | 7
    mov [VPT + r8 * 8], rax
    mov [MAPPED + r8 * 4], r9d
    ret

rewrite_there:              ; the constant in the code, by the page
    call rand
    mov [rbx + CODE_AT + 1], eax
    jmp note_const

rewrite_here:               ; the same by the frame
    call rand
    mov [r10 + CODE_AT + 1], eax
note_const:
    mov edx, [MAPPED + r8 * 4]
    mov [CONSTS + rdx * 4], eax
    ret

copy_code:                  ; all of it by a string move from another frame
    mov esi, r9d
    shl esi, 12
    add esi, FRAMES + CODE_AT
    lea edi, [r10 + CODE_AT]
    mov ecx, 6
    rep movsb
    mov eax, [CONSTS + r9 * 4]
    jmp note_const

fault_write:
    and byte [VPT + r8 * 8], ~2 & 0xff
    jmp fault_store
fault_read:
    and byte [VPT + r8 * 8], ~1 & 0xff
fault_store:
    invlpg [rbx]
    call rand
    mov ecx, [faults]
    mov [rbx + 0x40], eax   ; the handler allows it
    inc ecx
    cmp ecx, [faults]
    mov rsi, text_fault
    jne fail
    cmp eax, [r10 + 0x40]
    mov rsi, text_store
    jne fail
    ret

; A page chosen at random, and the one behind it
check_pages:
    call rand
    mov r8d, eax
    and r8d, PAGES - 2
    mov ecx, r8d
    shl ecx, 12
    lea rbx, [rcx + VIRTUAL]
    mov r9d, [MAPPED + r8 * 4]
    mov eax, [rbx]
    cmp eax, r9d
    mov rsi, text_page
    jne fail
    lea rcx, [rbx + CODE_AT]
    call rcx
    cmp eax, [CONSTS + r9 * 4]
    mov rsi, text_code
    jne fail
    add rbp, rax
    rol rbp, 7
    movd xmm1, eax
    paddq xmm0, xmm1
    mov edx, [MAPPED + r8 * 4 + 4]
    shl rdx, 32
    or rdx, r9
    cmp rdx, [rbx + LAST]   ; both pages at once
    mov rsi, text_crossing
    jne fail
    adc rbp, rdx            ; CF is clear
    mov eax, ebp
    and eax, 0x7fc
    mov [rbx + rax + 0x800 - 4], ebp
    shl r9d, 12
    cmp ebp, [r9 + rax + FRAMES + 0x800 - 4]
    mov rsi, text_store
    jne fail
    mov dword [rbx + LAST - 4], 0 ; ends where the number begins
    ret

; --- interrupts -----------------------------------------------------------------------

timer: ; again after a random time; may flush what the interrupted code uses
    push rax
    push rdx
    sub rsp, 16
    movdqu [rsp], xmm0
    pcmpeqd xmm0, xmm0
    inc dword [ticks]
    XORSHIFT timer_seed
    test al, 3
    jnz .kept
    mov rdx, cr3
    mov cr3, rdx
.kept:
    shr eax, 22
    inc eax
    mov [APIC_COUNT], eax
    mov dword [APIC_EOI], 0
    movdqu xmm0, [rsp]
    add rsp, 16
    pop rdx
    pop rax
    iretq

page_fault:
    add rsp, 8
    push rax
    mov rax, cr2
    sub rax, VIRTUAL
    shr rax, 12
    cmp rax, PAGES
    jae unexpected
    or byte [VPT + rax * 8], 3
    mov rax, cr2
    invlpg [rax]
    inc dword [faults]
    pop rax
    iretq

flush: ; the second CPU's part of a shootdown
    push rax
    mov rax, cr3
    mov cr3, rax
    mov eax, [request]
    mov [answer], eax
    mov dword [APIC_EOI], 0
    pop rax
    iretq

unexpected:
    mov rsi, text_unexpected
fail:
    cli
    push rsi
    mov rsi, text_fail
    call print
    pop rsi
    call print
    mov edx, EXIT_PORT
    mov eax, 1
    out dx, al
    hlt

; --- two CPUs --------------------------------------------------------------------------

%macro COUNT_BOTH 0         ; both CPUs, by different instructions
    lock inc dword [counter]
    mov eax, 1
    lock xadd [counter], eax
    mov eax, [counter]
%%again:
    lea edx, [rax + 1]
    lock cmpxchg [counter], edx
    jne %%again
%endmacro
COUNTED equ 3

send_ipi:                   ; eax: command; to the APIC whose id is 1
    mov dword [APIC_ICR_HIGH], 1 << 24
    mov [APIC_ICR], eax
.busy:
    test dword [APIC_ICR], 1 << 12
    jnz .busy
    ret

two_cpus:
    mov eax, 0x4500         ; INIT
    call send_ipi
    mov eax, 0x4600 | TRAMPOLINE >> 12
    call send_ipi
.wait:
    pause
    cmp dword [ap_ready], 0
    je .wait
    mov r15d, SMP_ROUNDS
.round:
    call rand
    mov r9d, eax
    and r9d, PAGES - 1
    xor r8d, r8d            ; always page 0
    mov rbx, VIRTUAL
    inc dword [sequence]    ; odd: changing
    test eax, 0x100
    jz .code
    call set_page
    invlpg [rbx]
    jmp .changed
.code:
    call rand
    mov r9d, [MAPPED]
    mov r10d, r9d
    shl r10d, 12
    mov [r10 + FRAMES + CODE_AT + 1], eax
    mov [CONSTS + r9 * 4], eax
.changed:
    mov [expected_page], r9d
    mov eax, [CONSTS + r9 * 4]
    mov [expected_code], eax
    inc dword [request]
    mov eax, 0x4000 | FLUSH_VECTOR
    call send_ipi
.unanswered:
    pause
    mov eax, [answer]
    cmp eax, [request]
    jne .unanswered
    inc dword [sequence]    ; even: everyone must see it
    COUNT_BOTH
    mov eax, [seen]         ; let it look, at times
    test r15d, 7
    jnz .next
.look:
    pause
    cmp eax, [seen]
    je .look
.next:
    cmp dword [ap_failed], 0
    mov rsi, text_other
    jne fail
    dec r15d
    jnz .round
    call patch
    mov dword [stop], 1
.stopping:
    pause
    cmp dword [stop], 2
    jne .stopping
    mov eax, [ap_rounds]
    add eax, SMP_ROUNDS
    imul eax, COUNTED
    cmp eax, [counter]
    mov rsi, text_counter
    jne fail
    mov rsi, text_two
    jmp print

; What kernels do to code that others run: a breakpoint, and back. Each run passes the spot once.
patch:
    mov dword [patching], 1
    mov r15d, SMP_ROUNDS * PATCHES
.next:
    xor byte [spot], 0x90 ^ 0xcc
    call rand
    and eax, 0xff
.wait:
    dec eax
    jns .wait
    dec r15d
    jnz .next
    mov dword [patching], 0
.running:
    pause
    mov eax, [runs]
    cmp eax, [passed]
    jne .running
    test eax, eax
    mov rsi, text_patch
    jz fail
    ret
PATCHES equ 100             ; an even number: the spot is as it was

breakpoint:
    inc dword [breakpoints]
    iretq

    align 64
patched:
    inc dword [runs]
spot:
    nop
    inc dword [passed]
    ret
    align 64

ap_main:
    mov rsp, AP_STACK
    lidt [idtr]
    call start_apic
    sti
    mov dword [ap_ready], 1
    xor r15d, r15d
.loop:
    cmp dword [stop], 0
    jne .stop
    cmp dword [patching], 0
    je .count
    call patched
    jmp .loop
.count:
    COUNT_BOTH
    inc r15d
    mov r12d, [sequence]
    test r12b, 1
    jnz .loop
    mov r13d, [VIRTUAL]
    mov eax, VIRTUAL + CODE_AT
    call rax
    mov ebx, [expected_code]
    mov ecx, [expected_page]
    cmp r12d, [sequence]
    jne .loop
    test r12d, r12d
    jz .loop                ; nothing is expected before the first change
    inc dword [seen]
    cmp eax, ebx
    jne .failed
    cmp r13d, ecx
    je .loop
.failed:
    mov dword [ap_failed], 1
.stop:
    mov [ap_rounds], r15d
    mov dword [stop], 2
.halt:
    hlt
    jmp .halt

; --- text ---------------------------------------------------------------------------------

%include "print.inc"

text_checksum: db "checksum ", 0
text_one: db 10, "ok one CPU", 10, 0
text_two: db "ok two CPUs", 10, 0
text_done: db "done", 10, 0
text_fail: db "FAIL ", 0
text_page: db "a page holds what was mapped there before", 10, 0
text_code: db "code of before its change has run", 10, 0
text_crossing: db "two pages at once", 10, 0
text_store: db "a store went elsewhere", 10, 0
text_fault: db "no page fault, or more than one", 10, 0
text_unexpected: db "an exception", 10, 0
text_other: db "the other CPU saw a page or code of before the shootdown", 10, 0
text_patch: db "code that is patched was not run", 10, 0
text_counter: db "locked instructions were not atomic", 10, 0

    align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff
    dq 0x00cf93000000ffff
gdtr:
    dw $ - gdt - 1
    dd gdt
idtr:
    dw 0xfff
    dq IDT

    align 64
seed: dq 0x123456789abcdef1
timer_seed: dq 0x9e3779b97f4a7c15
cpus: dd 0
ticks: dd 0
faults: dd 0
request: dd 0
answer: dd 0
sequence: dd 0
expected_page: dd 0
expected_code: dd 0
seen: dd 0
stop: dd 0
ap_ready: dd 0
ap_failed: dd 0
ap_rounds: dd 0
counter: dd 0
patching: dd 0
runs: dd 0
passed: dd 0
breakpoints: dd 0
    times (IMAGE_SECTORS + 1) * 512 - ($ - $$) db 0

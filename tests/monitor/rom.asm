; A 64 KiB firmware image for the monitor tests: a program for each letter in the byte at
; 0x500 of RAM, which the test writes before the CPU starts.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        bits 16
        org 0

start:  xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        inc word [0x510]          ; how often the CPU was reset
        mov al, [0x500]
        cmp al, 'p'
        je paging
        cmp al, 'q'
        je long_paging
        cmp al, 't'
        je triple
        cmp al, 'l'
        je spin
        cmp al, 'o'
        je output
        cmp al, 'n'
        je nmi

; Known registers, then a halt that nothing ends.
registers:
        mov eax, 0x12345678
        mov ebx, 0xcafef00d
        mov ecx, 0x01020304
        mov edx, 0x89abcdef
        mov esi, 0x11223344
        mov edi, 0x55667788
        mov ebp, 0x00c0ffee
        stc
        cli
.halt:  hlt
        jmp .halt

; 32-bit paging with the tables that the test put at 0x1000.
paging: mov eax, 0x10             ; CR4.PSE
        mov cr4, eax
        mov eax, 0x1000
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000001        ; PG, PE
        mov cr0, eax
        jmp registers

; The same in long mode (16-bit compatibility code).
long_paging:
        mov eax, 0x20             ; CR4.PAE
        mov cr4, eax
        mov eax, 0x1000
        mov cr3, eax
        mov ecx, 0xc0000080       ; EFER.LME, NXE
        rdmsr
        or eax, 0x900
        wrmsr
        mov eax, cr0
        or eax, 0x80000001
        mov cr0, eax
        jmp registers

; #UD: the entries of the IDT are no gates.
triple: lidt [cs:bad_idt]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov eax, 0x7007
ud:     ud2
bad_idt:
        dw 0x7ff
        dd 0x8000

; No output, no interrupt: a loop of two instructions.
spin:   mov al, 0x5a
        out 0x80, al
        mov cx, 0x1234
.loop:  nop
        jmp .loop

; The same loop, but it writes to the serial port.
output: mov dx, 0x3f8
.loop:  mov al, 'o'
        out dx, al
        mov cx, 1000
.wait:  loop .wait
        jmp .loop

; Counts NMIs at 0x520.
nmi:    mov word [2 * 4], .count
        mov word [2 * 4 + 2], 0xf000
        mov byte [0x530], 1
.halt:  hlt
        jmp .halt
.count: inc word [0x520]
        iret

        times 0xfff0 - ($ - $$) db 0x90
reset:  jmp 0xf000:start
        times 0x10000 - ($ - $$) db 0

; A boot sector that starts a second CPU; both count, each in a loop of its own.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        org 0x7c00
        [map symbols smp.map]
        bits 16

ICR     equ 0xfee00300

start:  cli
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov dword [0x6000], 0x007c00ea  ; the trampoline at the SIPI vector: JMP 0:second
        mov word [0x6001], second
        mov word [0x6003], 0
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, 8
        mov fs, bx                      ; flat, kept in real mode
        and al, 0xfe
        mov cr0, eax
        mov dword [fs:dword ICR], 0x000c4500 ; INIT to all but this CPU
        mov dword [fs:dword ICR], 0x000c4606 ; start-up at 0x6000
first:  inc dword [count0]
        jmp first

second: xor ax, ax
        mov ds, ax
loop1:  inc dword [count1]
        jmp loop1

        align 8
gdt:    dq 0, 0x00cf93000000ffff
gdtr:   dw gdtr - gdt - 1
        dd gdt
count0: dd 0
count1: dd 0
        times 510 - ($ - $$) db 0
        dw 0xaa55

; A boot sector that enters long mode, gives every register a value and stops for good.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        bits 16
        org 0x7c00
PAGES   equ 0x10000

start:  cli
        cld
        jmp 0:.flat
.flat:  xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov ax, PAGES >> 4
        mov es, ax
        xor di, di
        mov cx, 0x3000 / 4
        xor eax, eax
        rep stosd
        mov dword [es:0], PAGES + 0x1003
        mov dword [es:0x1000], PAGES + 0x2003
        mov dword [es:0x2000], 0x83
        lgdt [gdtr]
        lidt [idtr]
        mov eax, 0x220
        mov cr4, eax
        mov eax, PAGES
        mov cr3, eax
        mov ecx, 0xc0000080
        mov eax, 0x900          ; LME, NXE
        xor edx, edx
        wrmsr
        mov eax, 0x80000011
        mov cr0, eax
        jmp 8:wide
        bits 64
wide:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov ax, 0x18
        ltr ax
        mov ecx, 0xc0000100     ; FS base
        mov eax, 0x12345000
        mov edx, 0x7fff
        wrmsr
        mov ecx, 0xc0000102     ; kernel's GS base
        wrmsr
        mov rax, 0x1122334455667788
        mov dr0, rax
        mov dr3, rax
        mov cr2, rax
        mov rbx, 0x2233445566778899
        mov rcx, 0x33445566778899aa
        mov rdx, 0x445566778899aabb
        mov rsi, 0x5566778899aabbcc
        mov rdi, 0x66778899aabbccdd
        mov rbp, 0x778899aabbccddee
        mov rsp, 0x0000000000006ff0
        mov r8, 0x8899aabbccddeeff
        mov r9, rax
        mov r10, rbx
        mov r11, rcx
        mov r12, rdx
        mov r13, rsi
        mov r14, rdi
        mov r15, rbp
        xor eax, eax
        sub eax, 1              ; CF, PF, AF, SF
        hlt
        jmp $

        align 8
gdt:    dq 0, 0x00af9b000000ffff, 0x00cf93000000ffff
        dq 0x0000890080000067, 0
gdtr:   dw gdtr - gdt - 1
        dd gdt
idtr:   dw 0x123
        dd 0x4000
        times 510 - ($ - $$) db 0
        dw 0xaa55
        times 1024 * 1024 - ($ - $$) db 0

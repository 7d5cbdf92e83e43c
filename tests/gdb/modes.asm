; A boot sector that goes through real, protected and long mode, for tests of the gdb stub.
; Every label is a place to stop at; [map] gives the tests their addresses.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        org 0x7c00
        [map symbols modes.map]
        bits 16

TABLES  equ 0x10000

start:  cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7000
        jmp 0x07c0:segmented - 0x7c00   ; IP is no linear address from here on
segmented:
        mov eax, 0x11223344
        mov ebx, 0x55667788
        nop
real16:   mov cx, 3
again:  inc word [counter]
        loop again
        mov di, 0x8000
        mov cx, 4
strings: rep stosb
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
switching: mov cr0, eax
        jmp dword 8:prot

        bits 32
prot:   mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov dword [variable], 0x12345678
stored: mov edi, TABLES                 ; identity map of 2 MiB
        xor eax, eax
        mov ecx, 3 * 1024
        rep stosd
        mov dword [TABLES], TABLES + 0x1007
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        mov dword [TABLES + 0x2000], 0x87
        mov eax, TABLES
        mov cr3, eax
        mov eax, 0x620                  ; PAE, OSFXSR, OSXMMEXCPT
        mov cr4, eax
        mov ecx, 0xc0000080
        mov eax, 0x100
        xor edx, edx
        wrmsr
        mov eax, 0x80000011
paging: mov cr0, eax
        jmp 24:wide

        bits 64
wide:   mov rax, 0x8877665544332211
        mov r15, 0x123456789abcdef0
        movq xmm5, rax
        movlhps xmm5, xmm5
        fninit
        fldpi
        fld1
        mov ecx, 0x401
        mov dr7, rcx                    ; DR0 is the guest's own: address 0
        stc
loads:   mov rbx, [variable]
loaded: xor edx, edx                    ; the sum of all code, as the guest sees it
        mov esi, start
next:   movzx eax, byte [rsi]
        add edx, eax
        inc esi
        cmp esi, end
        jb next
        mov [sum], edx
        mov rax, dr7
        mov [debug], eax
done:   mov al, 3
        out 0xf4, al
idle:   inc qword [ticks]
        jmp idle
end:

        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdtr:   dw gdtr - gdt - 1
        dd gdt
counter:  dw 0
variable: dq 0
sum:      dd 0
debug:    dd 0
ticks:    dq 0
        times 510 - ($ - $$) db 0
        dw 0xaa55

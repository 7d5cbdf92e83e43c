; A firmware image for the debugger's tests: a loop in real mode whose parts stand at fixed places.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        bits 16
        org 0

%macro AT 1
        times %1 - ($ - $$) nop
%endmacro

start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov sp, 0x7000          ; SS is 0; loading it would hold off the trap of a step
        mov word [1 * 4], trap
        mov word [1 * 4 + 2], 0xf000
        mov word [3 * 4], break
        mov word [3 * 4 + 2], 0xf000
        mov si, text
        mov di, 0x700
        mov cx, 12
        jmp copy
        AT 0x40
copy:   cs rep movsb
        stc
        mov eax, 0x12345678
        adc eax, 0x7fffffff
        mul eax
        xor eax, eax
        mov bx, [0x608]
        AT 0x80
loop:   inc word [0x600]
        AT 0x90
        mov [0x604], ax
        AT 0xa0
        mov bx, [0x608]
        AT 0xb0
        mov byte [0x611], 5     ; in the middle of four
        AT 0xc0
        cmp byte [0x624], 0     ; the test asks for an INT3 of the guest's own
        jne own
        cmp byte [0x620], 0     ; for a trap
        je loop
        mov byte [0x620], 0
        pushf
        mov bp, sp
        or word [bp], 0x100
        popf
        nop
        jmp loop
        AT 0x100
trap:   inc word [0x622]
        push bp
        mov bp, sp
        and word [bp + 6], ~0x100
        pop bp
        iret
        AT 0x120
own:    mov byte [0x624], 0
        AT 0x130
        int3
        jmp loop
        AT 0x140
break:  inc word [0x626]
        iret
text:   db 'twelve bytes'

        AT 0xfff0
        jmp 0xf000:start
        AT 0x10000

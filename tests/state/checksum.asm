; A boot sector that computes under timer interrupts, for the test that stops it midway and lets it
; go on in another machine. A linear congruence runs ROUNDS * 65536 times, with a dot on the serial
; port after each round; x87 and SSE registers count the rounds. Then "sum=XXXXXXXX rounds=XX,XX"
; and, when the timer has ticked TICKS times, "ticks".
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        org 0x7c00
        bits 16

ROUNDS  equ 60
TICKS   equ 100
COM1    equ 0x3f8

start:  cli
        cld
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov word [8 * 4], timer         ; the BIOS has the 8259 at vector 8
        mov word [8 * 4 + 2], 0
        mov al, 0xfe                    ; IRQ 0 only
        out 0x21, al
        mov al, 0x34                    ; counter 0: mode 2, 1 kHz
        out 0x43, al
        mov al, 1193 & 255
        out 0x40, al
        mov al, 1193 >> 8
        out 0x40, al
        mov eax, cr4
        or ax, 0x200
        mov cr4, eax
        pxor xmm0, xmm0
        mov eax, 1
        movd xmm1, eax
        fninit
        fldz
        sti

        mov ebx, 1
        mov ebp, ROUNDS
round:  mov ecx, 65536
next:   imul ebx, ebx, 1103515245
        add ebx, 12345
        loop next, ecx
        paddd xmm0, xmm1
        fld1
        faddp st1, st0
        mov al, '.'
        call put
        dec ebp
        jnz round

        mov si, text_sum
        call print
        mov eax, ebx
        mov cx, 8
        call hex
        mov si, text_rounds
        call print
        movd eax, xmm0
        shl eax, 24
        mov cx, 2
        call hex
        mov al, ','
        call put
        fistp dword [number]
        mov eax, [number]
        shl eax, 24
        mov cx, 2
        call hex
wait1:  hlt
        cmp dword [ticks], TICKS
        jb wait1
        mov si, text_ticks
        call print
idle:   hlt
        jmp idle

timer:  inc dword [ticks]
        push ax
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

; The CX highest digits of EAX.
hex:    rol eax, 4
        push eax
        and al, 15
        cmp al, 10
        sbb al, 0x69
        das
        call put
        pop eax
        loop hex
        ret

print:  lodsb
        test al, al
        jz done
        call put
        jmp print

; AL to the serial port.
put:    push dx
        push ax
        mov dx, COM1 + 5
busy:   in al, dx
        test al, 0x20
        jz busy
        pop ax
        mov dx, COM1
        out dx, al
        pop dx
done:   ret

text_sum:    db ' sum=', 0
text_rounds: db ' rounds=', 0
text_ticks:  db ' ticks', 13, 10, 0
        align 4
number: dd 0
ticks:  dd 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
        times 1440 * 1024 - ($ - $$) db 0

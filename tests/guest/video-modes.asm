; A boot sector program that sets the video modes it is told to, draws a
; test picture through each mode's own memory layout and says when it is done.
;
;   Commands on COM1, a letter and four hexadecimal digits:
;     L 0000  the modes that VBE lists
;     I mode  what VBE says of a mode
;     V mode  a VBE mode, drawn through the linear frame buffer
;     W mode  a VBE mode, drawn through the 64 KiB window and its banks
;     M mode  a VGA BIOS mode (INT 10h, AH=0)
;   Answer: "ok" and numbers (I, V, W: attributes, width, height, bits, memory
;   model, bytes a line), or "no".
;
; The pictures' definition, which video-modes.py has as well:
;   direct color, 256 colors: pixel (x, y) is p((x + 5 y) mod 251); p(i) is i,
;     or of i * 9E3779B1h the high half (15, 16 bits) or the low bytes (24, 32)
;   planes: eight pixels q = (x / 8 + 3 y) mod 31; plane n of them has the
;     byte q * 37 + n * 91 + 11
;   packed CGA: byte q = (column + 3 y) mod 61 is q * 37 + 11
;   text: character 3 column + 7 row + 1, attribute 11 column + 5 row; line r
;     of character c is c * 29 + r * 71 + c * r
;   DAC color i, six bits: red 3 i, green 7 i + 11, blue i / 4
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
    bits 16
    org 0x7c00

COM1        equ 0x3f8
SECTORS     equ 8
INFO_SEG    equ 0x2000          ; VBE controller information
PATTERN     equ 0x30000
PATTERN_SEG equ 0x3000

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    mov ax, 0x0200 + SECTORS    ; the rest of this program follows the boot sector
    mov cx, 2
    mov dh, 0
    mov bx, 0x7e00
    int 0x13
    jc $
    jmp main
    times 510 - ($ - $$) db 0
    dw 0xaa55

; --- serial line ------------------------------------------------------------

put_char:                       ; al
    push dx
    push ax
    mov dx, COM1 + 5
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    pop ax
    mov dx, COM1
    out dx, al
    pop dx
    ret

get_char:                       ; to al
    push dx
    mov dx, COM1 + 5
.wait:
    in al, dx
    test al, 1
    jz .wait
    mov dx, COM1
    in al, dx
    pop dx
    ret

put_text:                       ; si, ends with 0
    lodsb
    test al, al
    jz .done
    call put_char
    jmp put_text
.done:
    ret

put_word:                       ; a space and ax in four digits
    push cx
    push ax
    mov al, ' '
    call put_char
    pop ax
    mov cx, 4
.digit:
    rol ax, 4
    push ax
    and al, 15
    cmp al, 10
    jb .small
    add al, 'a' - '0' - 10
.small:
    add al, '0'
    call put_char
    pop ax
    loop .digit
    pop cx
    ret

get_word:                       ; four digits to ax
    push cx
    push dx
    xor dx, dx
    mov cx, 4
.digit:
    call get_char
    cmp al, '9'
    jbe .small
    sub al, 'a' - '0' - 10
.small:
    sub al, '0'
    and ax, 15
    shl dx, 4
    or dx, ax
    loop .digit
    mov ax, dx
    pop dx
    pop cx
    ret

; --- commands ---------------------------------------------------------------

main:
    mov dx, COM1 + 1
    xor al, al
    out dx, al                  ; no interrupts
    mov si, text_ready
    call put_text
.next:
    call get_char
    mov bl, al
    cmp al, 'A'
    jb .next
    call get_word
    mov [number], ax
    mov di, commands
.find:
    cmp byte [di], 0
    je .next
    cmp [di], bl
    je .found
    add di, 3
    jmp .find
.found:
    call [di + 1]
    mov si, text_no
    jc .answer
    mov si, text_ok
.answer:
    pushf
    call put_text
    popf
    jc .end
    mov cx, [results]
    mov si, results + 2
    jcxz .end
.result:
    lodsw
    call put_word
    loop .result
.end:
    mov si, text_end
    call put_text
    jmp .next

commands:
    db 'L'
    dw list
    db 'I'
    dw vbe_info
    db 'V'
    dw vbe_linear
    db 'W'
    dw vbe_window
    db 'M'
    dw bios_mode
    db 0

text_ready: db 'ready', 13, 10, 0
text_ok:    db 'ok', 0
text_no:    db 'no', 0
text_end:   db 13, 10, 0

list:
    mov word [results], 0
    push es
    mov ax, INFO_SEG
    mov es, ax
    xor di, di
    mov dword [es:di], 'VBE2'
    mov ax, 0x4f00
    int 0x10
    cmp ax, 0x004f
    jne .failed
    lfs si, [es:di + 14]        ; the list, ends with FFFF
    mov di, results + 2
.mode:
    mov ax, [fs:si]
    cmp ax, 0xffff
    je .done
    mov [di], ax
    inc word [results]
    add si, 2
    add di, 2
    jmp .mode
.done:
    pop es
    clc
    ret
.failed:
    pop es
    stc
    ret

; --- VBE modes --------------------------------------------------------------

vbe_linear:
    mov byte [banked], 0
    call vbe_info
    jc fail
    test byte [info + 0], 0x80  ; a linear frame buffer
    jz fail
    mov eax, [info + 40]
    mov [target], eax
    mov bx, [number]
    or bx, 0x4000
    jmp vbe_draw

vbe_window:
    mov byte [banked], 1
    call vbe_info
    jc fail
    test byte [info + 0], 0x40  ; a window
    jnz fail
    mov dword [target], 0xa0000
    mov bx, [number]
vbe_draw:
    mov ax, 0x4f02
    int 0x10
    cmp ax, 0x004f
    jne fail
    mov word [bank], 0xffff
    movzx eax, word [info + 16]
    mov [pitch], eax
    mov ax, [info + 20]
    mov [rows], ax
    call set_colors
    cmp byte [info + 27], 3     ; memory model: planes
    je .planes
    call packed_pattern
    call draw
    clc
    ret
.planes:
    movzx eax, word [info + 18]
    shr eax, 3
    mov [row_bytes], eax
    call draw_planes
    clc
    ret

fail:
    stc
    ret

; Mode information to info; what the host wants of it to results.
vbe_info:
    push es
    xor ax, ax
    mov es, ax
    mov di, info
    mov cx, [number]
    mov ax, 0x4f01
    int 0x10
    pop es
    cmp ax, 0x004f
    jne fail
    test byte [info], 1         ; supported
    jz fail
    mov word [results], 6
    mov ax, [info]
    mov [results + 2], ax
    mov ax, [info + 18]
    mov [results + 4], ax
    mov ax, [info + 20]
    mov [results + 6], ax
    movzx ax, byte [info + 25]
    mov [results + 8], ax
    movzx ax, byte [info + 27]
    mov [results + 10], ax
    mov ax, [info + 16]
    mov [results + 12], ax
    clc
    ret

; Pixels p(0) to p(width + 250), and the parameters for draw.
packed_pattern:
    push es
    mov ax, PATTERN_SEG
    mov es, ax
    xor di, di
    movzx ax, byte [info + 25]
    mov bl, al                  ; bits
    add al, 7
    shr al, 3
    mov bh, al                  ; bytes
    mov cx, [info + 18]
    add cx, 251
    xor dx, dx                  ; i
.pixel:
    movzx eax, dx
    cmp bl, 8
    je .store
    imul eax, eax, 0x9e3779b1
    cmp bl, 16
    ja .store
    shr eax, 16
.store:
    mov [es:di], eax
    movzx ax, bh
    add di, ax
    inc dx
    cmp dx, 251
    jb .same
    xor dx, dx
.same:
    loop .pixel
    pop es
    movzx ax, bh
    imul cx, ax, 5
    mov [step], cx
    imul cx, ax, 251
    mov [period], cx
    movzx ecx, word [info + 18]
    movzx eax, ax
    imul ecx, eax
    mov [row_bytes], ecx
    ret

; --- VGA BIOS modes ---------------------------------------------------------

; mode, kind, bytes a row, rows
bios_modes:
    dw 0x00, text_cells, 40, 25
    dw 0x01, text_cells, 40, 25
    dw 0x02, text_cells, 80, 25
    dw 0x03, text_cells, 80, 25
    dw 0x04, cga, 80, 200
    dw 0x05, cga, 80, 200
    dw 0x06, cga, 80, 200
    dw 0x07, text_cells, 80, 25
    dw 0x0d, planes, 40, 200
    dw 0x0e, planes, 80, 200
    dw 0x0f, planes, 80, 350
    dw 0x10, planes, 80, 350
    dw 0x11, one_plane, 80, 480
    dw 0x12, planes, 80, 480
    dw 0x13, bytes_256, 320, 200
    dw 0x6a, planes, 100, 600
    dw 0xffff

bios_mode:
    mov word [results], 0
    mov byte [banked], 0
    mov dword [target], 0xa0000
    mov si, bios_modes
.find:
    cmp word [si], 0xffff
    je fail
    mov ax, [number]
    cmp [si], ax
    je .found
    add si, 8
    jmp .find
.found:
    movzx eax, word [si + 4]
    mov [row_bytes], eax
    mov [pitch], eax
    mov ax, [si + 6]
    mov [rows], ax
    push si
    mov ax, [number]            ; twice: SeaBIOS writes the CRTC before the bit that moves it
    int 0x10                    ; between 3B4 and 3D4
    mov ax, [number]
    int 0x10
    mov ah, 0x01                ; no cursor
    mov cx, 0x2000
    int 0x10
    call set_colors
    call set_attributes
    pop si
    call [si + 2]
    clc
    ret

planes:
    jmp draw_planes

bytes_256:
    mov word [info + 18], 320
    mov byte [info + 25], 8
    call packed_pattern
    jmp draw

; Bytes of packed pixels, as for CGA.
cga_pattern:
    push es
    mov ax, PATTERN_SEG
    mov es, ax
    mov bx, 61
    mov ah, 11
    call byte_pattern
    pop es
    mov word [step], 3
    mov word [period], 61
    ret

one_plane:
    call cga_pattern
    jmp draw

; Even rows from B8000, odd ones from BA000.
cga:
    call cga_pattern
    shr word [rows], 1
    mov dword [target], 0xb8000
    mov word [step], 6
    call draw
    mov dword [target], 0xba000
    mov word [phase], 3
    jmp draw_from

; The font goes to plane 2 while the cells are written after it.
text_cells:
    call load_font
    push es
    mov ax, 0xb800
    cmp word [number], 7
    jne .color
    mov ax, 0xb000
.color:
    mov es, ax
    xor di, di
    xor dx, dx                  ; dl column, dh row
.cell:
    mov al, dl
    mov cl, 3
    mul cl
    mov bl, al
    mov al, dh
    mov cl, 7
    mul cl
    add bl, al
    inc bl
    mov [es:di], bl
    mov al, dl
    mov cl, 11
    mul cl
    mov bl, al
    mov al, dh
    mov cl, 5
    mul cl
    add bl, al
    mov [es:di + 1], bl
    add di, 2
    inc dl
    cmp dl, [row_bytes]
    jb .cell
    xor dl, dl
    inc dh
    cmp dh, [rows]
    jb .cell
    pop es
    ret

; Plane 2 at A0000, then back to what it was.
load_font:
    push es
    mov ax, 0xa000
    mov es, ax
    mov dx, 0x3c4
    mov ax, 0x0402
    out dx, ax
    mov ax, 0x0604
    out dx, ax
    mov dx, 0x3ce
    mov ax, 0x0005
    out dx, ax
    mov al, 0x06
    out dx, al
    inc dx
    in al, dx
    push ax
    mov al, 0x04
    out dx, al
    xor bx, bx                  ; bl character, bh line
.byte:
    mov al, bl
    mov cl, 29
    mul cl
    mov ch, al
    mov al, bh
    mov cl, 71
    mul cl
    add ch, al
    mov al, bl
    mul bh
    add ch, al
    movzx di, bl
    shl di, 5
    movzx ax, bh
    add di, ax
    mov [es:di], ch
    inc bh
    cmp bh, 16
    jb .byte
    xor bh, bh
    inc bl
    jnz .byte
    pop ax
    mov ah, al
    mov al, 0x06
    mov dx, 0x3ce
    out dx, ax
    mov ax, 0x1005
    out dx, ax
    mov dx, 0x3c4
    mov ax, 0x0302
    out dx, ax
    mov ax, 0x0204
    out dx, ax
    pop es
    ret

; --- colors -----------------------------------------------------------------

; No blinking. SeaBIOS resets the attribute controller's address at 3DA also in
; mode 7, where it is at 3BA, so what it writes may have gone anywhere.
set_attributes:
    mov ax, 0x0610
    cmp word [number], 7
    je .mode_7
    cmp word [number], 0x0f
    jne .mode
    mov ax, 0x0512              ; planes 0 and 2, as IBM's BIOS has it
    call set_attribute
.mode:
    mov al, 0x10
    call attribute_index
    inc dx
    in al, dx
    and al, 0xf7
    mov ah, al
    mov al, 0x10
    jmp set_attribute
.mode_7:
    call set_attribute
    mov dx, 0x3b4
    mov ax, 0x0d14              ; underline at line 13, as IBM's BIOS has it
    out dx, ax
    mov ax, 0x0f12
    call set_attribute
    mov ax, 0x0813
    call set_attribute
    mov ax, 0x0014
; Attribute register al is ah; the screen is on.
set_attribute:
    call attribute_index
    mov al, ah
    out dx, al
    mov al, 0x20
    out dx, al
    ret

; The next access is to attribute register al, by port dx.
attribute_index:
    push ax
    mov dx, 0x3ba
    in al, dx
    mov dx, 0x3da
    in al, dx
    pop ax
    mov dx, 0x3c0
    out dx, al
    ret

; Palette registers 0 to 15 choose colors 0 to 15; the DAC as defined above.
set_colors:
    xor bx, bx
.palette:
    mov ax, bx
    call set_attribute
    add bx, 0x0101
    cmp bl, 16
    jb .palette
    mov dx, 0x3c8
    xor al, al
    out dx, al
    inc dx
    xor bl, bl
.color:
    mov al, 3
    mul bl
    and al, 63
    out dx, al
    mov al, 7
    mul bl
    add al, 11
    and al, 63
    out dx, al
    mov al, bl
    shr al, 2
    out dx, al
    inc bl
    jnz .color
    ret

; --- drawing ----------------------------------------------------------------

; es:0: bytes q * 37 + ah, q from 0 to bl - 1, as long as a row and one period.
byte_pattern:
    xor di, di
    mov cx, [row_bytes]
    add cx, bx
    xor dl, dl
.byte:
    mov al, dl
    push bx
    mov bh, 37
    push ax
    mul bh
    mov bh, al
    pop ax
    mov al, bh
    pop bx
    add al, ah
    stosb
    inc dl
    cmp dl, bl
    jb .same
    xor dl, dl
.same:
    loop .byte
    ret

; row_bytes, rows, pitch, target and banked are set.
draw_planes:
    mov word [step], 3
    mov word [period], 31
    mov byte [plane], 0
.plane:
    push es
    mov ax, PATTERN_SEG
    mov es, ax
    mov al, [plane]
    mov bl, 91
    mul bl
    add al, 11
    mov ah, al
    mov bx, 31
    call byte_pattern
    pop es
    mov cl, [plane]
    mov ax, 0x0102
    shl ah, cl
    mov dx, 0x3c4
    out dx, ax
    call draw
    inc byte [plane]
    cmp byte [plane], 4
    jb .plane
    mov dx, 0x3c4
    mov ax, 0x0f02
    out dx, ax
    ret

draw:
    mov word [phase], 0
; rows of row_bytes from the pattern, which begins phase (then step) bytes later.
draw_from:
    call flat_segments
    xor ebx, ebx                ; offset of the row
    mov bp, [rows]
.row:
    movzx esi, word [phase]
    add esi, PATTERN
    mov ecx, [row_bytes]
    mov edx, ebx
    call copy
    mov ax, [phase]
    add ax, [step]
    cmp ax, [period]
    jb .same
    sub ax, [period]
.same:
    mov [phase], ax
    add ebx, [pitch]
    dec bp
    jnz .row
    ret

; ecx bytes from esi to offset edx of the screen.
copy:
    cmp byte [banked], 0
    jne .window
    mov edi, edx
    add edi, [target]
    cld
    a32 rep movsb
    ret
.window:
    mov eax, edx
    shr eax, 16
    call set_bank
    movzx edi, dx
    mov eax, 0x10000            ; to the end of the bank
    sub eax, edi
    cmp eax, ecx
    jbe .part
    mov eax, ecx
.part:
    push ecx
    add edi, 0xa0000
    add edx, eax
    push eax
    mov ecx, eax
    a32 rep movsb
    pop eax
    pop ecx
    sub ecx, eax
    jnz .window
    ret

; The window shows 64 KiB number ax.
set_bank:
    cmp [bank], ax
    je .done
    mov [bank], ax
    pushad
    mov cx, 64
    mul cx
    div word [info + 4]         ; granularity in KiB
    mov dx, ax
    mov ax, 0x4f05
    xor bx, bx
    int 0x10
    popad
    call flat_segments
.done:
    ret

; ds and es reach all memory.
flat_segments:
    pushad
    cli
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov ds, bx
    mov es, bx
    and al, 0xfe
    mov cr0, eax
    xor ax, ax
    mov ds, ax
    mov es, ax
    sti
    popad
    ret

    align 8
gdt:
    dq 0, 0x00cf92000000ffff
gdt_pointer:
    dw $ - gdt - 1
    dd gdt

    times 512 * (SECTORS + 1) - ($ - $$) db 0

    absolute 0xa000
number:     resw 1
banked:     resb 1
plane:      resb 1
bank:       resw 1
rows:       resw 1
step:       resw 1
period:     resw 1
phase:      resw 1
target:     resd 1
pitch:      resd 1
row_bytes:  resd 1
info:       resb 256
results:    resw 1
            resw 512

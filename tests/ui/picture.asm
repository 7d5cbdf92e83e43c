; A boot sector that shows a picture the tests know, then tells over the serial port what the
; keyboard controller gives: "K" and two hexadecimal digits for each byte of the keyboard, "M" for the
; mouse. "D" says that a picture is complete. Keyboard scan code 32 (M) draws it at 800x600, 31 (N) at
; 1024x768; with STREAM defined it fills the screen with one color after the other instead, and tells
; "F" after each.
;
; The picture, 32 bits a pixel: eight bars of width/8 pixels in the upper half, of the colors of
; `bars`; below, a pixel is (x and 255) * 65536 + (y and 255) * 256 + 64.
;
; With TEXT defined it stays in text mode 3 and writes a line instead; with IDLE it sleeps after that.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
bits 16
org 0x7c00

start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
%ifdef TEXT
    mov ax, 3
    int 0x10
%endif
    cli
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:protected

bits 32
protected:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x7c00
    mov al, 0xa8            ; the second port on, and its mouse reporting
    out 0x64, al
    mov al, 0x60            ; controller byte: translate, no interrupts
    call command
    mov al, 0x40
    call data
    mov al, 0xd4
    call command
    mov al, 0xf4
    call data
%ifdef TEXT
    mov esi, text
    mov edi, 0xb8000 + (5 * 80 + 10) * 2
    mov ah, 0x1e            ; yellow on blue
.next:
    lodsb
    or al, al
    jz .done
    stosw
    jmp .next
.done:
    mov al, 'D'
    call send
%else
    ; The frame buffer: the first memory BAR of the device at slot 2.
    mov eax, 0x80001010
    mov dx, 0xcf8
    out dx, eax
    mov dl, 0xfc
    in eax, dx
    and al, 0xf0
    mov ebp, eax
    mov eax, 1024
    mov ebx, 768
    call picture
%endif
loop:
%ifdef IDLE
    hlt
    jmp loop
%endif
    in al, 0x64
    test al, 1
    jz loop
    mov ah, 'K'
    test al, 0x20
    jz .keyboard
    mov ah, 'M'
.keyboard:
    in al, 0x60
    mov cl, al
    mov al, ah
    call send
    mov al, cl
    shr al, 4
    call digit
    mov al, cl
    and al, 15
    call digit
%ifndef TEXT
    cmp ah, 'K'
    jne loop
    mov eax, 800
    mov ebx, 600
    cmp cl, 0x32
    je .draw
    mov eax, 1024
    mov ebx, 768
    cmp cl, 0x31
    jne loop
.draw:
    call picture
%endif
    jmp loop

command:
    out 0x64, al
    jmp wait_empty
data:
    out 0x60, al
wait_empty:
    in al, 0x64
    test al, 2
    jnz wait_empty
    ret

digit:
    cmp al, 10
    sbb al, 0x69
    das
send:
    push edx
    push eax
    mov edx, 0x3fd
.busy:
    in al, dx
    test al, 0x20
    jz .busy
    pop eax
    mov dl, 0xf8
    out dx, al
    pop edx
    ret

%ifdef TEXT
text: db "Doppel shows text", 0
%else
; Draws the picture EAX pixels wide and EBX high.
picture:
    mov [width], eax
    mov [height], ebx
    mov eax, 4
    xor ecx, ecx
    call vbe                ; disabled
    mov eax, 1
    mov ecx, [width]
    call vbe
    mov eax, 2
    mov ecx, ebx
    call vbe
    mov eax, 3
    mov ecx, 32
    call vbe
    mov eax, 4
    mov ecx, 0x41           ; enabled, linear frame buffer
    call vbe
    mov edi, ebp
%ifdef STREAM
    xor eax, eax
.frame:
    mov edi, ebp
    mov ecx, 1024 * 768
    rep stosd
    push eax
    mov al, 'F'
    call send
    pop eax
    add eax, 0x010203
    jmp .frame
%endif
    xor ebx, ebx            ; y
.line:
    xor ecx, ecx            ; x
.pixel:
    mov eax, ebx
    add eax, eax
    cmp eax, [height]
    jae .lower
    mov eax, ecx
    shl eax, 3
    xor edx, edx
    div dword [width]
    mov eax, [bars + eax * 4]
    jmp .store
.lower:
    mov eax, ecx
    shl eax, 16
    and eax, 0xff0000
    mov ah, bl
    mov al, 64
.store:
    stosd
    inc ecx
    cmp ecx, [width]
    jb .pixel
    inc ebx
    cmp ebx, [height]
    jb .line
    mov al, 'D'
    jmp send

; Writes CX to register AX.
vbe:
    mov dx, 0x1ce
    out dx, ax
    inc edx
    xchg eax, ecx
    out dx, ax
    ret

bars: dd 0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0xffff00, 0x00ffff, 0xff00ff, 0x123456
%endif

align 8
gdt:
    dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
    dw 23
    dd gdt

width equ 0x7a00
height equ 0x7a04

    times 510 - ($ - $$) db 0
    dw 0xaa55

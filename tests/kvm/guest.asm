; A 64 KiB firmware image that asks a PC for what an accelerator must do right, and writes what it saw
; to the debug port, a line for each question: "name=HEX HEX ...". A line "?name" asks the
; test program to act; then the guest waits. The test program chooses groups of questions by the
; word at offset 4, and knows the right answers from the data sheets: api.py.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        org 0x8000              ; where it runs, once copied; the same in each mode
        bits 16

DEBUG   equ 0xe9                ; isa-debugcon
EXIT    equ 0xf4                ; isa-debug-exit
; Low memory.
go      equ 0x500               ; the test program sets it to go on
resets  equ 0x504
count   equ 0x508               ; what interrupt handlers count in
ap_up   equ 0x50c               ; steps of the second CPU
shared  equ 0x510               ; what both CPUs add to
pulse   equ 0x514               ; what one of them counts in, alone
leave_loop equ 0x518
command equ 0x51c
memory  equ 0x600               ; where devices are read to
STACK   equ 0x7c00
STACK_AP equ 0x7000
IDT32   equ 0x2000
IDT64   equ 0x3000
TSS     equ 0x5000
PAGES   equ 0x20000
; Devices at their PCI addresses, for port 0xcf8.
HOST    equ 0x80000000
ISA     equ 0x80000800
PM      equ 0x80000b00
VGA     equ 0x80002000          ; addr=4
EDU     equ 0x80002800          ; addr=5
; Where the guest puts them.
EDU_AT  equ 0xfe000000
VRAM_AT equ 0xe0000000
LAPIC   equ 0xfee00000
IOAPIC  equ 0xfec00000

start:  jmp short copy          ; at F000:0000
        align 4
groups: dd 0xffffffff
copy:   cli
        cld
        mov ax, cs
        mov ds, ax
        xor si, si
        mov es, si
        mov di, start
        mov cx, (end - start + 1) / 2
        rep movsw
        jmp 0:main

%macro NEAR_CALL 1
 %if __BITS__ == 16
        call dword %{1}16
 %elif __BITS__ == 32
        call %{1}32
 %else
        call %{1}64
 %endif
%endmacro
%macro SAY 1+                   ; text to the debug port, in whichever mode
        NEAR_CALL puts
        db %1, 0
%endmacro
%macro SHOW 1                   ; a space and eight digits; EAX is lost
        mov eax, %1
        NEAR_CALL hex
%endmacro
%macro SHOW_LINE 2              ; "name=value"
        SAY %1
        SHOW %2
        SAY 10
%endmacro
%macro ASK 1                    ; asks the test program to act and waits until it has
        SAY '?', %1, 10
%%wait: pause
        cmp dword [go], 0
        je %%wait
        mov dword [go], 0
%endmacro
%macro VECTOR 2
        mov word [%1 * 4], %2
        mov word [%1 * 4 + 2], 0
%endmacro
%macro MMIO_WRITE 2
        mov ebx, %1
        mov dword [fs:ebx], %2
%endmacro
%macro CONFIG 3                 ; function, register, value
        mov eax, %1 + (%2 & 0xfc)
        mov ecx, %3
        call config_write
%endmacro
%macro GROUP 2                  ; bit, function
        test dword [groups], 1 << %1
        jz %%not
        call %2
%%not:
%endmacro

main:   xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, STACK
        inc dword [resets]
        cmp dword [resets], 1
        jne after_reset
        call unreal
        call pics
        GROUP 0, real
        GROUP 1, timer
        GROUP 2, pci
        GROUP 3, pam
        GROUP 4, apic
        GROUP 5, two_cpus
        GROUP 6, smi
        GROUP 7, nmi
        GROUP 8, paused
        GROUP 9, display
        GROUP 10, protected
        GROUP 11, long_mode
        GROUP 12, triple_fault
finish: SAY 'end', 10
        mov al, 0x10            ; exit status 0x21
        out EXIT, al
halt:   hlt
        jmp halt

after_reset:
        SHOW_LINE 'reset=', [resets]
        jmp finish

%include "guest-text.inc"
        PRINTERS 16, esi, esp, ecx

; The 8259s at vectors 20h and 28h, all masked; virtual wire mode (MultiProcessor Specification 3.6.2.2).
pics:   MMIO_WRITE LAPIC + 0xf0, 0x1ff
        MMIO_WRITE LAPIC + 0x350, 0x700
        mov si, .writes
.next:  lodsw
        test ax, ax
        jz .done
        mov dx, ax
        lodsb
        out dx, al
        jmp .next
.done:  ret
.writes:
        dw 0x20
        db 0x11
        dw 0xa0
        db 0x11
        dw 0x21
        db 0x20
        dw 0xa1
        db 0x28
        dw 0x21
        db 4
        dw 0xa1
        db 2
        dw 0x21
        db 1
        dw 0xa1
        db 1
        dw 0x21
        db 0xff
        dw 0xa1
        db 0xff
        dw 0

%include "guest-real.inc"
%include "guest-devices.inc"
%include "guest-smp.inc"
%include "guest-modes.inc"

end:    times 0xfff0 - ($ - $$) db 0
        jmp 0xf000:0
        times 0x10000 - ($ - $$) db 0

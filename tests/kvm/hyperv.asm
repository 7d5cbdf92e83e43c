; A firmware image that tries the Hyper-V enlightenments and writes what it saw to the debug port, a
; line for each question: "name=HEX HEX ...", the least significant word first. (Microsoft, Hypervisor
; Top-Level Functional Specification.) At its end it asks for a reset, and after that says that it
; crashed.
;
; Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
        bits 16
        org 0

DEBUG   equ 0xe9                ; isa-debugcon
again   equ 0x600               ; MAGIC after the reset
ticks   equ 0x604               ; what the interrupt handler counts in
MAGIC   equ 0x48595045
VECTOR  equ 0x50
; Pages that the hypervisor fills.
CALLS   equ 0x10000
TIME    equ 0x11000
MESSAGES equ 0x12000
SOURCE  equ 2                   ; of synthetic interrupts
MESSAGE_BYTES equ 256

APIC_BASE equ 0x1b
X2APIC_TPR equ 0x808
X2APIC_SIVR equ 0x80f
HV_GUEST_OS_ID equ 0x40000000
HV_HYPERCALL equ 0x40000001
HV_VP_INDEX equ 0x40000002
HV_RESET equ 0x40000003
HV_VP_RUNTIME equ 0x40000010
HV_REF_COUNT equ 0x40000020
HV_REF_TSC equ 0x40000021
HV_TSC_HZ equ 0x40000022
HV_APIC_HZ equ 0x40000023
HV_EOI  equ 0x40000070
HV_TPR  equ 0x40000072
HV_SCONTROL equ 0x40000080
HV_SIMP equ 0x40000083
HV_SINT0 equ 0x40000090
HV_STIMER0_CONFIG equ 0x400000b0
HV_STIMER0_COUNT equ 0x400000b1
HV_CRASH_P0 equ 0x40000100
HV_CRASH_CTL equ 0x40000105

%macro SAY 1+
        call puts
        db %1, 0
%endmacro
%macro SHOW 1
        mov eax, %1
        call hex
%endmacro
%macro END_LINE 0
        mov al, 10
        out DEBUG, al
%endmacro
%macro WRITE_MSR 3              ; number, low, high
        mov ecx, %1
        mov eax, %2
        mov edx, %3
        wrmsr
%endmacro
%macro SHOW_MSR 2               ; "name=", number
        SAY %1
        mov ecx, %2
        rdmsr
        call hex_pair
        END_LINE
%endmacro
%macro SHOW_CPUID 2
        SAY %1
        mov eax, %2
        cpuid
        call hex
        SHOW ebx
        SHOW ecx
        SHOW edx
        END_LINE
%endmacro
%macro SHOW_PAGE 4              ; "name=", address, offset, dwords; DS is 0 behind it
        SAY %1
        push %2 >> 4
        pop ds
        mov si, %3
        mov cx, %4
%%next: lodsd
        call hex
        loop %%next
        END_LINE
        xor ax, ax
        mov ds, ax
%endmacro

start:  cli
        cld
        mov al, 0xff            ; nothing of the board interrupts
        out 0x21, al
        out 0xa1, al
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000
        mov word [VECTOR * 4], timer
        mov [VECTOR * 4 + 2], cs
        cmp dword [again], MAGIC
        je after_reset
        mov dword [again], MAGIC
        mov dword [ticks], 0

        SHOW_CPUID 'signature=', 0x40000000
        SHOW_CPUID 'interface=', 0x40000001
        SHOW_CPUID 'features=', 0x40000003
        SHOW_CPUID 'advice=', 0x40000004
        SHOW_CPUID 'kvm=', 0x40000100
        SHOW_MSR 'vp index=', HV_VP_INDEX
        SHOW_MSR 'tsc hz=', HV_TSC_HZ
        SHOW_MSR 'apic hz=', HV_APIC_HZ
        SHOW_MSR 'runtime=', HV_VP_RUNTIME

; A page of code for calls, once the guest has said who it is.
        WRITE_MSR HV_GUEST_OS_ID, 1, 0x81000000
        WRITE_MSR HV_HYPERCALL, CALLS | 1, 0
        SHOW_PAGE 'calls=', CALLS, 0, 1

; A page of factors that turn the TSC into the reference time.
        WRITE_MSR HV_REF_TSC, TIME | 1, 0
        call show_times
        SHOW_PAGE 'page=', TIME, 0, 6
        mov ebx, 100000
wait1:  dec ebx
        jnz wait1
        SAY 'later '
        call show_times

; The APIC's registers as MSRs.
        mov ecx, APIC_BASE
        rdmsr
        or ah, 0x0c             ; x2APIC
        wrmsr
        WRITE_MSR X2APIC_SIVR, 0x1ff, 0
        WRITE_MSR HV_TPR, 0x30, 0
        SHOW_MSR 'tpr=', X2APIC_TPR
        WRITE_MSR HV_TPR, 0, 0

; A synthetic timer, whose message comes with an interrupt.
        WRITE_MSR HV_SIMP, MESSAGES | 1, 0
        WRITE_MSR HV_SINT0 + SOURCE, VECTOR, 0
        WRITE_MSR HV_SCONTROL, 1, 0
        WRITE_MSR HV_STIMER0_CONFIG, SOURCE << 16 | 8, 0 ; once, enabled with its count
        mov ecx, HV_REF_COUNT
        rdmsr
        add eax, 10000          ; 1 ms
        adc edx, 0
        mov ecx, HV_STIMER0_COUNT
        wrmsr
        sti
wait2:  hlt
        cmp dword [ticks], 0
        je wait2
        cli
        SAY 'ticks='
        SHOW [ticks]
        END_LINE
        SHOW_PAGE 'message=', MESSAGES, SOURCE * MESSAGE_BYTES, 1

        WRITE_MSR HV_RESET, 1, 0
        hlt
        jmp $

after_reset:
        SAY 'reset=1', 10
        SHOW_MSR 'crash control=', HV_CRASH_CTL
        WRITE_MSR HV_CRASH_P0, 0x12345678, 0
        SHOW_MSR 'crash parameter=', HV_CRASH_P0
        WRITE_MSR HV_CRASH_CTL, 0, 0x80000000
        hlt
        jmp $

; TSC, reference counter, TSC.
show_times:
        SAY 'times='
        rdtsc
        mov [0x610], eax
        mov [0x614], edx
        mov ecx, HV_REF_COUNT
        rdmsr
        mov [0x618], eax
        mov [0x61c], edx
        rdtsc
        mov [0x620], eax
        mov [0x624], edx
        mov si, 0x610
        mov cx, 6
.next:  lodsd
        call hex
        loop .next
        END_LINE
        ret

timer:  inc dword [ss:ticks]    ; SS is 0
        push eax
        push ecx
        push edx
        WRITE_MSR HV_EOI, 0, 0
        pop edx
        pop ecx
        pop eax
        iret

puts:   xchg si, [esp]
        push ax
.next:  cs lodsb
        test al, al
        jz .done
        out DEBUG, al
        jmp .next
.done:  pop ax
        xchg si, [esp]
        ret

hex_pair:                       ; EAX, then EDX
        call hex
        mov eax, edx
hex:    push cx
        push ax
        mov al, ' '
        out DEBUG, al
        pop ax
        mov cx, 8
.digit: rol eax, 4
        push ax
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .put
        add al, 'a' - '9' - 1
.put:   out DEBUG, al
        pop ax
        loop .digit
        pop cx
        ret

        times 0xfff0 - ($ - $$) db 0
        jmp 0xf000:start
        times 0x10000 - ($ - $$) db 0

/*
 * The guest of the KVM self-test: goes through the modes of a PC and writes the number of each
 * thing that works to port 0x10. Loaded at 0x1000, entered in real mode with CS = DS = SS = 0.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#define STAGE_PORT 0x10
#define STACK 0x7000
#define SCRATCH 0x7100
#define PAGE_DIRECTORY 0x8000
#define PML4 0x9000
#define PDPT 0xa000
#define PD 0xb000
#define IDT 0xc000
#define VECTOR 0x40

.macro stage n
    mov $\n, %al
    out %al, $STAGE_PORT
.endm

    .text
    .code16
    stage 1                         /* real mode */

    movw $isr16, 4 * 0x20           /* INT by the vector table */
    movw $0, 4 * 0x20 + 2
    xor %bx, %bx
    int $0x20
    cmp $0x1234, %bx
    jne fail16
    stage 2

    lgdtl gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x08, $protected
isr16:
    mov $0x1234, %bx
    iret
fail16:
    stage 0xff
    hlt

    .code32
protected:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $STACK, %esp
    stage 3

    movl $0x83, PAGE_DIRECTORY      /* one page of 4 MiB */
    mov $PAGE_DIRECTORY, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    stage 4                         /* 32-bit paging */

    mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov %cr4, %eax
    or $0x620, %eax                 /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    movl $PDPT + 7, PML4
    movl $PD + 7, PDPT
    movl $0x87, PD                  /* one page of 2 MiB */
    mov $PML4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000002, %eax            /* PG, MP */
    mov %eax, %cr0
    ljmpl $0x18, $long_mode

    .code64
long_mode:
    stage 5

    fninit                          /* x87 and SSE */
    fld1
    fldpi
    faddp
    fwait
    fstpl SCRATCH
    movaps one_two, %xmm0
    addpd %xmm0, %xmm0
    movaps %xmm0, SCRATCH
    mov $0x4000000000000000, %rax   /* 2.0 */
    cmp %rax, SCRATCH
    jne fail64
    stage 6

    xor %eax, %eax
    xor %edx, %edx
    mov %rax, SCRATCH
    mov %rax, SCRATCH + 8
    mov $0x11, %ebx
    mov $0x22, %ecx
    lock cmpxchg16b SCRATCH
    jnz fail64
    cmpq $0x22, SCRATCH + 8
    jne fail64
    stage 7

    movw $isr64, IDT + VECTOR * 16  /* an interrupt gate */
    movw $0x18, IDT + VECTOR * 16 + 2
    movw $0x8e00, IDT + VECTOR * 16 + 4
    movq $0, IDT + VECTOR * 16 + 6
    movw $0, IDT + VECTOR * 16 + 14
    movb $0, SCRATCH
    lidt idtr
    sti
    stage 8                         /* ready: the host interrupts */
    mov $200000000, %ecx
1:  cmpb $0, SCRATCH
    jne 2f
    pause
    loop 1b
    jmp fail64
2:  stage 9
    hlt
isr64:
    movb $1, SCRATCH
    iretq
fail64:
    stage 0xff
    hlt

    .balign 16
one_two:
    .double 1.0, 2.0
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00af9b000000ffff
gdtr:
    .word 31
    .long gdt
idtr:
    .word 0xfff
    .quad IDT

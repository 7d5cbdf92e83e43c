/*
 * Option ROM that starts a multiboot kernel which the host has put into
 * fw_cfg (Multiboot specification 0.6.96, chapter 3).
 *
 * FW_CFG_INITRD_* is the boot information block: the multiboot info
 * structure at its start, room for the memory map, strings and modules; the
 * host has relocated all pointers but the memory map's length, which only the
 * firmware knows. The map's room begins MMAP_OFFSET bytes in.
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "optionrom.inc"

#define MBI_MMAP_LENGTH 44
#define MMAP_OFFSET     256     /* MULTIBOOT_MMAP_OFFSET of multiboot.c */
#define MMAP_ENTRY      24      /* size field, base, length, type */
#define SCRATCH_SEG     0x7000

        rom_header "Multiboot loader"

boot:
        cli
        cld
        load FW_CFG_INITRD_DATA, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE
        load FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE

        /* Memory map, built at SCRATCH_SEG:0: each entry led by the size of the rest. */
        mov $SCRATCH_SEG, %ax
        mov %ax, %es
        xor %edi, %edi
        xor %ebx, %ebx
next_range:
        movl $(MMAP_ENTRY - 4), %es:(%di)
        add $4, %di
        mov $0xe820, %eax
        mov $(MMAP_ENTRY - 4), %ecx
        mov $0x534d4150, %edx   /* "SMAP" */
        int $0x15
        jc last_range
        add $(MMAP_ENTRY - 4), %di
        test %ebx, %ebx
        jnz next_range
        jmp map_done
last_range:
        sub $4, %di
map_done:
        movzwl %di, %ecx        /* length of the map; read_item keeps it */

        mov $FW_CFG_KERNEL_ENTRY, %ax
        call read_item
        mov %eax, %edx
        mov $FW_CFG_INITRD_ADDR, %ax
        push %edx
        call read_item
        pop %edx
        mov %eax, %ebx

        /* A20 on, through port 92h. */
        in $0x92, %al
        or $2, %al
        and $0xfe, %al
        out %al, $0x92

        /* The far pointer and the GDT's descriptor need physical addresses; the ROM itself
         * is read-only by now, so they are made on the stack. */
        xor %eax, %eax
        mov %cs, %ax
        shl $4, %eax
        lea protected(%eax), %esi
        pushw $0x08
        pushl %esi
        lea gdt(%eax), %esi
        pushl %esi
        pushw $(gdt_end - gdt - 1)
        mov %sp, %bp
        data32 lgdt (%bp)
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        data32 ljmp *6(%bp)

        .code32
protected:
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %fs
        mov %eax, %gs
        mov %eax, %ss
        /* Move the map to its place and note its length. */
        mov %ecx, MBI_MMAP_LENGTH(%ebx)
        mov $(SCRATCH_SEG << 4), %esi
        lea MMAP_OFFSET(%ebx), %edi
        rep movsb
        mov $0x2badb002, %eax
        jmp *%edx

        .code16
        .balign 8
gdt:
        .quad 0
        .quad 0x00cf9b000000ffff /* 08: flat 32-bit code */
        .quad 0x00cf93000000ffff /* 10: flat data */
gdt_end:

        rom_footer

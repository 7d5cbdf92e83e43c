/*
 * Option ROM that boots a Linux bzImage which the host has put into fw_cfg
 * (Documentation/arch/x86/boot.rst of the kernel: "The real-mode kernel").
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "optionrom.inc"

        rom_header "Linux loader"

boot:
        cli
        cld
        load FW_CFG_INITRD_DATA, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE
        load FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE
        load FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE
        load FW_CFG_SETUP_DATA, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE

        /* All data segments are the set-up code's; the stack ends below the command line. */
        mov $FW_CFG_CMDLINE_ADDR, %ax
        call read_item
        mov %eax, %ebx
        mov $FW_CFG_SETUP_ADDR, %ax
        call read_item
        sub %eax, %ebx
        sub $16, %ebx
        shr $4, %eax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %fs
        mov %ax, %gs
        mov %ax, %ss
        mov %ebx, %esp
        add $0x20, %ax          /* the entry point stands 512 bytes in */
        push %ax
        push $0
        xor %eax, %eax
        xor %ebx, %ebx
        xor %ecx, %ecx
        xor %edx, %edx
        xor %esi, %esi
        xor %edi, %edi
        xor %ebp, %ebp
        lret

        rom_footer

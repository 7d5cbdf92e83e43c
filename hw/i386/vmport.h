/*
 * The VMware backdoor: a guest reads port 0x5658 with a magic number in EAX and a command in
 * CX; the answer comes in registers. Facts: VMware's backdoor_def.h (open-vm-tools).
 *
 * Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HW_I386_VMPORT_H
#define HW_I386_VMPORT_H

#include "hw/core/qdev.h"

#define TYPE_VMPORT "vmport"

enum { VMPORT_MAGIC = 0x564d5868, VMPORT_PORT = 0x5658, VMPORT_COMMANDS = 69 };

/* In the order of a command's results. */
enum { VMPORT_EAX, VMPORT_EBX, VMPORT_ECX, VMPORT_EDX, VMPORT_ESI, VMPORT_EDI, VMPORT_REGS };

/* Runs a command: regs are the guest's and become the answer. With the big lock, on the thread
 * of the vCPU that asks. */
typedef void VMPortFn(void *opaque, uint32_t regs[VMPORT_REGS]);

/* Gives commands to a device; a number below VMPORT_COMMANDS. NULL takes it back. */
void vmport_register(DeviceState *vmport, unsigned command, VMPortFn *fn, void *opaque);

#endif

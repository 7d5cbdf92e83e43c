#!/usr/bin/env python3
# Runs every device test against Debian's qemu-system-x86_64 and compares with what is expected:
# agreement, but for the differences listed below, each with its reason.
#
#   agreement.py BUILD [NAME...]     NAME: part of a test program's name (default: all)
#
# That QEMU has no qtest accelerator, so it runs with "-accel tcg -S -qtest": its CPU stands still
# and its clock as well. A case that steps the clock cannot be compared and is left out.
# Prints TAP: "not ok" for a case that differs without being listed, and for one that is listed
# and agrees.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys

QEMU = 'qemu-system-x86_64'
TIMEOUT = 60

# Case (a regular expression that matches all of it) and why QEMU 7.2 fails it.
DIFFERENCES = {
    # What a stopped QEMU cannot do.
    r'/apic/(reset-state|masks|ipis|msi|errors)':
        'its local APIC is reached only by a CPU\'s own accesses, not by -qtest',
    r'/ioapic/(edge|level|destinations)': 'the test reads the local APIC',
    r'/i8042/(disabled-interfaces|kbd/(keys-translated|scan-code-sets|set-3/(codes|modes)|print-pause|'
    r'held-back|overrun|scan-disable|typematic)|'
    r'mouse/(stream|sample-rate|short-click|remote(-disabled)?|scaling|far|wheel))':
        'it takes input events only while the VM runs',
    r'/vga/screen-text': 'the QMP command is Doppel\'s own',
    # Where QEMU does not follow the data sheet.
    r'/cirrus/pixel-mask': 'GD5446: 3C6 reads the pixel mask; QEMU reads ones',
    r'/cirrus/depths': 'five bits at their maximum are full intensity; QEMU shows 0xf8',
    r'/cirrus/power': 'GD5446, GRE: QEMU does not have it',
    r'/cirrus-blt/nor-and-nand': 'GD5446, GR32: 90 is NOR and DA is NAND; QEMU has them exchanged',
    r'/cirrus-blt/doubleword-lines': 'GD5446, GR33 bit 0: lines of doublewords; QEMU takes a byte for each',
    r'/cirrus-blt/pattern-lines': 'GD5446, GR2C: bits 2-0 are the first line; QEMU clears them',
    r'/cirrus-blt/24-bits': 'GD5446: GR2F counts bytes, and lines of a pattern are padded to 32 bytes',
    r'/cirrus-blt/wrap': 'addresses wrap at the memory\'s end; QEMU refuses the transfer',
    r'/edu/identity': 'a refused access reads as ones; QEMU reads 0',
    r'/fdc/(seek|read-id|write|format)':
        '82077AA, ST0 bit 2: QEMU leaves the head out of the result of SENSE INTERRUPT STATUS',
    r'/fdc/(read|end-of-cylinder|implied-seek)':
        '82077AA, ST0 bit 5: QEMU says SEEK END for transfers that did no seek',
    r'/fdc/(verify|scan)': '82077AA, VERIFY and SCAN: QEMU ends at other sectors than the command says',
    r'/fdc/errors': '82077AA, ST1: QEMU gives no interrupt for a command that fails at once',
    r'/fdc/pio': '82077AA: without TC a transfer ends abnormally, End of Cylinder; QEMU ends it well',
    r'/fdc/reset': '82077AA, DOR bit 2: QEMU shows RQM while the chip is held in reset',
    r'/fdc/settings': '82077AA, DUMPREG: QEMU gives the step rate without the head unload time',
    r'/hpet/capabilities': 'HPET 1.0a, 2.3.8: a route that is not offered must not read back',
    r'/hpet/32-bits': 'HPET 1.0a, 2.3.9: the upper half of a 32-bit comparator is 0',
    r'/hpet/(silent-)?periodic': 'HPET 1.0a, 2.3.9.2.2: with VAL_SET the written value is the comparator\'s',
    r'/hpet/off': 'an address nobody answers reads as ones (PCI master abort); QEMU reads 0',
    r'/i440fx/pam(/write-only)?': '82441FX, PAM: QEMU lets -qtest write through read-only segments, '
                                  'and has no write-only mode',
    r'/i440fx/smram': 'an address nobody answers reads as ones (PCI master abort); QEMU reads 0',
    r'/i440fx/smram/lock': '82441FX, D_LCK: setting it clears D_OPEN',
    r'/i440fx/reset': '82441FX: PAM is 0 after reset; QEMU keeps it',
    r'/i8042/command-byte': '8042: the status bit A2 tells whether the last write was a command',
    r'/i8042/memory': 'PS/2: commands 21-3F and 61-7F read and write the controller\'s memory',
    r'/i8042/fixed-answers': 'PS/2: commands A4 and E0 have answers',
    r'/i8042/kbd/commands': 'IBM keyboard: RESEND repeats the last byte; QEMU answers RESEND itself',
    r'/i8257/.*': '8237A: requests by software, the mask register reads, terminal count in the '
                  'status register; QEMU serves only its own devices\' requests',
    r'/i8259/level/ltim': '8259A, ICW1: QEMU has no LTIM',
    r'/i8259/special-mask': '8259A: in special mask mode a non-specific EOI passes over what is masked',
    r'/ide/chs-errors': 'ATA-6: sector 0 and heads beyond the geometry are IDNF; QEMU transfers',
    r'/ide-disk/(read-error|dma-errors)': 'ATA-6: what cannot be read is UNC; QEMU aborts',
    r'/ide-disk/ignored-errors': 'QEMU takes an image away that it found corrupt',
    r'/ide/set-max': 'ATA-6, SET MAX ADDRESS: QEMU does not have it',
    r'/ide/out-of-range': 'ATA-6: IDNF for addresses beyond the end; QEMU aborts',
    r'/ide/atapi/unit-attention': 'MMC: UNIT ATTENTION after the guest\'s own eject and load; QEMU has none',
    r'/ioapic/registers': '82093AA: bits 17-31 of a low half are reserved and read 0',
    r'/parallel/acknowledge': 'PC/AT: ACK is a pulse; QEMU plays BUSY and ACK over several reads',
    r'/parallel/ports': 'QEMU 7.2 does not answer at 0x3bc',
    r'/piix3/coprocessor-error': 'QEMU\'s PIIX3 has no lines for it',
    r'/pcspk/control': 'PC/AT, port 61: bits 2 and 3 read back',
    r'/piix4-pm/power-button': 'ACPI 4.8.3.1: a byte write clears the bits of that byte only',
    r'/piix4-pm/reset': '82371AB: PMBA is 1 after reset; QEMU keeps it',
    r'/port80': 'the latch of a POST card reads back; QEMU reads 0xff',
    r'/rtc/binary': 'QEMU reads another time back than was set with DM on',
    r'/serial/(priorities|modem-loop)': 'PC16550D, loop-back: MCR\'s outputs change the MSR and its '
                                        'delta bits at once',
    r'/serial/break(-in-fifo)?': 'PC16550D, LSR bit 7: QEMU does not have it',
    r'/i8042/kbd/parameters': 'IBM keyboard: a command in place of a parameter is a command',
    r'/vmport/machine-facts': 'QEMU 7.2 has no full time',
    r'/vmmouse/absolute': 'vmmouse: the right edge is ffff; QEMU stops one short of it',
    r'/vmmouse/relative': 'vmmouse: bit 16 marks relative events; QEMU does not set it',
    r'/vmmouse/nudge': 'QEMU\'s PS/2 mouse makes a step to the right for each absolute event',
    r'/vmmouse/errors': 'QEMU keeps words in the queue of a pointer that is off',
    r'/vga-screen/(panning|split-panning|panning-256|text/scroll)':
        'IBM VGA, attribute register 13h and CRTC 8: QEMU does not pan, nor preset the row scan',
    r'/vga-screen/(sizes|text/40|text/8-dots)':
        'IBM VGA, clocking mode, maximum scan line: QEMU has no cells of 18 dots and does not '
        'double the lines of text',
    r'/vga-screen/palette': 'IBM VGA, PEL mask: QEMU ignores it',
    r'/vga-screen/blank': 'IBM VGA, clocking mode bit 5: QEMU shows the screen nevertheless',
    r'/vga-screen/text/blink': 'IBM VGA, attribute mode control: QEMU\'s attributes do not blink',
    r'/vga-screen/text/cursor': 'IBM VGA, cursor end: QEMU has no skew',
    r'/vga-screen/text/mono': 'IBM VGA, underline location: QEMU has no underline',
    r'/vga-adapters/vbe-4-bits': 'a pixel drawn through the planes stays black on QEMU',
    r'/vga-adapters/ramfb': 'after a second configuration QEMU still shows the first',
    r'/vga/vbe/pictures': 'five bits at their maximum are full intensity; QEMU shows 0xf8',
}


def reason(case):
    for pattern, why in DIFFERENCES.items():
        if re.fullmatch(pattern, case):
            return why
    return None


def find_cases(build, names):
    for program in sorted(glob.glob(os.path.join(build, 'tests/qtest/*-test'))):
        if names and not any(name in os.path.basename(program) for name in names):
            continue
        listing = subprocess.run([program, '-l'], capture_output=True, text=True, check=True)
        for line in listing.stdout.splitlines():
            if line.startswith('/'):
                yield program, line


def run_case(program, case):
    """'agrees', 'clock' or the message of the failure."""
    env = dict(os.environ, QTEST_BINARY=QEMU, QTEST_ACCEL='tcg -S')
    try:
        run = subprocess.run([program, '-p', case], capture_output=True, text=True, env=env,
                             timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return 'no end within the time allowed'
    if run.returncode == 0:
        return 'agrees'
    output = run.stdout + run.stderr
    if "Unknown command 'clock_" in output:
        return 'clock'
    errors = [line for line in output.splitlines() if 'ERROR' in line]
    return errors[0] if errors else f'exit status {run.returncode}'


def judge(case, result):
    """A line of TAP without its number, and whether it is a failure."""
    why = reason(case)
    if result == 'agrees':
        return f'{case} agrees' + (', but is listed as different' if why else ''), bool(why)
    if why:
        return f'{case} differs: {why}', False
    return f'{case} differs: {result}', True


def main():
    if not shutil.which(QEMU):
        print(f'1..0 # SKIP {QEMU} is not installed')
        return 0
    cases = list(find_cases(sys.argv[1], sys.argv[2:]))
    compared = failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda item: run_case(*item), cases)
        for (_, case), result in zip(cases, results):
            if result == 'clock':
                continue
            compared += 1
            text, failed = judge(case, result)
            failures += failed
            print(('not ok' if failed else 'ok'), compared, text, flush=True)
    print(f'1..{compared}')
    print(f'# {len(cases) - compared} cases step the clock and are not compared')
    return 1 if failures else 0


sys.exit(main())

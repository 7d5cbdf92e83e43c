#!/usr/bin/env python3
# Debian's gdb against the gdb stub: the reset vector, a boot sector through all modes, GRUB,
# a kernel by symbol, two CPUs, detach and reconnect; and the protocol itself.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'guest'))
from guest import ACCEL, SCALE, TOP, Failure, Machine, main, need, run, tool  # noqa: E402


def expect(value, expected, what):
    if value != expected:
        show = hex if isinstance(value, int) and isinstance(expected, int) else repr
        raise Failure(f'{what}: {show(value)}, expected {show(expected)}')


def assemble(name, work):
    """Assembles a boot sector; returns its image and the addresses of its labels."""
    source = os.path.join(HERE, name + '.asm')
    image = os.path.join(work, name + '.img')
    run([tool('nasm', 'nasm'), '-f', 'bin', '-o', image, source], cwd=work)
    with open(os.path.join(work, name + '.map'), encoding='utf-8') as f:
        labels = re.findall(r'^ +([0-9A-F]+) +[0-9A-F]+  (\w+)$', f.read(), re.M)
    with open(image, 'ab') as f:
        f.truncate(1440 * 1024)
    return image, {label: int(address, 16) for address, label in labels}


class Debugged(Machine):
    """A machine with a gdb stub on a unix socket."""

    def __init__(self, *args):
        self.work = tempfile.TemporaryDirectory()
        self.path = self.work.name + '/gdb'
        super().__init__('-gdb', f'unix:{self.path},server=on,wait=off', *args)

    def __exit__(self, *args):
        super().__exit__(*args)
        self.work.cleanup()

    def gdb(self, *commands, timeout=60):
        """One run of gdb; returns what it printed."""
        script = ['set pagination off', 'set confirm off', 'set width 0',
                  f'target remote {self.path}', *commands]
        command = [tool('gdb', 'gdb'), '-nx', '-batch']
        for line in script:
            command += ['-ex', line]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout * SCALE,
                              check=False)
        return done.stdout


def show(name, expression):
    """A gdb command that prints a value so that values() finds it."""
    return f'printf "{name}=%llx\\n", (unsigned long long)({expression})'


def values(text):
    """Everything that show() printed: a list for each name."""
    found = {}
    for name, value in re.findall(r'^(\w+)=([0-9a-f]+)$', text, re.M):
        found.setdefault(name, []).append(int(value, 16))
    return found


def stops(machine, labels, *commands, **kwargs):
    text = machine.gdb(*commands, **kwargs)
    return values(text), text


def boot_sector(name, *args):
    work = tempfile.TemporaryDirectory()
    image, labels = assemble(name, work.name)
    machine = Debugged('-S', '-drive', f'file={image},format=raw', '-device',
                       'isa-debug-exit,iobase=0xf4', *args)
    machine.image_dir = work
    return machine, labels


# --- gdb ------------------------------------------------------------------------------------


def reset_vector():
    with Debugged('-S') as machine:
        seen = values(machine.gdb(
            show('pc', '$pc'), show('cs', '$cs'), show('flags', '$eflags + 0'),
            show('cr0', '$cr0'), show('code', '*(unsigned char *)0xfffffff0'),
            'stepi', show('pc', '$pc'), show('cs', '$cs'), 'stepi', 'stepi', show('pc', '$pc')))
        expect(seen['pc'][0], 0xfff0, 'IP at reset')       # SDM vol. 3, table 10-1
        expect(seen['cs'], [0xf000, 0xf000], 'CS at reset and after SeaBIOS\' far jump')
        expect(seen['flags'], [2], 'EFLAGS at reset')
        expect(seen['cr0'], [0x60000010], 'CR0 at reset')
        expect(seen['code'], [0xea], 'the far jump at the reset vector')
        expect(seen['pc'][1], 0xe05b, 'IP after the far jump')


def seen_by_guest(code, at, places):
    """Its own code, with breakpoints in it. KVM has debug registers for four hbreak, and then INT3 for break."""
    code = bytearray(code)
    for place in places if (ACCEL or '').startswith('kvm') else []:
        code[at[place] - at['start']] = 0xcc
    return code


def breakpoints_in_every_mode():
    machine, at = boot_sector('modes')
    places = ['start', 'real16', 'strings', 'prot', 'stored', 'wide', 'loads', 'done']
    with machine:
        look = ['continue', show('pc', '$pc'), show('cr0', '$cr0 & 0x80000001'),
                show('lma', '$efer >> 10 & 1')]
        commands = [f'tbreak *{at["start"]:#x}', *look]     # before the code is there
        commands += [f'{"hbreak" if n % 2 else "break"} *{at[p]:#x}'
                     for n, p in enumerate(places) if n]
        commands += look * (len(places) - 1)
        commands += [show('sum', f'*(unsigned *){at["sum"]}'),
                     show('dr7', f'*(unsigned *){at["debug"]}'), 'delete', 'continue']
        seen, text = stops(machine, at, *commands)
        # IP is relative to CS 0x07c0 in the second and third place.
        based = [at[p] - (0x7c00 if p in ('real16', 'strings') else 0) for p in places]
        expect(seen['pc'], based, 'places')
        expect(seen['cr0'], [0, 0, 0, 1, 1, 0x80000001, 0x80000001, 0x80000001], 'CR0.PE and PG')
        expect(seen['lma'], [0, 0, 0, 0, 0, 1, 1, 1], 'EFER.LMA')
        with open(machine.image_dir.name + '/modes.img', 'rb') as f:
            code = f.read(512)[at['start'] - 0x7c00:at['end'] - 0x7c00]
        expect(seen['sum'], [sum(seen_by_guest(code, at, places[2::2]))],
               'the code as the guest sees it, with breakpoints')
        expect(seen['dr7'], [0x401], 'the guest\'s DR7')
        if 'exited with code 07' not in text:
            raise Failure('gdb was not told of the end:\n' + text[-500:])
        expect(machine.wait_end(), 7, 'exit status')


def all_registers():
    machine, at = boot_sector('modes')
    with machine:
        text = machine.gdb(f'hbreak *{at["loads"]:#x}', 'continue', 'info all-registers',
                           show('high', '$xmm5.v2_int64[1]'), show('low', '$xmm5.v2_int64[0]'))
        regs = dict(re.findall(r'^(\w+) +(\S.*)$', text, re.M))
        for name, expected in {
                'rax': '0x8877665544332211', 'r15': '0x123456789abcdef0', 'rbp': '0x0',
                'rip': f'{at["loads"]:#x}', 'cs': '0x18', 'ds': '0x10', 'fs_base': '0x0',
                'cr3': '[ PCID=0 PDBR=16 ]', 'cr4': '[ PAE OSFXSR OSXMMEXCPT ]',
                'efer': '[ LME LMA ]', 'cr2': '0x0', 'cr8': '0x0', 'st0': '1 ',
                'st1': '3.14159265358979323851', 'fctrl': '0x37f', 'fstat': '0x3000',
                'ftag': '0xfff', 'mxcsr': '[ IM DM ZM OM UM PM RC=0 ]', 'ymm7': 'v4_int64 = {0x0, 0x0, 0x0, 0x0}'}.items():
            if expected not in regs.get(name, ''):
                raise Failure(f'{name} is {regs.get(name)!r}, expected {expected}')
        if 'CF' not in regs['eflags'] or 'PG' not in regs['cr0']:
            raise Failure(f'eflags {regs["eflags"]}, cr0 {regs["cr0"]}')
        expect(values(text), {'high': [0x8877665544332211], 'low': [0x8877665544332211]}, 'XMM5')
        missing = [n for n in ['r8', 'k_gs_base', 'st7', 'fop', 'ymm15', 'gs_base']
                   if n not in regs]
        expect(missing, [], 'missing registers')


def registers_written():
    machine, at = boot_sector('modes')
    with machine:
        seen, _ = stops(
            machine, at, f'hbreak *{at["real16"]:#x}', 'continue', 'set $eax = 0xaabbccdd',
            show('rax', '$rax'), f'tbreak *{at["loads"]:#x}', 'set $pc = $pc - 1', 'continue',
            show('pc', '$pc'), 'continue', 'set $r15 = 0xfedcba9876543210',
            'set $xmm3.v2_int64[1] = 0x1122334455667788', 'set $eflags = $eflags & ~1',
            f'set *(unsigned *){at["variable"]} = 0x0badcafe', 'stepi',
            show('r15', '$r15'), show('xmm', '$xmm3.v2_int64[1]'), show('cf', '$eflags & 1'),
            show('rbx', '$rbx'), f'set $pc = {at["loads"]}', 'stepi', show('pc', '$pc'))
        expect(seen['rax'], [0xaabbccdd], 'EAX')
        expect(seen['r15'], [0xfedcba9876543210], 'R15')
        expect(seen['xmm'], [0x1122334455667788], 'XMM3')
        expect(seen['cf'], [0], 'CF')
        expect(seen['rbx'], [0x0badcafe], 'memory written by gdb, read by the guest')
        expect(seen['pc'], [at['real16'] - 0x7c00, at['loaded']], 'RIP after setting it')


def single_steps():
    machine, at = boot_sector('modes')
    with machine:
        seen, _ = stops(
            machine, at,
            f'tbreak *{at["strings"]:#x}', 'continue',         # each repetition is a step
            'stepi', show('rep', '$pc'), show('cx', '$cx'), 'stepi 3', show('rep', '$pc'),
            f'tbreak *{at["switching"]:#x}', 'continue',
            'stepi', show('pe', '$cr0 & 1'), show('cs', '$cs'),
            'stepi', show('pc', '$pc'), show('cs', '$cs'),
            f'tbreak *{at["paging"]:#x}', 'continue',
            'stepi', show('lma', '$efer >> 10 & 1'), 'stepi', show('pc', '$pc'),
            'stepi', show('rax', '$rax'))
        expect(seen['rep'], [at['strings'] - 0x7c00, at['strings'] - 0x7c00 + 2], 'REP STOSB')
        expect(seen['cx'], [3], 'CX after one repetition')
        expect(seen['pe'], [1], 'CR0.PE after MOV CR0')
        expect(seen['cs'], [0x7c0, 8], 'CS around the jump to protected mode')
        expect(seen['lma'], [1], 'EFER.LMA after MOV CR0')
        expect(seen['pc'], [at['prot'], at['wide']], 'first instructions of the modes')
        expect(seen['rax'], [0x8877665544332211], 'RAX')


def watchpoints():
    machine, at = boot_sector('modes')
    with machine:
        seen, text = stops(
            machine, at,
            f'tbreak *{at["real16"]:#x}', 'continue',
            f'watch *(unsigned short *){at["counter"]}',
            *['continue', show('counter', f'*(unsigned short *){at["counter"]}')] * 3,
            'delete', f'watch *(unsigned *){at["variable"]}', 'continue', show('pc', '$pc'),
            'delete', f'rwatch *(unsigned *){at["variable"]}', 'continue', show('pc', '$pc'),
            'delete', f'awatch *(unsigned *){at["sum"]}', 'continue',
            show('sum', f'*(unsigned *){at["sum"]}'))
        expect(seen['counter'], [1, 2, 3], 'the counter at each stop')
        expect(seen['pc'], [at['stored'], at['loaded']], 'behind the store and the load')
        expect(bool(seen['sum'][0]), True, 'the sum')
        for words in ('Hardware watchpoint', 'Hardware read watchpoint',
                      'Hardware access (read/write) watchpoint'):
            expect(words in text, True, words)


def two_cpus():
    machine, at = boot_sector('smp', '-smp', '2')
    with machine:
        threads = machine.gdb('info threads')
        expect(re.findall(r'Thread 1\.(\d) \(CPU#(\d) \[', threads), [('1', '0'), ('2', '1')],
               'threads')
        seen, text = stops(
            machine, at, f'hbreak *{at["loop1"]:#x}', 'continue', 'info threads',
            show('thread', '$_thread'), show('pc', '$pc'), 'delete',
            'set scheduler-locking on',
            show('zero', f'*(unsigned *){at["count0"]}'), show('one', f'*(unsigned *){at["count1"]}'),
            'stepi', 'stepi', 'stepi', 'stepi',
            show('zero', f'*(unsigned *){at["count0"]}'), show('one', f'*(unsigned *){at["count1"]}'),
            'thread 1', show('first', '$pc'), 'set scheduler-locking off',
            f'tbreak *{at["first"]:#x}', 'continue', show('last', '$_thread'))
        expect(seen['thread'], [2], 'the thread that stopped')
        expect(seen['pc'], [at['loop1']], 'its place')
        expect(seen['zero'][0], seen['zero'][1], 'the other CPU stood')
        expect(seen['one'][1], seen['one'][0] + 2, 'the CPU that stepped')
        expect(at['first'] <= seen['first'][0] < at['second'], True, 'place of the first CPU')
        expect(seen['last'], [1], text[-300:])


def detach_and_reconnect():
    machine, at = boot_sector('smp', '-smp', '2')
    with machine:
        machine.gdb(f'tbreak *{at["loop1"]:#x}', 'continue', f'break *{at["first"]:#x}',
                    f'watch *(unsigned *){at["count1"]}', 'detach')
        counts = []
        for _ in range(2):  # it runs on without stopping at what the first gdb had set
            expect(machine.qmp('query-status')['status'], 'running', 'status after detach')
            seen = values(machine.gdb(show('zero', f'*(unsigned *){at["count0"]}'),
                                      show('one', f'*(unsigned *){at["count1"]}')))
            counts.append((seen['zero'][0], seen['one'][0]))
        expect(counts[1][0] > counts[0][0] and counts[1][1] > counts[0][1], True,
               f'both CPUs count: {counts}')


GRUB_MODULES = '/usr/lib/grub/i386-pc'


def grub_cd(work):
    """A CD that boots GRUB: made here, or what GRUB_ISO names."""
    if 'GRUB_ISO' in os.environ:
        return os.environ['GRUB_ISO']
    mkrescue = tool('grub-mkrescue', 'grub-common')
    tool('xorriso', 'xorriso')
    need(GRUB_MODULES + '/normal.mod', 'grub-pc-bin')
    os.makedirs(work + '/iso/boot/grub')
    run([mkrescue, '-d', GRUB_MODULES, '-o', work + '/grub.iso', work + '/iso', '--locales=',
         '--themes=', '--fonts=', '--install-modules=normal echo ls'])
    return work + '/grub.iso'


def grub():
    with tempfile.TemporaryDirectory() as work:
        cd = grub_cd(work)
        with open(need(GRUB_MODULES + '/kernel.img', 'grub-pc-bin'), 'rb') as f:
            kernel = f.read()
        with Debugged('-S', '-cdrom', cd, '-boot', 'd') as machine:
            # El Torito's boot image in real mode; kernel.img where GRUB's
            # decompressor puts it and jumps to it in protected mode.
            seen = values(machine.gdb(
                'hbreak *0x7c00', 'continue', show('pc', '$pc'), show('pe', '$cr0 & 1'),
                'hbreak *0x100000', 'continue', show('pc', '$pc'), show('pe', '$cr0 & 1'),
                *[show('code', f'*(unsigned char *)({0x100000 + n})') for n in range(16)],
                'delete', 'stepi', show('pc', '$pc'), 'detach'))
            expect(seen['pc'][:2], [0x7c00, 0x100000], 'places')
            expect(seen['pe'], [0, 1], 'CR0.PE')
            expect(bytes(seen['code']) in kernel, True, 'code of kernel.img in memory')
            machine.wait_screen(r'grub> *', 90)


KALLSYMS = 'grep -wE "start_kernel|rest_init|kernel_init|system_state" /proc/kallsyms; echo SYMBOLS-END; cat'


def kernel_by_symbol():
    kernel = need('/boot/vmlinuz-*cloud-amd64', 'linux-image-cloud-amd64')
    with tempfile.TemporaryDirectory() as work:
        run([TOP + '/scripts/make-initramfs.sh', work + '/initrd', KALLSYMS])
        with Debugged('-m', '256', '-kernel', kernel, '-initrd', work + '/initrd', '-append',
                      'console=ttyS0 quiet nokaslr') as machine:
            # The kernel names its own symbols; nokaslr makes them hold for the next boot, too.
            machine.wait_serial('SYMBOLS-END', 120)
            at = {name: int(address, 16) for address, name in
                  re.findall(r'([0-9a-f]{16}) \w (\w+)', machine.read_serial())}
            seen = values(machine.gdb(
                f'hbreak *{at["start_kernel"]:#x}', 'monitor system_reset', 'continue',
                show('pc', '$pc'), show('cs', '$cs'), show('cr0', '$cr0'),
                'delete', f'watch *(int *){at["system_state"]:#x}', 'continue', show('pc', '$pc'),
                show('state', f'*(int *){at["system_state"]:#x}'),
                f'tbreak *{at["kernel_init"]:#x}', 'delete 2', 'continue', show('pc', '$pc'),
                'detach', timeout=240))
            expect(seen['pc'][0], at['start_kernel'], 'start_kernel')
            expect(seen['cs'], [0x10], 'the kernel\'s CS')
            expect(seen['cr0'][0] & 0x80000001, 0x80000001, 'CR0')
            expect(seen['state'], [1], 'system_state becomes SYSTEM_SCHEDULING')
            expect(at['rest_init'] < seen['pc'][1] < at['rest_init'] + 0x200, True,
                   f'{seen["pc"][1]:#x} in rest_init')
            expect(seen['pc'][2], at['kernel_init'], 'kernel_init')
            machine.serial = b''
            machine.wait_serial('SYMBOLS-END', 120)


# --- the protocol ---------------------------------------------------------------------------


class Remote:
    """A client that speaks the protocol itself."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile('rb')

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, payload):
        if isinstance(payload, str):
            payload = payload.encode('latin1')
        escaped = b''.join(bytes([0x7d, c ^ 0x20]) if c in b'$#}' else bytes([c]) for c in payload)
        self.raw(b'$' + escaped + b'#%02x' % (sum(escaped) & 0xff))

    def receive(self):
        """The next payload, acknowledged."""
        while (c := self.file.read(1)) != b'$':
            if not c:
                raise Failure('the stub closed the connection')
        data = b''
        while (c := self.file.read(1)) != b'#':
            data += c
        expect(int(self.file.read(2), 16), sum(data) & 0xff, 'checksum')
        self.raw(b'+')
        return re.sub(rb'}(.)', lambda m: bytes([m[1][0] ^ 0x20]), data, flags=re.S).decode('latin1')

    def ask(self, payload):
        self.send(payload)
        return self.receive()


def replies():
    """Each packet by the book, with QEMU 7.2's replies where it has one."""
    with Debugged('-S', '-smp', '2') as machine:
        gdb = Remote(machine.path)
        supported = gdb.ask('qSupported:multiprocess+;swbreak+;hwbreak+')
        for feature in ('PacketSize=1000', 'qXfer:features:read+', 'vContSupported+',
                        'multiprocess+'):
            expect(feature in supported.split(';'), True, feature)
        for packet, reply in [
                ('?', 'T05thread:p01.01;'), ('qC', 'QCp01.01'), ('vCont?', 'vCont;c;C;s;S'),
                ('qfThreadInfo', 'mp01.01'), ('qsThreadInfo', 'mp01.02'), ('qsThreadInfo', 'l'),
                ('qThreadExtraInfo,p1.1', b'CPU#0 [running]'.hex()), ('qAttached', '1'),
                ('Tp1.2', 'OK'), ('Tp1.9', 'E22'), ('T-1', 'OK'), ('Hg2', 'OK'), ('qC', 'QCp01.02'),
                ('Hgp1.1', 'OK'), ('Hc-1', 'OK'), ('Hg99', 'E22'), ('H', 'E22'), ('Hx1', 'E22'),
                ('Z0,7c00,1', 'OK'), ('Z0,7c00,1', 'OK'), ('z0,7c00,1', 'OK'),
                ('z0,7c00,1', 'E22'), ('Z2,500,0', 'E22'), ('Z9,500,1', 'E22'), ('Z', 'E22'),
                ('z2,500,4', 'E22'), ('Z2,500,4', 'OK'), ('z2,500,4', 'OK'),
                ('M500,4:0123abcd', 'OK'), ('m500,4', '0123abcd'), ('m500,zz', 'E22'),
                ('M500,4:0011', 'E22'), ('m500,ffff', 'E22'), ('X500,2:#}', 'OK'),
                ('m500,3', '237dab'), ('X600,0:', 'OK'), ('X500,9:x', 'E22'),
                ('p10', 'f0ff000000000000'), ('p999', 'E14'), ('P999=00', 'E22'),
                ('P0=efcdab8900000000', 'OK'), ('p0', 'efcdab8900000000'), ('P0=00', 'E22'),
                ('qqemu.PhyMemMode', '0'), ('Qqemu.PhyMemMode:1', 'OK'),
                ('qqemu.PhyMemMode', '1'), ('m500,2', '237d'), ('Qqemu.PhyMemMode:0', 'OK'),
                ('qqemu.sstep', '0x3'), ('Qqemu.sstep=1', 'OK'), ('qqemu.sstep', '0x1'),
                ('Qqemu.sstep=99', 'E22'), ('qXfer:features:read:nope.xml:0,ffb', 'E00'),
                ('qXfer:features:read:target.xml:99999,10', 'E00'), ('vMustReplyEmpty', ''),
                ('qCRC:0,10', ''), ('qOffsets', ''), ('R00', ''), ('', ''), ('\xff', ''),
                ('vCont', 'E22'), ('vCont;', 'E22'), ('vCont;x', 'E22'), ('vCont;c:p9.1', 'E22'),
                ('vCont;c:3', 'E22'), ('qRcmd,zz', 'E22')]:
            expect(gdb.ask(packet), reply, packet)
        registers = gdb.ask('g')
        expect(gdb.ask('G' + registers), 'OK', 'G')
        expect(gdb.ask('g'), registers, 'registers written as they were')
        expect(gdb.ask('G00'), 'E22', 'G that is too short')


def framing():
    with Debugged('-S') as machine:
        gdb = Remote(machine.path)
        gdb.raw(b'noise$qC#00')                      # a wrong sum
        expect(gdb.file.read(1), b'-', 'a wrong checksum')
        gdb.raw(b'$qC#zz')
        expect(gdb.file.read(1), b'-', 'no checksum')
        gdb.raw(b'$m0,$qC#b4')                       # a packet that breaks off
        expect(gdb.receive(), 'QCp01.01', 'the packet after it')
        gdb.raw(b'-')
        expect(gdb.receive(), 'QCp01.01', 'the packet again')
        gdb.raw(b'$' + b'x' * 9000 + b'#c0')
        expect(gdb.file.read(1), b'-', 'too long')
        expect(gdb.ask('QStartNoAckMode'), 'OK', 'QStartNoAckMode')
        gdb.send('qC')
        expect(gdb.file.read(1), b'$', 'no acknowledgement')
        gdb.socket.close()
        gdb = Remote(machine.path)                   # a new connection acknowledges again
        gdb.send('qC')
        expect(gdb.file.read(1), b'+', 'acknowledgement')
        gdb.receive()
        gdb.send('vKill;1')
        expect(gdb.file.read(7), b'+$OK#9a', 'vKill')
        expect(machine.wait_end(), 0, 'exit status')


def interrupt_and_stop_replies():
    machine, at = boot_sector('smp', '-smp', '2')
    with machine:
        gdb = Remote(machine.path)
        gdb.ask('qSupported:multiprocess+;swbreak+;hwbreak+')
        expect(gdb.ask(f'Z1,{at["loop1"]:x},1'), 'OK', 'Z1')
        expect(gdb.ask('vCont;c'), 'T05thread:p01.02;hwbreak:;', 'a hardware breakpoint')
        expect(gdb.ask(f'z1,{at["loop1"]:x},1'), 'OK', 'z1')
        expect(gdb.ask(f'Z0,{at["loop1"]:x},1'), 'OK', 'Z0')
        # Without stepping over it: the breakpoint is passed, and hit again a loop later.
        expect(gdb.ask('vCont;c:p1.2'), 'T05thread:p01.02;swbreak:;', 'a software breakpoint')
        expect(gdb.ask(f'z0,{at["loop1"]:x},1'), 'OK', 'z0')
        expect(gdb.ask(f'Z2,{at["count0"]:x},4'), 'OK', 'Z2')
        expect(gdb.ask('c'), f'T05thread:p01.01;watch:{at["count0"]:x};', 'a watchpoint')
        expect(gdb.ask(f'z2,{at["count0"]:x},4'), 'OK', 'z2')
        expect(gdb.ask('vCont;s:p1.2;c'), 'T05thread:p01.02;', 'one steps, the other runs')
        gdb.send('c')
        gdb.raw(b'\x03')
        expect(re.match(r'T02thread:p01\.0[12];$', gdb.receive()) is not None, True, 'interrupt')
        gdb.send('vCont;c')
        machine.wait(lambda: machine.qmp('query-status')['status'], 'running', 20, 'status')
        machine.qmp('stop')
        expect(gdb.receive()[:3], 'T02', 'stopped by a monitor')
        expect(gdb.ask('D;1'), 'OK', 'D')
        expect(machine.qmp('query-status')['status'], 'running', 'after D')


if __name__ == '__main__':
    main([reset_vector, breakpoints_in_every_mode, all_registers, registers_written, single_steps,
          watchpoints, two_cpus, detach_and_reconnect, grub, kernel_by_symbol, replies, framing,
          interrupt_and_stop_replies])

# What `make bench` runs: the table of workloads.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""A workload is a shell script that runs in the folder with the benchmark's data; $1 is the number
of repetitions, $CC1 the path of Debian's C compiler proper. Its output must be the same on every
machine. The numbers are chosen so that each takes one to three seconds under QEMU's TCG."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    kind: str    # the class whose geometric mean it belongs to
    name: str
    count: int   # repetitions at scale 1
    script: str


# Rows of the guest program "kernels" (tests/bench/guest): name and repetitions.
KERNELS = {
    'integer': {
        'sort': 150, 'hash': 150, 'sha256': 200, 'fib': 400, 'chase': 6, 'bytecode': 20000,
        'sieve': 100, 'crc': 1000, 'queens': 4000,
    },
    'fp': {
        'nbody': 450, 'spectral': 900, 'linpack': 120, 'whetstone': 500, 'mandel': 1600,
        'mandel-x87': 400, 'x87': 1000, 'libm': 250, 'libm-x87': 600,
    },
    'vector': {
        'matmul-sse': 500, 'matmul-avx2': 480, 'daxpy-sse': 50000, 'sse-int': 28000,
        'avx2-int': 45000, 'aes': 10000,
    },
    'string': {
        'memcpy': 5000, 'memmove': 5000, 'memset': 3000, 'strlen': 4500, 'memchr': 4000,
        'strcmp': 3500, 'strstr': 1500, 'copypages': 35,
    },
    'system': {
        'getppid': 1400, 'pipe': 80, 'fork': 600, 'forkexec': 200, 'threads': 4000, 'faults': 200,
        'mprotect': 180, 'signals': 200, 'segv': 120, 'walk': 50, 'files': 250, 'rewrite': 2000,
        'jit': 30,
    },
}

# The same program built for 32 bits.
KERNELS_32 = {
    'sort': 120, 'hash': 200, 'sha256': 200, 'fib': 400, 'chase': 6, 'bytecode': 16000,
    'queens': 3500, 'nbody': 60, 'linpack': 16, 'getppid': 1300, 'strlen': 2500,
}

REPEAT = 'i=$1; while [ $i -gt 0 ]; do {}; i=$((i-1)); done'

# Debian's programs.
PROGRAMS = {
    'cc1': (1, REPEAT.format('$CC1 -fpreprocessed -quiet -O2 -o - source.i')),
    'as': (8, REPEAT.format('as -o object source.s && cksum object')),
    'tcc': (10, REPEAT.format('tcc -c -o object small.c && cksum object')),
    'xz': (2, REPEAT.format('head -c 400000 text | xz -6 -T1 | cksum')),
    'gzip': (3, REPEAT.format('gzip -9 -n < text | cksum')),
    'bunzip2': (3, REPEAT.format('bzip2 -dc text.bz2 | cksum')),
    'mawk': (2, REPEAT.format('mawk -f program.awk text')),
    'dash': (1000, 'dash program.sh $1'),
    'busybox-sh': (1000, 'busybox sh program.sh $1'),
    'spawn': (100, REPEAT.format('busybox true; x=$(busybox echo $i); echo $x')),
    'python': (10, 'python3 program.py $1'),
    'perl': (15, 'perl program.pl $1'),
    'sqlite': (3, REPEAT.format('sqlite3 :memory: < program.sql')),
    'grep': (20, REPEAT.format("grep -cE '(ab|[c-f]o+)[a-z]*t .*ing' text")),
    'coreutils-sort': (2, REPEAT.format('LC_ALL=C sort words | cksum')),
}

# Done twice, one after the other and at once, in a guest with two CPUs.
PARALLEL = {
    'sha256': (200, 'kernels sha256 $1'),
    'hash': (120, 'kernels hash $1'),
    'xz': PROGRAMS['xz'],
    'python': (15, 'python3 program.py $1'),
    'faults': (200, 'kernels faults $1'),
    'forkexec': (150, 'kernels forkexec $1'),
}
TWICE = '({0}) > out1{1} ({0}) > out2; wait; cat out1 out2'

# Where they are: not what a user may have put before them.
PATH = '/usr/bin:/bin'

# Commands that PROGRAMS use, with the Debian package that has them.
COMMANDS = {
    'as': 'binutils', 'tcc': 'tcc', 'xz': 'xz-utils', 'gzip': 'gzip', 'bzip2': 'bzip2',
    'mawk': 'mawk', 'dash': 'dash', 'busybox': 'busybox-static', 'python3': 'python3',
    'perl': 'perl-base', 'sqlite3': 'sqlite3', 'grep': 'grep', 'sort': 'coreutils',
    'cksum': 'coreutils', 'head': 'coreutils',
}


def all_workloads():
    rows = [Workload(kind, name, count, f'kernels {name} $1')
            for kind, names in KERNELS.items() for name, count in names.items()]
    rows += [Workload('programs', name, *row) for name, row in PROGRAMS.items()]
    rows += [Workload('32-bit', name + '-32', count, f'kernels32 {name} $1')
             for name, count in KERNELS_32.items()]
    for name, (count, script) in PARALLEL.items():
        rows.append(Workload('smp', 'seq-' + name, count, TWICE.format(script, ';')))
        rows.append(Workload('smp', 'par-' + name, count, TWICE.format(script, '&')))
    rows += [Workload('boot', name, 1, '') for name in ('boot-init', 'boot-disk')]
    return rows

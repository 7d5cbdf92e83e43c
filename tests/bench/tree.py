# Packs the benchmark's programs and data into a folder and an initramfs.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""The tree has Debian's own binaries at their usual places with the libraries that they need, and
/bench with the data, the workloads' scripts and our guest programs. Natively the same scripts run
in the tree's bench folder with the host's programs, which are the same files."""
import bz2
import os
import random
import re
import shutil
import subprocess
import sys

import workloads

HERE = os.path.dirname(os.path.abspath(__file__))
GUEST = HERE + '/guest'
CFLAGS = ['-std=gnu11', '-O2', '-fno-tree-vectorize', '-fno-math-errno', '-Wall', '-Wextra',
          '-static']
PYTHON_LEFT_OUT = shutil.ignore_patterns('test', 'idlelib', 'lib2to3', 'ensurepip', 'config-*',
                                         'distutils', 'unittest', 'pydoc_data', 'tkinter',
                                         'asyncio')

# Reads "NAME N", runs the workload, says how it ended and what its output was.
INIT = '''#!/bin/busybox sh
/bin/busybox --install -s /sbin
export PATH=/bench:/usr/bin:/sbin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
stty -echo
cd /bench
echo @ready
while read -r name count; do
    dash run/$name $count > out 2>&1
    echo "@end $name $?"
    echo "@sum $(md5sum < out)"
done
poweroff -f
'''


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def program(command):
    """The path of one of Debian's programs."""
    path = shutil.which(command, path=workloads.PATH)
    if not path:
        package = workloads.COMMANDS.get(command, command)
        sys.exit(f'{command} is missing; package {package} has it (scripts/install-deps.sh)')
    return path


def compiler_proper():
    """Debian's cc1."""
    return output_of(program('gcc'), '-print-prog-name=cc1')


def build_kernels(folder):
    """kernels and kernels32; the string functions must stay calls."""
    sources = [f'{GUEST}/{name}.c' for name in ('main', 'integer', 'float', 'system')]
    for output, machine, more in (('kernels', '-m64', [GUEST + '/vector.c']),
                                  ('kernels32', '-m32', [])):
        strings = f'{folder}/string.o'
        subprocess.run([program('gcc'), machine, *CFLAGS, '-fno-builtin', '-c', GUEST + '/string.c',
                        '-o', strings], check=True)
        subprocess.run([program('gcc'), machine, *CFLAGS, *sources, *more, strings,
                        '-o', f'{folder}/{output}', '-lm', '-lpthread'], check=True)
        os.unlink(strings)


def write(path, text):
    with open(path, 'w', encoding='ascii') as f:
        f.write(text)


def make_text():
    """A megabyte of made-up words, the same each time, with the frequencies of a language."""
    source = random.Random(1)
    words = [''.join(source.choice('etaoinshrdlcumwfgypbvk') for _ in range(source.randint(2, 9)))
             for _ in range(5000)]
    lines = []
    for _ in range(16000):
        line = [words[int(source.paretovariate(0.7)) % len(words)] for _ in range(11)]
        lines.append(' '.join(line))
    return '\n'.join(lines) + '\n'


def make_data(folder):
    """What the programs work on."""
    text = make_text()
    write(folder + '/text', text)
    write(folder + '/words', '\n'.join(text.split()) + '\n')
    with open(folder + '/text.bz2', 'wb') as f:
        f.write(bz2.compress(text.encode()))
    for name in ('py', 'pl', 'awk', 'sh', 'sql'):
        shutil.copy(f'{GUEST}/program.{name}', folder)
    write(folder + '/small.c', small_source())
    write(folder + '/source.i', output_of(program('gcc'), '-E', '-P', folder + '/small.c') + '\n')
    subprocess.run([program('gcc'), '-O2', '-S', folder + '/source.i', '-o', folder + '/source.s'],
                   check=True)


# What integer.c needs of the system's headers.
PRELUDE = '''typedef unsigned char uint8_t; typedef unsigned int uint32_t;
typedef unsigned long uint64_t, size_t;
void *malloc(size_t); void *calloc(size_t, size_t); void free(void *);
void *memcpy(void *, const void *, size_t); void *memset(void *, int, size_t);
void *memmove(void *, const void *, size_t); int strcmp(const char *, const char *);
'''


def small_source():
    """A program without system headers, so that every compiler can read it: our integer kernels."""
    text = PRELUDE
    for name in ('kernels.h', 'integer.c'):
        with open(f'{GUEST}/{name}', encoding='ascii') as f:
            text += re.sub(r'^#include.*$', '', f.read(), flags=re.M)
    return text


def add_file(top, path):
    """Copies a file of the host to the same place; links are followed."""
    target = top + os.path.realpath(os.path.dirname(path)) + '/' + os.path.basename(path)
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(path, target)


def add_program(top, path):
    add_file(top, path)
    libraries = subprocess.run(['ldd', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, check=False).stdout
    for library in re.findall(r'(/\S+) \(0x', libraries):
        add_file(top, library)


def add_programs(top):
    for command in workloads.COMMANDS:
        add_program(top, program(command))
    add_program(top, compiler_proper())
    stdlib = output_of(program('python3'), '-c', 'import os; print(os.path.dirname(os.__file__))')
    for folder in (stdlib, '/usr/lib/x86_64-linux-gnu/perl-base', '/usr/lib/x86_64-linux-gnu/tcc'):
        shutil.copytree(folder, top + folder, ignore=PYTHON_LEFT_OUT, dirs_exist_ok=True)


def make_scripts(folder, rows):
    """The file run/NAME of each workload."""
    os.makedirs(folder + '/run')
    for row in rows:
        write(f'{folder}/run/{row.name}',
              f'export PATH=$PWD:$PATH\nCC1={compiler_proper()}\n{row.script}\n')


def make_tree(top, rows, with_programs=True):
    """The whole tree below top. Without programs it is small and quick to make."""
    for folder in ('usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'dev', 'proc', 'sys', 'tmp',
                   'root', 'etc', 'bench'):
        os.makedirs(f'{top}/{folder}')
    for folder in ('bin', 'sbin', 'lib', 'lib64'):
        os.symlink('usr/' + folder, f'{top}/{folder}')
    write(top + '/init', INIT)
    os.chmod(top + '/init', 0o755)
    add_program(top, program('busybox'))
    add_program(top, program('dash'))
    if with_programs:
        add_programs(top)
        make_data(top + '/bench')
    build_kernels(top + '/bench')
    make_scripts(top + '/bench', rows)


def make_initramfs(top, output):
    subprocess.run(f'cd {top} && find . | sort | cpio --quiet -o -H newc > {output}', shell=True,
                   check=True)

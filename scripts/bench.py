#!/usr/bin/env python3
# Doppel's speed against Debian's qemu-system-x86_64 -accel tcg and against the bare host, workload
# by workload; docs/benchmarks.md explains the columns.
#
#   bench.py DOPPEL [--class integer,programs] [--only sort,cc1] [--rounds N] [--scale F] ...
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import argparse
import fnmatch
import glob
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TOP + '/tests/bench', TOP + '/tests/guest']
import disk_image  # noqa: E402 pylint: disable=wrong-import-position
import report     # noqa: E402 pylint: disable=wrong-import-position
import runner     # noqa: E402 pylint: disable=wrong-import-position
import tree       # noqa: E402 pylint: disable=wrong-import-position
import workloads  # noqa: E402 pylint: disable=wrong-import-position


def parse_arguments():
    parser = argparse.ArgumentParser(description='Doppel against QEMU and the bare host.')
    parser.add_argument('doppel', help='the emulator to measure')
    parser.add_argument('--class', dest='kinds', default='', help='classes, separated by commas')
    parser.add_argument('--only', default='', help='workloads, separated by commas; * and ? match')
    parser.add_argument('--rounds', type=int, default=3, help='runs of each workload (3)')
    parser.add_argument('--scale', type=float, default=1, help='multiplies the work (1)')
    parser.add_argument('--doppel-args', default='',
                        help='more options, as "-accel tcg,engine=interp"')
    parser.add_argument('--qemu', default='qemu-system-x86_64', help='the emulator to compare with')
    parser.add_argument('--qemu-args', default='')
    parser.add_argument('--without', default='', help='places left out: native, qemu, doppel')
    parser.add_argument('--memory', type=int, default=512, help='MiB of the guests (512)')
    parser.add_argument('--timeout', type=float, default=120, help='seconds for one run (120)')
    parser.add_argument('--boot-timeout', type=float, default=300, help='seconds for a boot (300)')
    parser.add_argument('--json', help='writes all figures to this file')
    parser.add_argument('--list', action='store_true', help='only lists the workloads')
    return parser.parse_args()


def selected(options):
    kinds = options.kinds.split(',') if options.kinds else []
    names = options.only.split(',') if options.only else []
    rows = [row for row in workloads.all_workloads()
            if (not kinds or row.kind in kinds) and
            (not names or any(fnmatch.fnmatch(row.name, name) for name in names))]
    unknown = set(kinds) - {row.kind for row in workloads.all_workloads()}
    if unknown or not rows:
        known = ', '.join(dict.fromkeys(row.kind for row in workloads.all_workloads()))
        sys.exit(f'nothing is selected; the classes are {known}')
    return rows


def run_once(place, row, options):
    """A Result, or the text of what went wrong."""
    count = max(1, round(row.count * options.scale))
    try:
        return place.run(row.name, count, options.timeout)
    except runner.Failed as err:
        print(f'{row.name}: {place.name}: {err}', file=sys.stderr, flush=True)
        return str(err)


def measure(row, places, rounds, options):
    """{place: [Result or text]}, the places taking turns; one that failed is not tried again."""
    runs = {place.name: [] for place in places}
    for _ in range(rounds):
        for place in places:
            if not runs[place.name] or not isinstance(runs[place.name][-1], str):
                runs[place.name].append(run_once(place, row, options))
    return runs


def emulators(options):
    """(name, path, more arguments) of each emulator that is wanted."""
    rows = [('qemu', options.qemu, options.qemu_args),
            ('doppel', options.doppel, options.doppel_args)]
    return [row for row in rows if row[0] not in options.without.split(',')]


def guests(options, rows, work, smp):
    """The host and one guest per emulator, the guests not yet started."""
    top, initrd = f'{work}/tree{smp}', f'{work}/initrd{smp}'
    tree.make_tree(top, rows, any(row.kind in ('programs', 'smp') for row in rows))
    tree.make_initramfs(top, initrd)
    places = [] if 'native' in options.without.split(',') else [runner.Native(top + '/bench')]
    for name, path, extra in emulators(options):
        more = runner.kernel_options(kernel_image(), initrd)
        command = runner.emulator_command(path, extra, options, *more, smp=smp)
        places.append(runner.Guest(name, command, options))
    return places


INIT = """#!/bin/sh
echo REACHED-INIT
mount -t proc proc /proc; mount -o remount,ro /; poweroff -f
"""


def boots(options, rows, work):
    """For each emulator what it boots, by workload."""
    more = {}
    for name in [row.name for row in rows]:
        if name == 'boot-init':
            initrd = work + '/boot.cpio'
            subprocess.run([TOP + '/scripts/make-initramfs.sh', initrd, 'echo REACHED-INIT'],
                           check=True)
            more[name] = runner.kernel_options(kernel_image(), initrd)
        else:
            disk = disk_image.make_disk(work, INIT, 0)
            more[name] = ['-drive', f'file={disk},format=raw,if=ide,snapshot=on']
    return [runner.Boot(name, {what: runner.emulator_command(path, extra, options, *arguments)
                               for what, arguments in more.items()}, options)
            for name, path, extra in emulators(options)]


def kernel_image():
    return sorted(glob.glob('/boot/vmlinuz-*cloud-amd64'))[-1]


def start(kind, rows, options, work):
    """The places where a group of workloads runs."""
    if kind == 'boot':
        return boots(options, rows, work)
    return guests(options, rows, work, 2 if kind == 'smp' else 1)


def run_class(kind, rows, places, options):
    """Measures the class, prints it, returns its lines."""
    lines = []
    for row in rows:
        lines.append(report.summary(row, measure(row, places, options.rounds, options)))
        report.print_line(lines[-1])
    report.print_means(kind, lines)
    return lines


def run_all(rows, options):
    """Measures and prints everything; returns (lines, [(group, place)])."""
    kinds = {}
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    own = ('smp', 'boot')  # the other classes share their guests
    groups = {'cpu': [kind for kind in kinds if kind not in own]}
    groups.update({kind: [kind] for kind in own if kind in kinds})
    lines, places = [], []
    with tempfile.TemporaryDirectory(prefix='doppel-bench-') as work:
        report.print_head()
        for group, members in groups.items():
            if not members:
                continue
            here = start(group, [row for row in rows if row.kind in members], options, work)
            for kind in members:
                lines += run_class(kind, kinds[kind], here, options)
            for place in here:
                place.close()
                places.append((group, place))
    return lines, places


def main():
    options = parse_arguments()
    rows = selected(options)
    if options.list:
        for row in rows:
            print(f'{row.kind:10} {row.name:16} {row.count}')
        return
    load = os.getloadavg()[0]
    lines, places = run_all(rows, options)
    report.print_scaling(lines)
    print(f'\nmedians of {options.rounds}; load of the host before {load:.1f}, '
          f'after {os.getloadavg()[0]:.1f}')
    report.print_places(places)
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as f:
            json.dump({'rounds': options.rounds, 'scale': options.scale, 'workloads': lines,
                       'places': [{'group': kind, 'name': place.name, 'peak_mib': place.peak,
                                   'jit': place.jit} for kind, place in places]}, f, indent=1)


main()

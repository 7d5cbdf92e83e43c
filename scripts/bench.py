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
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TOP + '/tests/bench', TOP + '/tests/guest']
import disk_image # noqa: E402 pylint: disable=wrong-import-position
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
    parser.add_argument('--doppel-args', default='', help='more options, as "-accel tcg,engine=interp"')
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
    except (runner.Failed, subprocess.TimeoutExpired) as err:
        return str(err)


def progress(text):
    """A line that the next one replaces."""
    if sys.stderr.isatty():
        print(f'\r{text:40}\r', end='', file=sys.stderr, flush=True)


def measure(rows, places, options):
    """{workload: {place: [Result or text]}}, the places taking turns."""
    results = {row.name: {place.name: [] for place in places} for row in rows}
    for row in rows:
        progress(row.name)
        for _ in range(options.rounds):
            for place in places:
                result = run_once(place, row, options)
                results[row.name][place.name].append(result)
                if isinstance(result, str):
                    progress('')
                    print(f'{row.name}: {place.name}: {result}', file=sys.stderr)
    for place in places:
        place.close()
    progress('')
    return results


def summary(row, runs):
    """The medians of one workload, with an error where a place failed or printed something else."""
    line = {'class': row.kind, 'name': row.name}
    outputs = {}
    for place, results in runs.items():
        errors = [result for result in results if isinstance(result, str)]
        if errors:
            line[place] = {'error': errors[0]}
            continue
        outputs[place] = results[0].output
        line[place] = {'cpu': statistics.median(result.cpu for result in results),
                       'wall': statistics.median(result.wall for result in results),
                       'runs': [[result.cpu, result.wall] for result in results]}
    expected = outputs.get('native', outputs.get('qemu'))
    for place, output in outputs.items():
        if output != expected:
            line[place]['error'] = 'another output'
    return line


def ratio(line, over, under, what='cpu'):
    """line[over] / line[under], or None where one is missing or wrong."""
    a, b = line.get(over, {}), line.get(under, {})
    if 'error' in a or 'error' in b or what not in a or what not in b:
        return None
    return a[what] / max(b[what], 1e-6)


PLACES = ('native', 'qemu', 'doppel')
COLUMNS = [  # title, value of a line
    ('qemu/native', lambda line: ratio(line, 'qemu', 'native')),
    ('doppel/native', lambda line: ratio(line, 'doppel', 'native')),
    ('speedup', lambda line: ratio(line, 'qemu', 'doppel')),
    ('wall speedup', lambda line: ratio(line, 'qemu', 'doppel', 'wall')),
]


def number(value, form):
    return form.format(value) if value is not None else '-'


def seconds(line, place):
    entry = line.get(place, {})
    return entry['error'][:9] if 'error' in entry else number(entry.get('cpu'), '{:.3f}')


def print_table(lines):
    head = [f'{"":16}'] + [f'{place + " s":>9}' for place in PLACES]
    print(' '.join(head + [f'{title:>13}' for title, _ in COLUMNS]))
    for kind in dict.fromkeys(line['class'] for line in lines):
        members = [line for line in lines if line['class'] == kind]
        for line in members:
            cells = [f'{seconds(line, place):>9}' for place in PLACES]
            cells += [f'{number(value(line), "{:.2f}"):>13}' for _, value in COLUMNS]
            print(f'{line["name"]:16}', *cells)
        means = [geomean([value(line) for line in members]) for _, value in COLUMNS]
        print(f'{"= " + kind:16}', ' ' * 29, *[f'{number(mean, "{:.2f}"):>13}' for mean in means])


def geomean(values):
    values = [value for value in values if value]
    return statistics.geometric_mean(values) if values else None


def emulators(options):
    """(name, path, more arguments) of each emulator that is wanted."""
    rows = [('qemu', options.qemu, options.qemu_args), ('doppel', options.doppel, options.doppel_args)]
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
            subprocess.run([TOP + '/scripts/make-initramfs.sh', initrd, 'echo REACHED-INIT'], check=True)
            more[name] = runner.kernel_options(kernel_image(), initrd)
        else:
            disk = disk_image.make_disk(work, INIT, 0)
            more[name] = ['-drive', f'file={disk},format=raw,if=ide,snapshot=on']
    return [runner.Boot(name, {what: runner.emulator_command(path, extra, options, *arguments)
                               for what, arguments in more.items()})
            for name, path, extra in emulators(options)]


def kernel_image():
    return sorted(glob.glob('/boot/vmlinuz-*cloud-amd64'))[-1]


def run_all(rows, options):
    """Measures every row; returns (results, places)."""
    groups = {}
    for row in rows:
        groups.setdefault(row.kind if row.kind in ('boot', 'smp') else 'cpu', []).append(row)
    results, places = {}, []
    with tempfile.TemporaryDirectory(prefix='doppel-bench-') as work:
        for kind, members in groups.items():
            here = boots(options, members, work) if kind == 'boot' else guests(options, members, work,
                                                                      2 if kind == 'smp' else 1)
            results.update(measure(members, here, options))
            places += [(kind, place) for place in here]
    return results, places


def print_scaling(lines):
    """What the second CPU brings: wall time one after the other by wall time at once."""
    lines = {line['name']: line for line in lines}
    names = [name[4:] for name in lines if name.startswith('seq-') and 'par-' + name[4:] in lines]
    if not names:
        return
    print(f'\n{"two CPUs by one":16}', *[f'{place:>9}' for place in PLACES])
    for name in names:
        one, two = lines['seq-' + name], lines['par-' + name]
        both = {place: [one.get(place, {}).get('wall'), two.get(place, {}).get('wall')]
                for place in PLACES}
        print(f'{name:16}', *[f'{number(a / b if a and b else None, "{:.2f}"):>9}'
                              for a, b in both.values()])


def print_places(places):
    """What is known of each emulator beside the times."""
    for kind, place in places:
        if place.peak:
            print(f'{place.name} ({kind}): peak memory {place.peak} MiB')
        if place.jit and place.name == 'doppel':
            print(place.jit)


def main():
    options = parse_arguments()
    rows = selected(options)
    if options.list:
        for row in rows:
            print(f'{row.kind:10} {row.name:16} {row.count}')
        return
    load = os.getloadavg()[0]
    results, places = run_all(rows, options)
    lines = [summary(row, results[row.name]) for row in rows]
    print_table(lines)
    print_scaling(lines)
    print(f'\nmedians of {options.rounds}; load of the host before {load:.1f}, '
          f'after {os.getloadavg()[0]:.1f}')
    print_places(places)
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as f:
            json.dump({'rounds': options.rounds, 'scale': options.scale, 'workloads': lines,
                       'places': [{'group': kind, 'name': place.name, 'peak_mib': place.peak,
                                   'jit': place.jit} for kind, place in places]}, f, indent=1)


main()

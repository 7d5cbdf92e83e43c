# The benchmark's table: a line per workload, geometric means per class.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import statistics

PLACES = ('native', 'qemu', 'doppel')


def summary(row, runs):
    """The medians of one workload from {place: [Result or text of an error]}; a place that failed
    or printed something else than the others has an error."""
    line = {'class': row.kind, 'name': row.name}
    outputs = {}
    for place, results in runs.items():
        errors = [result for result in results if isinstance(result, str)]
        if errors:
            line[place] = {'error': errors[0]}
            continue
        outputs[place] = {result.output for result in results}
        line[place] = {'cpu': statistics.median(result.cpu for result in results),
                       'wall': statistics.median(result.wall for result in results),
                       'runs': [[result.cpu, result.wall] for result in results]}
    expected = next((outputs[place] for place in PLACES if place in outputs), None)
    for place, output in outputs.items():
        if output != expected or len(output) > 1:
            line[place]['error'] = 'wrong output'
    return line


def figure(line, place, what):
    """'cpu', 'wall' or 'first' (processor time of the first run); None where there is none."""
    entry = line.get(place, {'error': ''})
    if 'error' in entry:
        return None
    return entry['runs'][0][0] if what == 'first' else entry[what]


def ratio(what, over, under):
    """The function from a line to the ratio of the two places, None where one is missing."""
    def value(line):
        a, b = figure(line, over, what), figure(line, under, what)
        return a / max(b, 1e-6) if a is not None and b is not None else None
    return value


COLUMNS = {
    'qemu/native': ratio('cpu', 'qemu', 'native'),
    'doppel/native': ratio('cpu', 'doppel', 'native'),
    'speedup': ratio('cpu', 'qemu', 'doppel'),
    'first round': ratio('first', 'qemu', 'doppel'),
    'wall': ratio('wall', 'qemu', 'doppel'),
}


def number(value, form):
    return form.format(value) if value is not None else '-'


def cells(values):
    return [f'{number(value, "{:.2f}"):>13}' for value in values]


def print_head():
    print(f'{"":16}', *[f'{place + " s":>9}' for place in PLACES],
          *[f'{title:>13}' for title in COLUMNS], flush=True)


def print_line(line):
    times = []
    for place in PLACES:
        error = 'error' in line.get(place, {}) and 'failed'
        times.append(f'{error or number(figure(line, place, "cpu"), "{:.3f}"):>9}')
    ratios = cells([value(line) for value in COLUMNS.values()])
    print(f'{line["name"]:16}', *times, *ratios, flush=True)


def print_means(kind, lines):
    """The class's line; says of how many workloads it is if some are missing."""
    means, counted = [], 0
    for value in COLUMNS.values():
        values = [v for v in map(value, lines) if v]
        counted = max(counted, len(values))
        means.append(statistics.geometric_mean(values) if values else None)
    note = f'{counted} of {len(lines)}' if counted < len(lines) else ''
    print(f'{"= " + kind:16}', f'{note:29}', *cells(means), flush=True)


def scaling(lines, name, place):
    """What the second CPU brings, in wall time, and by processor time, if both CPUs had a core."""
    one, two = lines['seq-' + name], lines['par-' + name]
    texts = []
    for what, cpus in (('wall', 1), ('cpu', 2)):
        alone, together = figure(one, place, what), figure(two, place, what)
        texts.append(number(cpus * alone / together if alone and together else None, '{:.2f}'))
    return ' '.join(f'{text:>6}' for text in texts)


def print_scaling(lines):
    """Work done twice: one after the other by at once."""
    lines = {line['name']: line for line in lines}
    names = [name[4:] for name in lines if name.startswith('seq-') and 'par-' + name[4:] in lines]
    if not names:
        return
    print(f'\n{"two CPUs by one":16}', *[f'{place:>13}' for place in PLACES])
    print(f'{"":16}', *[f'{"wall":>6} {"cpu":>6}' for _ in PLACES])
    for name in names:
        print(f'{name:16}', *[scaling(lines, name, place) for place in PLACES])


def print_places(places):
    """What is known of each emulator beside the times."""
    for kind, place in places:
        if place.peak:
            print(f'{place.name} ({kind}): peak memory {place.peak} MiB')
        if place.jit and place.name == 'doppel':
            print(place.jit.replace('\r', ''))

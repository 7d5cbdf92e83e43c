# The Python workload: objects, dictionaries, strings, regular expressions, JSON, big numbers.
#
#   program.py N
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import json
import re
import sys


class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)


def count_words(text):
    counts = {}
    for word in re.findall(r'[a-z]+', text):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def collatz(limit):
    best = (0, 0)
    for start in range(1, limit):
        n, steps = start, 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        best = max(best, (steps, start))
    return best


def one_round(number, text):
    total = Vector(0, 0)
    for i in range(3000):
        total += Vector(i, number)
    words = count_words(text)
    data = json.loads(json.dumps([{'word': word, 'count': count} for word, count in words[:300]]))
    big = pow(3, 400 + number) % (10 ** 40 + 7)
    return total.x, total.y, len(data), data[0]['word'], collatz(600), big


def main():
    with open('text', encoding='ascii') as f:
        text = f.read(40000)
    for number in range(int(sys.argv[1])):
        print(one_round(number, text))


main()

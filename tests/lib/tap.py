# What all test scripts need: how a case fails or is skipped, and TAP.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
"""A test is a function: it fails by any exception and is skipped by Skip. main() runs the functions
of a script, or those that the command line names."""
import glob
import os
import shutil
import subprocess
import sys
import traceback

# Everything is slower on a loaded machine or with sanitizers: waits are multiplied by this.
SCALE = float(os.environ.get('GUEST_TIMEOUT_SCALE', '1'))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failure(' '.join(str(w) for w in what))


def need(path, package):
    """The last file that matches the glob, or Skip naming the package that has it."""
    found = sorted(glob.glob(path))
    if not found:
        raise Skip(f'{path} is missing; package {package} has it')
    return found[-1]


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path='/usr/sbin:/sbin')
    if not path:
        raise Skip(f'{name} is missing; package {package} has it')
    return path


def run(command, **kwargs):
    """A host tool that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          **kwargs)
    if done.returncode:
        raise Failure(f'{command[0]}: {done.stdout.decode(errors="replace")[-1000:]}')
    return done.stdout.decode(errors='replace')


def case(name, test, *args):
    """A test of this name that calls another with args."""
    def run_case():
        test(*args)
    run_case.__name__ = name
    return run_case


def main(tests, wanted=None):
    """Runs the functions, or those of the wanted names, and prints TAP."""
    wanted = sys.argv[1:] if wanted is None else wanted
    tests = [t for t in tests if not wanted or t.__name__ in wanted]
    print(f'1..{len(tests)}', flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__
        try:
            test()
            print(f'ok {number} {name}', flush=True)
        except Skip as why:
            print(f'ok {number} {name} # SKIP {why}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('#', line)
            print(f'not ok {number} {name}', flush=True)
    sys.exit(failed > 0)

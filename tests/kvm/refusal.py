#!/usr/bin/env python3
# A host that cannot run a PC with KVM: one line that says why and what to do, and -accel tcg behind it
# goes on.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'guest'))
from guest import EMULATOR, SCALE, Failure, Skip, main  # noqa: E402

PARAVIRTUAL = os.path.isdir('/sys/module/kvm_pvm')
PLAIN = ['-machine', 'none', '-display', 'none', '-monitor', 'stdio']


def doppel(*args, prefix=()):
    """One run that is told to quit."""
    return subprocess.run([*prefix, EMULATOR, *args, *PLAIN], input='quit\n', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30 * SCALE,
                          check=False)


def in_namespace(setup):
    """A prefix that runs a command after setup, with mounts of its own."""
    return ['unshare', '--map-root-user', '--mount', 'sh', '-c', setup + ' || exit 99; exec "$0" "$@"']


def refused(words, prefix=()):
    done = doppel('-accel', 'kvm', prefix=prefix)
    if done.returncode == 99:
        raise Skip('no mount namespaces')
    lines = done.stderr.splitlines()
    if done.returncode != 1 or len(lines) != 1:
        raise Failure(f'status {done.returncode}, {done.stderr!r}')
    for word in ['-accel kvm', '-accel tcg', *words]:
        if word not in lines[0]:
            raise Failure(f'{lines[0]!r} does not say {word!r}')
    done = doppel('-accel', 'kvm', '-accel', 'tcg', prefix=prefix)
    if done.returncode != 0 or len(done.stderr.splitlines()) != 1 or words[0] not in done.stderr:
        raise Failure(f'with tcg behind it: status {done.returncode}, {done.stderr!r}')


def no_device():
    refused(['/dev/kvm', 'modprobe'], in_namespace('mount -t tmpfs none /dev'))


def no_permission():
    if os.geteuid() == 0:
        prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        if subprocess.run([*prefix, 'test', '-x', EMULATOR], check=False).returncode:
            raise Skip('the emulator stands where another user cannot start it')
    elif os.access('/dev/kvm', os.R_OK | os.W_OK):
        raise Skip('this user has the permission')
    else:
        prefix = []
    if not os.path.exists('/dev/kvm'):
        raise Skip('there is no /dev/kvm')
    refused(['permission', 'usermod'], prefix)


def not_kvm():
    """A device that does not speak KVM's API."""
    if not os.path.exists('/dev/kvm'):
        raise Skip('there is no /dev/kvm')
    refused(['API', '12'], in_namespace('mount --bind /dev/null /dev/kvm'))


def old(**what):
    """A prefix that makes /dev/kvm that of an older kernel."""
    library = os.environ.get('DOPPEL_TESTS', '') + '/kvm/libold-kvm.so'
    if not os.path.exists(library):
        raise Skip('DOPPEL_TESTS names no folder with kvm/libold-kvm.so')
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        raise Skip('this user has no /dev/kvm')
    return ['env', 'LD_PRELOAD=' + library, 'ASAN_OPTIONS=verify_asan_link_order=0',
            *(f'OLD_KVM_{name}={value}' for name, value in what.items())]


def old_version():
    refused(['version 10', 'newer kernel'], old(VERSION=10))


def old_without_a_capability():
    """KVM_CAP_IMMEDIATE_EXIT came with Linux 4.13."""
    refused(['KVM_CAP_IMMEDIATE_EXIT', 'Linux 4.13'], old(LACKS=136))


def self_test():
    """Paravirtual KVM has no paging without long mode."""
    if not PARAVIRTUAL or not os.access('/dev/kvm', os.R_OK | os.W_OK):
        raise Skip('this host has no KVM that is not a whole one')
    refused(['32-bit paging', 'self-test=off'])


main([no_device, no_permission, not_kvm, old_version, old_without_a_capability, self_test])

#!/usr/bin/env python3
# The VNC server with Debian's clients, and with clients that are none.
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
import base64
import hashlib
import random
import socket
import struct
import subprocess
import tempfile
import time

from ui import (SCALE, Desktop, Failure, Machine, Picture, boot_sector, check, expected_picture, keys,
                main, picture_of_file, tool, wait_for)

ANSWER = 60 * SCALE  # seconds
SHIFT, CONTROL, ALT, RETURN = 0xffe1, 0xffe3, 0xffe9, 0xff0d


def vnc(*args, options=''):
    """A machine with a VNC server on the first free display from 40 on."""
    machine = Machine('-vnc', '127.0.0.1:40,to=90' + options, *args)
    machine.vnc_display = int(machine.qmp('query-vnc')['service']) - 5900
    return machine


def exactly(sock, count):
    data = b''
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise Failure('the server closed the connection')
        data += part
    return data


class WebSocket:
    """A client's end of a connection by RFC 6455, as far as it looks like a socket."""
    BINARY, CLOSE, PING = 2, 8, 9

    def __init__(self, address, subprotocol='binary', pause=0):
        self.tcp = socket.create_connection(address, ANSWER)
        self.data, self.closed = b'', False
        key = base64.b64encode(random.randbytes(16)).decode()
        request = (f'GET /websockify HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n'
                   'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                   f'Origin: http://{address[0]}\r\nSec-WebSocket-Key: {key}\r\n'
                   f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {subprotocol}'
                   '\r\n\r\n').encode()
        for part in (request[:2], request[2:-3], request[-3:]) if pause else (request,):
            time.sleep(pause)
            self.tcp.sendall(part)
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += exactly(self.tcp, 1)
        lines = head.decode().split('\r\n')
        fields = {name.lower(): value for name, value in
                  (line.split(': ', 1) for line in lines[1:] if line)}
        accept = hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()
        check(lines[0].startswith('HTTP/1.1 101'), lines[0])
        check(fields['upgrade'].lower() == 'websocket', fields)
        check(fields['sec-websocket-accept'] == base64.b64encode(accept).decode(), fields)
        check(fields['sec-websocket-protocol'] == subprotocol, fields)

    def frame(self, opcode, data, masked=True):
        """A whole message in one frame (5.2)."""
        size = len(data)
        head = struct.pack('>B', 0x80 | opcode)
        if size < 126:
            head += struct.pack('>B', masked << 7 | size)
        elif size < 1 << 16:
            head += struct.pack('>BH', masked << 7 | 126, size)
        else:
            head += struct.pack('>BQ', masked << 7 | 127, size)
        if masked:
            mask = random.randbytes(4)
            head += mask
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.tcp.sendall(head + data)

    def sendall(self, data):
        self.frame(self.BINARY, data)

    def receive_frame(self):
        first, size = exactly(self.tcp, 2)
        check(size < 128, "the server's frames are not masked")
        if size >= 126:
            size = int.from_bytes(exactly(self.tcp, 2 if size == 126 else 8), 'big')
        data = exactly(self.tcp, size)
        if first & 15 == self.CLOSE:
            self.closed = True
        else:
            check(first == 0x80 | self.BINARY, 'frame begins with', hex(first))
            self.data += data

    def recv(self, count):
        while not self.data and not self.closed:
            self.receive_frame()
        part, self.data = self.data[:count], self.data[count:]
        return part

    def close(self):
        self.tcp.close()


class Client:
    """A client by RFC 6143."""

    def __init__(self, machine, password=None, sock=None):
        self.sock = sock or socket.create_connection(('127.0.0.1', 5900 + machine.vnc_display),
                                                     ANSWER)
        check(self.read(12) == b'RFB 003.008\n', 'greeting')
        self.sock.sendall(b'RFB 003.008\n')
        kinds = self.read(self.read(1)[0])
        check(kinds == (b'\x01' if password is None else b'\x02'), 'security types', kinds)
        self.sock.sendall(kinds)
        if password is not None:
            self.sock.sendall(des(password, self.read(16)))
        if self.read(4) != bytes(4):
            raise Refused()
        self.sock.sendall(b'\x01')
        self.width, self.height = struct.unpack('>HH', self.read(4))
        self.pixels = bytearray(self.width * self.height * 4)
        self.read(16)
        self.name = self.read(struct.unpack('>I', self.read(4))[0]).decode()

    def read(self, count):
        return exactly(self.sock, count)

    def encodings(self, *numbers):
        self.sock.sendall(struct.pack('>BxH', 2, len(numbers)) +
                          b''.join(struct.pack('>i', n) for n in numbers))

    def request(self, incremental, width=None, height=None):
        self.sock.sendall(struct.pack('>BBHHHH', 3, incremental, 0, 0, width or self.width,
                                      height or self.height))

    def update(self):
        """The rectangles of the next update: x, y, width, height, encoding; pixels of the raw
        encoding go into the picture."""
        rects = []
        check(self.read(1) == b'\x00', 'not an update')
        for _ in range(struct.unpack('>xH', self.read(3))[0]):
            x, y, width, height, encoding = struct.unpack('>HHHHi', self.read(12))
            if encoding == 0:
                self.put(x, y, width, height, self.read(width * height * 4))
            rects.append((x, y, width, height, encoding))
        return rects

    def put(self, x, y, width, height, pixels):
        for i in range(height):
            at = ((y + i) * self.width + x) * 4
            self.pixels[at:at + width * 4] = pixels[i * width * 4:(i + 1) * width * 4]

    def picture(self):
        """The server's pixels are red, green, blue and nothing, a byte each."""
        rgb = bytearray(self.width * self.height * 3)
        for i in range(3):
            rgb[i::3] = self.pixels[i::4]
        return Picture(b'P6\n%d %d\n255\n' % (self.width, self.height) + rgb)

    def key(self, keysym, down):
        self.sock.sendall(struct.pack('>BBHI', 4, down, 0, keysym))

    def tap(self, *keysyms):
        for keysym in keysyms:
            self.key(keysym, 1)
        for keysym in reversed(keysyms):
            self.key(keysym, 0)

    def pointer(self, buttons, x, y):
        self.sock.sendall(struct.pack('>BBHH', 5, buttons, x, y))


class Refused(Exception):
    pass


def des(password, challenge):
    """DES by OpenSSL; the bits of the key's bytes are mirrored (RFC 6143, 7.2.2)."""
    key = bytes(int(f'{byte:08b}'[::-1], 2) for byte in password.encode().ljust(8, b'\0')[:8])
    done = subprocess.run([tool('openssl', 'openssl'), 'enc', '-des-ecb', '-K', key.hex(), '-nopad',
                           '-provider', 'legacy', '-provider', 'default'], input=challenge,
                          stdout=subprocess.PIPE, check=True)
    return done.stdout


def capture(machine, work):
    path = work + '/capture.png'
    subprocess.run([tool('gvnccapture', 'gvncviewer'), f'127.0.0.1:{machine.vnc_display}', path],
                   check=True, stdout=subprocess.DEVNULL, timeout=ANSWER)
    return picture_of_file(path)


def same_pixels():
    """gvnccapture, the screen dumps and what the guest was told to draw are one picture."""
    with tempfile.TemporaryDirectory() as work, vnc(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        wanted = expected_picture(1024, 768)
        wait_for(lambda: capture(machine, work) == wanted, 'the picture')
        for kind in ('ppm', 'png'):
            path = f'{work}/dump.{kind}'
            machine.qmp('screendump', filename=path, format=kind)
            check(picture_of_file(path) == wanted, kind)


def viewer_types_and_clicks():
    """TigerVNC's viewer, which sends keys by their place."""
    viewer = tool('xtigervncviewer', 'tigervnc-viewer')
    with Desktop() as desktop, vnc(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        wanted = expected_picture(1024, 768)
        client = subprocess.Popen([viewer, '-AutoSelect=0', '-PreferredEncoding=ZRLE',
                                   '-NoJPEG=1', f'127.0.0.1:{machine.vnc_display}'],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            window = wait_for(lambda: desktop.find('TigerVNC'), "the viewer's window")
            desktop.wait_shot(lambda p: p.row(500) == wanted.row(500), 'the picture', window)
            machine.serial = b''
            desktop.do('windowfocus', '--sync', window, 'mousemove', '--window', window, 500, 400)
            desktop.do('key', 'q')
            machine.wait_serial(keys('10', '90'))
            desktop.do('click', 1)
            machine.wait_serial('M[0-9A-F]9(M..){2,40}M[0-9A-F]8')  # left button, and none
        finally:
            client.terminate()
            client.wait()


def keys_and_pointer():
    """Keysyms become keys of the layout; the distance of two positions moves the mouse."""
    with vnc(*boot_sector('picture.bin'), '-k', 'de') as machine:
        machine.wait_serial('D')
        client = Client(machine)
        machine.serial = b''
        client.tap(ord('z'))
        machine.wait_serial(keys('15', '95'))     # where US keyboards have Y
        client.tap(SHIFT, ord('/'))
        machine.wait_serial(keys('2A', '08', '88', 'AA'))
        machine.serial = b''
        client.tap(ord('@'))              # AltGr with Q, which the client does not mention
        machine.wait_serial(f"{keys('E038', '10', 'E0B8')}(K10)*K90")
        client.pointer(0, 100, 100)
        client.pointer(0, 110, 95)
        machine.wait_serial('M08M0AM05')
        client.pointer(4, 110, 95)
        machine.wait_serial('M0AM00M00')
        client.key(ord('a'), 1)
        machine.wait_serial(keys('1E'))
        client.sock.close()
        machine.wait_serial(keys('9E'))        # let go of when the client is gone


def resize():
    """A client that can be told gets the new size with the next update."""
    with vnc(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        client = wait_for(lambda: (lambda c: c if c.width == 1024 else None)(Client(machine)),
                          'the mode')
        client.encodings(0, -223)
        client.request(0)
        client.update()
        machine.serial = b''
        client.tap(ord('m'))
        machine.wait_serial('D')
        sizes = []
        while (800, 600) not in sizes:
            client.request(1, 4000, 4000)
            sizes += [(r[2], r[3]) for r in client.update() if r[4] == -223]


def several_clients():
    with vnc(*boot_sector('text.bin'), '-name', 'shared', '-monitor', 'vc') as machine:
        machine.wait_serial('D')
        clients = [Client(machine) for _ in range(3)]
        check(clients[0].name == 'Doppel (shared)', clients[0].name)
        for client in clients:
            client.encodings(0)
            client.request(0)
            check(client.update(), 'no rectangle')
        wait_for(lambda: len(machine.qmp('query-vnc')['clients']) == 3, 'three clients')
        info = machine.qmp('query-vnc-servers')
        check(len(info) == 1 and len(info[0]['clients']) == 3 and info[0]['auth'] == 'none', info)
        text = machine.qmp('human-monitor-command', command_line='info vnc')
        check(text.count('Client: 127.0.0.1:') == 3 and text.startswith('default:'), text)
        clients[1].tap(CONTROL, ALT, ord('2'))
        for char in 'info version':
            clients[1].tap(ord(char))
        clients[1].tap(RETURN)
        wait_for(lambda: '7.2' in machine.qmp('x-screen-text', console=1)['text'], 'the monitor')
        clients[2].sock.close()
        wait_for(lambda: len(machine.qmp('query-vnc')['clients']) == 2, 'two clients')
        machine.qmp('query-status')
        events = [event['event'] for event in machine.session.events]
        for event in ('VNC_CONNECTED', 'VNC_INITIALIZED', 'VNC_DISCONNECTED'):
            check(event in events, event, events)


def answers(client):
    client.request(0)
    return client.update()


def garbage():
    """Clients that send garbage are dropped, at any stage; one that behaves stays."""
    rng = random.Random(1)
    with vnc(*boot_sector('text.bin')) as machine:
        machine.wait_serial('D')
        good = Client(machine)
        good.encodings(0)
        address = ('127.0.0.1', 5900 + machine.vnc_display)
        for _ in range(40):
            bad = socket.create_connection(address, ANSWER)
            bad.sendall(rng.randbytes(rng.randrange(1, 400)))
            bad.close()
        silent = [socket.create_connection(address, ANSWER) for _ in range(5)]
        check(answers(good), 'the good client')
        for _ in range(40):  # past the handshake
            bad = Client(machine)
            try:
                bad.sock.sendall(rng.randbytes(rng.randrange(1, 2000)))
            except OSError:
                pass
            bad.sock.close()
        stuck = Client(machine)
        stuck.sock.sendall(b'\x02\x00\xff\xff')  # announces 65535 encodings, sends none
        unknown = Client(machine)
        unknown.sock.sendall(b'\xc8' * 64)
        try:
            check(unknown.sock.recv(1) == b'', 'a client with an unknown message stays')
        except ConnectionResetError:
            pass
        check(answers(good), 'the good client')
        for sock in silent:
            sock.close()
        stuck.sock.close()
        wait_for(lambda: len(machine.qmp('query-vnc')['clients']) == 1, 'only the good client')


def stuck_reader():
    """A client that asks and does not read is dropped; meanwhile all others are served."""
    with vnc(*boot_sector('picture.bin')) as machine:
        machine.wait_serial('D')
        good, stuck = Client(machine), Client(machine)
        good.encodings(0)
        stuck.encodings(0)
        for _ in range(30):  # 3 MiB each
            try:
                stuck.request(0)
            except OSError:
                break  # dropped already
            check(answers(good), 'the good client')
        wait_for(lambda: len(machine.qmp('query-vnc')['clients']) == 1, 'only the good client')
        check(answers(good), 'the good client')


def password():
    """Without a password nobody gets in; with it those who know it, until it expires."""
    with vnc(*boot_sector('text.bin'), options=',password=on') as machine:
        machine.wait_serial('D')

        def gets_in(word):
            try:
                Client(machine, word).sock.close()
                return True
            except Refused:
                return False

        check(machine.qmp('query-vnc')['auth'] == 'vnc', machine.qmp('query-vnc'))
        check(not gets_in(''), 'in without a password')
        machine.qmp('set_password', protocol='vnc', password='secret')
        check(not gets_in('wrong'), 'in with the wrong password')
        check(gets_in('secret'), 'the right password is refused')
        machine.qmp('change-vnc-password', password='other')
        check(not gets_in('secret') and gets_in('other'), 'after the change')
        machine.qmp('expire_password', protocol='vnc', time='now')
        check(not gets_in('other'), 'in after it expired')


def web_client(machine, pause=0):
    return Client(machine, sock=WebSocket(('127.0.0.1', 5700 + machine.vnc_display), pause=pause))


def websocket():
    """The same pixels through a websocket; keys in large, small and several frames; control frames."""
    with vnc(*boot_sector('picture.bin'), options=',websocket=on') as machine:
        machine.wait_serial('D')
        kinds = [(s['service'], s['websocket']) for s in
                 machine.qmp('query-vnc-servers')[0]['server']]
        check((str(5700 + machine.vnc_display), True) in kinds, kinds)
        wanted = expected_picture(1024, 768)

        def shows_picture():
            client = web_client(machine)
            client.encodings(0)
            client.request(0)
            client.update()
            return client if client.picture() == wanted else client.sock.close()

        client = wait_for(shows_picture, 'the picture')
        wait_for(lambda: [c['websocket'] for c in machine.qmp('query-vnc-servers')[0]['clients']] ==
                 [True], 'only this client')
        machine.serial = b''
        client.tap(ord('q'))
        machine.wait_serial(keys('10', '90'))
        tap = b''.join(struct.pack('>BBHI', 4, down, 0, ord('w')) for down in (1, 0))
        for cut_text in (0, 200, 70000):    # frames with each length of head
            machine.serial = b''
            client.sock.sendall(struct.pack('>BxxxI', 6, cut_text) + bytes(cut_text) + tap)
            machine.wait_serial(keys('11', '91'))
        machine.serial = b''
        for byte in tap:                    # a message of the inner protocol in many frames
            client.sock.sendall(bytes([byte]))
        machine.wait_serial(keys('11', '91'))
        client.pointer(1, 0, 0)
        machine.wait_serial('M[0-9A-F]9')
        client.sock.frame(WebSocket.PING, b'are you there')  # the library does not answer it
        check(answers(client), 'an update')
        client.sock.frame(WebSocket.CLOSE, struct.pack('>H', 1000))
        wait_for(lambda: not machine.qmp('query-vnc')['clients'], 'the end of the connection')


def websocket_slow():
    """A request that comes in parts, with pauses, is a request."""
    with vnc(*boot_sector('text.bin'), options=',websocket=on') as machine:
        machine.wait_serial('D')
        client = web_client(machine, pause=0.3)
        client.encodings(0)
        check(answers(client), 'an update')


def websocket_garbage():
    """Frames that break the rules end their client only."""
    rng = random.Random(2)
    with vnc(*boot_sector('text.bin'), options=',websocket=on') as machine:
        machine.wait_serial('D')
        good, plain = web_client(machine), Client(machine)
        address = ('127.0.0.1', 5700 + machine.vnc_display)
        for begin in (b'GET / HTTP/1.1\r\n\r\n', b'GET ' + b'x' * 100000,
                      b'GET /\r\n' + b'Sec-WebSocket-Key1: 1\r\n' * 500 + b'\r\n'):
            bad = socket.create_connection(address, ANSWER)
            try:
                bad.sendall(begin)
            except OSError:
                pass
            bad.close()
        for _ in range(30):
            bad = WebSocket(address)
            try:
                bad.tcp.sendall(rng.randbytes(rng.randrange(1, 400)))
            except OSError:
                pass
            bad.close()
        huge = web_client(machine)
        huge.sock.tcp.sendall(struct.pack('>BBQ', 0x82, 0xff, (1 << 63) - 1) + bytes(8))
        bare = web_client(machine)
        bare.sock.frame(WebSocket.BINARY, b'\xc8' * 8, masked=False)
        for client in (good, plain):
            client.encodings(0)
            check(answers(client), 'a client that behaves')
        bare.sock.close()
        huge.sock.close()
        wait_for(lambda: len(machine.qmp('query-vnc')['clients']) == 2, 'only those that behave')


main([same_pixels, viewer_types_and_clicks, keys_and_pointer, resize, several_clients, garbage,
      stuck_reader, password, websocket, websocket_slow, websocket_garbage])

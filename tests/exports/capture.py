"""A capture of contacts, made byte by byte: each has a port of its own, by which an alert tells which it was. Addresses are for documentation."""

import ipaddress
import struct

HERE, RESOLVER, ELSEWHERE = "192.0.2.10", "192.0.2.53", "192.0.2.80"
HERE_IPV6 = "2001:db8:1::10"


def _packet(source, destination, protocol, payload):
    ends = [ipaddress.ip_address(one) for one in (source, destination)]
    packed = b"".join(one.packed for one in ends)
    if ends[0].version == 6:
        kind, head = b"\x86\xdd", struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64)
    else:
        kind, head = b"\x08\0", struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + kind + head + packed + payload


def _name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _hello(name):
    """A ClientHello that names a server (RFC 8446, RFC 6066)."""
    server = name.encode()
    sni = struct.pack(">HBH", len(server) + 3, 0, len(server)) + server
    extensions = struct.pack(">HH", 0, len(sni)) + sni + bytes.fromhex("000a00040002001d") + bytes.fromhex("002b0003020304")
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + bytes.fromhex("00021301") + b"\x01\0" + struct.pack(">H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


class Capture:
    def __init__(self):
        self.packets, self.port = [], 40_000

    def _next(self):
        self.port += 1
        return self.port

    def question(self, name):
        port = self._next()
        message = struct.pack(">HHHHHH", port, 0x0100, 1, 0, 0, 0) + _name(name) + b"\0\x01\0\x01"
        datagram = struct.pack(">HHHH", port, 53, 8 + len(message), 0) + message
        self.packets.append(_packet(HERE, RESOLVER, 17, datagram))
        return port

    def talk(self, there, port_there, said, answer=b""):
        """A whole connection. Returns the port on our side."""
        port, here = self._next(), HERE_IPV6 if ":" in there else HERE
        ours, theirs = 1_000, 9_000

        def segment(to_there, flags, payload=b""):
            nonlocal ours, theirs
            at = (port, port_there, ours, theirs) if to_there else (port_there, port, theirs, ours)
            ack = 0 if flags == 0x02 else at[3]
            head = struct.pack(">HHIIBBHHH", at[0], at[1], at[2], ack, 0x50, flags, 65_000, 0, 0)
            ends = (here, there) if to_there else (there, here)
            self.packets.append(_packet(*ends, 6, head + payload))
            moved = len(payload) + (flags & 0x03 != 0)
            ours, theirs = (ours + moved, theirs) if to_there else (ours, theirs + moved)

        segment(True, 0x02)
        segment(False, 0x12)
        segment(True, 0x10)
        segment(True, 0x18, said)
        segment(False, 0x10)
        if answer:
            segment(False, 0x18, answer)
            segment(True, 0x10)
        segment(True, 0x11)
        segment(False, 0x11)
        segment(True, 0x10)
        return port

    def tls(self, name):
        return self.talk(ELSEWHERE, 443, _hello(name))

    def http(self, name, agent="Mozilla/5.0", body=b"hello"):
        said = f"GET /x HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return self.talk(ELSEWHERE, 80, said, head + body)

    def write(self, path):
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
            for number, packet in enumerate(self.packets):
                seconds, micros = divmod(1_790_000_000_000_000 + number * 1_000, 1_000_000)
                out.write(struct.pack("<IIII", seconds, micros, len(packet), len(packet)) + packet)

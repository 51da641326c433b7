"""The protocol of docs/protocol.md, written a second time in Python: no line of it is shared with the node's own code."""

import base64
import hashlib
import hmac
import re
import struct
import time

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

HEADER_BYTES = 127


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def framed(context, parts):
    return b"".join(struct.pack(">Q", len(part)) + part for part in [context.encode(), *parts])


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


def knock_label(knock_key, day=None):
    day = int(time.time()) // 86_400 if day is None else day
    return base32(hmac.digest(knock_key, b"watchfire/knock/v1" + struct.pack(">Q", day), "sha256")[:20])


def u64(number):
    return struct.pack(">Q", number)


def log_id(author, incarnation, audience, group=False):
    return sha256(framed("watchfire/log/v1", [author, u64(incarnation), b"\x02" if group else b"\x01", audience]))


def group_id(owner, nonce):
    return sha256(framed("watchfire/group/v1", [owner, nonce]))


def salt(seed, seq):
    return hmac.digest(seed, b"watchfire/salt/v1" + u64(seq), "sha256")


def body_hash(salt_, body):
    return sha256(salt_, body)


def header(log, seq, prev, created, kind, tlp, retention, hash_, length):
    return b"\x01" + log + u64(seq) + prev + u64(created) + bytes([kind, tlp]) + u64(retention) + hash_ + struct.pack(">I", length)


def holds(sender, receiver, credit, logs, groups):
    """What a hello says that its sender holds: `logs` as (id, size, head), `groups` as (id, number, number of the list of members)."""
    logs = b"".join(log + u64(size) + head for log, size, head in sorted(logs))
    groups = b"".join(group + u64(number) + u64(roster) for group, number, roster in sorted(groups))
    return sha256(framed("watchfire/holds/v1", [sender, receiver, u64(credit), logs, groups]))[:16]


def checkpoint_bytes(log, size, head, time_, definition):
    return framed("watchfire/checkpoint/v1", [log, u64(size), head, u64(time_), u64(definition)])


def verifies(public, message, signature):
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    except InvalidSignature:
        return False


class Reader:
    """Fields in a fixed order."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at : self.at + count]
        assert len(part) == count, "cut off"
        self.at += count
        return part

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def bytes16(self):
        return self.take(self.number(2))


class Card:
    """A card, its chain of root keys checked from the organisation id to the signature on the card."""

    def __init__(self, text):
        block = re.search(r"-----BEGIN WATCHFIRE CARD-----(.*)-----END WATCHFIRE CARD-----", text, re.S)
        raw = base64.b64decode("".join(block.group(1).split()))
        self.bytes, check = raw[:-4], raw[-4:]
        assert sha256(self.bytes)[:4] == check, "the armour is damaged"
        outer = Reader(self.bytes)
        body, signature = outer.bytes16(), outer.bytes16()
        card = Reader(body)
        assert card.number(1) == 1
        self.org, self.number = card.take(32), card.number(8)
        statements = [(card.bytes16(), card.bytes16()) for _ in range(card.number(1))]
        self.issuing_cas = [card.bytes16() for _ in range(card.number(1))]
        self.log_key_number, self.log_key, self.knock_key = card.number(4), card.take(32), card.take(32)
        self.endpoints = [card.bytes16().decode() for _ in range(card.number(1))]
        self.protocols = [card.number(2) for _ in range(card.number(1))]
        self.root = self.chain(statements)
        self.root.verify(signature, framed("watchfire/card/v1", [body]), ec.ECDSA(SHA256()))

    def chain(self, statements):
        inception = Reader(statements[0][0])
        assert inception.number(1) == 1
        root, commitment = point(inception.take(65)), inception.take(32)
        root.verify(statements[0][1], framed("watchfire/inception/v1", [statements[0][0]]), ec.ECDSA(SHA256()))
        assert sha256(framed("watchfire/inception/v1", [statements[0][0]])) == self.org, "the id is the inception's hash"
        before = statements[0][0]
        for number, (statement, signature) in enumerate(statements[1:], 1):
            fields = Reader(statement)
            assert fields.number(1) == 1 and fields.take(32) == self.org and fields.number(4) == number
            assert fields.take(32) == sha256(framed("watchfire/statement/v1", [before]))
            revealed = fields.take(65)
            assert sha256(framed("watchfire/next-root/v1", [revealed])) == commitment, "committed to before"
            root, commitment = point(revealed), fields.take(32)
            root.verify(signature, framed("watchfire/rotation/v1", [statement]), ec.ECDSA(SHA256()))
            before = statement
        return root


def point(data):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


class Batch:
    """A batch put together from its frames: entries, headers and the checkpoint, verified or refused whole."""

    def __init__(self, pb, metas_and_chunks, head_size, head_hash, author_key):
        meta = metas_and_chunks[0].meta
        content = b"".join(part.chunk for part in metas_and_chunks)
        if meta.zstd:
            content = zstandard.ZstdDecompressor().decompress(content, max_output_size=meta.length)
        assert len(content) == meta.length
        columns = pb.BatchContent.FromString(content)
        assert meta.first == head_size + 1, "a gap"
        self.bodies = bodies_of(columns, meta.count, meta.zstd)
        self.size, self.head = head_size, head_hash
        created = meta.checkpoint.time
        deltas = list(columns.created_delta) + [0] * (meta.count - len(columns.created_delta))
        kinds, tlps = unfold(columns.kind, meta.count), unfold(columns.tlp, meta.count)
        retentions = unfold(columns.retention, meta.count)
        for place, body in enumerate(self.bodies):
            created += deltas[place]
            self.size += 1
            hash_ = body_hash(salt(columns.seed, self.size), body)
            self.head = sha256(header(meta.log, self.size, self.head, created, kinds[place], tlps[place], retentions[place], hash_, len(body)))
        checkpoint = meta.checkpoint
        assert (self.size, self.head) == (checkpoint.size, checkpoint.head), "the chain does not lead to the signed head"
        signed = checkpoint_bytes(meta.log, checkpoint.size, checkpoint.head, checkpoint.time, checkpoint.definition)
        assert verifies(author_key, signed, checkpoint.signature), "not signed by the author"


def unfold(column, count):
    column = list(column)
    assert len(column) in (1, count)
    return column * count if len(column) == 1 else column


def bodies_of(columns, count, packed):
    """The present bodies; in direct logs (not packed) each is followed by zeros up to a multiple of 512 bytes."""
    bodies, at = [], 0
    for length in unfold(columns.length, count):
        bodies.append(columns.bodies[at : at + length])
        at += length if packed else -(-length // 512) * 512
    return bodies


def seal(pb, log, first, prev, bodies, kind, tlp, at, seed, key):
    """Frames of one batch of a direct log of our own, and its head."""
    head, columns = prev, pb.BatchContent(seed=seed, created_delta=[0], kind=[kind], tlp=[tlp], retention=[0])
    columns.length.extend(len(body) for body in bodies)
    for seq, body in enumerate(bodies, first):
        head = sha256(header(log, seq, head, at, kind, tlp, 0, body_hash(salt(seed, seq), body), len(body)))
    columns.bodies = b"".join(body + bytes(-len(body) % 512) for body in bodies)
    size = first + len(bodies) - 1
    checkpoint = pb.Checkpoint(size=size, head=head, time=at, definition=0)
    checkpoint.signature = key.sign(checkpoint_bytes(log, size, head, at, 0))
    content = columns.SerializeToString()
    meta = pb.BatchMeta(log=log, first=first, count=len(bodies), length=len(content), checkpoint=checkpoint)
    return pb.Frame(batch=pb.Batch(meta=meta, chunk=content, last=True)), (size, head)

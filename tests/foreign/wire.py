"""The protocol of docs/protocol.md, written a second time in Python: no line of it is shared with the node's own code."""

import base64
import hashlib
import hmac
import itertools
import re
import struct
import time
import typing

import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

HEADER_BYTES = 127
# What a proof of two histories has of each header: all that does not follow from its place.
HEADER_REST = 54
ENTRIES_MAX, BODY_MAX, BODIES_MAX = 1_000, 48 << 10, 1 << 20
CONTENT_MAX = BODIES_MAX + ENTRIES_MAX * 640
# The extension of a card that lists the earlier log keys.
EARLIER_LOG_KEYS = 2
# Numbers of kinds of observables: the plain hashes with their lengths in bytes, and IPv4 addresses. All others are texts.
HASH_BYTES = {10: 16, 11: 20, 12: 32, 13: 64}
IPV4 = 3


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


def label_is_known(label):
    tlp, restricted, pap = label & 7, label >> 3 & 1, label >> 4
    return tlp <= 4 and pap <= 3 and (not restricted or tlp >= 3)


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

    def until_zero(self):
        end = self.data.find(b"\0", self.at)
        assert end >= 0, "a text that does not end"
        text = self.take(end - self.at)
        self.at += 1
        text.decode()
        return text

    def is_done(self):
        return self.at == len(self.data)


def armour(card):
    """A card as text."""
    text = base64.b64encode(card + sha256(card)[:4]).decode()
    return f"-----BEGIN WATCHFIRE CARD-----\n{text}\n-----END WATCHFIRE CARD-----\n"


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
        self.created = card.number(8)
        self.earlier_log_keys = []
        for _ in range(card.number(1)):
            tag, extension = card.number(2), card.bytes16()
            if tag == EARLIER_LOG_KEYS:
                self.earlier_log_keys = list(earlier(Reader(extension)))
        assert card.is_done() and outer.is_done(), "bytes are left over"
        self.rotations = len(statements) - 1
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


def earlier(keys):
    """Number, public key, when it was put away, whether it was stolen."""
    for _ in range(keys.number(1)):
        yield keys.number(4), keys.take(32), keys.number(8), {0: False, 1: True}[keys.number(1)]
    assert keys.is_done(), "bytes are left over"


class Invitation:
    """What an inviter gives to a joiner."""

    def __init__(self, text):
        prefix, _, encoded = text.partition(":")
        assert prefix == "watchfire-invite"
        encoded = encoded.upper()
        data = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
        assert sha256(data[:-4])[:4] == data[-4:], "it is damaged"
        fields = Reader(data[:-4])
        assert fields.number(1) == 1
        self.org, self.expires, self.secret = fields.take(32), fields.number(8), fields.take(20)
        self.endpoints = fields.data[fields.at :].decode().split(",")
        self.label = base32(hmac.digest(self.secret, b"watchfire/invitation-label/v1", "sha256")[:20])


def pairing(invitation, binding, cards, nonces):
    """What is committed to, both MACs and the digits; of cards and nonces the inviter's first."""
    (card_i, card_j), (nonce_i, nonce_j) = cards, nonces
    commitment = sha256(framed("watchfire/pairing-commitment/v1", [nonce_j, card_j]))
    start = framed("watchfire/pairing-start/v1", [binding, invitation.org, commitment])
    answer = framed("watchfire/pairing-answer/v1", [binding, invitation.org, commitment, nonce_i, card_i])
    macs = [hmac.digest(invitation.secret, message, "sha256") for message in (start, answer)]
    number = int.from_bytes(sha256(framed("watchfire/pairing-digits/v1", [card_i, card_j, nonce_i, nonce_j]))[:16], "big") % 10**12
    digits = f"{number:012}"
    return [commitment, *macs, f"{digits[:4]} {digits[4:8]} {digits[8:]}"]


def point(data):
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


class Entry(typing.NamedTuple):
    """An entry as its place in the log proves it; where the body is absent, the reason stands instead of body and salt."""

    header: bytes
    hash: bytes
    body: typing.Optional[bytes]
    salt: typing.Optional[bytes]
    absent: int


class Batch:
    """A batch of a log put together from its frames: entries, headers and the checkpoint, verified or refused whole."""

    def __init__(self, pb, parts, log, direct, head_size, head_hash, author_key):
        meta = parts[0].meta
        assert all(part.HasField("meta") == (place == 0) for place, part in enumerate(parts)), "the meta part comes first, and once"
        assert all(part.last == (place == len(parts) - 1) for place, part in enumerate(parts)), "more or fewer parts than there are"
        assert meta.log == log and meta.first == head_size + 1 and not meta.start, "another log, or a gap"
        assert 1 <= meta.count <= ENTRIES_MAX and meta.length <= CONTENT_MAX, "larger than any may be"
        content = b"".join(part.chunk for part in parts)
        if meta.zstd:
            assert not direct, "a direct log's batch is not compressed"
            content = zstandard.ZstdDecompressor().decompress(content, max_output_size=meta.length)
        assert len(content) == meta.length, "not as long as it says"
        columns = pb.BatchContent.FromString(content)
        checkpoint = meta.checkpoint
        self.entries, self.size, self.head = [], head_size, head_hash
        absent = unfold(columns.absent, meta.count) if columns.absent else [0] * meta.count
        assert all(0 <= reason <= 4 for reason in absent), "an unknown reason of absence"
        places = range(meta.count)
        created = [checkpoint.time + sum_ for sum_ in itertools.accumulate(deltas(columns.created_delta, meta.count))]
        kinds, tlps, retentions = (unfold(column, meta.count) for column in (columns.kind, columns.label, columns.retention))
        salts = salts_of(columns, meta.first, absent)
        for place, (body, hash_, length) in zip(places, contents(columns, absent, direct)):
            self.size += 1
            salt_ = None if absent[place] else next(salts)
            hash_ = hash_ if absent[place] else body_hash(salt_, body)
            assert kinds[place] <= 255 and label_is_known(tlps[place]) and 0 <= created[place] < 1 << 63, "no header has such a field"
            header_ = header(log, self.size, self.head, created[place], kinds[place], tlps[place], retentions[place], hash_, length)
            self.head = sha256(header_)
            self.entries.append(Entry(header_, self.head, body, salt_, absent[place]))
        assert (self.size, self.head) == (checkpoint.size, checkpoint.head), "the chain does not lead to the signed head"
        signed = checkpoint_bytes(log, checkpoint.size, checkpoint.head, checkpoint.time, checkpoint.definition)
        assert verifies(author_key, signed, checkpoint.signature), "not signed by the author"

    @property
    def bodies(self):
        return [entry.body for entry in self.entries]


def branch(pb, conflict, public):
    """Where a signed history of a log parts from another, and the hash there."""
    told, log = conflict.branch, conflict.log
    assert len(log) == len(told.hash) == 32 and len(told.headers) % HEADER_REST == 0
    seq, prev = conflict.size, told.hash
    for at in range(0, len(told.headers), HEADER_REST):
        seq += 1
        prev = sha256(b"\x01" + log + u64(seq) + prev + told.headers[at : at + HEADER_REST])
    checkpoint = told.checkpoint
    assert (checkpoint.size, checkpoint.head) == (seq, prev), "the headers do not lead to the checkpoint"
    signed = checkpoint_bytes(log, seq, prev, checkpoint.time, checkpoint.definition)
    assert verifies(public, signed, checkpoint.signature), "not the author's"
    return log, conflict.size, told.hash


def unfold(column, count):
    """A column of one value stands for that value throughout."""
    column = list(column)
    assert len(column) in (1, count), "a column has not as many values as it stands for"
    return column * count if len(column) == 1 else column


def deltas(column, count):
    """A single difference is the first one, and all others are 0."""
    return unfold(list(column) + [0] * (count - 1) if len(column) == 1 else column, count)


def salts_of(columns, first, absent):
    """The salts of the present bodies: from the seed, which is there only with all bodies, or one by one."""
    present = absent.count(0)
    if columns.seed:
        assert len(columns.seed) == 32 and not columns.salts and present == len(absent), "a seed beside salts or absent bodies"
        return (salt(columns.seed, seq) for seq in range(first, first + present))
    assert len(columns.salts) == 32 * present, "not one salt for each present body"
    return (columns.salts[at : at + 32] for at in range(0, len(columns.salts), 32))


def contents(columns, absent, direct):
    """Body, hash and length of each entry: the body where it is present, the hash where it is absent."""
    present = absent.count(0)
    if columns.HasField("indicators"):
        assert not direct, "a direct log has no columns of indicators"
        marks = unfold(columns.is_indicator, present)
    else:
        marks = [0] * present
        assert not columns.is_indicator, "marks of indicators that are not there"
    assert all(mark in (0, 1) for mark in marks)
    rows = sum(marks)
    lengths, marks = iter(unfold(columns.length, len(absent) - rows)), iter(marks)
    bodies, hashes, indicators = Reader(columns.bodies), Reader(columns.hashes), iter(indicator_bodies(columns.indicators, rows))
    found, room = [], BODIES_MAX
    for reason in absent:
        if reason:
            found.append((None, hashes.take(32), next(lengths)))
            continue
        body = next(indicators) if next(marks) else bodies.take(next(lengths))
        if direct:
            assert not any(bodies.take(-len(body) % 512)), "padding that is not zero"
        room -= len(body)
        assert room >= 0 and len(body) <= BODY_MAX, "larger than any may be"
        found.append((body, None, len(body)))
    assert bodies.is_done() and hashes.is_done(), "bytes are left over after the last entry"
    return found


def indicator_bodies(columns, rows):
    """The bodies that stand in columns, exactly as their author encoded them."""
    kinds, confidences = unfold(columns.kind, rows), unfold(columns.confidence, rows)
    froms, untils = (itertools.accumulate(deltas(column, rows)) for column in (columns.valid_from_delta, columns.valid_until_delta))
    lists, notes, sources = (texts(column, rows) for column in (columns.label_lists, columns.notes, columns.sources))
    hashes, values = Reader(columns.hashes), Reader(columns.values)
    addresses = itertools.accumulate(columns.ipv4_delta)
    bodies, addresses_read = [], 0
    numbers = zip(*(unfold(column, rows) for column in (columns.label_list, columns.note, columns.source)))
    for kind, confidence, valid_from, valid_until, (list_, note, source) in zip(kinds, confidences, froms, untils, numbers):
        if kind in HASH_BYTES:
            value = hashes.take(HASH_BYTES[kind]).hex().encode()
        elif kind == IPV4:
            address, addresses_read = next(addresses, None), addresses_read + 1
            assert address is not None and 0 <= address < 1 << 32, "no address"
            value = ".".join(str(byte) for byte in struct.pack(">I", address)).encode()
        else:
            value = values.until_zero()
        assert list_ < len(lists) and note < len(notes) and source < len(sources), "a text that is not there"
        labels = lists[list_].split(b"\t")
        assert labels.pop() == b"", "a label that does not end"
        bodies.append(
            number_field(1, kind)
            + bytes_field(2, value)
            + number_field(3, valid_from % (1 << 64))
            + number_field(4, valid_until % (1 << 64))
            + (b"\x28" + varint(confidence - 1) if confidence else b"")
            + b"".join(b"\x32" + varint(len(label)) + label for label in labels)
            + bytes_field(7, notes[note])
            + bytes_field(8, sources[source])
        )
    assert hashes.is_done() and values.is_done() and addresses_read == len(columns.ipv4_delta), "values are left over"
    return bodies


def texts(column, most):
    column.decode()
    found = column.split(b"\0")
    assert found.pop() == b"" and len(found) <= most, "a text that does not end, or more texts than there are indicators"
    return found


def varint(number):
    encoded = b""
    while number >= 0x80:
        encoded, number = encoded + bytes([number & 0x7F | 0x80]), number >> 7
    return encoded + bytes([number])


def number_field(field, number):
    return bytes([field << 3]) + varint(number) if number else b""


def bytes_field(field, data):
    return bytes([field << 3 | 2]) + varint(len(data)) + data if data else b""


def receipt(pb, signed, holder, author, holder_key):
    """What a receipt that travels by itself says, if `holder` has signed it for `author`."""
    assert verifies(holder_key, framed("watchfire/receipt/v1", [signed.statement]), signed.signature), "not signed by its holder"
    statement = pb.ReceiptStatement.FromString(signed.statement)
    assert (statement.holder, statement.author) == (holder, author), "another's receipt"
    return statement.receipt


def seal(pb, log, first, prev, bodies, kind, tlp, at, seed, key):
    """Frames of one batch of a direct log of our own, and its head."""
    head, columns = prev, pb.BatchContent(seed=seed, created_delta=[0], kind=[kind], label=[tlp], retention=[0])
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

"""Checks the wire vectors of tests/vectors with wire.py. `vectors.py FILE PROTO_MODULES`; what is called a control must be refused."""

import json
import struct
import sys

import wire
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives import serialization
from google.protobuf.message import DecodeError

sys.path.insert(0, sys.argv[2])
from watchfire.v1 import link_pb2, record_pb2  # noqa: E402

vectors = json.load(open(sys.argv[1]))
unhex = bytes.fromhex
checked = 0


def check(what, holds):
    global checked
    if not holds:
        sys.exit(f"FAIL  {what}\n{checked} passed, 1 failed")
    checked += 1


def refused(read, *arguments):
    try:
        read(*arguments)
        return False
    except (AssertionError, DecodeError, InvalidSignature, ValueError, KeyError, IndexError, struct.error, zstandard.ZstdError):
        return True


def flips(*parts):
    """The parts again and again, each time with one bit flipped in another byte."""
    for place, part in enumerate(parts):
        for at, byte in enumerate(part):
            yield *parts[:place], part[:at] + bytes([byte ^ 1]) + part[at + 1 :], *parts[place + 1 :]


seed, public = unhex(vectors["batch_seed"]), unhex(vectors["log_key_public"])
private = ed25519.Ed25519PrivateKey.from_private_bytes(unhex(vectors["log_key_seed"]))
raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
check("the log key's public half", raw == public)
check("the salt of position 1", wire.salt(seed, 1).hex() == vectors["salt_of_position_1"])
check("the hash of an empty body", wire.body_hash(bytes(32), b"").hex() == vectors["body_hash_of_empty"])
bodies = [unhex(body) for body in vectors["bodies"]]
indicator = record_pb2.Indicator.FromString(bodies[0])
check("an indicator's fields", (indicator.kind, indicator.value, indicator.confidence) == (1, "evil.example", 85))

author = bytes([0xA1]) * 32
for name, log in [
    ("direct_log", wire.log_id(author, 1, bytes([0xB2]) * 32)),
    ("group_log", wire.log_id(author, 2, bytes([0xC3]) * 32, group=True)),
]:
    vector = vectors[name]
    check(f"{name}: its id", log.hex() == vector["log_id"])
    prev = bytes(32)
    for seq, (entry, body) in enumerate(zip(vector["entries"], bodies), 1):
        header = unhex(entry["header"])
        salt = wire.salt(seed, seq)
        check(f"{name}: salt {seq}", salt.hex() == entry["salt"])
        created, kind, tlp = int.from_bytes(header[73:81], "big"), header[81], header[82]
        retention = int.from_bytes(header[83:91], "big")
        made = wire.header(log, seq, prev, created, kind, tlp, retention, wire.body_hash(salt, body), len(body))
        check(f"{name}: header {seq}", made == header and len(made) == wire.HEADER_BYTES)
        prev = wire.sha256(made)
        check(f"{name}: hash {seq}", prev.hex() == entry["hash"])
    signed, signature = unhex(vector["checkpoint_signed_bytes"]), unhex(vector["checkpoint_signature"])
    check(f"{name}: the checkpoint's signature", wire.verifies(public, signed, signature))
    check(f"{name}: the checkpoint's head", prev in signed)

frames = [link_pb2.Frame.FromString(unhex(frame)).batch for frame in vectors["direct_log_frames"]]
direct_log = unhex(vectors["direct_log"]["log_id"])
batch = wire.Batch(link_pb2, frames, direct_log, True, 0, bytes(32), public)
check("the frames carry the bodies", batch.bodies == bodies)


def read_batch(vector, *frames):
    """The batch of a vector in these frames, from nothing but them, the log, what stood before and the author's key."""
    log, direct = vector["log"], "direct" in vector["log"]
    log = wire.log_id(unhex(log["author"]), log["incarnation"], unhex(log["direct" if direct else "group"]), group=not direct)
    parts = [link_pb2.Frame.FromString(frame) for frame in frames]
    assert all(part.WhichOneof("frame") == "batch" for part in parts), "another frame"
    before = vector["before"]
    return wire.Batch(link_pb2, [part.batch for part in parts], log, direct, before["size"], unhex(before["hash"]), public)


def unhex_all(texts):
    return [text if text is None else unhex(text) for text in texts]


def unsigned_bytes(vector):
    """Reasons of absence that are another reason with the last bit flipped: no signature covers these."""
    return sum(entry["absent"] in (2, 3) for entry in vector["entries"])


for name, vector in vectors["batches"].items():
    frames = unhex_all(vector["frames"])
    batch = read_batch(vector, *frames)
    expected = vector["entries"]
    for field in ("header", "hash", "body", "salt"):
        found = [getattr(entry, field) for entry in batch.entries]
        check(f"{name}: each {field}", found == unhex_all(entry[field] for entry in expected))
    check(f"{name}: what is absent, and why", [entry.absent for entry in batch.entries] == [entry["absent"] for entry in expected])
    check(f"{name}: the head", (batch.size, batch.head) == (vector["head"]["size"], unhex(vector["head"]["hash"])))
    unnoticed = sum(not refused(read_batch, vector, *flipped) for flipped in flips(*frames))
    check(f"control: {name}, each byte flipped", unnoticed == unsigned_bytes(vector))

for name, vector in vectors["refused_batches"].items():
    check(f"refused: {name}", refused(read_batch, vector, *unhex_all(vector["frames"])))

compressed = vectors["compressed"]
vector, frames = vectors["batches"][compressed["batch"]], unhex_all(compressed["frames"])
check("compressed: it is", link_pb2.Frame.FromString(frames[0]).batch.meta.zstd)
check("compressed: the same entries", read_batch(vector, *frames).entries == read_batch(vector, *unhex_all(vector["frames"])).entries)
frames[0] = frames[0][:-40] + bytes([frames[0][-40] ^ 1]) + frames[0][-39:]
check("control: compressed, a byte flipped", refused(read_batch, vector, *frames))

definition = vectors["definition"]
encoded, signature = unhex(definition["definition"]), unhex(definition["signature"])
check("a definition's signature", wire.verifies(public, wire.framed("watchfire/definition/v1", [encoded]), signature))
check("a group's id", wire.group_id(author, bytes([0x77]) * 16).hex() == definition["group_id"])

recall, vector = vectors["recall"], vectors["receipt"]
statement = record_pb2.RecallStatement.FromString(unhex(recall["statement"]))
message = wire.framed("watchfire/recall/v1", [unhex(recall["statement"])])
check("a recall's signature", statement.author == author and wire.verifies(public, message, unhex(recall["signature"])))
recalled = link_pb2.Frame.FromString(unhex(vector["recalled_frame"])).recalled
check("a recall is known by its statement", recalled.recall == wire.sha256(unhex(recall["statement"])) == unhex(recall["id"]))
holder, holder_key = unhex(vector["holder"]), unhex(vector["holder_key_public"])
signed = recalled.receipt.statement, recalled.receipt.signature
check("the receipt in its frame", signed == (unhex(vector["statement"]), unhex(vector["signature"])))


def read_receipt(statement, signature, holder=holder, author=author, key=holder_key):
    return wire.receipt(record_pb2, record_pb2.SignedReceipt(statement=statement, signature=signature), holder, author, key)


receipt = read_receipt(*signed)
said = list(receipt.destroyed), list(receipt.revoked), list(receipt.absent)
check("a receipt's outcomes", said == ([1], [2], [300]) and receipt.log == statement.withdrawal.log and receipt.at == 1_626_602_500_000)
check("a receipt of what was recalled", sorted(sum(said, [])) == list(statement.withdrawal.seqs))
private = ed25519.Ed25519PrivateKey.from_private_bytes(unhex(vector["holder_key_seed"]))
check("the holder's key signs it so", private.sign(wire.framed("watchfire/receipt/v1", [signed[0]])) == signed[1])
check("control: a receipt, each byte flipped", all(refused(read_receipt, *flipped) for flipped in flips(*signed)))
check("control: a receipt under the author's key", refused(lambda: read_receipt(*signed, key=public)))
check("control: a receipt for another author", refused(lambda: read_receipt(*signed, author=holder)))
check("control: a receipt of another holder", refused(lambda: read_receipt(*signed, holder=author)))

told = vectors["holds"]
sender, receiver = unhex(told["from"]), unhex(told["to"])
logs = [(unhex(log), size, unhex(head)) for log, size, head in told["logs"]]
groups = [(unhex(group), number, roster) for group, number, roster in told["groups"]]
digest = wire.holds(sender, receiver, told["credit"], reversed(logs), groups)
check("the digest of what is held", digest.hex() == told["digest"])



def read_bodies(frame):
    """Bodies that were asked for, each proven by the header at its position."""
    frame = link_pb2.Frame.FromString(frame)
    assert frame.WhichOneof("frame") == "bodies" and frame.bodies.log == direct_log, "of another log"
    for item in frame.bodies.items:
        header = unhex(vectors["direct_log"]["entries"][item.seq - 1]["header"])
        assert len(item.salt) == 32 and header[91:123] == wire.body_hash(item.salt, item.body), "another body"
        yield item.seq, item.body


frame = unhex(vectors["bodies_frame"])
check("bodies that were asked for", dict(read_bodies(frame)) == {1: bodies[0], 3: bodies[2]})
lost = [flipped for (flipped,) in flips(frame) if not refused(lambda: dict(read_bodies(flipped)))]
check("control: bodies, each byte flipped", all(len(list(read_bodies(flipped))) < 2 for flipped in lost))


def read_branch(frame):
    frame = link_pb2.Frame.FromString(frame)
    assert frame.WhichOneof("frame") == "conflict", "another frame"
    return wire.branch(link_pb2, frame.conflict, public)


def prove(one, other):
    (log, size, hash_), (other_log, other_size, other_hash) = read_branch(one), read_branch(other)
    assert log == other_log and size == other_size and hash_ != other_hash, "no contradiction"
    return log, size


one, other = unhex_all(vectors["conflict_frames"])
check("two histories of one log", prove(one, other) == (direct_log, 2))
check("control: a history beside itself", refused(prove, one, one))
check("control: a proof, each byte flipped", all(refused(prove, *flipped) for flipped in flips(one, other)))

cards = []
for name, vector in vectors["cards"].items():
    card = wire.Card(vector["text"])
    cards.append(card)
    found = {
        "text": vector["text"],
        "org": card.org.hex(),
        "number": card.number,
        "root": card.root.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint).hex(),
        "rotations": card.rotations,
        "issuing_cas": [ca.hex() for ca in card.issuing_cas],
        "log_key": {"number": card.log_key_number, "public": card.log_key.hex()},
        "earlier_log_keys": [
            {"number": number, "public": public_.hex(), "retired": retired, "stolen": stolen}
            for number, public_, retired, stolen in card.earlier_log_keys
        ],
        "knock_key": card.knock_key.hex(),
        "label_of_day_18826": wire.knock_label(card.knock_key, 18826),
        "endpoints": card.endpoints,
        "protocols": card.protocols,
        "created": card.created,
    }
    check(f"the {name}'s card", found == vector)
    check(f"control: the {name}'s card, each byte flipped", all(refused(wire.Card, wire.armour(flipped)) for (flipped,) in flips(card.bytes)))

paired = vectors["pairing"]
invitation = wire.Invitation(paired["invitation"])
inviter, joiner = cards
check("an invitation", (invitation.org, invitation.expires, invitation.endpoints) == (inviter.org, paired["expires"], inviter.endpoints))
check("an invitation's label", invitation.label == paired["label"])
nonces = unhex(paired["nonce_inviter"]), unhex(paired["nonce_joiner"])
commitment, start, answer, digits = wire.pairing(invitation, unhex(paired["binding"]), (inviter.bytes, joiner.bytes), nonces)
expected = [paired[name] for name in ("commitment", "start_mac", "answer_mac", "digits")]
check("commitment, MACs and digits", [commitment.hex(), start.hex(), answer.hex(), digits] == expected)
turned = wire.pairing(invitation, unhex(paired["binding"]), (joiner.bytes, inviter.bytes), nonces)
check("control: the digits of the other order", turned[-1] != digits)
check("control: an invitation with another secret", refused(wire.Invitation, paired["invitation"][:-20] + "aaaa" + paired["invitation"][-16:]))

# What does not hold must not pass, or all of the above means nothing.
signed = unhex(vectors["group_log"]["checkpoint_signed_bytes"])
check("control: another message", not wire.verifies(public, b"x" + signed, unhex(vectors["group_log"]["checkpoint_signature"])))
check("control: the other side's digest", wire.holds(receiver, sender, told["credit"], logs, groups).hex() != told["digest"])
frames = [link_pb2.Frame.FromString(unhex(frame)).batch for frame in vectors["direct_log_frames"]]
frames[0].meta.checkpoint.time += 1
check("control: a changed checkpoint", refused(wire.Batch, link_pb2, frames, direct_log, True, 0, bytes(32), public))
print(f"{checked} passed, 0 failed")

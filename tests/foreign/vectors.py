"""Checks the wire vectors of tests/vectors with wire.py. `vectors.py FILE PROTO_MODULES`; the last lines are controls that must fail."""

import json
import sys

import wire
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, sys.argv[2])
from watchfire.v1 import link_pb2, record_pb2  # noqa: E402

vectors = json.load(open(sys.argv[1]))
unhex = bytes.fromhex
checked = 0


def check(what, holds):
    global checked
    if not holds:
        sys.exit(f"FAIL  {what}")
    checked += 1


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
batch = wire.Batch(link_pb2, frames, 0, bytes(32), public)
check("the frames carry the bodies", batch.bodies == bodies)

definition = vectors["definition"]
encoded, signature = unhex(definition["definition"]), unhex(definition["signature"])
check("a definition's signature", wire.verifies(public, wire.framed("watchfire/definition/v1", [encoded]), signature))
check("a group's id", wire.group_id(author, bytes([0x77]) * 16).hex() == definition["group_id"])

told = vectors["holds"]
sender, receiver = unhex(told["from"]), unhex(told["to"])
logs = [(unhex(log), size, unhex(head)) for log, size, head in told["logs"]]
groups = [(unhex(group), number, roster) for group, number, roster in told["groups"]]
digest = wire.holds(sender, receiver, told["credit"], reversed(logs), groups)
check("the digest of what is held", digest.hex() == told["digest"])

# What does not hold must not pass, or all of the above means nothing.
check("control: another message", not wire.verifies(public, b"x" + signed, unhex(vectors["group_log"]["checkpoint_signature"])))
check("control: the other side's digest", wire.holds(receiver, sender, told["credit"], logs, groups).hex() != told["digest"])
frames[0].meta.checkpoint.time += 1
try:
    wire.Batch(link_pb2, frames, 0, bytes(32), public)
    check("control: a changed checkpoint", False)
except AssertionError:
    check("control: a changed checkpoint", True)
print(f"{checked} passed, 0 failed")

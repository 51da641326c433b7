"""Known answers for what is sealed to a desk (src/model/desk/sealed.rs), by another implementation: Python's cryptography 48, OpenSSL below.

    python3 tests/vectors/sealed.py > tests/vectors/sealed-v1.json     makes them
    python3 tests/vectors/sealed.py open FILE                          opens what the program sealed, as the same JSON
"""

import hashlib
import json
import struct
import sys

from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
CONTEXT = b"watchfire/desk/sealed/v1"
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


def framed(context, *parts):
    return b"".join(struct.pack(">Q", len(part)) + part for part in (context, *parts))


def keys(seed):
    # X-Wing's expandDecapsulationKey: SHAKE-256 of the seed; 64 bytes for ML-KEM-768, 32 for X25519.
    expanded = hashlib.shake_256(seed).digest(96)
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    public = kem.public_key().public_bytes_raw() + curve.public_key().public_bytes(*RAW)
    return hpke.MLKEM768X25519PrivateKey(kem, curve), public


def bound(public, sender, recipient, referral):
    key = hashlib.sha256(framed(b"watchfire/desk/seal-key-id/v1", public)).digest()[:16]
    return key, framed(CONTEXT, b"\x01", sender, recipient, referral, key)


def make(seed, sender, recipient, referral, plaintext):
    secret, public = keys(seed)
    key, aad = bound(public, sender, recipient, referral)
    inside = b"\x01" + sender + recipient + referral + struct.pack(">H", len(plaintext)) + plaintext
    inside += b"\x00" * (-len(inside) % 512)
    sealed = openssl.hpke._encrypt_with_aad(SUITE, inside, secret.public_key(), CONTEXT, aad)
    fields = dict(seed=seed, public=public, sender=sender, recipient=recipient, referral=referral, plaintext=plaintext)
    return {name: value.hex() for name, value in (fields | {"sealed": b"\x01" + key + sealed}).items()}


def check(vector):
    fields = {name: bytes.fromhex(value) for name, value in vector.items()}
    secret, public = keys(fields["seed"])
    key, aad = bound(public, fields["sender"], fields["recipient"], fields["referral"])
    assert public == fields["public"] and fields["sealed"][:17] == b"\x01" + key
    inside = openssl.hpke._decrypt_with_aad(SUITE, fields["sealed"][17:], secret, CONTEXT, aad)
    length = struct.unpack(">H", inside[81:83])[0]
    assert inside[:81] == b"\x01" + fields["sender"] + fields["recipient"] + fields["referral"]
    assert inside[83 : 83 + length] == fields["plaintext"] and not any(inside[83 + length :])


if sys.argv[1:2] == ["open"]:
    opened = json.load(open(sys.argv[2]))
    for vector in opened:
        check(vector)
    print(len(opened), "opened")
else:
    org = lambda n: hashlib.sha256(bytes([n])).digest()
    cases = [
        (bytes(range(32)), b"", 1),
        (bytes(range(32)), "Signal: +1 555 0100; من فضلك بعد السادسة".encode(), 2),
        (b"\xff" * 32, bytes(range(256)) * 2, 3),
    ]
    vectors = [make(seed, org(n), org(n + 1), bytes([n]) * 16, plaintext) for seed, plaintext, n in cases]
    json.dump(vectors, sys.stdout, indent=1)
    print()

#!/usr/bin/env python3
"""Backups against an independent implementation of age: rage, by its Python package.

    tests/backup/interop.py target/release/watchfire

What we encrypt it opens, to the last byte; what it encrypts, for an identity that it made, we restore. A bit that is flipped is noticed by
both. Needs pyrage (PyPI).
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import time

import pyrage

MAGIC = b"watchfire-backup\n"


def main(binary):
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        environment = {**os.environ, "WATCHFIRE_DATA": os.path.join(place, "node"), "WATCHFIRE_LISTEN": "127.0.0.1:0"}
        # Made-up names, and more than any source sends in a day.
        environment |= {"WATCHFIRE_GATE_RESERVED": "warn", "WATCHFIRE_GATE_BURST_RECORDS_MIN": "2147483648", "WATCHFIRE_RELEASE_HOLD_S": "0"}

        def run(*words, ok=True, **more):
            done = subprocess.run([binary, *words], env=environment, capture_output=True, **more)
            assert (done.returncode == 0) == ok, f"`watchfire {' '.join(words)}` ended with {done.returncode}: {done.stderr.decode()}"
            return done.stdout

        def served(data, work):
            """Makes a node and does something while it runs."""
            run("init", "--name", data, "--listen", "127.0.0.1:0", "--data", data)
            words = [binary, "serve", "--data", data]
            serving = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                for attempt in range(200):
                    if os.path.exists(f"{data}/desk.sock"):
                        break
                    time.sleep(0.05)
                return work()
            finally:
                serving.terminate()
                serving.wait(30)

        open("other.txt", "wb").write(served("other", lambda: run("card", "--data", "other")))
        served("node", lambda: backup(run))


def backup(run):
    run("peer", "add", "other.txt", "--name", "other")
    values = "".join(f"host{number}.example.org\n" for number in range(3000))
    run("import", "-", "--format", "text", "--tlp", "green", "--to", "other", input=values.encode())
    recipient = run("backup", "--new-identity", "ours.key").decode().strip()
    theirs = pyrage.x25519.Identity.generate()
    run("backup", "--to", recipient, "--to", str(theirs.to_public()), "ours.age")
    encrypted = open("ours.age", "rb").read()
    # Ours, opened by them: with our identity and with theirs.
    secret = [line for line in open("ours.key").read().splitlines() if not line.startswith("#")]
    plain = pyrage.decrypt(encrypted, [pyrage.x25519.Identity.from_str(secret[0])])
    assert plain == pyrage.decrypt(encrypted, [theirs]), "each recipient reads the same"
    assert plain.startswith(MAGIC) and len(plain) > 4 * 65536, f"{len(plain)} bytes"
    assert plain[-32:] == hashlib.sha256(plain[:-37]).digest(), "its own checksum is at its end"
    # Theirs, restored by us.
    open("theirs.key", "w").write(f"# made by pyrage\n{theirs}\n")
    again = pyrage.encrypt(plain, [theirs.to_public()])
    open("theirs.age", "wb").write(again)
    said = run("restore", "theirs.age", "--identity", "theirs.key", "--dry-run").decode()
    assert "indicator 3000" in said and "the backup is whole" in said, said
    run("restore", "theirs.age", "--identity", "theirs.key", "--data", "restored")
    assert os.path.exists("restored/watchfire.toml")
    # The control: both notice a flipped bit.
    flipped = bytearray(again)
    flipped[len(flipped) // 2] ^= 1
    open("flipped.age", "wb").write(flipped)
    run("restore", "flipped.age", "--identity", "theirs.key", "--dry-run", ok=False)
    try:
        pyrage.decrypt(bytes(flipped), [theirs])
    except pyrage.DecryptError:
        pass
    else:
        raise AssertionError("pyrage took a flipped bit")
    print(f"{len(encrypted)} bytes opened by pyrage, {len(again)} bytes of pyrage's restored")


main(os.path.abspath(sys.argv[1]))

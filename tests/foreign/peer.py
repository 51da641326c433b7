"""A peer that shares no code with the node: grpcio over pyOpenSSL, and the protocol of wire.py.

    peer.py BINARY DIRECTORY PROTO_MODULES

DIRECTORY has been made by `watchfire provision`: `here` is served by the node, `there` is this program, `stranger` is paired with
nobody. grpcio checks names of hosts, which mean nothing here, so TLS is done by OpenSSL in front of it, with the checks of the protocol.
"""

import base64
import json
import os
import queue
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import wire
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from OpenSSL import SSL

BINARY, DIRECTORY = sys.argv[1], sys.argv[2]
sys.path.insert(0, sys.argv[3])
from watchfire.v1 import link_pb2 as pb  # noqa: E402
from watchfire.v1 import link_pb2_grpc, pairing_pb2, pairing_pb2_grpc, record_pb2  # noqa: E402

# The path of a socket is no authority that HTTP/2 takes.
OPTIONS = [("grpc.enable_http_proxy", 0), ("grpc.default_authority", "peer")]
passed = 0


def check(what, holds, detail=""):
    global passed
    if not holds:
        sys.exit(f"FAIL  {what} {detail}\n{passed} passed, 1 failed")
    print(f"ok    {what}")
    passed += 1


def read(*path):
    return open(os.path.join(DIRECTORY, *path)).read()


def watchfire(*arguments):
    done = subprocess.run([BINARY, *arguments, "--data", os.path.join(DIRECTORY, "here")], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else sys.exit(f"watchfire {arguments}: {done.stdout}{done.stderr}")


class Identity:
    """What an organisation shows and signs with."""

    def __init__(self, name):
        pem = read(name, "keys", "node.pem")
        self.key = serialization.load_pem_private_key(pem[: pem.index("-----BEGIN CERT")].encode(), None)
        self.chain = x509.load_pem_x509_certificates(pem[pem.index("-----BEGIN CERT") :].encode())
        self.card = wire.Card(read("cards", f"{name}.card"))
        seed = read(name, "keys", "log.key").strip().upper()
        self.log_key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b32decode(seed + "=" * (-len(seed) % 8)))


here = wire.Card(read("cards", "here.card"))
there = Identity("there")
host, port = here.endpoints[0].rsplit(":", 1)


class Refused(Exception):
    pass


def dial(identity, label, alpn=b"h2", version=SSL.TLS1_3_VERSION, groups=None):
    """A TLS connection, the node's certificates checked against its card as docs/protocol.md says."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    if alpn:
        context.set_alpn_protos([alpn])
    if groups:
        context.set_tmp_ecdh(groups)
    if identity:
        context.use_certificate(identity.chain[0])
        context.add_extra_chain_cert(identity.chain[1])
        context.use_privatekey(identity.key)
    connection = SSL.Connection(context, socket.create_connection((host, int(port)), 10))
    connection.set_tlsext_host_name(label.encode())
    connection.set_connect_state()
    try:
        connection.setblocking(1)
        connection.do_handshake()
        leaf, issuing = [certificate.to_cryptography() for certificate in connection.get_peer_cert_chain()]
        here.root.verify(issuing.signature, issuing.tbs_certificate_bytes, ec.ECDSA(issuing.signature_hash_algorithm))
        leaf.verify_directly_issued_by(issuing)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [name.value for name in names] == [f"spiffe://{wire.base32(here.org)}/node"], "the node is another organisation's"
        assert issuing.public_bytes(serialization.Encoding.DER) in here.issuing_cas, "the issuing CA is not in the card"
    except (SSL.Error, AssertionError, OSError) as error:
        raise Refused(str(error)) from error
    return connection


def tunnel(identity, label, **options):
    """A socket that grpcio dials without TLS; each connection goes on over `dial`. Returns its address and what was refused."""
    path = tempfile.mktemp(prefix="watchfire-foreign-")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    refused = []

    def pump(client):
        try:
            tls = dial(identity, label, **options)
        except Refused as error:
            refused.append(str(error))
            return client.close()
        lock, raw = threading.Lock(), tls.fileno()

        def down():
            try:
                while True:
                    select.select([raw], [], [], 0.05)
                    with lock:
                        tls.setblocking(0)
                        try:
                            data = tls.recv(65536)
                        except SSL.WantReadError:
                            continue
                        finally:
                            tls.setblocking(1)
                    client.sendall(data)
            except (SSL.Error, OSError) as error:
                refused.append(str(error))
                client.close()

        threading.Thread(target=down, daemon=True).start()
        try:
            while data := client.recv(65536):
                with lock:
                    tls.sendall(data)
        except (SSL.Error, OSError) as error:
            refused.append(str(error))

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=pump, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"unix:{path}", refused


class Link:
    """One stream to the node: frames in, frames out."""

    def __init__(self, identity, label, **options):
        address, self.refused = tunnel(identity, label, **options)
        self.out = queue.Queue()
        self.channel = grpc.insecure_channel(address, options=OPTIONS)
        self.frames = link_pb2_grpc.LinkStub(self.channel).Open(iter(self.out.get, None), timeout=30)

    def send(self, **frame):
        self.out.put(pb.Frame(**frame))

    def hello(self):
        limits = pb.Limits(frame_bytes=65536, batch_entries=1000, batch_bytes=1 << 20, entries_per_day=10**6, bytes_per_day=1 << 30)
        self.send(hello=pb.Hello(versions=[1], clock=int(time.time() * 1000), limits=limits, card=there.card.number))

    def until(self, kind, wanted=lambda _: True):
        for frame in self.frames:
            if frame.WhichOneof("frame") == kind and wanted(getattr(frame, kind)):
                return getattr(frame, kind)
        raise Refused("the node ended the stream")

    def close(self):
        self.out.put(None)
        self.channel.close()


def a_paired_peer_reads_and_writes():
    link = Link(there, wire.knock_label(here.knock_key))
    link.hello()
    hello = link.until("hello")
    check("the node says hello to a foreign peer", 1 in hello.versions and not hello.HasField("limits"))
    check("it holds nothing yet, and says so", hello.holds == wire.holds(here.org, there.card.org, 8 << 20, [], []))

    link.until("have", lambda have: have.complete)
    link.send(have=pb.Have(complete=True))
    watchfire("share", "foreign-lure.com", "--tlp", "amber+strict", "--to", "there", "--now")
    announced = link.until("have", lambda have: any(log.direct == there.card.org for log in have.logs))
    theirs = next(log for log in announced.logs if log.direct == there.card.org)
    log = wire.log_id(here.org, theirs.incarnation, there.card.org)
    link.send(want=pb.Want(log=log, **{"from": 1}, credit=1 << 20))
    parts = [link.until("batch")]
    while not parts[-1].last:
        parts.append(link.until("batch"))
    batch = wire.Batch(pb, parts, log, True, 0, bytes(32), here.log_key)
    values = [record_pb2.Indicator.FromString(body).value for body in batch.bodies]
    check("it reads what the node shares with it, chain and signature checked", "foreign-lure.com" in values, values)
    link.send(ack=pb.Ack(log=log, through=batch.size))
    wait("its acknowledgement is kept", lambda: peer("there")["ahead"] == 0)

    ours = wire.log_id(there.card.org, 1, here.org)
    body = record_pb2.Indicator(kind=1, value="said-by-a-foreigner.com", note="from another implementation").SerializeToString()
    frame, (size, head) = wire.seal(pb, ours, 1, bytes(32), [body], 1, 2, int(time.time() * 1000), secrets.token_bytes(32), there.log_key)
    said = pb.Have.Log(author=there.card.org, incarnation=1, direct=here.org, size=size, head=head)
    link.send(have=pb.Have(logs=[said], complete=True))
    want = link.until("want", lambda want: want.log == ours)
    check("the node asks for what it says", getattr(want, "from") == 1)
    link.out.put(frame)
    ack = link.until("ack", lambda ack: ack.log == ours)
    check("the node takes it, durably", ack.through == 1 and not ack.verdicts, ack)
    found = json.loads(watchfire("lookup", "said-by-a-foreigner.com", "--json"))
    check("people at the node find it", [match["match"] for match in found[0]["matches"]] == ["exact"], found)

    forged = pb.Frame.FromString(frame.SerializeToString())
    forged.batch.meta.first, forged.batch.meta.checkpoint.size = 2, 2
    link.out.put(forged)
    close = link.until("close")
    check("a batch that does not verify ends the link with its reason", close.code == "batch", close)
    link.close()


def peer(name):
    return next(peer for peer in json.loads(watchfire("status", "--json"))["peers"] if peer["name"] == name)


def wait(what, holds):
    end = time.monotonic() + 20
    while not holds():
        if time.monotonic() > end:
            check(what, False)
        time.sleep(0.1)
    check(what, True)


def served(identity, label, **options):
    """Whether the node says hello; else the alert that it sent."""
    link = Link(identity, label, **options)
    link.hello()
    try:
        link.until("hello")
        return True, ""
    except (grpc.RpcError, Refused):
        return False, " ".join(link.refused)
    finally:
        link.close()


def refused(what, words, identity, label, **options):
    was_served, said = served(identity, label, **options)
    check(f"refused: {what}", not was_served and words in said, f"served: {was_served}, alert: {said!r}, expected {words!r}")


def services_are_for_those_they_are_for():
    address, _ = tunnel(there, wire.knock_label(here.knock_key))
    channel = grpc.insecure_channel(address, options=OPTIONS)
    try:
        pairing_pb2_grpc.PairingStub(channel).Start(pairing_pb2.PairingStart(commitment=bytes(32), proof=bytes(32)), timeout=10)
        check("a paired peer does not reach the pairing service", False)
    except grpc.RpcError as error:
        served = error.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND)
        check("a paired peer does not reach the pairing service", served, error)
    channel.close()


label = wire.knock_label(here.knock_key)
a_paired_peer_reads_and_writes()
services_are_for_those_they_are_for()
refused("a stranger with the right label", "unknown ca", Identity("stranger"), label)
refused("nobody: no certificate", "certificate required", None, label)
refused("a label that means nothing", "unrecognized name", there, "a" * 32)
refused("the label of another node", "unrecognized name", there, wire.knock_label(there.card.knock_key))
refused("a classical key exchange alone", "handshake failure", there, label, groups=ec.SECP256R1())
refused("TLS 1.2", "protocol version", there, label, version=SSL.TLS1_2_VERSION)
refused("another protocol than h2", "no application protocol", there, label, alpn=b"http/1.1")
check("control: the same questions, asked by a paired peer, are answered", served(there, label)[0])
print(f"{passed} passed, 0 failed")

#!/usr/bin/env python3
"""A node, killed in between, and the servers of others that it tells. Usage: told.py BINARY SCRATCH"""

import datetime
import getpass
import http.server
import ipaddress
import json
import logging
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PASSWORD = "words of its own"
# Of connections that are refused on purpose it would tell at length.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")
binary, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
data = scratch / "canary-node"
passed = 0


def holds(what, is_so, seen=""):
    global passed
    if not is_so:
        sys.exit(f"FAIL: {what} {seen}")
    passed += 1


def until(what, is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"FAIL: not within {seconds} s: {what}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def certificate(name):
    """A certificate of its own, for this machine. Returns the files with it and with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=2)).add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(key, hashes.SHA256())
    chain, private = scratch / f"{name}.pem", scratch / f"{name}.key"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    return chain, private


def context(pair):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair)
    return made


class Mails:
    """What a mail server took."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((session.host_name, envelope.mail_from, list(envelope.rcpt_tos), envelope.content.decode(), session))
        return "250 taken"

    def ids(self):
        lines = [line for mail in self.mails for line in mail[3].splitlines() if line.lower().startswith("message-id:")]
        return [line.split("<")[1].split("@")[0] for line in lines]


class Web:
    """A web server, with TLS or without."""

    def __init__(self, tls=None):
        self.requests, self.hangs, self.go = [], False, threading.Event()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                web.requests.append((self.path, dict(self.headers), body))
                if web.hangs:
                    web.go.wait(60)
                try:
                    self.send_response(204)
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ids(self):
        return [{name.lower(): value for name, value in headers.items()}["webhook-id"] for _, headers, _ in self.requests]


def logs_in(server, session, envelope, mechanism, login):
    right = login.login == b"watchfire" and login.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


def private(name, text):
    (data / name).write_text(text)
    (data / name).chmod(0o600)


environment = {"PATH": os.environ["PATH"], "WATCHFIRE_DATA": str(data), "RUST_BACKTRACE": "1"}


def command(*args):
    return subprocess.run([binary, *args], env=environment, capture_output=True, text=True, timeout=120)


def told(*args):
    """What `notify test` says: exit code, and outcomes by channel."""
    done = command("notify", "test", *args, "--json")
    return done.returncode, {one["channel"]: one for one in json.loads(done.stdout)}


node = None


def serve():
    global node
    with open(scratch / "node.log", "a") as log:
        node = subprocess.Popen([binary, "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=log)
    until("the node answers", lambda: command("health").returncode == 0)


def kill():
    node.send_signal(signal.SIGKILL)
    node.wait()


trusted, stranger = certificate("trusted"), certificate("stranger")
plain, starttls, tls = Mails(), Mails(), Mails()
ports = {name: free_port() for name in ("plain", "starttls", "tls")}


def plain_server():
    made = Controller(plain, hostname="127.0.0.1", port=ports["plain"])
    made.start()
    return made


plain_running = plain_server()
Controller(starttls, hostname="127.0.0.1", port=ports["starttls"], tls_context=context(trusted), require_starttls=True, authenticator=logs_in,
           auth_required=True).start()
Controller(tls, hostname="127.0.0.1", port=ports["tls"], ssl_context=context(trusted)).start()
hook, chat = Web(context(trusted)), Web()
out = scratch / "told"

made = command("init", "--name", "Canary Helpline", "--listen", "127.0.0.1:0")
holds("a node is made", made.returncode == 0, made.stderr)
private("secret", SECRET + "\n")
private("password", PASSWORD + "\n")
private("chat", f"http://127.0.0.1:{chat.port}/hooks/canary-token\n")
mail = 'kind = "email"\nfrom = "w@mail.invalid"\n'
settings = f"""
[notify]
retry_s_min = 1

[[notify.channel]]
name = "hook"
kind = "webhook"
url = "https://localhost:{hook.port}/hook?from=watchfire"
secret_file = "secret"
ca_file = "{trusted[0]}"

[[notify.channel]]
name = "chat"
kind = "mattermost"
url_file = "chat"

[[notify.channel]]
name = "plain"
{mail}server = "127.0.0.1:{ports["plain"]}"
security = "plain"
to = ["a@mail.invalid", "b@mail.invalid"]

[[notify.channel]]
name = "starttls"
{mail}server = "localhost:{ports["starttls"]}"
security = "starttls"
user = "watchfire"
password_file = "password"
ca_file = "{trusted[0]}"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "tls"
{mail}server = "127.0.0.1:{ports["tls"]}"
ca_file = "{trusted[0]}"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "program"
kind = "command"
program = "/bin/sh"
args = ["-c", "cat >>{out}"]
"""
untrusted = f"""
[[notify.channel]]
name = "stranger-hook"
kind = "webhook"
url = "https://localhost:{hook.port}/"
secret_file = "secret"
ca_file = "{stranger[0]}"

[[notify.channel]]
name = "stranger-starttls"
{mail}server = "localhost:{ports["starttls"]}"
security = "starttls"
ca_file = "{stranger[0]}"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "stranger-tls"
{mail}server = "localhost:{ports["tls"]}"
ca_file = "{stranger[0]}"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "no-tls-there"
{mail}server = "127.0.0.1:{ports["plain"]}"
security = "starttls"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "wrong-password"
{mail}server = "localhost:{ports["starttls"]}"
security = "starttls"
user = "watchfire"
password_file = "secret"
ca_file = "{trusted[0]}"
to = ["a@mail.invalid"]

[[notify.channel]]
name = "system-certificates"
kind = "webhook"
url = "https://localhost:{hook.port}/"
secret_file = "secret"
"""
file = data / "watchfire.toml"
first = file.read_text()
file.write_text(first + settings)

serve()
try:
    # Each channel tells it, under one id.
    code, outcomes = told()
    holds("every channel tells it", code == 0 and len(outcomes) == 6 and all(one["delivered"] for one in outcomes.values()), outcomes)
    [notice] = {one["id"] for one in outcomes.values()}
    holds("under one id", hook.ids() == plain.ids() == starttls.ids() == tls.ids() == [notice], (hook.ids(), plain.ids(), starttls.ids(), tls.ids()))
    path, headers, body = hook.requests[0]
    holds("the path and query stay", path == "/hook?from=watchfire", path)
    verified = Webhook(SECRET).verify(body, headers)
    holds("the reference package takes the signature", verified["type"] == "test" and verified["data"]["id"] == notice, verified)
    for secret, changed in ((OTHER_SECRET, body), (SECRET, body.replace(b"test", b"tets"))):
        try:
            Webhook(secret).verify(changed, headers)
            holds("a wrong secret or a changed body is refused", False)
        except WebhookVerificationError:
            holds("a wrong secret or a changed body is refused", True)
    hello, sender, recipients, text, session = plain.mails[0]
    holds("both recipients get it and learn nothing of each other", recipients == ["a@mail.invalid", "b@mail.invalid"] and "b@mail" not in text, text)
    holds("the subject has no content", "Subject: watchfire: this is a test\r\n" in text, text)
    holds("one mail was sent under TLS, by who had logged in", starttls.mails[0][4].ssl and starttls.mails[0][4].authenticated)
    holds("one mail was sent under TLS from the first byte", len(tls.mails) == 1)
    line = json.loads(chat.requests[0][2])
    holds("the chat gets a line", list(line) == ["text"] and line["text"].startswith("watchfire: this is a test"), line)
    holds("the program gets what the web server gets", json.loads(out.read_text()) == json.loads(body), out.read_text())

    # On its way when the node is killed: told again, under the same id.
    hook.hangs, before = True, len(hook.requests)
    asking = subprocess.Popen([binary, "notify", "test", "hook"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("it is on its way", lambda: len(hook.requests) == before + 1)
    kill()
    asking.wait()
    hook.hangs = False
    hook.go.set()
    serve()
    until("it is told again", lambda: len(hook.requests) == before + 2)
    holds("under the same id", hook.ids()[before] == hook.ids()[before + 1] != notice, hook.ids())

    # The mail server is down, and the node is killed while it waits.
    plain_running.stop()
    before = len(plain.mails)
    code, outcomes = told("plain")
    holds("a failure is told", code == 1 and outcomes["plain"]["problem"] == "nobody answers there", outcomes)
    kill()
    serve()
    waiting = json.loads(command("notify", "list", "--json").stdout)["notices"]
    holds("it waits over a restart", [one["id"] for one in waiting] == [outcomes["plain"]["id"]], waiting)
    plain_running = plain_server()
    until("it comes", lambda: len(plain.mails) > before)
    holds("under the same id", set(plain.ids()[before:]) == {outcomes["plain"]["id"]}, plain.ids())
    until("nothing waits", lambda: not json.loads(command("notify", "list", "--json").stdout)["notices"])

    # What is not trusted gets nothing.
    kill()
    file.write_text(first + settings + untrusted)
    serve()
    counts = [len(one) for one in (hook.requests, plain.mails, starttls.mails, tls.mails)]
    tls_problem = "its certificate is not trusted, or it speaks no TLS"
    expected = {name: tls_problem for name in ("stranger-hook", "stranger-starttls", "stranger-tls", "no-tls-there")}
    expected |= {"wrong-password": "the mail server answered 535"}
    for name, problem in expected.items():
        code, outcomes = told(name)
        holds(f"{name} fails", code == 1 and outcomes[name]["problem"] == problem, outcomes)
    code, outcomes = told("system-certificates")
    holds("the system does not trust it", code == 1 and not outcomes["system-certificates"]["delivered"], outcomes)
    holds("nothing came", counts == [len(one) for one in (hook.requests, plain.mails, starttls.mails, tls.mails)])

    # Nothing that names anybody is in any byte.
    kinds = {
        "webhook": "".join(f"{path} {headers} {body.decode()}" for path, headers, body in hook.requests),
        "mattermost": "".join(f"{headers} {body.decode()}" for _, headers, body in chat.requests),
        "mail": "".join(str(mail[:4]) for one in (plain, starttls, tls) for mail in one.mails),
        "program": out.read_text(),
    }
    org = json.loads(command("status", "--json").stdout)["org_id"]
    host = [socket.gethostname()] if len(socket.gethostname()) > 3 and socket.gethostname() != "localhost" else []
    user = [getpass.getuser()] if len(getpass.getuser()) > 4 else []
    canaries = ["Canary", "Helpline", "canary", org, scratch.name, PASSWORD, SECRET[6:], *host, *user]
    for kind, text in kinds.items():
        holds(f"the search finds the id in {kind}", notice in text, text)
        for canary in canaries:
            holds(f"`{canary}` is not in {kind}", canary not in text, text)
    log = (scratch / "node.log").read_text()
    for secret in ("canary-token", SECRET[6:], PASSWORD, "mail.invalid", "Canary"):
        holds(f"`{secret}` is not in the log", secret not in log)
finally:
    kill()
print(f"{passed} passed, 0 failed")

"""A node with what is planted, and what it serves. Nothing here but Python's own library."""

import base64
import io
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tarfile
import time
import urllib.request

SETTINGS = """
[gate]
reserved = "warn"
unknown_tld = "warn"
burst_records_min = 2147483648
[release]
hold_s = 0
[https]
listen = "127.0.0.1:0"
"""


class Node:
    def __init__(self, binary, scratch, more=""):
        self.binary, self.data = binary, pathlib.Path(scratch) / "node"
        self.environment = {"PATH": os.environ["PATH"], "WATCHFIRE_DATA": str(self.data), "RUST_BACKTRACE": "1"}
        # Somebody to share with, whose node is away.
        other = pathlib.Path(scratch) / "other"
        card = other.with_suffix(".card")
        self._init(other)
        with self._serve(other) as away:
            card.write_text(self.run("card", "--data", str(other)))
            away.terminate()
        self._init(self.data)
        with (self.data / "watchfire.toml").open("a") as settings:
            settings.write(SETTINGS + more)
        self.serving = self._serve(self.data)
        self.address = self._port()
        self.run("peer", "add", str(card), "--name", "other")
        self.run("group", "create", "circle", "--community", "--member", "other")

    def _port(self):
        return self.json("consumer", "list")["https"]["address"].rsplit(":", 1)[1]

    def again(self):
        """Starts it anew."""
        self.stop()
        self.serving = self._serve(self.data)
        self.address = self._port()

    def _init(self, data):
        self.run("init", "--data", str(data), "--name", data.name, "--listen", "127.0.0.1:0", "--endpoint", "127.0.0.1:1")

    def _serve(self, data):
        log = data.with_suffix(".log").open("w")
        serving = subprocess.Popen([self.binary, "serve", "--data", str(data)], env=self.environment, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while subprocess.run([self.binary, "health", "--data", str(data)], env=self.environment, capture_output=True).returncode:
            if time.monotonic() > end or serving.poll() is not None:
                sys.exit("FAIL: the node does not start: " + data.with_suffix(".log").read_text()[-2000:])
            time.sleep(0.1)
        return serving

    def run(self, *args, into=None):
        done = subprocess.run([self.binary, *args], env=self.environment, input=into, capture_output=True, text=True, timeout=600)
        if done.returncode:
            sys.exit(f"FAIL: `watchfire {' '.join(args)}` ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *args, into=None):
        return json.loads(self.run(*args, "--json", into=into))

    def share(self, text, tlp, form="csv"):
        """Shares a file's values. Returns how many left."""
        return self.json("import", "-", "--format", form, "--tlp", tlp, "--to", "circle", "--now", into=text)["released"]

    def consumer(self, name, *args):
        return self.json("consumer", "add", name, *args)["token"]

    def url(self, path):
        return f"https://localhost:{self.address}{path}"

    def open(self, path, token):
        request = urllib.request.Request(self.url(path), headers={"Authorization": f"Bearer {token}"})
        trusted = ssl.create_default_context(cafile=str(self.data / "https/cert.pem"))
        return urllib.request.urlopen(request, timeout=300, context=trusted)

    def fetch(self, path, token):
        with self.open(path, token) as answer:
            return answer.read()

    def size(self, path, token):
        """How many bytes there are, which are thrown away."""
        with self.open(path, token) as answer:
            return sum(len(some) for some in iter(lambda: answer.read(1 << 16), b""))

    def files(self, form, token, folder):
        """An export of several files, unpacked. Returns the folder."""
        archive = tarfile.open(fileobj=io.BytesIO(self.fetch(f"/export/{form}.tar", token)))
        folder.mkdir(parents=True)
        for member in archive:
            (folder / pathlib.PurePath(member.name).name).write_bytes(archive.extractfile(member).read())
        return folder

    def stop(self):
        self.serving.terminate()
        self.serving.wait(30)


class Partner:
    """Another organisation, whose node runs and talks to the one that serves."""

    def __init__(self, node, scratch, name="partner"):
        self.node, self.data = node, pathlib.Path(scratch) / name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            here = f"127.0.0.1:{free.getsockname()[1]}"
        self.run("init", "--name", name, "--listen", here, "--endpoint", here)
        with (self.data / "watchfire.toml").open("a") as settings:
            settings.write(SETTINGS.replace('[https]\nlisten = "127.0.0.1:0"\n', ""))
        self.serving = node._serve(self.data)
        ours, theirs = self.data.with_suffix(".card"), pathlib.Path(scratch) / "here.card"
        for whose, card in [(self.data, ours), (node.data, theirs)]:
            card.write_text(node.run("card", "--data", str(whose)))
        self.run("peer", "add", str(theirs), "--name", "here")
        node.run("peer", "add", str(ours), "--name", name)

    def run(self, *args):
        return self.node.run(*args, "--data", str(self.data))

    def share(self, value, tlp):
        self.run("share", value, "--tlp", tlp, "--to", "here", "--now")

    def stop(self):
        self.serving.terminate()
        self.serving.wait(30)


def plain(folder):
    """What the lists of Suricata say, whose strings are in base64."""
    lines = [line for file in sorted(folder.iterdir()) for line in file.read_text().splitlines()]
    for line in list(lines):
        try:
            lines.append(base64.b64decode(line, validate=True).decode())
        except ValueError:
            pass
    return "\n".join(lines)

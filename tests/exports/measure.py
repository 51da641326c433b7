#!/usr/bin/env python3
"""How fast each export is written, and in how much memory. Usage: measure.py BINARY SCRATCH [N...]

For each number of indicators (10,000 and 100,000 where none is given) and each format a node is started anew, asked by the command line and then over
HTTPS, and the most memory that it had is read from /proc. The store's cache is 4 MiB here, so that what is seen is not how full that is. Fails where
a peak grows by more than a quarter, or where no values of what was shared are in what was written."""

import os
import pathlib
import subprocess
import sys
import time

from node import Node

FORMATS = {
    "stix": "stix.json", "mvt": "mvt.tar", "misp": "misp.tar", "suricata": "suricata.tar", "rpz": "rpz.zone", "hosts": "hosts", "dnsmasq": "dnsmasq.conf",
    "adblock": "adblock.txt", "sigma": "sigma.tar", "lists": "lists.tar", "csv": "csv", "text": "text",
}
GROWTH_MAX = 1.25


def made(count):
    """As many values of the usual kinds, in 97 campaigns."""
    yield "value,type,campaign\n"
    for number in range(count):
        digest = f"{number:064x}"
        value = [
            ("domain", f"lure-{number}.planted-{number % 997}.com"),
            ("url", f"https://host-{number % 4_999}.planted.net/{number}"),
            ("ipv4", f"45.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"),
            ("sha256", digest),
            ("domain", f"name-{number}.org"),
        ][number % 5]
        yield f"{value[1]},{value[0]},campaign {number % 97}\n"


def peak(pid):
    """The most memory that a process had, in MB; 0 once it has ended."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0)


def written(node, form):
    """Seconds, bytes and the most memory of the command line's process."""
    began = time.monotonic()
    most = 0
    with open(node.data.with_suffix(".out"), "wb") as out:
        child = subprocess.Popen([node.binary, "export", form], env=node.environment, stdout=out, stderr=subprocess.DEVNULL)
        while child.poll() is None:
            most = max(most, peak(child.pid))
            time.sleep(0.01)
    if child.returncode:
        sys.exit(f"FAIL: `watchfire export {form}` ended with {child.returncode}")
    return time.monotonic() - began, os.path.getsize(out.name), most


def main():
    binary, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    counts = [int(one) for one in sys.argv[3:]] or [10_000, 100_000]
    peaks = {}
    for count in counts:
        work = scratch / str(count)
        work.mkdir(parents=True)
        node = Node(binary, work, "[store]\ncache_bytes = 4194304\n")
        released = node.share("".join(made(count)), "green")
        if released != count:
            sys.exit(f"FAIL: {released} of {count} are shared")
        token = node.consumer("lab", "--tlp-max", "green", "--scope", "export,taxii")
        for form, path in FORMATS.items():
            node.again()
            idle = peak(node.serving.pid)
            seconds, size, client = written(node, form)
            most = peak(node.serving.pid)
            began = time.monotonic()
            fetched = node.size(f"/export/{path}", token)
            https, most_https = time.monotonic() - began, peak(node.serving.pid)
            if size != fetched or size < count:
                sys.exit(f"FAIL: {form}: {size} bytes written, {fetched} fetched")
            peaks.setdefault(form, []).append(max(most, most_https))
            print(
                f"{form:9} {count:7}: {count / seconds:9,.0f}/s, {size / 1e6:6.1f} MB; peak {most:5.1f} MB (idle {idle:.1f}), its client {client:4.1f} MB;"
                f" HTTPS {count / https:9,.0f}/s, peak {most_https:5.1f} MB",
                flush=True,
            )
        node.stop()
    bad = {form: of for form, of in peaks.items() if of[-1] > of[0] * GROWTH_MAX}
    for form, of in peaks.items():
        print(f"{form:9} the peak grows {of[-1] / of[0]:.2f} times while indicators grow {counts[-1] / counts[0]:.0f} times")
    if bad:
        sys.exit(f"FAIL: these grow by more than {GROWTH_MAX} times: {', '.join(bad)}")


if __name__ == "__main__":
    main()

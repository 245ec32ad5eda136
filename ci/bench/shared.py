"""What the benches of servers share: figures with their bars, programs that are run, and pairs that
are timed in turn."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MIB = 1 << 20
missed = []


def figure(name, value, bar=None, holds=True):
    """Prints a figure with its bar, and remembers a missed one."""
    if bar is None:
        print(f"{name}: {value} (no bar)", flush=True)
        return
    print(f"{name}: {value}, bar {bar}: {'pass' if holds else 'MISSED'}", flush=True)
    if not holds:
        missed.append(name)


def run(*command, **more):
    command = [str(part) for part in command]
    done = subprocess.run(command, text=True, capture_output=True, **more)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def root(*command, **more):
    return run(*([] if os.geteuid() == 0 else ["sudo", "-n"]), *command, **more)


def install(program):
    """A program of the Debian package that is called as it is."""
    if not shutil.which(program):
        root("apt-get", "update", "-qq")
        root("apt-get", "install", "-y", "-qq", "--no-install-recommends", program)


def target():
    """The folder that cargo builds into."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()


class Program:
    """A server that says on stdout where it listens."""

    def __init__(self, command, log):
        with open(log, "ab") as stderr:
            command = [str(part) for part in command]
            self.child = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=stderr)
        line = self.child.stdout.readline().strip()
        if not line.startswith("listening on "):
            sys.exit(f"{command} does not listen: see {log}\n{pathlib.Path(log).read_text()[-4000:]}")
        self.base = line.removeprefix("listening on ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(timeout=60)

    def memory(self, field):
        """A figure of `/proc`, in MiB."""
        for line in open(f"/proc/{self.child.pid}/status"):
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        sys.exit(f"no {field} of {self.child.pid}")


def post(base, path, body, **headers):
    headers = {"content-type": "application/json", **headers}
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def alternate(runs, ours, theirs):
    """The medians of both, and of their ratios. The first pair is a warm-up."""
    pairs = [(ours(), theirs()) for _ in range(runs + 1)][1:]
    a, b = zip(*pairs)
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in pairs)

#!/usr/bin/env python3
"""Cuts the power of the log's filesystem under load, again and again.

An ext4 of its own on a loop device holds the log. Clients send over HTTP, a message centre
answers, and at a random moment the filesystem is shut down by ioctl: what is in the page cache
and in uncommitted transactions of the journal is gone. Then it is unmounted and mounted again,
the log proves itself (`verify`), and its `export` is compared with what the clients were told.

    sudo drills/power-cut/drill.py --rounds 200

Exit codes: 0 nothing was lost, 1 something was, 77 this machine cannot run the drill.
"""

import argparse
import fcntl
import http.client
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# linux/fs.h of ext4: _IOR('X', 125, __u32), and its flag "without a flush of the journal".
EXT4_IOC_SHUTDOWN = 0x8004587D
NOLOGFLUSH = 2
# An fdatasync that overlaps the forced shutdown may return success without effect; a real cut
# has no such moment. What was acknowledged within this time of it is told apart.
RACE_S = 0.010
IMAGE_OCTETS = 1 << 30
CLIENTS = 12
TOKEN = "drill-token"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def missing_here(bridge):
    """What this machine lacks, in words."""
    lacks = []
    if os.geteuid() != 0:
        lacks.append("root (mount, losetup): run it with sudo")
    for tool in ("mkfs.ext4", "losetup", "mount", "umount"):
        if shutil.which(tool) is None:
            lacks.append(f"{tool}: install e2fsprogs and util-linux")
    if not Path("/dev/loop-control").exists():
        lacks.append("/dev/loop-control: no loop devices; in a container, run it on the host")
    if not Path(bridge).is_file():
        lacks.append(f"{bridge}: cargo build --release, or name it with --bridge")
    return lacks


class Filesystem:
    """An ext4 in a file, mounted by a loop device."""

    def __init__(self, folder):
        self.image, self.at = folder / "disk.img", folder / "disk"
        self.at.mkdir(exist_ok=True)
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_OCTETS)
        run("mkfs.ext4", "-q", "-F", str(self.image))
        self.loop = run("losetup", "--find", "--show", str(self.image)).stdout.strip()
        self.mounted = False
        self.mount()

    def mount(self):
        run("mount", self.loop, str(self.at))
        self.mounted = True

    def cut(self):
        directory = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, EXT4_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(directory)

    def unmount(self):
        for _ in range(100):
            if subprocess.run(["umount", str(self.at)], capture_output=True).returncode == 0:
                self.mounted = False
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.at} cannot be unmounted")

    def remove(self):
        if self.mounted:
            self.unmount()
        run("losetup", "--detach", self.loop)
        self.image.unlink()


class Book:
    """What clients were told, and when."""

    def __init__(self):
        self.lock = threading.Lock()
        self.told = {}
        self.number = 0

    def next(self):
        with self.lock:
            self.number += 1
            return self.number

    def note(self, message, text):
        now = time.monotonic()
        with self.lock:
            self.told[message] = (text, now)


def client(port, gateway, book, stop):
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    connection = None
    while not stop.is_set():
        number = book.next()
        text = f"message {number} " + "x" * random.choice((0, 20, 120))
        body = json.dumps({"to_number": f"+4915{number:08}", "from_sender": "12345", "message": text})
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", f"/api/sms-gateways/{gateway}/send", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status == 201:
                book.note(id_of(told), text)
            else:
                stop.wait(0.01)
        except (OSError, http.client.HTTPException):
            connection = None
            stop.wait(0.01)


def id_of(answer):
    answer = json.loads(answer)
    return int((answer.get("data") or answer)["id"])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bridge:
    def __init__(self, program, folder, data, smsc):
        self.program, self.folder, self.data, self.smsc = program, folder, data, smsc
        self.gateway = None

    def start(self):
        self.port = free_port()
        config = self.folder / "bridge.toml"
        config.write_text(
            f'[http]\nlisten = "127.0.0.1:{self.port}"\n'
            f'[storage]\npath = {json.dumps(str(self.data))}\ndisk_reserve_mib = 16\n'
            f'[log]\nlevel = "warn"\n'
            f'[[api.tokens]]\nname = "drill"\ntoken = "{TOKEN}"\nscopes = ["admin"]\n'
        )
        self.log = open(self.folder / "bridge.log", "a")
        self.child = subprocess.Popen(
            [self.program, "run", "--config", str(config)], stdout=self.log, stderr=self.log
        )
        begun = time.monotonic()
        while not self.answers("GET", "/readyz"):
            if self.child.poll() is not None or time.monotonic() - begun > 60:
                raise RuntimeError("the bridge does not start: " + self.said())
            time.sleep(0.01)
        if self.gateway is None:
            made = self.answers("POST", "/api/sms-gateways", {
                "name": "drill", "provider_type": "smpp", "server_host": "127.0.0.1",
                "server_port": self.smsc, "username": "drill", "password": "drill",
                "meta": {"smpp": {"window": 100, "reconnect_initial_ms": 50}},
            })
            self.gateway = id_of(made)
        return time.monotonic() - begun

    def answers(self, method, path, body=None):
        """The body of a good answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            return text if answer.status < 300 else None
        except OSError:
            return None
        finally:
            connection.close()

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.log.close()

    def said(self):
        return (self.folder / "bridge.log").read_text()[-4000:]


def proof(program, data):
    """`verify` in words, where it fails."""
    found = subprocess.run([program, "verify", "--data", str(data)], capture_output=True, text=True)
    if found.returncode == 0 and "no violations" in found.stdout:
        return None
    return found.stdout[-2000:] + found.stderr[-2000:]


def accepted(program, data):
    """Texts by id, as the log has them."""
    export = subprocess.Popen([program, "export", "--data", str(data)], stdout=subprocess.PIPE, text=True)
    texts = {}
    for line in export.stdout:
        entry = json.loads(line)
        event = entry.get("event")
        if isinstance(event, dict) and "Accepted" in event:
            texts[entry["message"]] = event["Accepted"]["text"]
    if export.wait() != 0:
        raise RuntimeError("export failed")
    return texts


def one_round(bridge, disk, book):
    """Load, cut, remount. What is lost, and within the race."""
    start_s = bridge.start()
    stop = threading.Event()
    clients = [
        threading.Thread(target=client, args=(bridge.port, bridge.gateway, book, stop), daemon=True)
        for _ in range(CLIENTS)
    ]
    for thread in clients:
        thread.start()
    time.sleep(random.uniform(0.2, 1.5))
    with book.lock:
        # Nobody notes anything meanwhile: what is noted now was answered before the cut.
        told = dict(book.told)
        cut_at = time.monotonic()
        disk.cut()
    stop.set()
    bridge.kill()
    for thread in clients:
        thread.join()
    disk.unmount()
    disk.mount()
    wrong = proof(bridge.program, bridge.data)
    if wrong:
        raise RuntimeError("verify: " + wrong)
    texts = accepted(bridge.program, bridge.data)
    lost = {m: cut_at - at for m, (text, at) in told.items() if texts.get(m) != text}
    with book.lock:
        # Answers that were under way at the cut, and may or may not be durable.
        book.told = {m: t for m, t in book.told.items() if m in told and m not in lost}
    return len(told), lost, start_s


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rounds-a-log", type=int, default=20, help="then a new filesystem")
    parser.add_argument("--seconds", type=float, default=0, help="begin no round after so long")
    parser.add_argument("--bridge", default=str(root / "target/release/smpp-bridge"))
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    lacks = missing_here(options.bridge)
    if lacks:
        print("this machine cannot run the drill; it lacks", *lacks, sep="\n  ")
        return 77
    random.seed(options.seed)
    print(f"{options.rounds} cuts, seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="power-cut-"))
    smsc_port = free_port()
    smsc = subprocess.Popen(
        [options.bridge, "smsc", "--listen", f"127.0.0.1:{smsc_port}", "--receipt-delay-ms", "50"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    disk = bridge = None
    rounds = total = lost_total = raced = 0
    slowest = 0.0
    begun = time.monotonic()
    try:
        while rounds < options.rounds:
            if options.seconds and time.monotonic() - begun > options.seconds:
                break
            if rounds % options.rounds_a_log == 0:
                if disk:
                    disk.remove()
                disk, book = Filesystem(folder), Book()
                bridge = Bridge(options.bridge, folder, disk.at / "data", smsc_port)
                before = 0
            told, lost, start_s = one_round(bridge, disk, book)
            rounds += 1
            slowest = max(slowest, start_s)
            total += told - before
            before = len(book.told)
            race = [age for age in lost.values() if age <= RACE_S]
            raced += len(race)
            lost_total += len(lost) - len(race)
            ages = "".join(f" {1000 * age:.1f}" for age in sorted(lost.values())[:10])
            print(
                f"cut {rounds}: {told} acknowledged in this log, {len(lost)} missing"
                + (f", acknowledged so many ms before the cut:{ages}" if lost else ""),
                flush=True,
            )
    except BaseException:
        if bridge:
            print(bridge.said())
        raise
    finally:
        if bridge and getattr(bridge, "child", None) and bridge.child.poll() is None:
            bridge.kill()
        smsc.kill()
        if disk:
            disk.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{rounds} cuts: {total} messages acknowledged, {lost_total} lost, {raced} more within "
        f"{1000 * RACE_S:.0f} ms of the cut; verify found no violation; slowest start {slowest:.1f} s"
    )
    return 1 if lost_total else 0


if __name__ == "__main__":
    sys.exit(main())

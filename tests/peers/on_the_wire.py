"""A whole conversation of the bridge, read by Wireshark's dissector."""

import collections
import signal
import socket
import subprocess
import time

import lab

GSM = "Prices: 5 € [net]"
UCS2 = "Привет, мост"
LONG = "A text that needs several segments. " * 10

COMMANDS = {
    "bind_transceiver": 0x0000_0009,
    "bind_transceiver_resp": 0x8000_0009,
    "submit_sm": 0x0000_0004,
    "submit_sm_resp": 0x8000_0004,
    "deliver_sm": 0x0000_0005,
    "deliver_sm_resp": 0x8000_0005,
    "enquire_link": 0x0000_0015,
    "enquire_link_resp": 0x8000_0015,
    "unbind": 0x0000_0006,
    "unbind_resp": 0x8000_0006,
}
# GSM, UCS-2, and three of the long one.
SUBMITS = 5


def run(check, binary, work):
    command = [binary, "smsc", "--listen", "127.0.0.1:0", "--receipt-delay-ms", "50"]
    capture = work / "conversation.pcapng"
    with lab.Process(command) as smsc:
        port = int(smsc.line("the simulator's address").split(";")[0].rpartition(":")[2])
        with Capture(port, capture, work):
            converse(binary, work, port)
    wire = Wire(capture, port)
    check.equal("Wireshark finds nothing malformed", wire.count("_ws.malformed"), 0)
    # 6291456 is "warning"; above it are errors.
    check.equal(
        "Wireshark's experts have neither warnings nor errors on SMPP",
        wire.count("smpp && _ws.expert.severity >= 6291456"),
        0,
    )
    ids = wire.values("smpp.command_id")
    seen = collections.Counter(int(i, 0) for i in ids)
    for name, number in COMMANDS.items():
        check.that(f"the capture has {name}", seen[number] > 0, seen)
    unknown = sorted(set(seen) - set(COMMANDS.values()))
    check.equal("it has no other command", unknown, [])
    wanted = {
        name: SUBMITS for name in ("submit_sm", "submit_sm_resp", "deliver_sm", "deliver_sm_resp")
    }
    check.equal(
        "every submit, response and receipt is there",
        {n: seen[COMMANDS[n]] for n in wanted},
        wanted,
    )
    statuses = set(wire.values("smpp.command_status"))
    check.equal("every response says ESME_ROK", {int(s, 0) for s in statuses}, {0})
    codings = collections.Counter(
        int(c, 0) for c in wire.values("smpp.data_coding", "smpp.command_id == 4")
    )
    check.equal("data_coding is 0 four times and 8 once", codings, {0: 4, 8: 1})
    parts = wire.values("gsm_sms.udh.mm.msg_part", "smpp.command_id == 4")
    check.equal("the headers number the segments", [int(p, 0) for p in parts], [1, 2, 3])
    check.equal("they share a reference", len(set(wire.values("gsm_sms.udh.mm.msg_id"))), 1)
    given = wire.values("smpp.message_id", "smpp.command_id == 0x80000004")
    named = wire.values("smpp.receipted_message_id")
    check.equal("receipts name the ids of the responses", sorted(named), sorted(given))
    check.that(
        "UCS-2 reads as sent",
        UCS2 in wire.values("smpp.message_text"),
        wire.values("smpp.message_text"),
    )


def converse(binary, work, port):
    with lab.Bridge(binary, work) as bridge:
        gateway = bridge.gateway(port, "wire", "secret", enquire_link_s=1)
        numbers = []
        for text in (GSM, UCS2, LONG):
            status, message = bridge.send(gateway, text)
            if status != 201:
                raise lab.Stuck(f"the send was answered {status}: {message}")
            numbers.append(message["id"])
        for number in numbers:
            bridge.until_state(number, "delivered")
        # Silence, so that the bridge asks whether the peer is there.
        time.sleep(2.5)
        code = bridge.end()
        if code != 0:
            raise lab.Stuck(f"the bridge ended with {code}")


class Capture:
    """What passes the port on loopback while the block runs."""

    def __init__(self, port, path, work):
        self.port, self.path, self.log = port, path, work / "tshark.log"

    def __enter__(self):
        self.child = subprocess.Popen(
            ["tshark", "-i", "lo", "-f", f"tcp port {self.port}", "-w", str(self.path), "-q"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.log, "wb"),
        )
        lab.until(
            "tshark captures on loopback (it needs the right to: root, or CAP_NET_RAW)", self.sees
        )
        return self

    def sees(self):
        """Knocks until a knock is in the file: from then on nothing is missed."""
        if self.child.poll() is not None:
            said = self.log.read_text(errors="replace").strip()
            raise lab.Stuck(
                "capturing on loopback is not permitted, or tshark failed; run as root, or give "
                f"dumpcap CAP_NET_RAW. tshark ended with {self.child.returncode}: {said}"
            )
        socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        time.sleep(0.2)
        if not self.path.exists():
            return False
        read = subprocess.run(
            ["tshark", "-r", str(self.path), "-c", "1"], capture_output=True, text=True, check=False
        )
        return bool(read.stdout.strip())

    def __exit__(self, *_):
        # What was seen last is written within this time.
        time.sleep(0.5)
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(lab.STEP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Wire:
    """A capture, asked with display filters."""

    def __init__(self, path, port):
        self.command = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},smpp"]

    def _ask(self, *arguments):
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise lab.Stuck(f"tshark cannot read the capture: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def count(self, display_filter):
        return len(self._ask("-Y", display_filter))

    def values(self, field, display_filter="smpp"):
        """Every value of a field, in order; a frame may hold several PDUs."""
        lines = self._ask(
            "-Y",
            display_filter,
            "-T",
            "fields",
            "-E",
            "occurrence=a",
            "-E",
            "aggregator=|",
            "-e",
            field,
        )
        return [value for line in lines for value in line.split("|") if value]

"""PDUs made at random by `examples/generate`, read and written by three other implementations.

Each peer decodes what this crate writes, and this crate decodes what the peer writes of the same
fields; both have to say the same. Where a peer is known to differ there is a line in DIFFERENCES,
with the reason; a difference without a line fails, and so does a line that nothing needs.
"""

import collections
import contextlib
import io
import json
import os
import subprocess

from smpp.pdu import pdu_types
from smpp.pdu.pdu_encoding import PDUEncoder

import lab
import wireshark

COUNT = 3300
SEED = 20261125
BROADCAST = ["broadcast_sm", "broadcast_sm_resp", "query_broadcast_sm", "query_broadcast_sm_resp"]
BROADCAST += ["cancel_broadcast_sm", "cancel_broadcast_sm_resp"]

# (peer, way, command, what differs): reason.
DIFFERENCES = {
    **{
        ("smpp.pdu3", "reads", command, "error"): "it is of 3.4, cell broadcast is of 5.0"
        for command in BROADCAST
    },
    ("smpp.pdu3", "reads", "replace_sm", "error"): "it asks for a codec of sm_length, and has none",
    ("smpp.pdu3", "reads", "submit_multi", "error"): "the same with number_of_dests",
    ("smpp.pdu3", "reads", "submit_multi_resp", "error"): "the same with no_unsuccess",
    **{
        ("smpp.pdu3", way, "submit_sm", "schedule_delivery_time"): "it takes an offset of -00 as +00"
        for way in ("reads", "writes")
    },
    ("tshark", "reads", "broadcast_sm", "malformed"): "it takes broadcast_rep_num to be one octet",
}


def run(check, binary, work):
    lines = generate(str(COUNT), str(SEED))
    check.equal("every command is generated", len({line["command"] for line in lines}), 33)
    same = [difference(line, read) for line, read in zip(lines, ours([l["hex"] for l in lines]))]
    check.equal("this crate reads what it writes", [d for d in same if d], [])
    seen = collections.Counter()
    examples = {}

    def note(peer, way, line, differs):
        for what in differs:
            key = (peer, way, line["command"], what)
            seen[key] += 1
            examples.setdefault(key, line["hex"])

    node = Node(work)
    for line, read in zip(lines, node.ask([{"hex": line["hex"]} for line in lines])):
        note("smpp", "reads", line, difference(line, read))
    written = node.ask([{k: v for k, v in line.items() if k != "hex"} for line in lines])
    reread(note, "smpp", lines, written)

    with contextlib.redirect_stdout(io.StringIO()):  # It prints the sign of every time.
        read = [python_reads(line) for line in lines]
    for line, (fields, _) in zip(lines, read):
        note("smpp.pdu3", "reads", line, difference(line, fields))
    reread(note, "smpp.pdu3", lines, [again for _, again in read])

    capture = wireshark.capture(lines, work)
    for line, layer in zip(lines, wireshark.dissect(capture)):
        note("tshark", "reads", line, wireshark.difference(line, layer))

    for key in sorted(set(seen) | set(DIFFERENCES)):
        what = " ".join(key)
        if key not in DIFFERENCES:
            check.that(f"{what}: no difference", False, (seen[key], examples[key]))
        else:
            check.that(f"{what}: {DIFFERENCES[key]}", seen[key] > 0, "it does not differ any more")
    for peer in ("smpp", "smpp.pdu3", "tshark"):
        agree = COUNT - sum(n for key, n in seen.items() if key[:2] == (peer, "reads"))
        check.that(f"{peer} reads {agree} of {COUNT} PDUs as written", agree > COUNT / 2)
    texts(check)


def reread(note, peer, lines, written):
    """What the peer wrote, read by this crate."""
    kept = [(line, w) for line, w in zip(lines, written) if w is not None]
    for line, w in kept:
        if "error" in w:
            note(peer, "writes", line, ["error"])
    kept = [(line, w["hex"]) for line, w in kept if "hex" in w]
    for (line, _), read in zip(kept, ours([hex for _, hex in kept])):
        note(peer, "writes", line, difference(line, read))


def difference(line, read):
    """Names of what is not the same."""
    if "error" in read:
        return ["error"]
    differs = [k for k in ("command", "command_status", "sequence_number") if line[k] != read[k]]
    names = list(line["fields"]) + [n for n in read["fields"] if n not in line["fields"]]
    differs += [n for n in names if line["fields"].get(n) != read["fields"].get(n)]
    if sorted(map(tuple, line["tlvs"])) != sorted(map(tuple, read["tlvs"])):
        tags = {tag for tag, _ in line["tlvs"]} | {tag for tag, _ in read["tlvs"]}

        def values(of, tag):
            return sorted(value for t, value in of["tlvs"] if t == tag)

        differs += [f"tlv {t:#06x}" for t in sorted(tags) if values(line, t) != values(read, t)]
    return differs + list(read.get("deviations", []))


def example():
    return os.environ["SMPP_GENERATE_BIN"]


def generate(*arguments, stdin=None):
    done = subprocess.run(
        [example(), *arguments], input=stdin, capture_output=True, text=True, timeout=lab.STEP_S
    )
    if done.returncode != 0:
        raise lab.Stuck(f"the example failed: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(hexes):
    return generate("read", stdin="".join(h + "\n" for h in hexes))


class Node:
    """codec.js."""

    def __init__(self, work):
        self.env = {**os.environ, "NODE_PATH": str(work / "node_modules")}

    def ask(self, lines):
        done = subprocess.run(
            ["node", str(lab.HERE / "codec.js")],
            input="".join(json.dumps(line) + "\n" for line in lines),
            capture_output=True,
            text=True,
            env=self.env,
            timeout=lab.STEP_S,
        )
        if done.returncode != 0:
            raise lab.Stuck(f"codec.js failed: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def python_reads(line):
    """The fields as smpp.pdu3 has them, and what it writes of what it has read."""
    codec = PDUEncoder()
    try:
        pdu = codec.decode(io.BytesIO(bytes.fromhex(line["hex"])))
    except Exception as e:  # It raises what it likes, KeyError included.
        return {"error": str(e)}, None
    encoders = codec.getRequiredParamEncoders(pdu)
    read = {
        "command": pdu.id.name,
        "command_status": 0 if pdu.status.name == "ESME_ROK" else pdu.status.name,
        "sequence_number": pdu.seqNum,
        "fields": {
            name: plain(name, encoders[name], pdu.params[name]) for name in pdu.mandatoryParams
        },
        "tlvs": [],
    }
    # A codec that has read TLVs expects those it writes to be as long as the last.
    codec = PDUEncoder()
    for name in pdu.optionalParams:
        if name in pdu.params:
            tlv = pdu_types.Option(getattr(pdu_types.Tag, name), pdu.params[name])
            octets = codec.optionEncoder.encode(tlv)
            read["tlvs"].append([int.from_bytes(octets[:2], "big"), octets[4:].hex()])
    try:
        again = {"hex": codec.encode(pdu).hex()}
    except Exception as e:
        again = {"error": str(e)}
    return read, again


def plain(name, encoder, value):
    """As this crate's JSON has it: numbers and strings."""
    if name == "short_message":
        return value.hex()
    if value is None:
        return 0 if encoder.nullHex and hasattr(encoder, "size") else ""
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, int):
        return value
    octets = encoder.encode(value)
    return octets[0] if len(octets) == 1 else octets.rstrip(b"\0").decode("ascii")


# Data codings that Python has a codec of its own for; extended kanji has two in one.
CODECS = {
    1: "ascii",
    3: "latin-1",
    5: "shift_jis",
    6: "iso8859-5",
    7: "iso8859-8",
    8: "utf-16-be",
    9: "shift_jis",
    10: "iso2022_jp",
    13: "euc_jp",
    14: "euc_kr",
}


def texts(check):
    for data_coding, lines in by_coding(generate("texts", str(SEED))).items():
        codec = CODECS[data_coding]
        wrong = [l for l in lines if bytes.fromhex(l["hex"]).decode(codec, "replace") != l["text"]]
        check.equal(f"Python's {codec} reads data_coding {data_coding} the same", wrong, [])


def by_coding(lines):
    sorted_lines = collections.defaultdict(list)
    for line in lines:
        sorted_lines[line["data_coding"]].append(line)
    return sorted_lines

#!/usr/bin/env python3
"""Writes the seed corpora from the crate's test corpus: fuzz/corpus/<target>/<name>."""

import json
import pathlib

here = pathlib.Path(__file__).parent
source = here.parent / "protocol/tests/corpus"


def lines(name):
    return [json.loads(line) for line in (source / name).read_text().splitlines() if line]


def write(target, name, octets):
    if len(octets) <= 1200:
        folder = here / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(octets)


valid, damaged = lines("pdus-valid.jsonl"), lines("pdus-malformed.jsonl")
for number, line in enumerate(valid + damaged):
    octets = bytes.fromhex(line["hex"])
    write("pdu", line["name"], octets)
    if line in valid:
        write("agree", line["name"], octets)
    if number % 8 == 0 or line in damaged:
        write("frame", line["name"], bytes([number % 40]) + octets)
    if line in valid and octets[4:8] in (b"\x80\0\0\x04", b"\0\0\0\x05", b"\x80\0\1\3"):
        write("tlvs", line["name"], octets[octets.rfind(b"\0\0", 0, -8) + 1 :])
for step in range(0, len(valid), 12):
    octets = b"".join(bytes.fromhex(line["hex"]) for line in valid[step : step + 3])
    write("frame", f"stream_{step}", bytes([step]) + octets)
tlvs = [(0x1E, b"0123456789\0"), (0x427, b"\2"), (0x423, b"\3\0\x15"), (0x424, b"hello"), (0x1400, b"")]
for count in range(len(tlvs) + 1):
    octets = b"".join(tag.to_bytes(2, "big") + len(v).to_bytes(2, "big") + v for tag, v in tlvs[:count])
    write("tlvs", f"first_{count}", octets)
for line in lines("receipts.jsonl"):
    write("receipt", line["name"], bytes([4, line.get("data_coding", 0)]) + bytes.fromhex(line["hex"]))
for line in lines("mo-decode.jsonl"):
    write("text", line["name"], bytes([line["esm_class"], line["data_coding"], 0]) + bytes.fromhex(line["hex"]))
for number, line in enumerate(lines("texts.jsonl")):
    write("text", line["name"], bytes([0, 0, number % 256]) + line["text"].encode())
    write("segment", line["name"], bytes([number % 3, 0, number % 256]) + line["text"].encode())
texts = {5: ("日本ｱア、", "shift_jis"), 6: ("aЖё№", "iso8859-5"), 7: ("aאת×", "iso8859-8")}
texts |= {9: ("日本", "iso2022_jp"), 10: ("a日本ア ", "iso2022_jp"), 13: ("丂日", "iso2022_jp_1")}
texts |= {14: ("한국어", "euc_kr"), 29: ("丂日", "euc_jp")}
for coding, (text, codec) in texts.items():
    coding %= 16
    write("text", f"octets_{codec}_{coding}", bytes([0, coding, 0]) + text.encode(codec))
    write("text", f"written_{codec}_{coding}", bytes([0, coding, 0]) + text.encode())
    write("segment", f"written_{codec}_{coding}", bytes([0, 0, coding]) + (text * 9).encode())
for name, octets in {
    "bind_submit_answer": [0x00, 0x0A, 0, 0, 0, 0x11, 0x19, 0x21, 5],
    "window_full": [0x10, 0x0A, 0, 0, 0, 0, 4, 0xFC, 5, 5],
    "unbind": [0x20, 0x0A, 0, 0xF7, 0x13, 5],
    "smsc": [0x31, 0x03, 0, 0, 0x0B, 0x13, 0x1B, 5],
    "silence": [0x00, 5, 5, 5, 5],
}.items():
    write("session", name, bytes(octets))
for line in damaged[:30]:
    octets = bytes.fromhex(line["hex"])
    write("session", line["name"], bytes([0, 0x0A, 0, 6 + 8 * min(31, max(0, len(octets) - 16))]) + octets)

"""PDUs in a capture of their own, and what Wireshark's dissector says of each."""

import json
import subprocess

import lab

PORT = 2775
# Wireshark shows these as dates and spans, which say less than the octets.
NOT_COMPARED = {"schedule_delivery_time", "validity_period", "final_date"}


def capture(lines, work):
    """A file in which each PDU is a TCP segment."""
    text, made = work / "generated.txt", work / "generated.pcap"
    with text.open("w") as out:
        for line in lines:
            octets = bytes.fromhex(line["hex"])
            for at in range(0, len(octets), 16):
                out.write(f"{at:06x} {octets[at : at + 16].hex(' ')}\n")
            out.write("\n")
    ask("text2pcap", "-q", "-T", f"40000,{PORT}", text, made)
    return made


def dissect(capture):
    """For each PDU its values by Wireshark's names, each a list."""
    told = ask(
        "tshark", "-r", capture, "-d", f"tcp.port=={PORT},smpp", "-T", "json", "--no-duplicate-keys"
    )
    return [gathered(packet["_source"]["layers"], {}) for packet in json.loads(told)]


def ask(*command):
    command = [str(part) for part in command]
    # Text it renders of octets at random need not be UTF-8.
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=2 * lab.STEP_S
    )
    if done.returncode != 0:
        raise lab.Stuck(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout


def gathered(tree, values):
    for key, value in tree.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                gathered(one, values)
            elif key.startswith("smpp."):
                values.setdefault(key.removeprefix("smpp."), []).append(one)
        if key == "_ws.malformed":
            values["malformed"] = [True]
    return values


def difference(line, layer):
    """Names of what Wireshark reads in another way."""
    if "malformed" in layer:
        return ["malformed"]
    wanted = {"command_id": [line["command_id"]], "sequence_number": [line["sequence_number"]]}
    for name, value in line["fields"].items():
        if name == "dest_addresses":
            addresses = [one for one in value if "destination_addr" in one]
            listed(wanted, addresses, ("dest_addr_ton", "dest_addr_npi", "destination_addr"))
            listed(wanted, [one for one in value if "dl_name" in one], ("dl_name",))
        elif name == "unsuccess_smes":
            names = ("dest_addr_ton", "dest_addr_npi", "destination_addr", "error_status_code")
            listed(wanted, value, names)
        elif name not in NOT_COMPARED:
            wanted[name] = [value]
    wanted["opt_param_tag"] = [tag for tag, _ in line["tlvs"]]
    wanted["opt_param_len"] = [len(octets) // 2 for _, octets in line["tlvs"]]
    # Most empty strings it leaves out.
    wanted = {name: [one for one in value if one != ""] for name, value in wanted.items()}
    return [name for name, value in wanted.items() if found(layer, name, value) != value]


def listed(wanted, entries, names):
    for name in names:
        wanted[name] = [entry[name] for entry in entries]


def found(layer, name, wanted):
    """The values of a field, in the form that this crate gives them."""
    if name == "esm_class":
        return [bits(layer, "esm.submit.", msg_mode=0, msg_type=2, features=6)]
    if name == "registered_delivery":
        return [bits(layer, "regdel.", receipt=0, acks=2, notif=4)]
    if name == "short_message":
        return [value.replace(":", "") for value in layer.get("message", [])]
    values = [value for value in layer.get(name, []) if value not in ("", "(Default)")]
    numbers = bool(wanted) and isinstance(wanted[0], int)
    return [int(value, 0) for value in values] if numbers else values


def bits(layer, prefix, **places):
    fields = ((layer.get(prefix + name, ["0"])[0], place) for name, place in places.items())
    return sum(int(value, 0) << place for value, place in fields)

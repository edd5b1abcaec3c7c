"""The bridge bound to a message centre written with node's `smpp` (smsc.js)."""

import json
import threading

import lab

GSM = "Prices: 5 € [net], señor & Ærø"
UCS2 = "Привет, мост 🌉"
LONG = "A text that needs three segments, counted in septets. " * 7
LONG_UCS2 = "Длинное сообщение на кириллице. " * 4


class Smsc(lab.Process):
    """smsc.js: what it tells, by kind, and what it is told."""

    def __init__(self, work):
        env = {"NODE_PATH": str(work / "node_modules")}
        super().__init__(["node", lab.HERE / "smsc.js", "bridge", "secret"], env=env)
        self.port = self.event("listening")["port"]
        self.enquiries = 0

    def event(self, kind):
        """The next event of this kind; those before it are passed over."""
        while True:
            event = json.loads(self.line(f"the message centre's event {kind}"))
            if event["event"] == "error":
                raise lab.Stuck(f"the message centre could not read: {event}")
            if event["event"] == "enquire_link":
                self.enquiries += 1
            if event["event"] == kind:
                return event

    def order(self, order, **fields):
        self.child.stdin.write(json.dumps({"order": order, **fields}) + "\n")
        self.child.stdin.flush()

    def receipt(self, submit, stat="DELIVRD"):
        """The status it was answered with."""
        self.order(
            "receipt",
            id=submit["id"],
            source=submit["destination"],
            destination=submit["source"],
            stat=stat,
        )
        return self.event("receipt")["status"]


def run(check, binary, work):
    with lab.Application() as application, Smsc(work) as smsc:
        with lab.Bridge(binary, work, application) as bridge:
            gateway = bridge.gateway(
                smsc.port, "bridge", "secret", enquire_link_s=1, response_timeout_s=5
            )
            bind = smsc.event("bind")
            check.that("the bridge binds as a transceiver", bind["good"], bind)
            check.equal("it says it speaks SMPP 3.4", bind["interface_version"], 0x34)
            lab.until("the gateway is bound", lambda: bound(bridge, gateway))
            out(check, bridge, smsc, gateway, application)
            multipart(check, bridge, smsc, gateway, "GSM", LONG, 3, 0)
            multipart(check, bridge, smsc, gateway, "UCS-2", LONG_UCS2, 2, 8)
            undelivered(check, bridge, smsc, gateway)
            mo(check, smsc, application)
            links(check, smsc)
            lost(check, bridge, smsc, gateway)
            code = bridge.end()
            smsc.event("unbind")
            check.equal("on SIGTERM it unbinds and ends with 0", code, 0)


def bound(bridge, gateway):
    status = bridge.call("GET", f"/api/sms-gateways/{gateway}")[1]["status"]
    return status["bind"] == "bound_trx" and status


def accepted(check, what, answer):
    status, message = answer
    check.that(
        f"{what}: the send is answered 201, submitted",
        status == 201 and message["state"] == "submitted",
        answer,
    )
    return message["id"]


def out(check, bridge, smsc, gateway, application):
    url = f"{application.url}/verdict"
    number = accepted(check, "GSM", bridge.send(gateway, GSM, callback_url=url))
    submit = smsc.event("submit")
    check.equal("GSM: the text is decoded", submit["text"], GSM)
    check.equal("GSM: data_coding is 0", submit["data_coding"], 0)
    check.equal(
        "GSM: a sender of letters has TON 5", (submit["source"], submit["source_ton"]), ("Peers", 5)
    )
    destination = [submit[key] for key in ("destination", "destination_ton", "destination_npi")]
    check.equal("GSM: the destination is international", destination, ["4915112345678", 1, 1])
    check.equal("GSM: a receipt is asked for", submit["registered_delivery"] & 3, 1)
    check.equal("GSM: the receipt is taken", smsc.receipt(submit), 0)
    record = bridge.until_state(number, "delivered")
    check.equal("GSM: the message is delivered", record["delivery_status"], "delivered")
    body, _ = application.call("POST", "/verdict")
    check.equal("GSM: the verdict is posted to the send's callback_url", body["status"], "DELIVRD")

    number = accepted(check, "UCS-2", bridge.send(gateway, UCS2, sender="12345"))
    submit = smsc.event("submit")
    check.equal("UCS-2: the text is decoded", submit["text"], UCS2)
    check.equal("UCS-2: data_coding is 8", submit["data_coding"], 8)
    check.equal("UCS-2: the sender", submit["source"], "12345")
    smsc.receipt(submit)
    bridge.until_state(number, "delivered")
    body, _ = application.call("PATCH", "/mo")
    while body["id"] != number:
        body, _ = application.call("PATCH", "/mo")
    check.equal("UCS-2: the profile's application is told", body["status"]["status"], "DELIVERED")


def multipart(check, bridge, smsc, gateway, what, text, segments, coding):
    what = f"long {what}"
    number = accepted(check, what, bridge.send(gateway, text))
    submits = [smsc.event("submit") for _ in range(segments)]
    udhs = [submit["udh"] for submit in submits]
    reference = udhs[0][0][4:-4]
    header = {2: "0003", 4: "0804"}.get(len(reference), "?")
    check.equal(
        f"{what}: one reference, numbered segments",
        udhs,
        [[f"{header}{reference}{segments:02x}{n:02x}"] for n in range(1, segments + 1)],
    )
    check.equal(f"{what}: joined it is the text", "".join(s["text"] for s in submits), text)
    flags = {(s["esm_class"] & 0x40, s["data_coding"]) for s in submits}
    check.equal(f"{what}: UDHI is set, data_coding is {coding}", flags, {(0x40, coding)})
    # Backwards: the order of receipts is nobody's promise.
    for submit in reversed(submits[1:]):
        smsc.receipt(submit)
    check.equal(
        f"{what}: not delivered before its last part", bridge.message(number)["state"], "submitted"
    )
    smsc.receipt(submits[0])
    bridge.until_state(number, "delivered")
    check.that(f"{what}: delivered with the last receipt", True)


def undelivered(check, bridge, smsc, gateway):
    number = accepted(check, "UNDELIV", bridge.send(gateway, "Nobody is there"))
    smsc.receipt(smsc.event("submit"), "UNDELIV")
    record = bridge.until_state(number, "undelivered")
    check.equal("UNDELIV: the message has failed", record["delivery_status"], "failed")


def mo(check, smsc, application):
    fields = {"source": "4915112345678", "destination": "12345"}
    smsc.order("mo", text="Ответ с телефона", data_coding=8, **fields)
    check.equal("MO: it is answered ESME_ROK", smsc.event("mo")["status"], 0)
    body, headers = application.call("POST", "/mo")
    check.equal("MO: the text is called back", body["payload"], "Ответ с телефона")
    check.equal(
        "MO: the addresses", (body["source_address"], body["dest_address"]), (4915112345678, 12345)
    )
    check.equal("MO: its class", headers.get("x-traffic-class"), "A2P")
    for part, text in [(2, "and its end"), (1, "A beginning, ")]:
        smsc.order("mo", text=text, data_coding=0, udh=f"05000342020{part}", **fields)
        check.equal(f"long MO: part {part} is answered", smsc.event("mo")["status"], 0)
    body, _ = application.call("POST", "/mo")
    check.equal("long MO: joined once", body["payload"], "A beginning, and its end")
    check.equal("long MO: it is one message", body["multi_part_info"]["total"], 1)


def links(check, smsc):
    smsc.order("enquire_link")
    check.equal("enquire_link: the bridge answers", smsc.event("enquire_link_resp")["status"], 0)
    before = smsc.enquiries
    smsc.event("enquire_link")
    smsc.event("enquire_link")
    check.that(
        "enquire_link: the bridge asks, and goes on after the answer", smsc.enquiries >= before + 2
    )


def lost(check, bridge, smsc, gateway):
    """A submit goes out and the connection is cut instead of an answer."""
    smsc.order("silent", value=True)
    smsc.event("silent")
    number = send_without_waiting(bridge, gateway, "Cut off")
    submit = smsc.event("submit")
    check.that("cut: the message centre has the submit", not submit["answered"], submit)
    smsc.order("silent", value=False)
    smsc.order("drop")
    smsc.event("closed")
    check.that("cut: the bridge binds again", smsc.event("bind")["good"])
    again = smsc.event("submit")
    check.equal("cut: what was not answered is sent again", again["text"], "Cut off")
    doubts = bridge.call("GET", "/api/in-doubt")[1]["data"]
    ids = [doubt["id"] for doubt in doubts]
    check.equal("cut: it is listed as in doubt, alone", ids, [number])
    smsc.receipt(again)
    bridge.until_state(number, "delivered")
    check.that("cut: it is delivered", True)


def send_without_waiting(bridge, gateway, text):
    """The id; the answer of the message centre is not waited for."""
    threading.Thread(target=bridge.send, args=(gateway, text), daemon=True).start()
    path = f"/api/sms-gateways/{gateway}/messages?state=submitting"
    rows = lab.until("the message is on its way", lambda: bridge.call("GET", path)[1]["data"])
    return rows[0]["id"]

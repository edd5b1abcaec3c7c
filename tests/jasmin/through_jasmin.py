"""A real Jasmin between the bridge and message centres: through_jasmin.py BINARY VENV WORK.

    the bridge -> Jasmin's HTTP API or REST proxy -> its SMPP client -> `smpp-bridge smsc`
    a receipt, a message from a handset -> Jasmin -> the bridge's webhooks -> the application

VENV holds what requirements.txt names. WORK takes data and logs, and is empty before.
"""

import contextlib
import pathlib
import queue
import re
import signal
import subprocess
import sys
import traceback

import lab
import peer

TOKEN = "jasmin-calls-98"
# Where a destination's country leads: delivered and echoed, not delivered, refused, no route.
DELIVERED, UNDELIVERED, REFUSED, NOWHERE = "49", "44", "33", "86"
NUMBER = "15112345678"
# Messages from handsets come to this one by GET, to others by POST.
BY_GET, BY_POST = "54321", "12345"
GSM = "Prices: 5 € [net] + 19% & señor=Ærø?\nsecond line"
UCS2 = "Привет, мост 🌉"
LONG = "A text of four segments [counted in septets], and 5 € are 5 €. " * 7
LONG_UCS2 = "Длинное сообщение 🌉 на кириллице. " * 5


class Smsc(lab.Process):
    """`smpp-bridge smsc`, and what it is asked to do."""

    def __init__(self, binary, *how):
        here = ["--listen", "127.0.0.1:0", "--receipt-delay-ms", "100"]
        super().__init__([binary, "smsc", *here, *how])
        self.port = int(re.search(r":(\d+);", self.line("where it listens"))[1])


class Application(lab.Application):
    """Callbacks in whatever order they come."""

    def __init__(self):
        super().__init__()
        self.early = []

    def body(self, method, wanted=lambda body: True):
        """The body of the first callback by this method that is wanted; the others are kept."""
        for call in self.early:
            if call[0] == method and wanted(call[1]):
                self.early.remove(call)
                return call[1]
        while True:
            try:
                found, _, body, _ = self.calls.get(timeout=lab.STEP_S)
            except queue.Empty:
                raise lab.Stuck(f"{method}: no such callback within {lab.STEP_S} s") from None
            if found == method and wanted(body):
                return body
            self.early.append((found, body))


class Line:
    """One gateway of the bridge, and the way through Jasmin and back."""

    def __init__(self, check, bridge, application, provider_type, port):
        self.check, self.bridge, self.application = check, bridge, application
        self.kind = provider_type
        made = self.ask(
            "POST",
            "/api/sms-gateways",
            {
                "name": provider_type,
                "provider_type": provider_type,
                "server_host": "127.0.0.1",
                "server_port": port,
                "username": peer.USER,
                "password": peer.PASSWORD,
                "callback_token": TOKEN,
                "meta": {"service_profile": 7},
            },
        )
        self.path = f"/api/sms-gateways/{made['id']}"
        self.mo_url = f"http://127.0.0.1:{bridge.port}/webhooks/jasmin/{made['id']}/mo?token={TOKEN}"

    def ask(self, method, path, body):
        status, answer = self.bridge.call(method, path, body)
        if status >= 300:
            raise lab.Stuck(f"{method} {path}: {status} {answer}")
        return answer

    def equal(self, what, found, wanted):
        self.check.equal(f"{self.kind}: {what}", found, wanted)

    def send(self, text, country=DELIVERED, sender=BY_POST):
        body = {"to_number": f"+{country}{NUMBER}", "from_sender": sender, "message": text}
        return self.bridge.call("POST", f"{self.path}/send", body)

    def submitted(self, what, text="x", **more):
        status, message = self.send(text, **more)
        told = status, message.get("state"), bool(message.get("external_message_id"))
        self.equal(f"{what}: Jasmin takes it and gives it an id", told, (201, "submitted", True))
        return message["id"]

    def told(self, number):
        """The status that the application is told of a message."""
        body = self.application.body("PATCH", lambda body: body["id"] == number)
        return body["status"]["status"]

    def there_and_back(self, what, text, **more):
        """What comes from the handset shows what went there."""
        number = self.submitted(what, text, **more)
        body = self.application.body("POST")
        handset = str(body["source_address"])
        self.equal(f"{what}: the text that came back", body["payload"], text)
        self.equal(f"{what}: whom it came from", handset, f"{DELIVERED}{NUMBER}")
        self.ends(what, number, "delivered", "delivrd", "DELIVERED")

    def ends(self, what, number, state, word, told):
        record = self.bridge.until_state(number, state)["data"]
        self.equal(f"{what}: Jasmin's word for it", record["delivery_status"], word)
        self.equal(f"{what}: the application is told", self.told(number), told)

    def refused(self, what, reason, **more):
        """Jasmin is asked, and says no."""
        status, message = self.send("x", **more)
        told = status, message.get("state"), message.get("error_message")
        self.equal(f"{what}: the send says so", told, (502, "failed", reason))

    def change(self, **members):
        self.ask("PATCH", self.path, members)


def texts(line):
    line.there_and_back("GSM", GSM)
    line.there_and_back("UCS-2", UCS2)
    line.there_and_back("long GSM", LONG)
    line.there_and_back("long UCS-2", LONG_UCS2)


def verdicts(line):
    number = line.submitted("not delivered", country=UNDELIVERED)
    line.ends("not delivered", number, "undelivered", "undeliv", "FAILED")
    number = line.submitted("refused by the message centre", country=REFUSED)
    line.ends("refused by the message centre", number, "failed", "esme_rinvdstadr", "FAILED")


def refusals(line):
    line.refused("no route", "No route found", country=NOWHERE)
    line.change(password="wrong")
    line.refused("a wrong password", f"Authentication failure for username:{peer.USER}")
    line.change(password=peer.PASSWORD)
    status, answer = line.send("x" * 153 * 6)
    refused = status, list(answer.get("errors", {}))
    line.equal("a text that Jasmin would cut never gets there", refused, (422, ["message"]))


def without_jasmin(line, jasmin):
    jasmin.end()
    status, message = line.send("x")
    told = status, message["state"], str(message["error_message"])[:14]
    line.equal("Jasmin is down: the send says so", told, (502, "failed", "cannot connect"))
    jasmin.start()
    line.there_and_back("Jasmin is up again", GSM)


def without_its_api(line, jasmin):
    """The proxy answers while nothing is behind it."""
    jasmin.end("jasmind")
    status, message = line.send("x")
    told = status, message["state"], message["remote_response"]["http_status"]
    line.equal("no API behind the proxy: the send says so", told, (502, "failed", 500))


def through_a_kill(line, binary, work):
    """The receipt and the handset's message come while no bridge is there: Jasmin repeats them."""
    what = "killed before the receipt"
    # In one part: a Jasmin that was started anew counts long ones anew, and drops what collides.
    number = line.submitted(what, UCS2)
    line.bridge.end(signal.SIGKILL)
    with lab.Bridge(binary, work, line.application, line.bridge.port) as line.bridge:
        body = line.application.body("POST")
        line.equal(f"{what}: the text that came back", body["payload"], UCS2)
        line.ends(what, number, "delivered", "delivrd", "DELIVERED")
        line.equal(f"{what}: on SIGTERM it ends with 0", line.bridge.end(), 0)


def lead(jasmin, line, centres):
    """Tells Jasmin its accounts, its user, and where messages go in both directions."""
    tell = jasmin.console.fill
    tell("group -a", gid="everybody")
    tell("user -a", uid="bridge", gid="everybody", username=peer.USER, password=peer.PASSWORD)
    for order, (country, smsc) in enumerate(centres.items(), 10):
        name = f"smsc{country}"
        jasmin.connector(name, smsc.port)
        tell("filter -a", type="DestinationAddrFilter", fid=f"to{country}", destination_addr=f"^{country}")
        to = {"filters": f"to{country}", "connector": f"smppc({name})"}
        tell("mtrouter -a", type="StaticMTRoute", order=order, **to, rate="0.0")
    tell("filter -a", type="DestinationAddrFilter", fid="get", destination_addr=f"^{BY_GET}")
    tell("httpccm -a", cid="get", url=line.mo_url, method="GET")
    tell("httpccm -a", cid="post", url=line.mo_url, method="POST")
    tell("morouter -a", type="StaticMORoute", order=10, filters="get", connector="http(get)")
    tell("morouter -a", type="DefaultRoute", connector="http(post)")
    jasmin.console.say("persist")


def run(check, binary, venv, work):
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        application = enter(Application())
        centres = {
            DELIVERED: enter(Smsc(binary, "--echo")),
            UNDELIVERED: enter(Smsc(binary, "--stat", "UNDELIV", "--hex-ids")),
            REFUSED: enter(Smsc(binary, "--refuse", "ESME_RINVDSTADR")),
        }
        jasmin = enter(peer.Jasmin(venv, work))
        bridge = enter(lab.Bridge(binary, work, application))
        lines = [
            Line(check, bridge, application, "jasmin", jasmin.port["http"]),
            Line(check, bridge, application, "jasmin_rest", jasmin.port["rest"]),
        ]
        lead(jasmin, lines[0], centres)
        for line in lines:
            texts(line)
            verdicts(line)
            refusals(line)
        api, rest = lines
        api.there_and_back("a handset's message by GET", UCS2, sender=BY_GET)
        without_jasmin(api, jasmin)
        without_its_api(rest, jasmin)
        jasmin.end()
        jasmin.start()
        through_a_kill(api, binary, work)


def main():
    binary, *folders = sys.argv[1:]
    venv, work = (pathlib.Path(folder).resolve() for folder in folders)
    check = lab.Checks()
    # What was started is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("cut by SIGTERM"))
    try:
        run(check, binary, venv, work)
    except Exception as e:  # Whatever it was: what held until then is said below.
        if not isinstance(e, lab.Stuck):
            traceback.print_exc()
        check.that("to its end", False, str(e))
    proof = subprocess.run([binary, "verify", "--data", work / "data"], capture_output=True, text=True)
    check.equal("the bridge's log can be proved", (proof.returncode, proof.stderr), (0, ""))
    print(f"\n{check.passed} passed, {check.failed} failed", flush=True)
    return 1 if check.failed or not check.passed else 0


sys.exit(main())

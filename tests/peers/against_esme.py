"""The built-in simulator serving an ESME written with Python's `smpplib`."""

import time

import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

import lab

GSM = "Hello, €uro"
LONG = "One text of several parts, each with a header. " * 8


class Esme:
    """smpplib's client, its handlers writing down what comes."""

    def __init__(self, port):
        self.client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
        self.ids = {}
        self.receipts = {}
        self.client.set_message_sent_handler(self.sent)
        self.client.set_message_received_handler(self.received)
        self.client.connect()

    def sent(self, pdu):
        self.ids[pdu.sequence] = pdu.message_id.decode()

    def received(self, pdu):
        text = pdu.short_message.decode("ascii")
        stat = text.partition("stat:")[2].split(" ")[0]
        named = text.partition("id:")[2].split(" ")[0]
        self.receipts[pdu.receipted_message_id.decode()] = (named, stat, pdu.esm_class)

    def submit(self, part, coding, esm_class):
        pdu = self.client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr="Peers",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr="4915112345678",
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=True,
        )
        return pdu.sequence

    def until(self, what, condition):
        deadline = time.monotonic() + lab.STEP_S
        while not condition():
            if time.monotonic() > deadline:
                raise lab.Stuck(f"{what}: did not happen within {lab.STEP_S} s")
            self.client.poll()
            time.sleep(0.01)


def run(check, binary, work):
    command = [binary, "smsc", "--listen", "127.0.0.1:0", "--receipt-delay-ms", "100"]
    command += ["--system-id", "esme", "--password", "secret"]
    with lab.Process(command) as smsc:
        port = int(smsc.line("the simulator's address").split(";")[0].rpartition(":")[2])
        refused(check, port)
        esme = Esme(port)
        answer = esme.client.bind_transceiver(system_id="esme", password="secret")
        check.equal("smpplib binds as a transceiver", answer.command, "bind_transceiver_resp")
        for what, text in [("GSM", GSM), ("UCS-2", "Привет"), ("long", LONG)]:
            parts, coding, esm_class = smpplib.gsm.make_parts(text)
            if esm_class:
                # smpplib rolls dice for the reference; this one is no character.
                parts = [part[:3] + b"\xa4" + part[4:] for part in parts]
            sequences = [esme.submit(part, coding, esm_class) for part in parts]
            esme.until("the responses", lambda: all(s in esme.ids for s in sequences))
            ids = [esme.ids[s] for s in sequences]
            count = len(parts)
            check.that(
                f"{what}: {count} submit_sm, {count} ids, none twice", len(set(ids)) == count, ids
            )
            esme.until("the receipts", lambda: all(i in esme.receipts for i in ids))
            wanted = [(i, "DELIVRD", 4) for i in ids]
            check.equal(f"{what}: receipts name the ids", [esme.receipts[i] for i in ids], wanted)
        enquire(check, esme)
        check.equal("unbind is answered", esme.client.unbind().command, "unbind_resp")
        esme.client.disconnect()
        check.equal("the simulator ends with 0", smsc.end(), 0)


def refused(check, port):
    esme = Esme(port)
    try:
        esme.client.bind_transceiver(system_id="esme", password="wrong")
        status = 0
    except smpplib.exceptions.PDUError as e:
        status = e.args[1]
    esme.client.disconnect()
    check.equal("a wrong password is ESME_RINVPASWD", status, smpplib.consts.SMPP_ESME_RINVPASWD)


def enquire(check, esme):
    esme.client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=esme.client))
    check.equal("enquire_link is answered", esme.client.read_pdu().command, "enquire_link_resp")

"""What every scenario needs: counted checks, processes that end, the bridge and its API."""

import http.server
import json
import os
import pathlib
import queue
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# A step that takes longer has failed.
STEP_S = 20
TOKEN = "peers-token"


class Checks:
    """One line a check; how many held is said at the end."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, what, holds, otherwise=""):
        if holds:
            self.passed += 1
            print(f"ok    {what}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {what}: {otherwise!r}", flush=True)

    def equal(self, what, found, wanted):
        self.that(what, found == wanted, f"{found!r}, not {wanted!r}")


class Stuck(Exception):
    """Something did not happen in time; the rest of the scenario makes no sense."""


def until(what, probe, within=STEP_S):
    """The first truthy value of `probe`."""
    deadline = time.monotonic() + within
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Stuck(f"{what}: did not happen within {within} s")
        time.sleep(0.02)


def free_port():
    """A port that no connection of ours takes by chance while its owner restarts."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Process:
    """A child with its output line by line; it ends with the `with` block at the latest."""

    def __init__(self, command, env=None, log=None):
        self.name = pathlib.Path(command[0]).name
        self.lines = queue.Queue()
        self.child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(log, "ab") if log else None,
            env={**os.environ, **(env or {})},
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.put(line.rstrip("\n"))

    def line(self, what, within=STEP_S):
        try:
            return self.lines.get(timeout=within)
        except queue.Empty:
            code = self.child.poll()
            state = "runs" if code is None else f"ended with {code}"
            raise Stuck(f"{what}: nothing from {self.name}, which {state}") from None

    def end(self, how=signal.SIGTERM, within=STEP_S):
        """Its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Stuck(f"{self.name} did not end within {within} s") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Application:
    """Takes every callback and keeps it."""

    def __init__(self):
        self.calls = calls = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def take(self):
                octets = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                calls.put((self.command, self.path, json.loads(octets), headers))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PATCH = take

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def call(self, method, path):
        """The next callback of this kind, its body and headers; those before it are passed over."""
        try:
            while True:
                *kind, body, headers = self.calls.get(timeout=STEP_S)
                if kind == [method, path]:
                    return body, headers
        except queue.Empty:
            raise Stuck(f"{method} {path}: no such callback within {STEP_S} s") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Bridge(Process):
    """The daemon on a directory of its own, and a client of its API."""

    def __init__(self, binary, work, application=None, port=None):
        self.port = port or free_port()
        callbacks = application.url if application else "http://127.0.0.1:9"
        config = work / "bridge.toml"
        config.write_text(f"""[http]
listen = "127.0.0.1:{self.port}"
[storage]
path = {json.dumps(str(work / "data"))}
[log]
level = "info"
[callbacks]
allow_private_networks = true
[[api.tokens]]
name = "peers"
token = "{TOKEN}"
scopes = ["admin"]
[[service_profiles]]
id = 7
name = "peers"
organisation = {{ id = 1, name = "Peers" }}
callback_url = "{callbacks}/mo"
receipts = "final"
""")
        super().__init__([binary, "run", "--config", config], log=work / "bridge.log")
        until("the API is ready", self.ready)

    def ready(self):
        if self.child.poll() is not None:
            raise Stuck(f"the bridge ended with {self.child.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as r:
                return r.status == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=STEP_S) as r:
                return r.status, json.load(r)
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read() or b"null")

    def gateway(self, port, system_id, password, **smpp):
        """The id of a new gateway that leads to a message centre on `port`."""
        quick = {"reconnect_initial_ms": 100, "reconnect_max_ms": 500, **smpp}
        status, made = self.call(
            "POST",
            "/api/sms-gateways",
            {
                "name": "peer",
                "provider_type": "smpp",
                "server_host": "127.0.0.1",
                "server_port": port,
                "username": system_id,
                "password": password,
                "meta": {"service_profile": 7, "smpp": quick},
            },
        )
        if status != 201:
            raise Stuck(f"no gateway: {status} {made}")
        return made["id"]

    def send(self, gateway, text, sender="Peers", **more):
        body = {"to_number": "+4915112345678", "from_sender": sender, "message": text, **more}
        return self.call("POST", f"/api/sms-gateways/{gateway}/send", body)

    def message(self, number):
        return self.call("GET", f"/api/sms-messages/{number}")[1]

    def until_state(self, number, state):
        return until(
            f"message {number} is {state}",
            lambda: (m := self.message(number))["state"] == state and m,
        )

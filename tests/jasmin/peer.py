"""A real Jasmin: its daemons out of a virtual environment, with a RabbitMQ and a Redis of its own,
all of them on free ports and in one directory."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import lab

HERE = pathlib.Path(__file__).resolve().parent
# Erlang alone takes ten seconds where others build at the same time.
START_S = 90
# Jasmin keeps its daemons from running twice by these, wherever its configuration lies.
LOCKS = pathlib.Path("/tmp")
USER, PASSWORD = "bridge", "jasmin98"


class Daemon:
    """A child with its own process group, and its output in a file."""

    def __init__(self, name, command, work, env=None):
        self.name = name
        with open(work / f"{name}.log", "ab") as log:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def is_running(self):
        return self.child.poll() is None

    def listens(self, port, within=START_S):
        def probe():
            if not self.is_running():
                raise lab.Stuck(f"{self.name} ended with {self.child.returncode}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True

        lab.until(f"{self.name} listens on {port}", probe, within)

    def end(self, within=30):
        if self.is_running():
            self.child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(within)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


class Broker:
    """RabbitMQ and Redis."""

    def __init__(self, work):
        self.amqp, self.redis = lab.free_port(), lab.free_port()
        epmd = lab.free_port()
        for folder in ("home", "mnesia", "redis"):
            (work / folder).mkdir()
        (work / "plugins").write_text("[].\n")
        (work / "rabbit.conf").write_text("loopback_users = none\n")
        env = {
            "HOME": str(work / "home"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_NODENAME": "bridge@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.amqp),
            "RABBITMQ_DIST_PORT": str(lab.free_port()),
            "RABBITMQ_CONFIG_FILE": str(work / "rabbit"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(work / "plugins"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": str(work / "mnesia"),
            "RABBITMQ_PID_FILE": str(work / "rabbit.pid"),
        }
        self.daemons = []
        self.start("epmd", ["epmd", "-address", "127.0.0.1", "-port", epmd], work)
        # Without it the node would start one that outlives it.
        self.daemons[0].listens(epmd)
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", self.redis]
        self.start("redis", [*redis, "--dir", work / "redis", "--save", ""], work)
        self.start("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], work, env)
        self.daemons[1].listens(self.redis)
        self.daemons[2].listens(self.amqp)

    def start(self, *daemon):
        self.daemons.append(Daemon(*daemon))

    def end(self):
        for daemon in reversed(self.daemons):
            daemon.end()


class Console:
    """Jasmin's telnet console."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), lab.STEP_S)
        self.read("Session ref:")
        self.say("")

    def read(self, *ends):
        got = ""
        while not any(end in got for end in ends):
            part = self.socket.recv(65536)
            if not part:
                raise lab.Stuck(f"the console closed after {got!r}")
            got += part.decode(errors="replace")
        return got

    def say(self, line):
        """What it says until it asks again."""
        self.socket.sendall(line.encode() + b"\r\n")
        return self.read("jcli : ", "\n> ")

    def fill(self, command, **fields):
        told = self.say(command)
        for name, value in fields.items():
            told += self.say(f"{name} {value}")
        told += self.say("ok")
        if "uccessfully" not in told:
            raise lab.Stuck(f"{command}: {told}")

    def end(self):
        with contextlib.suppress(OSError):
            self.socket.sendall(b"quit\r\n")
        self.socket.close()


class Jasmin:
    """The main daemon, the two that bring receipts, and the REST proxy."""

    def __init__(self, venv, work):
        self.venv, self.work = venv, work
        taken = [lock for lock in self.locks() if lock.exists()]
        if taken:
            raise lab.Stuck(f"another Jasmin runs here, or was killed: {taken[0]} is there")
        self.broker = self.console = None
        self.daemons = []
        names = ("http", "rest", "console", "router", "clients", "smpps", "smpps_pb")
        self.port = {name: lab.free_port() for name in names}
        for folder in ("store", "log"):
            (work / folder).mkdir()
        spec = "lib/python3*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"
        shutil.copy(next(venv.glob(spec)), work / "amqp0-9-1.xml")

    def __enter__(self):
        try:
            self.broker = Broker(self.work)
            (self.work / "jasmin.cfg").write_text(self.configuration())
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        if self.broker:
            self.broker.end()

    def locks(self):
        # The daemons for receipts have an id of their own in theirs.
        names = ("jasmind", f"dlrd-{os.getpid()}", f"dlrlookupd-{os.getpid()}")
        return [LOCKS / f"{name}.lock" for name in names]

    def configuration(self):
        host, port = "bind=127.0.0.1", self.port
        store = f"store_path={self.work}/store"
        # Once a second instead of every half minute, until they are taken.
        repeats = "retry_delay=1", "max_retries=60"
        sections = {
            "amqp-broker": [
                "host=127.0.0.1",
                f"port={self.broker.amqp}",
                f"spec={self.work}/amqp0-9-1.xml",
            ],
            "client-management": [host, f"port={port['clients']}", store],
            "deliversm-thrower": repeats,
            "dlr": ["dlr_lookup_retry_delay=1"],
            "dlr-thrower": repeats,
            "http-api": [host, f"port={port['http']}"],
            "jcli": [host, f"port={port['console']}", "authentication=no"],
            "redis-client": ["host=127.0.0.1", f"port={self.broker.redis}"],
            "router": [host, f"port={port['router']}", store],
            "service-smppclient": [],
            "sm-listener": [],
            "smpp-server": [host, f"port={port['smpps']}"],
            "smpp-server-pb": [host, f"port={port['smpps_pb']}"],
        }
        text = f"[smpp-server-pb-client]\nhost=127.0.0.1\nport={port['smpps_pb']}\n"
        for name, lines in sections.items():
            text += "\n".join([f"[{name}]", "log_level=INFO", *lines, ""])
        return text

    def start(self):
        """What it was told before and has persisted counts again."""
        folders = ("ROOT_PATH", "CONFIG_PATH", "RESOURCE_PATH")
        env = {name: str(self.work) for name in folders}
        env |= {"LOG_PATH": str(self.work / "log"), "STORE_PATH": str(self.work / "store")}
        config = ("-c", self.work / "jasmin.cfg")

        def start(name, *arguments):
            command = [self.venv / "bin/python", *arguments]
            daemon = Daemon(name, command, self.work, env)
            self.daemons.append(daemon)
            return daemon

        jasmind = start("jasmind", self.venv / "bin/jasmind.py", *config, "-u", "jcliadmin", "-p", "jclipwd")
        jasmind.listens(self.port["smpps_pb"])
        jasmind.listens(self.port["http"])
        jasmind.listens(self.port["console"])
        for name in ("dlrlookupd", "dlrd"):
            start(name, self.venv / f"bin/{name}.py", *config, "-i", os.getpid())
        proxy = start("rest", HERE / "rest.py", self.port["rest"], self.port["http"])
        proxy.listens(self.port["rest"])
        self.console = Console(self.port["console"])

    def end(self, name=None):
        """All of it, or one daemon."""
        if self.console and not name:
            self.console.end()
            self.console = None
        for daemon in reversed(self.daemons):
            if name in (None, daemon.name):
                daemon.end()
        self.daemons = [daemon for daemon in self.daemons if daemon.is_running()]
        if not self.daemons:
            for lock in self.locks():
                lock.unlink(missing_ok=True)

    def connector(self, cid, port):
        """An account at the message centre on `port`."""
        self.console.fill(
            "smppccm -a",
            cid=cid,
            host="127.0.0.1",
            port=port,
            username="jasmin",
            password="secret",
            bind="transceiver",
            submit_throughput=0,
            con_fail_delay=1,
            con_loss_delay=1,
            requeue_delay=1,
            logfile=self.work / "log" / f"{cid}.log",
        )
        self.console.say(f"smppccm -1 {cid}")

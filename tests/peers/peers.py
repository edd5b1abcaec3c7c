"""Runs every scenario against a binary: peers.py BINARY WORK [SCENARIO…].

WORK holds node_modules with what package.json names, and takes data, logs and captures.
"""

import pathlib
import shutil
import sys
import time
import traceback

import against_esme
import against_smsc
import generated
import lab
import on_the_wire

SCENARIOS = {
    "smsc": ("a message centre of npm smpp", against_smsc.run),
    "esme": ("an ESME of PyPI smpplib", against_esme.run),
    "wire": ("Wireshark reads the wire", on_the_wire.run),
    "generated": ("PDUs made at random, and three other codecs", generated.run),
}


def main():
    binary, work, *wanted = sys.argv[1:]
    work = pathlib.Path(work).resolve()
    check = lab.Checks()
    for name in wanted or SCENARIOS:
        title, run = SCENARIOS[name]
        print(f"\n-- {title}", flush=True)
        begun = time.monotonic()
        folder = work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "node_modules").symlink_to(work / "node_modules")
        failed = check.failed
        try:
            run(check, binary, folder)
        except Exception as e:  # Whatever it was: the other scenarios still tell something.
            if not isinstance(e, lab.Stuck):
                traceback.print_exc()
            check.that(f"{title}: to its end", False, str(e))
        if check.failed > failed:
            show(folder / "bridge.log")
        print(f"      {time.monotonic() - begun:.1f} s", flush=True)
    print(f"\n{check.passed} passed, {check.failed} failed", flush=True)
    return 1 if check.failed or not check.passed else 0


def show(log):
    """The end of a log, where there is one."""
    if log.exists():
        print(f"      the end of {log.name}:")
        for line in log.read_text(errors="replace").splitlines()[-30:]:
            print(f"      {line}")


sys.exit(main())

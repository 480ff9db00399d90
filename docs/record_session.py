#!/usr/bin/env python3
"""Records docs/session.svg: the tool, run in a terminal against its emulator.

    pip install rich==15.0.0 pyte==0.8.2
    cargo build -p koodrive-share-cli && docs/record_session.py target/debug/koodrive-share
"""

import os, pty, re, subprocess, sys, tempfile
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text

TOOL = Path(sys.argv[1]).resolve()
SVG = Path(__file__).resolve().parent / "session.svg"
WIDTH = 110
LINK = "https://drive.example.com/cloudfile/#/sharelink/i/1808628918203192832"
COMMANDS = [
    f"koodrive-share files '{LINK}' \\\n    --extract-code-file code",
    f"koodrive-share package '{LINK}' \\\n    --extract-code-file code --all --output photos.zip",
    f"koodrive-share dump '{LINK}' \\\n"
    "    --extract-code-file code --all --target-file-id root --target-container-id my-space --wait",
]


def played(command, folder, env):
    """What a terminal shows of a command, once it has ended."""
    screen = pyte.Screen(WIDTH, 200)
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe("sh", ["sh", "-c", f"stty cols {WIDTH} rows 50; {command}"], env)
    while True:
        try:
            output = os.read(terminal, 65536)
        except OSError:  # the end, on Linux
            break
        if not output:
            break
        stream.feed(output)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("\n".join(screen.display).rstrip() + f"\nfailed: {command}")
    return [line.rstrip() for line in screen.display[: screen.cursor.y]]


def main():
    with tempfile.TemporaryDirectory() as folder:
        emulator = subprocess.Popen(
            [TOOL, "emulator"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            printed = ""
            while "KOODRIVE_TOKEN" not in printed:
                line = emulator.stderr.readline()
                if not line:
                    sys.exit(f"the emulator has ended:\n{printed}")
                printed += line
            settings = dict(re.findall(r"(KOODRIVE_\w+)=['\"]?([^'\"\s,]+)", printed))
            env = {**os.environ, **settings, "TERM": "xterm-256color", "PATH": f"{TOOL.parent}:{os.environ['PATH']}"}
            (Path(folder) / "code").write_text("31945314\n")
            console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))
            for command in COMMANDS:
                console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
                for line in played(command, folder, env):
                    console.print(Text(line))
            console.save_svg(str(SVG), title="koodrive-share")
        finally:
            emulator.kill()


if __name__ == "__main__":
    main()

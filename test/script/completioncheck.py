# SPDX-License-Identifier: MIT
"""
Complete in a real shell on a terminal of its own: completioncheck.py SHELL SCRIPT LINE...

Types each LINE, where \\t is a tab, and prints what the shell made of it, as echo says; when it ends with two tabs, all words
that the shell wrote meanwhile, which are those that it offers, and some more.
"""

import os
import pty
import re
import select
import sys
import time

START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "PS1='READY> '; bind 'set bell-style none' 'set enable-bracketed-paste off' "
             "'set page-completions off' 'set completion-query-items 0'; source {script}"),
    "zsh": (["zsh", "-f", "-i"], "unsetopt zle_bracketed_paste PROMPT_SP PROMPT_CR BEEP; LISTMAX=0; PS1='READY> '; fpath=({folder} $fpath); autoload -Uz compinit; "
            "compinit -u -D"),
}
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x07\r]|\x1b\([A-Z]")

def read(terminal: int, until: bytes, seconds: float) -> bytes:
    """Until that is seen, and then until it is quiet."""
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        ready = select.select([terminal], [], [], 0.5)[0]
        if ready:
            seen += os.read(terminal, 65536)
        elif until in seen and seen:
            break
    return seen

def main() -> int:
    shell, script, lines = sys.argv[1], sys.argv[2], sys.argv[3:]
    argv, start = START[shell]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="vt100", COLUMNS="4000", LINES="400", LC_ALL="C")
        os.execvp(argv[0], argv)
    start = start.format(script=script, folder=os.path.dirname(script))
    os.write(terminal, b"stty cols 4000 rows 400\n")
    read(terminal, b"", 2)
    os.write(terminal, start.encode() + b"\n")
    read(terminal, b"READY>", 20)
    for line in lines:
        os.write(terminal, line.replace("\\t", "\t").encode())
        offered = ESCAPE.sub(b" ", read(terminal, b"", 20)).decode().split()
        os.write(terminal, b"\x01echo MADE \n")
        made = ESCAPE.sub(b"", read(terminal, b"READY>", 20)).decode()
        print(" ".join(sorted(set(offered))) if line.endswith("\\t\\t") else re.findall(r"^MADE (.*?) *$", made, re.M)[-1])
    os.write(terminal, b"exit\n")
    os.waitpid(pid, 0)
    return 0

if __name__ == "__main__":
    sys.exit(main())

"""End a server and remove its folders when the process that started it has ended, for any reason.

``python -I -S watchdog.py SIGNAL`` reads process IDs and folders from its standard input, one a line. The input ends
with the parent at the latest. Then the watchdog sends the signal to the last process, unless that is 0, and removes
all folders. Coverage is not measured here.
"""

import os
import select
import shutil
import signal
import sys
from contextlib import suppress

PATIENCE = 20  # seconds that the server has to end


def end(pid: int, number: int) -> None:
    """End a process, which is not a child, and wait for that."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        for sent, patience in [(number, PATIENCE), (signal.SIGKILL, PATIENCE)]:
            signal.pidfd_send_signal(process, sent)
            signal.pidfd_send_signal(process, signal.SIGCONT)  # if a test has stopped it
            if select.select([process], [], [], patience)[0]:
                return


def main() -> None:
    pid, folders = 0, []
    for line in map(str.rstrip, sys.stdin):
        if line.isdecimal():
            pid = int(line)
        else:
            folders.append(line)
    if pid:
        end(pid, int(sys.argv[1]))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
"""Sockets in the network of another process: they stay in the network in which they were made."""

import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, TypeVar

CLONE_NEWNET = 0x40000000  # sched.h

Result = TypeVar("Result")
libc = ctypes.CDLL(None, use_errno=True)


def inside(pid: int, act: Callable[[], Result]) -> Result:
    """Call it in a thread of its own, which alone moves into the network of the process."""

    def move_and_act() -> Result:
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(namespace, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(namespace)
        return act()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(move_and_act).result()


def answers(pid: int, port: int, timeout: float) -> bool:
    """What a load balancer's TCP probe finds out.  timeout: seconds"""

    def connect() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout).close()
            return True
        except OSError:
            return False

    return inside(pid, connect)

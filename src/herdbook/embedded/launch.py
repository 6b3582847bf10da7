"""A script that replaces itself with a server, which gets a stop signal when the parent process ends.

It runs with `python -I -S`, so it must import nothing of ours and read no environment.
"""

import ctypes
import os
import sys
import time

PR_SET_PDEATHSIG = 1


def main(parent: int, stop_signal: int, notice: str, account: str, command: list[str]) -> None:
    """Switch to `account` (`uid:gid`, or empty), tie this process to `parent`, and execute `command`.

    `notice` is `kernel` if the kernel reports the parent's end; otherwise a watcher process does.
    """
    libc = ctypes.CDLL(None, use_errno=True) if notice == "kernel" else None
    if account:
        change_account(*map(int, account.split(":")))
    if libc is None:
        start_watcher(parent, stop_signal)
    # The kernel clears this setting when the user changes, so it comes after that.
    elif libc.prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the parent ended before its server had started")
    os.execv(command[0], command)  # noqa: S606  (no shell is intended)


def change_account(uid: int, gid: int) -> None:
    """Drop from root to an ordinary account for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def start_watcher(parent: int, stop_signal: int) -> None:
    """Fork a process that signals this one when the parent ends, if the kernel does not."""
    server = os.getpid()
    if os.fork() == 0:
        # The watcher is a child of the server, so a different parent means that the server has exited.
        while os.getppid() == server:
            if not is_alive(parent):
                os.kill(server, stop_signal)
                break
            time.sleep(0.5)
        os._exit(0)


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])

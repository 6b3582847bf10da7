"""Takes, as a script, the parent's id, a stop signal, how to notice the parent's end, an account, a command.

Gives the process up to that command, which is sent the stop signal when the parent ends.
Never imports ours, and reads no environment: it is run with `python -I -S`.
"""

import ctypes
import os
import sys
import time

PR_SET_PDEATHSIG = 1


def main(parent: int, stop_signal: int, notice: str, account: str, command: list[str]) -> None:
    """Change to `account` (`uid:gid`, or empty), tie this process to `parent`, and become `command`."""
    libc = ctypes.CDLL(None, use_errno=True) if notice == "kernel" else None
    if account:
        change_account(*map(int, account.split(":")))
    if libc is None:
        start_watcher(parent, stop_signal)
    # The kernel forgets this setting when the user changes, so it comes after that.
    elif libc.prctl(PR_SET_PDEATHSIG, stop_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the parent ended before its server had started")
    os.execv(command[0], command)  # noqa: S606  (no shell is what we want)


def change_account(uid: int, gid: int) -> None:
    """Go from root to an ordinary account, for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def start_watcher(parent: int, stop_signal: int) -> None:
    """Fork a watcher that passes the parent's end on to this process (where the kernel does not)."""
    server = os.getpid()
    if os.fork() == 0:
        # The watcher is a child of the server: another parent means that the server is gone.
        while os.getppid() == server:
            if not is_alive(parent):
                os.kill(server, stop_signal)
                break
            time.sleep(0.5)
        os._exit(0)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])

"""Takes the account that we run as.

Gives, when that is root, the ordinary account that PostgreSQL has to run as instead.
Never makes or changes an account, and never opens a folder that is not ours.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from herdbook.embedded.errors import EmbeddedError

if sys.platform != "win32":
    import pwd


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An ordinary account of this machine."""

    name: str
    uid: int
    gid: int

    def can_run(self, *command: str | Path) -> bool:
        """Try a harmless command as this account: access lists and mounts say more than mode bits."""
        try:
            done = subprocess.run(  # noqa: S603  (our own words)
                command,
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0

    def own(self, path: Path) -> None:
        """Give a file, or a folder with all that is in it, to this account."""
        os.chown(path, self.uid, self.gid)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)


def account_for(cluster: Path) -> Account | None:
    """Choose the account for a server that refuses to run as root; None when we are not root.

    Data that exist already are served by the account that owns them.
    """
    if os.geteuid() != 0:
        return None
    owner = _owner(cluster)
    if owner is not None:
        return owner
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        account = Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
        if account.can_run("true"):
            return account
    raise EmbeddedError(
        "PostgreSQL does not run as root, and no account postgres or nobody can be used here: "
        "start Herdbook as an ordinary user, or set DATABASE_URL"
    )


def _owner(path: Path) -> Account | None:
    """Give the owner of a path; None when there is no such path, or it belongs to root."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if found.st_uid == 0:
        return None
    return Account(name=_name(found.st_uid), uid=found.st_uid, gid=found.st_gid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

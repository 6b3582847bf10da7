"""Chooses the ordinary account that runs PostgreSQL when we are root.

Accounts are never created or changed, and folders that are not ours are never made accessible.
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
        """Whether this account can run a harmless command; access lists and mounts matter as well as mode bits."""
        try:
            done = subprocess.run(  # noqa: S603  (the command is ours)
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
        """Make this account the owner of a file, or of a folder and everything in it."""
        os.chown(path, self.uid, self.gid)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)


def account_for(cluster: Path) -> Account | None:
    """The account for a server that refuses to run as root; None if we are not root.

    Existing data is served by the account that owns it.
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
        "PostgreSQL does not run as root, and neither account postgres nor nobody can be used here: "
        "start Herdbook as an ordinary user, or set DATABASE_URL"
    )


def _owner(path: Path) -> Account | None:
    """The owner of a path; None if it does not exist or belongs to root."""
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

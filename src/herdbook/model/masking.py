"""Hides passwords in URLs before a text is shown, logged or recorded."""

import re

# Up to the last @, because a password may contain one; but `host:3000/…@…` is a port, not a password. The bounds
# keep matching linear: without them, a hostile text takes quadratic time.
_IN_AUTHORITY = re.compile(r"""(://[^\s/@:'"]{0,500}:)(?!\d{1,9}[/?#])[^\s'"]{1,1000}@""")
_IN_QUERY = re.compile(r"""([?&](?:ssl)?password=)[^&\s'"]+""", re.IGNORECASE)


def mask_passwords(text: str) -> str:
    """The text with `***` in place of each URL's password."""
    if "://" not in text:
        return text
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"\1***@", text))

"""Takes a text that is about to be shown or logged.

Gives it without the passwords of the URLs in it.
Never changes anything else.
"""

import re

# Up to the last @, as a password may hold one; but `host:3000/…@…` is a port and no password. The bounds keep
# a hostile text from taking time that grows with the square of its length.
_IN_AUTHORITY = re.compile(r"""(://[^\s/@:'"]{0,500}:)(?!\d{1,9}[/?#])[^\s'"]{1,1000}@""")
_IN_QUERY = re.compile(r"""([?&](?:ssl)?password=)[^&\s'"]+""", re.IGNORECASE)


def mask_passwords(text: str) -> str:
    """The text, with `***` for the password in each URL."""
    if "://" not in text:
        return text
    return _IN_QUERY.sub(r"\1***", _IN_AUTHORITY.sub(r"\1***@", text))

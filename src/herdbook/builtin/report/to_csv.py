"""Takes a document.

Gives its main table as CSV: UTF-8, a header, one line per row.
Never lets a spreadsheet run what somebody wrote into a cell.
"""

import csv
import io
import re

from herdbook.builtin.report.document import Advance, Document, Rendered, cell_text
from herdbook.builtin.report.payload import Scalar

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
# The fullwidth forms too: spreadsheets with an East Asian setting take them for the plain ones.
_STARTS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def render(document: Document, advance: Advance) -> Rendered:
    """The main table; `advance` is called for each row."""
    table = document.tables[0]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_harmless, table.columns))
    for row in table.rows:
        writer.writerow(map(_harmless, row))
        advance()
    return Rendered(content=text.getvalue().encode())


def _harmless(value: Scalar) -> str:
    """The cell's text, with an apostrophe before it when a spreadsheet would take it for a formula."""
    text = cell_text(value)
    risky = isinstance(value, str) and text.lstrip(" ").startswith(_STARTS_FORMULA)
    return f"'{text}" if risky and not _NUMBER.fullmatch(text) else text

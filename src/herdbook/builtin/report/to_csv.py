"""Renders a report's main table as CSV, in UTF-8 with a header.

A spreadsheet must never evaluate a cell as a formula.
"""

import csv
import io
import re

from herdbook.builtin.report.document import Advance, Document, Rendered, cell_text
from herdbook.builtin.report.payload import Scalar

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
# Including the fullwidth forms, which spreadsheets with an East Asian locale treat like the plain ones.
_STARTS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def render(document: Document, advance: Advance) -> Rendered:
    """The main table; `advance` is called for each row."""
    table = document.tables[0]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(_escaped, table.columns))
    for row in table.rows:
        writer.writerow(map(_escaped, row))
        advance()
    return Rendered(content=text.getvalue().encode())


def _escaped(value: Scalar) -> str:
    """The cell's text, prefixed with an apostrophe if a spreadsheet would treat it as a formula."""
    text = cell_text(value)
    is_formula = isinstance(value, str) and text.lstrip(" ").startswith(_STARTS_FORMULA)
    return f"'{text}" if is_formula and not _NUMBER.fullmatch(text) else text

"""Renders a report as one self-contained HTML page.

The page never contains a script, or markup from the data.
"""

from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined

from herdbook.builtin.report.chart import COMPLETED_COLOUR, FAILED_COLOUR, lay_out
from herdbook.builtin.report.document import Advance, Document, Rendered, Row, Table, cell_text


def render(document: Document, advance: Advance) -> Rendered:
    """The page; `advance` is called for each row."""
    environment = Environment(
        loader=PackageLoader("herdbook.builtin.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def rows(table: Table) -> Iterator[Row]:
        for row in table.rows:
            yield row
            advance()

    page = environment.get_template("report.html").render(
        document=document,
        chart=lay_out(document.hours) if document.hours else None,
        rows=rows,
        cell_text=cell_text,
        completed_colour=COMPLETED_COLOUR,
        failed_colour=FAILED_COLOUR,
    )
    return Rendered(content=page.encode())

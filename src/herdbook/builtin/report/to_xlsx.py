"""Renders a report as an Excel workbook, with a sheet per table and a native chart of the hours.

A cell is never written as a formula or a link.
"""

import io
import math
from typing import Any

import xlsxwriter

from herdbook.builtin.report.chart import COMPLETED_COLOUR, FAILED_COLOUR
from herdbook.builtin.report.document import Advance, Document, Rendered, Table
from herdbook.builtin.report.payload import Scalar
from herdbook.model.summary import HourStats

_MAX_TEXT = 32_767
_MAX_COLUMN_WIDTH = 60
# Excel stores numbers as doubles, in which a larger integer (an id, say) would lose its last digits.
_LARGEST_INTEGER = 2**53


def render(document: Document, advance: Advance) -> Rendered:
    """The workbook; `advance` is called for each row of the tables."""
    file = io.BytesIO()
    # Otherwise the sheets' XML is spooled to temporary files.
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        made_at = document.made_at.replace(tzinfo=None)
        book.set_properties({"title": document.title, "comments": document.byline, "created": made_at})
        for table in document.tables:
            _write_table(book, table, advance)
        if document.hours:
            _write_hours(book, document.hours)
    return Rendered(content=file.getvalue())


def _write_table(book: Any, table: Table, advance: Advance) -> Any:
    sheet = book.add_worksheet(table.heading)
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    for column, name in enumerate(table.columns):
        sheet.write_string(0, column, name[:_MAX_TEXT], head)
        sheet.set_column(column, column, _width(table, column))
    for number, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value)
        advance()
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    return sheet


def _write_cell(sheet: Any, row: int, column: int, value: Scalar) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, value)
        case float() if math.isfinite(value):
            sheet.write_number(row, column, value)
        case int() if abs(value) <= _LARGEST_INTEGER:
            sheet.write_number(row, column, value)
        case _:
            sheet.write_string(row, column, str(value)[:_MAX_TEXT])


def _width(table: Table, column: int) -> int:
    """A column's width in characters, from its name and the first rows."""
    texts = [table.columns[column], *(str(row[column]) for row in table.rows[:200])]
    return min(max(map(len, texts)) + 3, _MAX_COLUMN_WIDTH)


def _write_hours(book: Any, hours: tuple[HourStats, ...]) -> None:
    sheet = book.add_worksheet("Hours")
    times = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    head = book.add_format({"bold": True, "bottom": 1})
    for column, name in enumerate(("Hour (UTC)", "Completed", "Failed")):
        sheet.write_string(0, column, name, head)
    for row, hour in enumerate(hours, start=1):
        sheet.write_datetime(row, 0, hour.hour.replace(tzinfo=None), times)
        sheet.write_number(row, 1, hour.completed)
        sheet.write_number(row, 2, hour.failed)
    sheet.set_column(0, 0, 18)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(hours), 2)
    sheet.insert_chart(1, 4, _chart(book, len(hours)))


def _chart(book: Any, rows: int) -> Any:
    chart = book.add_chart({"type": "column", "subtype": "stacked"})
    for column, colour in ((1, COMPLETED_COLOUR), (2, FAILED_COLOUR)):
        chart.add_series(
            {
                "name": ["Hours", 0, column],
                "categories": ["Hours", 1, 0, rows, 0],
                "values": ["Hours", 1, column, rows, column],
                "fill": {"color": colour},
                "gap": 30,
            }
        )
    chart.set_title({"name": "Jobs per hour", "name_font": {"size": 12}})
    chart.set_x_axis({"num_format": "dd mmm hh:mm", "text_axis": True, "num_font": {"rotation": -45}})
    chart.set_y_axis({"major_gridlines": {"visible": True, "line": {"color": "#dddddd"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 860, "height": 380})
    return chart

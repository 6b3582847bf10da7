"""Renders a report as a PDF, with a chart, page numbers, and table headers repeated on every page."""

from collections.abc import Sequence

from fpdf import FPDF

from herdbook.builtin.report.chart import COMPLETED_COLOUR, FAILED_COLOUR, Bar, Chart, lay_out
from herdbook.builtin.report.document import Advance, Document, Rendered, Row, Table, cell_text
from herdbook.builtin.report.lines import Measure, share, wrap
from herdbook.builtin.report.typeface import Typeface, find_fonts, visual_order

# Millimetres, except for font sizes, which are points.
_MARGIN = 12.0
_FOOT = 16.0
_PADDING = 1.6
_LINE = 3.9
_SIZE = 8.0
_MAX_COLUMN_WIDTH = 80.0
_MIN_COLUMN_WIDTH = 9.0
_CHART_HEIGHT = 45.0
_MAX_LINES = 4
_MAX_CHARACTERS = 1_000
_SAMPLE = 400
# A4 portrait, then A4 to A1 landscape: a report gets the first one on which its tables are legible.
_PAPERS = ((210.0, 297.0), (297.0, 210.0), (420.0, 297.0), (594.0, 420.0), (841.0, 594.0))
_INK, _QUIET, _RULE, _SHADE = "#1c1c1c", "#666666", "#c9c9c9", "#f1f1ee"


def render(document: Document, advance: Advance) -> Rendered:
    """The PDF; `advance` is called for each row."""
    paper = Paper(document)
    paper.write_title()
    if document.hours:
        paper.draw_chart(lay_out(document.hours))
    for table in document.tables:
        paper.write_table(table, advance, with_heading=len(document.tables) > 1)
    pages = paper.number_pages()
    return Rendered(content=paper.content(), pages=pages)


class Paper:
    """A PDF that is written from top to bottom; `_y` is the current position."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._pdf = FPDF()
        # Otherwise `{nb}` in a text would become the number of pages.
        self._pdf.alias_nb_pages("")
        self._pdf.set_auto_page_break(False)
        self._pdf.set_title(document.title)
        self._pdf.set_creator("Herdbook")
        self._pdf.set_creation_date(document.made_at)
        self._type = Typeface(self._pdf, find_fonts())
        self._type.use(_SIZE, bold=True)
        self._format = self._smallest_paper()
        self._y = 0.0
        self._add_page()

    def write_title(self) -> None:
        """The document's title and byline, at the top of the first page."""
        self._type.use(17, bold=True)
        title = self._type.plain(self._document.title)[:_MAX_CHARACTERS]
        for line in wrap(title, self._width, self._type.width, max_lines=_MAX_LINES):
            self._y += 7.5
            self._text(_MARGIN, self._y, line)
        self._type.use(9)
        self._y += 5.5
        self._text(_MARGIN, self._y, self._type.plain(self._document.byline), colour=_QUIET)
        self._y += 7

    def write_table(self, table: Table, advance: Advance, *, with_heading: bool) -> None:
        """A table, over as many pages as it needs."""
        if with_heading:
            self._heading(table.heading, room=20)
        if not table.rows:
            self._type.use(9)
            self._text(_MARGIN, self._y + 2, "None.", colour=_QUIET)
            self._y += 8
            return
        widths = share(self._natural_widths(table), self._width)
        right_aligned = [table.is_numeric(column) for column in range(len(table.columns))]
        self._write_header(table, widths, right_aligned)
        for row in table.rows:
            lines = self._wrapped(row, widths, right_aligned)
            if self._y + _height(lines) > self._bottom:
                self._add_page()
                self._write_header(table, widths, right_aligned)
                self._type.use(_SIZE)
            self._write_row(lines, widths, right_aligned)
            advance()
        self._y += 6

    def draw_chart(self, chart: Chart) -> None:
        """The bars of the hours, with values on the left, times below and a legend."""
        self._heading(chart.heading, room=_CHART_HEIGHT + 20)
        left, width = _MARGIN + 12, self._width - 12
        base = self._y + _CHART_HEIGHT
        self._type.use(7)
        for tick in chart.ticks:
            y = base - _CHART_HEIGHT * tick / chart.ticks[-1]
            self._rule(left, left + width, y)
            number = f"{tick:,}"
            self._text(left - 2 - self._type.width(number), y + 1, number, colour=_QUIET)
        for bar in chart.bars:
            self._draw_bar(bar, left, width, base)
        self._y = base + 10
        self._legend(left)

    def number_pages(self) -> int:
        """Write the page numbers, now that their count is known; returns the count."""
        pages = self._pdf.pages_count
        for page in range(1, pages + 1):
            self._pdf.page = page
            self._pdf.current_font_is_set_on_page = False
            self._type.use(8)
            text = f"Page {page} of {pages}"
            right = self._format[0] - _MARGIN - self._type.width(text)
            self._text(right, self._format[1] - 9, text, colour=_QUIET)
        return pages

    def content(self) -> bytes:
        """The finished file."""
        return bytes(self._pdf.output())

    @property
    def _width(self) -> float:
        return self._format[0] - 2 * _MARGIN

    @property
    def _bottom(self) -> float:
        return self._format[1] - _FOOT

    def _smallest_paper(self) -> tuple[float, float]:
        needed = max(sum(self._natural_widths(table)) for table in self._document.tables)
        return next((paper for paper in _PAPERS if paper[0] - 2 * _MARGIN >= needed), _PAPERS[-1])

    def _natural_widths(self, table: Table) -> list[float]:
        """The width of each column on one line, within bounds; from a sample of the rows."""
        self._type.use(_SIZE, bold=True)
        sample: Sequence[Row] = table.rows[:: 1 + len(table.rows) // _SAMPLE]
        measure = self._measure(100)
        return [
            min(
                max(_MIN_COLUMN_WIDTH, *(measure(text) + 2 * _PADDING + 0.5 for text in texts)),
                _MAX_COLUMN_WIDTH,
            )
            for texts in (
                [table.columns[column], *(cell_text(row[column]) for row in sample)]
                for column in range(len(table.columns))
            )
        ]

    def _measure(self, max_characters: int) -> Measure:
        return lambda text: self._type.width(self._type.plain(text[:max_characters]))

    def _wrapped(self, row: Row, widths: Sequence[float], right_aligned: Sequence[bool]) -> list[list[str]]:
        """Each cell's lines, in regular type; a number on two lines would read as two numbers."""
        self._type.use(_SIZE)
        return [
            wrap(
                self._type.plain(cell_text(value)[:_MAX_CHARACTERS]),
                width - 2 * _PADDING,
                self._type.width,
                max_lines=1 if right else _MAX_LINES,
            )
            for value, width, right in zip(row, widths, right_aligned, strict=True)
        ]

    def _write_header(self, table: Table, widths: Sequence[float], right_aligned: Sequence[bool]) -> None:
        self._type.use(_SIZE, bold=True)
        lines = [
            wrap(self._type.plain(name), width - 2 * _PADDING, self._type.width, max_lines=_MAX_LINES)
            for name, width in zip(table.columns, widths, strict=True)
        ]
        self._pdf.set_fill_color(_SHADE)
        self._pdf.rect(_MARGIN, self._y, sum(widths), _height(lines), style="F")
        self._write_row(lines, widths, right_aligned)

    def _write_row(
        self, lines: Sequence[Sequence[str]], widths: Sequence[float], right_aligned: Sequence[bool]
    ) -> None:
        left = _MARGIN
        for cell, width, right in zip(lines, widths, right_aligned, strict=True):
            for number, line in enumerate(cell):
                indent = width - _PADDING - self._type.width(line) if right else _PADDING
                self._text(left + indent, self._y + _PADDING + _LINE * (number + 0.75), line)
            left += width
        self._y += _height(lines)
        self._rule(_MARGIN, left, self._y)

    def _heading(self, text: str, *, room: float) -> None:
        if self._y + room > self._bottom:
            self._add_page()
        self._type.use(11, bold=True)
        self._text(_MARGIN, self._y + 4, text)
        self._y += 8

    def _draw_bar(self, bar: Bar, left: float, width: float, base: float) -> None:
        x = left + width * bar.left
        completed, failed = _CHART_HEIGHT * bar.completed, _CHART_HEIGHT * bar.failed
        for height, top, colour in (
            (completed, base - completed, COMPLETED_COLOUR),
            (failed, base - completed - failed, FAILED_COLOUR),
        ):
            if height:
                self._pdf.set_fill_color(colour)
                self._pdf.rect(x, top, width * bar.width, height, style="F")
        if bar.label:
            self._text(x, base + 4, bar.label, colour=_QUIET)

    def _legend(self, left: float) -> None:
        for name, colour in (("Completed", COMPLETED_COLOUR), ("Failed", FAILED_COLOUR)):
            self._pdf.set_fill_color(colour)
            self._pdf.rect(left, self._y - 2.4, 2.8, 2.8, style="F")
            self._text(left + 4.5, self._y, name)
            left += 28
        self._y += 8

    def _add_page(self) -> None:
        self._pdf.add_page(format=self._format)
        self._y = _MARGIN

    def _rule(self, left: float, right: float, y: float) -> None:
        self._pdf.set_draw_color(_RULE)
        self._pdf.line(left, y, right, y)

    def _text(self, x: float, y: float, text: str, *, colour: str = _INK) -> None:
        if text:
            self._pdf.set_text_color(colour)
            self._pdf.text(x, y, visual_order(text))


def _height(lines: Sequence[Sequence[str]]) -> float:
    return max(map(len, lines)) * _LINE + 2 * _PADDING

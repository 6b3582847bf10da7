"""Report files with hostile texts, read by other libraries."""

import csv
import io
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader

from herdbook.builtin.report import to_pdf as pdf_module
from herdbook.builtin.report.document import Document, record_document, rows_document
from herdbook.builtin.report.payload import RecordQuery
from herdbook.builtin.report.reporter import render
from herdbook.model.job import JobStatus
from herdbook.model.summary import Durations, FailureCount, HourStats, JobTypeStats, RecordSummary

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)
LONG = "x" * 300
HOSTILE: list[dict[str, Any]] = [
    {"text": "<script>alert(1)</script>", "number": 28.5, "flag": True, "id": 12345678901234567890},
    {"text": '=HYPERLINK("http://example.com","x")', "number": -3, "flag": False, "id": None},
    {"text": "👩‍🌾 🐄 שלום (עולם) مرحبا 日本語", "number": 0, "<b>column</b>": "http://example.com"},
    {"text": LONG, "number": 1e-7},
    {"text": "line\nbreak\ttab \u202e {nb} \x01 \\ ( )", "number": None},
]


def hostile() -> Document:
    return rows_document("Harm <b>& {nb}</b> 🐄", HOSTILE, NOW)


def statistics(hours: int = 24) -> Document:
    """A document of the record's statistics."""
    summary = RecordSummary(
        job_types=(
            JobTypeStats(
                job_type="email",
                total=12,
                by_status={JobStatus.COMPLETED: 10, JobStatus.FAILED: 2},
                durations=Durations(p50=0.12345, p95=1.5, max=22),
            ),
            JobTypeStats(job_type="report", total=1, by_status={JobStatus.PENDING: 1}, durations=None),
        ),
        hours=tuple(
            HourStats(hour=NOW.replace(minute=0) - timedelta(hours=hour), completed=hour, failed=hour % 2)
            for hour in range(0, hours, 3)
        ),
        failures=(FailureCount(message="=1+1 <b>550</b>", count=2),),
    )
    return record_document("The last day", RecordQuery(hours=hours), summary, NOW)


def made(format: Any, document: Document) -> bytes:
    return render(format, document, lambda: None).content


def read_pdf(document: Document) -> tuple[PdfReader, list[str]]:
    reader = PdfReader(io.BytesIO(made("pdf", document)))
    return reader, [page.extract_text() for page in reader.pages]


def test_a_pdf_shows_hostile_texts_verbatim() -> None:
    reader, [text] = read_pdf(hostile())
    for expected in ("Harm <b>& {nb}</b>", "<script>alert(1)</script>", "=HYPERLINK", "28.5", "Page 1 of 1"):
        assert expected in text
    assert "2026-05-04 10:20 UTC" in text
    assert "12345678901234567890" in text
    assert "line break tab" in text
    assert "{nb}" in text
    assert "x" * 30 in text
    assert reader.metadata is not None
    assert reader.metadata.title == "Harm <b>& {nb}</b> 🐄"


def test_a_pdf_without_a_unicode_font_has_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_module, "find_fonts", lambda: None)
    _, [text] = read_pdf(rows_document("Kühe – “quoted”", [*HOSTILE, {"text": "Ω ä €"}], NOW))
    assert 'Kühe - "quoted"' in text
    assert "? ä EUR" in text
    read_pdf(statistics())


def test_a_pdf_repeats_the_header_and_numbers_every_page() -> None:
    rows: list[dict[str, Any]] = [{"animal": f"Daisy {number}", "litres": number} for number in range(10_000)]
    rendered = render("pdf", rows_document("Milk", rows, NOW), lambda: None)
    reader = PdfReader(io.BytesIO(rendered.content))
    assert rendered.pages == len(reader.pages)
    first, middle, last = (reader.pages[page].extract_text() for page in (0, 100, len(reader.pages) - 1))
    assert all("animal" in text and "litres" in text for text in (first, middle, last))
    assert "Daisy 0 0\n" in first
    assert "Daisy 9999" in last
    assert f"Page 101 of {rendered.pages}" in middle


def test_a_pdf_uses_larger_paper_for_many_columns() -> None:
    widths = []
    for columns in (1, 12, 50):
        reader, _ = read_pdf(rows_document("Milk", [{f"column number {n}": 123_456 for n in range(columns)}], NOW))
        widths.append(round(float(reader.pages[0].mediabox.width)))
    assert widths[0] == 595
    assert widths == sorted(set(widths))


def test_a_pdf_of_the_record_has_its_statistics_and_a_chart() -> None:
    reader, [text] = read_pdf(statistics())
    for expected in (
        "Jobs of the last 24 hours",
        "Jobs per hour",
        "email",
        "0.123",
        "Failures",
        "<b>550</b>",
    ):
        assert expected in text
    # Bars are filled rectangles: at least one for each hour with completed jobs.
    content = reader.pages[0].get_contents()
    assert content is not None
    assert content.get_data().count(b" re f") > 8


def test_a_csv_has_a_header_and_no_formulas() -> None:
    text = made("csv", hostile()).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["text", "number", "flag", "id", "<b>column</b>"]
    assert rows[0] == ["<script>alert(1)</script>", "28.5", "true", "12345678901234567890", ""]
    assert rows[1] == ['\'=HYPERLINK("http://example.com","x")', "-3", "false", "", ""]
    assert [row[0] for row in rows[2:]] == [HOSTILE[2]["text"], LONG, HOSTILE[4]["text"]]


@pytest.mark.parametrize("text", ["=1+1", "+1 cow", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1"])
def test_a_csv_cell_that_looks_like_a_formula_gets_an_apostrophe(text: str) -> None:
    document = rows_document("Milk", [{text: text}], NOW)
    assert list(csv.reader(io.StringIO(made("csv", document).decode(), newline=""))) == [[f"'{text}"]] * 2


@pytest.mark.parametrize("text", ["-5", "+49123456", "-1.5e-3", "-.5", "ada@example.com", "a=b", ""])
def test_a_csv_cell_that_is_a_number_or_harmless_is_unchanged(text: str) -> None:
    document = rows_document("Milk", [{"a": text, "b": "-"}], NOW)
    [_, row] = csv.reader(io.StringIO(made("csv", document).decode(), newline=""))
    assert row == [text, "'-"]


def test_an_xlsx_has_numbers_texts_and_no_formulas() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", hostile())))
    sheet = book.active
    assert sheet is not None
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]] == ["text", "number", "flag", "id", "<b>column</b>"]
    assert [cell.value for cell in rows[1]] == [HOSTILE[0]["text"], 28.5, True, "12345678901234567890", None]
    assert rows[2][0].value == HOSTILE[1]["text"]
    assert rows[2][0].data_type == "s"
    assert rows[3][4].hyperlink is None
    assert rows[4][0].value == LONG
    assert {cell.data_type for row in rows for cell in row} == {"s", "n", "b"}
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:E6"
    assert book.properties.title == "Harm <b>& {nb}</b> 🐄"


def test_an_xlsx_truncates_texts_that_are_too_long_for_excel() -> None:
    document = rows_document("Milk", [{"text": "x" * 40_000}], NOW)
    sheet = openpyxl.load_workbook(io.BytesIO(made("xlsx", document))).active
    assert sheet is not None
    assert sheet["A2"].value == "x" * 32_767


def test_an_xlsx_of_the_record_has_a_sheet_per_table_and_a_chart() -> None:
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", statistics())))
    assert book.sheetnames == ["Job types", "Failures", "Hours"]
    types = list(book["Job types"].values)
    assert types[1] == ("email", 12, 0, 0, 10, 2, 0, 0.123, 1.5, 22)
    assert types[2][-3:] == (None, None, None)
    assert list(book["Failures"].values)[1] == ("=1+1 <b>550</b>", 2)
    hours = list(book["Hours"].values)
    assert len(hours) == 1 + 25
    assert hours[-1] == (datetime(2026, 5, 4, 10), 0, 0)
    assert len(book["Hours"]._charts) == 1


class Tags(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read_html(document: Document) -> Tags:
    page = Tags()
    page.feed(made("html", document).decode())
    return page


@pytest.mark.parametrize("document", [hostile(), statistics()], ids=["rows", "record"])
def test_an_html_page_has_no_script_and_loads_nothing(document: Document) -> None:
    page = read_html(document)
    assert not {"script", "link", "img", "iframe", "a", "b"} & set(page.tags)
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"src", "href"}
    assert "default-src 'none'" in made("html", document).decode()


def test_an_html_page_shows_hostile_texts_verbatim() -> None:
    page = read_html(hostile())
    assert {row["text"] for row in HOSTILE} <= set(page.texts)
    assert {"Harm <b>& {nb}</b> 🐄", "<b>column</b>", "28.5", "true"} <= set(page.texts)
    assert page.tags.count("tr") == 1 + len(HOSTILE)


def test_an_html_page_of_the_record_has_its_statistics_and_a_chart() -> None:
    page = read_html(statistics())
    assert page.tags.count("svg") == 1
    assert page.tags.count("rect") == 2 * 25 + 2
    assert {"email", "0.123", "=1+1 <b>550</b>", "Jobs per hour"} <= set(page.texts)
    assert "2026-05-04 07:00 UTC: 3 completed, 1 failed" in page.texts


def test_a_month_has_bars_of_several_hours() -> None:
    page = read_html(statistics(hours=744))
    assert "Jobs per 12 hours" in page.texts
    assert page.tags.count("rect") <= 2 * 72 + 2
    assert any("last 31 days" in text for text in page.texts)

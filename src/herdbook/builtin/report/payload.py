"""The payload of report jobs."""

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from herdbook.builtin.checks import problem, problem_at, single_line
from herdbook.model.options import CamelModel

Scalar = str | int | float | bool | None
Format = Literal["pdf", "html", "csv", "xlsx"]
MAX_COLUMNS = 50


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | None):
        raise problem("a cell must be a text, a number, true, false or null")
    if isinstance(value, float) and not math.isfinite(value):
        raise problem("not a finite number")
    return value


Cell = Annotated[Scalar, PlainValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
ColumnName = Annotated[str, Field(min_length=1, max_length=200)]


def column_names(rows: tuple[dict[str, Scalar], ...]) -> tuple[str, ...]:
    """All keys of the rows, in order of first appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


class RecordQuery(CamelModel):
    """What to read from the record of jobs."""

    hours: int = Field(
        default=24,
        ge=1,
        le=744,
        description="The period up to now, in hours (31 days at most).",
        examples=[24],
    )
    job_type: str | None = Field(
        default=None,
        title="Job type",
        min_length=1,
        max_length=100,
        description="Only jobs of this type; the default is all.",
        examples=["email"],
    )


class ReportSource(CamelModel):
    """The source of a report: either given rows or the record of jobs."""

    rows: tuple[dict[ColumnName, Cell], ...] | None = Field(
        default=None,
        max_length=10_000,
        # Ten thousand rows with the same mistake should give one message. No min_length: pydantic would not
        # count an invalid row, and report that as a second error.
        fail_fast=True,
        json_schema_extra={"minItems": 1},
        description="The rows of a table; every key is a column.",
        examples=[[{"animal": "Daisy", "litres": 28.5}, {"animal": "Bess", "litres": 31}]],
    )
    record: RecordQuery | None = Field(default=None, description="Statistics of the jobs of the last hours.")

    @field_validator("rows")
    @classmethod
    def _columns_in_bounds(cls, rows: tuple[dict[str, Scalar], ...] | None) -> tuple[dict[str, Scalar], ...] | None:
        if rows == ():
            raise problem("give at least one row")
        found = len(column_names(rows)) if rows else 1
        if not 1 <= found <= MAX_COLUMNS:
            raise problem(f"the rows have {found} different columns; a report may have 1 to {MAX_COLUMNS}")
        return rows

    @model_validator(mode="after")
    def _one_source(self) -> "ReportSource":
        if (self.rows is None) == (self.record is None):
            raise problem_at("rows", "give either rows or record")
        return self


class ReportPayload(CamelModel):
    """A report to make."""

    model_config = ConfigDict(hide_input_in_errors=True)

    title: Annotated[str, AfterValidator(single_line)] = Field(
        min_length=1, max_length=200, description="The report's title.", examples=["Milk of the week"]
    )
    format: Format = Field(
        default="pdf", description="The file format; csv contains only the main table.", examples=["pdf"]
    )
    source: ReportSource = Field(
        description="Where the report's content comes from.",
        examples=[{"record": {"hours": 24}}, {"rows": [{"animal": "Daisy", "litres": 28.5}]}],
    )

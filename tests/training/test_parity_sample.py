"""The raw rows that the gate asks with: read by Python alone, and written as each signature takes them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas.spec_pb2 import STRING, Spec
from prebake.training.parity_sample import _csv_line, _seconds


@pytest.mark.parametrize(
    ("text", "format", "seconds"),
    [
        ("1970-01-02 00:00:01", "%Y-%m-%d %H:%M:%S", 86401),
        ("31.12.1969", "%d.%m.%Y", -86400),
        ("0001-01-01", "%Y-%m-%d", -62_135_596_800),
        ("-1", "seconds", -1),
        ("-1", "milliseconds", -1),
        ("1999", "milliseconds", 1),
        ("1970-01-01T00:00:01.999999999", "%Y-%m-%dT%H:%M:%S.%f", 1),
        ("1970-01-01T01:00:00+01:00", "%Y-%m-%dT%H:%M:%S%z", 0),
        ("1970-01-01T00:00:00-0130", "%Y-%m-%dT%H:%M:%S%z", 5400),
        ("1970-01-01T00:00:07Z", "%Y-%m-%dT%H:%M:%S%z", 7),
    ],
)
def test_times(text, format, seconds):
    assert _seconds(text, format) == seconds


def spec_of(names: list[str], quoting: bool = True) -> Spec:
    spec = Spec()
    spec.data.dialect.delimiter, spec.data.dialect.quoting = ";", quoting
    for name in names:
        spec.data.columns.add(name=name, type=STRING)
        spec.features.add(name=name, column=name).vocabulary.SetInParent()
    return spec


@given(st.lists(st.text(st.sampled_from('ab;"\n\r ,ü')), min_size=2, max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_line_holds_the_cells_whatever_is_in_them(cells):
    names = [f"c{number}" for number in range(len(cells))]
    line = _csv_line(dict(zip(names, cells, strict=True)), spec_of(names)).decode()
    assert next(csv.reader(io.StringIO(line, newline=""), delimiter=";", strict=True)) == cells
    # TensorFlow's decoder refuses a line end that is not in quotes.
    assert all("\n" not in part and "\r" not in part for part in line.split('"')[::2])


def test_a_line_without_quoting():
    spec = spec_of(["a", "b"], quoting=False)
    assert _csv_line({"a": 'x"y', "b": "z"}, spec) == b'x"y;z'

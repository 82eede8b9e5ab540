"""In: first bytes of files. Out: proof that columns are found by name, and the full text of each refusal."""

from __future__ import annotations

import pickle

import pytest
from google.protobuf import text_format
from prebake.schemas import spec_pb2
from prebake.schemas.csv_layout import HEAD_BYTES, read_layout
from prebake.schemas.errors import DataError

SPEC = """
columns { name: "age" type: FLOAT }
columns { name: "id" type: IGNORE }
columns { name: "job" type: STRING required: true values: "a" values: "b" }
columns { name: "y" type: INT }
label { column: "y" }
"""
HEADER = b"age,id,job,y\n"


def data(extra: str = "", spec: str = SPEC) -> spec_pb2.Data:
    return text_format.Parse(spec + extra, spec_pb2.Data())


def positions(first_bytes: bytes, *args, **kwargs) -> dict[str, int]:
    layout = read_layout(first_bytes, "f.csv", *args, **kwargs)
    return {column.name: column.position for column in layout.columns}


def message(first_bytes: bytes, *args, **kwargs) -> str:
    with pytest.raises(DataError) as caught:
        read_layout(first_bytes, "f.csv", *args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_plain():
    layout = read_layout(HEADER + b"1,2,a,0\n", "f.csv", data())
    assert (layout.fields, layout.header, layout.skip_bytes, layout.first_row) == (4, "age,id,job,y", 13, 2)
    assert (layout.delimiter, layout.quoting, layout.null_tokens) == (",", True, ())
    assert (layout.labels, layout.weight) == (("y",), "")
    assert [(c.name, c.position, c.required, c.values) for c in layout.columns] == [
        ("age", 0, False, ()),
        ("job", 2, True, ("a", "b")),
        ("y", 3, True, ()),  # the label always is
    ]
    assert pickle.loads(pickle.dumps(layout)) == layout  # Beam sends it to workers


def test_fault_5_byte_order_mark_is_skipped():
    layout = read_layout(b"\xef\xbb\xbf" + HEADER, "f.csv", data())
    assert (layout.header, layout.skip_bytes) == ("age,id,job,y", 16)
    layout = read_layout(b"\xef\xbb\xbf1,2,a,0\n", "f.csv", data("dialect { header: false }"))
    assert layout.skip_bytes == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_fault_6_utf_16(encoding):
    content = HEADER.decode().encode(encoding)
    assert message(content, data()) == "f.csv: not UTF-8 but UTF-16, it seems; convert it to UTF-8"


def test_header_is_not_utf_8():
    assert message(b"\xe9ge,id,job,y\n", data()) == (
        "f.csv:1 '\\xe9ge,id,job,y' as the header: is not UTF-8: byte 0xE9 at byte 0 of the row"
    )


@pytest.mark.parametrize("content", [b"age,id,job,y\r1,2,a,0\r", b'"age","id","job","y"\r1,2,a,0\r'])
@pytest.mark.parametrize("header", ["true", "false"])
def test_fault_10_lone_carriage_returns(content, header):
    assert message(content, data(f"dialect {{ header: {header} }}")) == (
        "f.csv: lines end with a carriage return alone; convert them to \\n or \\r\\n"
    )


def test_fault_11_empty_file():
    remedy = "write it again, take it out of data.files, or set data.allow_empty_files"
    assert message(b"", data()) == f"f.csv: 0 bytes: {remedy}"
    assert message(b"\xef\xbb\xbf", data()) == f"f.csv: nothing but a byte order mark: {remedy}"


@pytest.mark.parametrize("content", [b"\n", b"\r\n1,2,a,0\n", b"\xef\xbb\xbf\n"])
def test_blank_header(content):
    assert message(content, data()) == "f.csv:1: the first line is blank; it must name the columns"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_fault_12_header_only(end):
    layout = read_layout(b"age,id,job,y" + end, "f.csv", data())
    assert (layout.header, layout.skip_bytes) == ("age,id,job,y", 12 + len(end))


def test_fault_16_duplicate_header():
    assert message(b"age,id,job,y,age\n", data()) == (
        "f.csv:1:age: the header has this column twice; rename or drop one"
    )


def test_fault_17_missing_column():
    assert message(b"id,job,y\n", data()) == (
        "f.csv:1:age: the header lacks this column; it has 'id', 'job', 'y'"
    )


def test_fault_18_reordered_columns():
    assert positions(b'y,"job",id,age\n', data()) == {"age": 3, "job": 1, "y": 0}


def test_fault_19_undeclared_column():
    content = b"age,new,id,job,y,newer\n"
    assert message(content, data()) == (
        "f.csv:1: the header has columns that the spec does not name: 'new', 'newer'; "
        "declare them under data.columns or set data.ignore_undeclared"
    )
    assert positions(content, data("ignore_undeclared: true")) == {"age": 0, "job": 3, "y": 4}


@pytest.mark.parametrize("near", ["Age", " age", "age ", "AGE"])
def test_fault_20_near_miss(near):
    assert message(f"id,job,{near},y\n".encode(), data()) == (
        f"f.csv:1:age: the header lacks this column; it has 'id', 'job', '{near}', 'y'; "
        f"'{near}' is close: rename it there or in the spec"
    )


def test_names_with_quotes_newlines_and_other_scripts():
    columns = 'columns { name: "a\\n\\"b\\"" type: INT } columns { name: "größe" type: INT }'
    content = 'größe,"a\n""b"""\n1,2\n'.encode()
    layout = read_layout(content, "f.csv", data(spec=columns))
    assert [column.position for column in layout.columns] == [1, 0]
    assert layout.header == 'größe,"a\n""b"""'
    assert content[layout.skip_bytes :] == b"1,2\n"


def test_header_with_unclosed_quote():
    assert message(b'age,"id,job,y\n1,2,a,0\n', data()) == (
        "f.csv:1 'age,\"id,job,y\\n1,2,a,0' as the header: opens a quote in field 2 that is never closed"
    )


def test_header_longer_than_the_first_bytes():
    assert message(b"a" * HEAD_BYTES, data()) == "f.csv:1: the first record does not end within 1048576 bytes"


def test_dialect():
    layout = read_layout(
        b'age;"id;job;y\n',
        "f.csv",
        data('dialect { delimiter: ";" quoting: false null_tokens: "?" }', SPEC.replace('"id"', "'\\\"id'")),
    )
    assert (layout.fields, layout.delimiter, layout.quoting, layout.null_tokens) == (4, ";", False, ("?",))


def test_without_header_columns_are_in_order():
    headless = data("dialect { header: false }")
    layout = read_layout(b"1,2,a,0\n", "f.csv", headless)
    assert (layout.header, layout.skip_bytes, layout.first_row, layout.fields) == ("", 0, 1, 4)
    assert positions(b"1,2,a,0\n", headless) == {"age": 0, "job": 2, "y": 3}
    # A first row of another length is for the reader to report.
    assert read_layout(b"1,2,a,0,5\n", "f.csv", headless).fields == 4
    assert read_layout(b'1,2,a,"0\n', "f.csv", headless).fields == 4
    headless.ignore_undeclared = True
    assert read_layout(b"1,2,a,0,5\n", "f.csv", headless).fields == 5


def test_optional_columns_when_predicting():
    layout = read_layout(b"job,id,age\n", "f.csv", data(), optional=("y",))
    assert [column.name for column in layout.columns] == ["age", "job"]
    assert layout.labels == ()
    present = read_layout(HEADER, "f.csv", data(), optional=("y",))
    assert present.labels == ("y",)
    assert [column.required for column in present.columns] == [False, True, False]
    headless = data("dialect { header: false }")
    assert positions(b"1,2,a\n", headless, optional=("y",)) == {"age": 0, "job": 2}
    assert positions(b"1,2,a,0\n", headless, optional=("y",)) == {"age": 0, "job": 2, "y": 3}


@pytest.mark.parametrize(("given", "smallest"), [("", 0.0), ("min: -1", 0.0), ("min: 0.5", 0.5)])
def test_weight_is_required_and_not_negative(given, smallest):
    spec = SPEC + f'columns {{ name: "w" type: FLOAT {given} }} weight: "w"'
    layout = read_layout(b"age,id,job,y,w\n", "f.csv", data(spec=spec))
    assert (layout.weight, layout.columns[3].required, layout.columns[3].min) == ("w", True, smallest)

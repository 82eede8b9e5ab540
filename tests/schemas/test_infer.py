"""Types, null tokens and delimiters as the head of the files shows them."""

import bz2
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import spec_pb2
from prebake.schemas.errors import DataError
from prebake.schemas.infer import infer_columns, profile_columns, sample_rows, sniff_delimiter

FLOAT, INT, STRING, TIME = spec_pb2.FLOAT, spec_pb2.INT, spec_pb2.STRING, spec_pb2.TIME
DIALECT = spec_pb2.Dialect(delimiter=",", quoting=True, header=True)


@pytest.mark.parametrize(
    ("cells", "type_"),
    [
        (["1", "-2", "", "007"], INT),
        (["1", "2.0"], FLOAT),
        ([".5", "1.", "1e-3"], FLOAT),
        (["9223372036854775807"], INT),
        (["9223372036854775808"], FLOAT),
        (["-9223372036854775808"], FLOAT),
        (["1e39"], STRING),
        (["1", "+2"], STRING),
        (["1", " 2"], STRING),
        (["1", "0x10"], STRING),
        (["1", "1_000"], STRING),
        (["1", "inf"], STRING),
        (["1", "x"], STRING),
        (["", ""], STRING),
    ],
)
def test_type(cells, type_):
    profiles, notes = infer_columns(["a"], [[c] for c in cells])
    assert profiles["a"].type == type_
    assert notes == []


def test_counts_and_missing_share():
    profile = infer_columns(["a"], [["x"], ["y"], ["x"], [""]])[0]["a"]
    assert (profile.cells, profile.present, dict(profile.counts), profile.missing_share) == (
        4, 3, {"x": 2, "y": 1}, 0.25,
    )  # fmt: skip


def test_null_tokens_of_a_number():
    profiles, notes = infer_columns(["a", "b"], [["1", "u"], ["?", "v"], ["NA", "w"], ["2.5", "z"]])
    assert (profiles["a"].type, profiles["a"].present, profiles["a"].null_tokens) == (FLOAT, 2, ("?", "NA"))
    assert notes == ["column 'a' is a number but for '?', 'NA': taken as missing"]


def test_given_null_tokens_are_the_only_ones():
    rows = [["1", "none"], ["?", "3"], ["2", "4"]]
    profiles, notes = infer_columns(["a", "b"], rows, null_tokens=["none"])
    assert (profiles["a"].type, profiles["b"].type, profiles["b"].present) == (STRING, INT, 2)
    assert notes == ["column 'a' would be a number but for '?': no null token says so"]


def test_frequent_candidate_in_text_is_told_and_stays_text():
    rows = [["?"], ["x"], ["y"]] * 2 + [["z"]] * 94
    profiles, notes = infer_columns(["a"], rows)
    assert (profiles["a"].type, profiles["a"].counts["?"], profiles["a"].null_tokens) == (STRING, 2, ())
    assert notes == ["column 'a' has '?' in 2.0% of the rows: a null token, if it means missing"]
    assert infer_columns(["a"], rows * 3 + [["z"]] * 400)[1] == []


@pytest.mark.parametrize(
    ("cells", "format"),
    [
        (["2024-02-29", "1999-12-31", ""], "%Y-%m-%d"),
        (["2024-02-29 23:59:59"], "%Y-%m-%d %H:%M:%S"),
        (["2024-02-29 23:59:59.5", "2024-02-29 23:59:59.25"], "%Y-%m-%d %H:%M:%S.%f"),
        (["2024-02-29T23:59"], "%Y-%m-%dT%H:%M"),
        (["2024-02-29T23:59:59Z", "2024-02-29T23:59:59+01:00"], "%Y-%m-%dT%H:%M:%S%z"),
        (["31.12.1999", "01.02.2000"], "%d.%m.%Y"),
        (["01.02.2000 10:30"], "%d.%m.%Y %H:%M"),
        (["12/31/1999", "01/02/2000"], "%m/%d/%Y"),
        (["31/12/1999", "01/02/2000"], "%d/%m/%Y"),
        (["2024/01/02"], "%Y/%m/%d"),
    ],
)
def test_time(cells, format):
    profiles, notes = infer_columns(["a"], [[c] for c in cells])
    assert (profiles["a"].type, profiles["a"].format, notes) == (TIME, format, [])
    assert infer_columns(["a"], [[c] for c in cells], plain=["a"])[0]["a"].type == STRING


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-02-29", "2024-02-29 10:00:00"],
        ["2023-02-29"],
        ["2024-02-29", "soon"],
        [*(f"2024-01-{day:02}" for day in range(1, 26)), "soon"],
        ["2024-2-9"],
        ["12:30"],
        ["31.12.99"],
        ["31/12/1999", "12/31/1999"],
    ],
)
def test_no_time(cells):
    profiles, notes = infer_columns(["a"], [[c] for c in cells])
    assert (profiles["a"].type, profiles["a"].format, notes) == (STRING, "", [])


def test_a_date_whose_day_and_month_cannot_be_told_apart_stays_text():
    profiles, notes = infer_columns(["a"], [["01/02/2000"], ["12/12/1999"]])
    assert (profiles["a"].type, profiles["a"].format) == (STRING, "")
    assert notes == [
        'column \'a\' holds times, as text unless it is {type: time, format: "%m/%d/%Y" or "%d/%m/%Y"}'
    ]


def test_null_tokens_of_a_time():
    profiles, notes = infer_columns(["a"], [["2024-02-29"], ["NULL"]])
    assert (profiles["a"].type, profiles["a"].format, profiles["a"].null_tokens) == (
        TIME,
        "%Y-%m-%d",
        ("NULL",),
    )
    assert notes == ["column 'a' is a time but for 'NULL': taken as missing"]
    profiles, notes = infer_columns(["a"], [["2024-02-29"], ["NULL"]], null_tokens=["-"])
    assert profiles["a"].type == STRING
    assert notes == ["column 'a' would be a time but for 'NULL': no null token says so"]


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["a|b", "b", "c|a", "b|c"] * 5, "|"),
        (["a;b", "b", "c;a", "b;c"] * 5, ";"),
        (["a; b", "b", "c; a; b", "b; c"] * 5, "; "),
        (["a | b", "b", "c | a", "b | c"] * 5, " | "),
        (["a; b", "b", "c;a", "b; c"] * 5, ""),  # ` b` and `b` would be two values
        (["a|b", "b", "a", "b"] * 2, ""),  # too few
        (["a|b"] * 10 + ["c"] * 200, ""),  # too rarely
        ([f"{i}|{i + 1}" for i in range(0, 100, 2)], ""),  # no small vocabulary
        # Sentences.
        (
            [
                f"{one}; {two}"
                for one in ("it went on", "so it is")
                for two in ("and then it fell", "but I do not know")
            ]
            * 20,
            "",
        ),
        (["a,b", "b,c"] * 20, ""),
    ],
)
def test_lists(cells, separator):
    assert infer_columns(["a"], [[c] for c in cells])[0]["a"].separator == separator
    assert infer_columns(["a"], [[c] for c in cells], plain=["a"])[0]["a"].separator == ""


def test_only_candidates_is_text():
    assert infer_columns(["a"], [["NA"], ["NA"]])[0]["a"].type == STRING


def write(tmp_path, **files):
    paths = []
    for name, content in files.items():
        path = tmp_path / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(str(path))
    return paths


def test_rows_are_put_in_the_order_of_the_first_header(tmp_path):
    paths = write(
        tmp_path,
        a_csv="x,y\n1,2\n",
        b_csv="\ufeffy,x\r\n4,3\r\n",
        c_csv="x\n5\n\n",
        d_csv="",
        e_csv="x,y\n6\n",
    )
    header, rows = sample_rows(paths, DIALECT, open)
    assert header == ["x", "y"]
    assert rows == [["1", "2"], ["3", "4"], ["5", ""], ["", ""]]


def test_quotes_delimiter_and_no_header(tmp_path):
    (path,) = write(tmp_path, a_csv='"a;""\nb";2\n\n3;4\n')
    dialect = spec_pb2.Dialect(delimiter=";", quoting=True, header=False)
    assert sample_rows([path], dialect, open, names=["p", "q"]) == (["p", "q"], [['a;"\nb', "2"], ["3", "4"]])
    dialect.quoting = False
    assert sample_rows([path], dialect, open, names=["p", "q"])[1] == [['"a', '""'], ['b"', "2"], ["3", "4"]]


def test_compressed_files(tmp_path):
    paths = write(tmp_path, a_csv_gz=gzip.compress(b"x\n1\n"), b_csv_bz2=bz2.compress(b"x\n2\n"))
    assert sample_rows(paths, DIALECT, open) == (["x"], [["1"], ["2"]])


def test_files_are_spread_over_the_list_and_rows_limited(tmp_path):
    paths = write(tmp_path, **{f"f{i:02}_csv": f"x\n{i}\n{i}\n{i}\n" for i in range(40)})
    opened = []

    def open_file(path, mode):
        opened.append(path)
        return open(path, mode)

    _, rows = sample_rows(paths, DIALECT, open_file, limit=8, files=4)
    assert [paths.index(path) for path in opened] == [0, 13, 26, 39]
    assert rows == [[x] for x in ("0", "0", "13", "13", "26", "26", "39", "39")]


def test_only_the_head_is_read_and_cut_at_a_line(tmp_path):
    (path,) = write(tmp_path, a_csv="x,y\n" + "é,1\n" * 300_000)
    _, rows = sample_rows([path], DIALECT, open, limit=1_000_000)
    assert len(rows) == ((1 << 20) + 1 - 4) // 5
    assert rows[-1] == ["é", "1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{}: has no row to infer columns from"),
        (b"x,y\n", "{}: has no row to infer columns from"),
        (b"x,y,x\n1,2,3\n", "{}:1:x: two columns have this name: rename one"),
        (b"x,,y\n1,2,3\n", "{}:1: column 2 has no name in the header: give it one"),
        (b"x\xff,y\n1,2\n", "{}:1: the header is not UTF-8 text: convert the file"),
        ("x,y\n1,2\n".encode("utf-16"), "{}: is UTF-16, not UTF-8: convert it"),
    ],
)
def test_file_that_cannot_be_sampled(tmp_path, content, message):
    (path,) = write(tmp_path, a_csv=content)
    with pytest.raises(DataError) as caught:
        sample_rows([path], DIALECT, open)
    assert str(caught.value) == message.format(path)


def test_no_file_has_a_row(tmp_path):
    paths = write(tmp_path, a_csv="x\n", b_csv="x\n")
    with pytest.raises(DataError) as caught:
        sample_rows(paths, DIALECT, open)
    assert str(caught.value) == f"{paths[0]}: has no row to infer columns from (nor have 1 more files)"


def test_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(DataError) as caught:
        sample_rows([str(tmp_path / "none.csv")], DIALECT, open)
    assert str(caught.value) == f"{tmp_path}/none.csv: cannot be read: No such file or directory"


def test_bad_bytes_in_a_row_do_not_hinder(tmp_path):
    (path,) = write(tmp_path, a_csv=b"x\n1\n\xff\n")
    assert sample_rows([path], DIALECT, open)[1] == [["1"], ["\ufffd"]]


def test_profiles_of_declared_columns():
    declared = [spec_pb2.Column(name="b", type=STRING), spec_pb2.Column(name="absent", type=INT)]
    profiles = profile_columns(declared, ["a", "b"], [["1", "-"], ["2", "5"]], ["-"])
    assert list(profiles) == ["b"]
    assert (profiles["b"].type, dict(profiles["b"].counts)) == (STRING, {"5": 1})


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb\n1\t2,3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a\n1\n", ","),
        ('"a;x",b\n"c;d",e\n', ","),
        ("", ","),
    ],
)
def test_delimiter(tmp_path, text, delimiter):
    (path,) = write(tmp_path, a_csv=text)
    assert sniff_delimiter(path, open) == delimiter


@given(st.lists(st.text(alphabet="0123456789.-+eE ?NAan_x", max_size=6), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_number_column_has_only_numbers(cells):
    profile = infer_columns(["a"], [[c] for c in cells])[0]["a"]
    present = [c for c in cells if c and c not in profile.null_tokens]
    if profile.type == INT:
        assert all(int(c) is not None and "_" not in c and "+" not in c for c in present)
    elif profile.type == FLOAT:
        assert all(abs(float(c)) < 3.5e38 and "_" not in c and c.strip() == c for c in present)

"""From a spec's path to the resolved spec; from patterns to files."""

import os

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.errors import DataError, SpecError
from prebake.schemas.spec import (
    all_patterns,
    expand,
    load_spec,
    pattern_root,
    relative_path,
    spec_text,
)

ROWS = "age,city,y\n" + "".join(f"{20 + i},{'AB'[i % 2]},{i / 10}\n" for i in range(30))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text(ROWS)
    (tmp_path / "data" / "b.csv").write_text(ROWS)
    return tmp_path


def write(folder, text, name="s.yaml"):
    path = folder / name
    path.write_text(text)
    return str(path)


def refuse(*args):
    raise AssertionError("no data file may be looked at")


def test_files_and_label_are_enough(folder):
    spec = load_spec(write(folder, "data:\n  files: data/*.csv\n  label: y\n"))
    assert list(spec.data.files) == [f"{folder}/data/*.csv"]
    assert [(c.name, c.type, c.required) for c in spec.data.columns] == [
        ("age", spec_pb2.INT, False),
        ("city", spec_pb2.STRING, False),
        ("y", spec_pb2.FLOAT, True),
    ]
    assert spec.data.label.kind == spec_pb2.REGRESSION
    assert [(f.name, f.WhichOneof("transform")) for f in spec.features] == [
        ("age", "standardize"),
        ("city", "vocabulary"),
    ]


def test_a_resolved_spec_loads_without_its_data(folder):
    spec = load_spec(write(folder, "data:\n  files: data/*.csv\n  label: city\n"))
    path = write(folder, spec_text(spec), "spec.pbtxt")
    assert load_spec(path, expand_files=refuse, open_file=refuse, notice=refuse) == spec


def test_other_filesystems_are_given(folder):
    opened = []

    def open_file(path, mode):
        opened.append((path, mode))
        return open(folder / "data" / "a.csv", mode)

    path = write(folder, "data:\n  files: gs://bucket/x/../*.csv\n  label: y\n")
    spec = load_spec(
        path, expand_files=lambda patterns: [p.replace("*", "1") for p in patterns], open_file=open_file
    )
    assert list(spec.data.files) == ["gs://bucket/x/../*.csv"]
    assert opened == [("gs://bucket/x/../1.csv", "rb")]


def test_patterns_of_splits(folder):
    text = "data:\n  label: y\n  split:\n    files:\n      train: data/a.csv\n      test: ./data/b.csv\n"
    spec = load_spec(write(folder, text))
    assert all_patterns(spec.data) == [f"{folder}/data/a.csv", f"{folder}/data/b.csv"]
    assert not spec.data.files
    assert not spec.data.split.HasField("train")


def test_declared_columns_and_a_label_that_only_the_sample_tells(folder):
    text = "data:\n  files: data/a.csv\n  columns: {city: string, age: int, y: float}\n  label: city\n"
    spec = load_spec(write(folder, text))
    assert [c.name for c in spec.data.columns] == ["city", "age", "y"]
    assert spec.data.label.kind == spec_pb2.BINARY


def test_classes_written_as_floats(folder):
    (folder / "data" / "c.csv").write_text("x,y\n1,0.0\n2,1.0\n")
    spec = load_spec(write(folder, "data:\n  files: data/c.csv\n  label: {column: y, kind: binary}\n"))
    assert spec.data.columns[1].type == spec_pb2.STRING


def test_files_without_header(folder):
    (folder / "data" / "n.csv").write_text("1,2\n3,4\n")
    text = (
        "data:\n  files: data/n.csv\n  dialect: {header: false}\n"
        "  columns: {x: float, y: float}\n  label: y\n"
    )
    assert [f.name for f in load_spec(write(folder, text)).features] == ["x"]


def test_null_tokens_found_are_told_and_written(folder):
    (folder / "data" / "n.csv").write_text("x,y\n5,2\n?,3\nNA,4\n")
    notices: list[str] = []
    spec = load_spec(write(folder, "data:\n  files: data/n.csv\n  label: x\n"), notice=notices.append)
    assert list(spec.data.dialect.null_tokens) == ["?", "NA"]
    assert notices == [
        "column 'x' is a number but for '?', 'NA': taken as missing",
        "label 'x' is taken as a number: give `kind: multiclass` if its values are classes",
    ]


def test_errors_name_the_line(folder):
    for text, message in [
        (
            "data:\n  files: data/*.csv\n  label: yy\n",
            "{}:3: data.label.column: no column 'yy' (did you mean 'y'?)",
        ),
        (
            "data:\n  files: [data/a.csv,\n    data/c*.csv]\n  label: y\n",
            "{}:3: data.files[1]: no file matches '{folder}/data/c*.csv' (the folder has a.csv, b.csv)",
        ),
        (
            "data:\n  files: data/*.csv\n  label: y\nfeatures:\n  agee: standardize\n",
            "{}:5: features.agee.column: no column 'agee' (did you mean 'age'?)",
        ),
        (
            "data:\n  files: data/*.csv\n  label: y\n  dialect: {delimiter: ;}\n",
            "{}:3: data.label.column: no column 'y' (one of age,city,y)",
        ),
    ]:
        path = write(folder, text)
        with pytest.raises(SpecError) as caught:
            load_spec(path)
        assert str(caught.value) == message.format(path, folder=folder)


def test_header_only_files(folder):
    (folder / "data" / "h.csv").write_text("x,y\n")
    path = write(folder, "data:\n  files: data/h.csv\n  label: y\n")
    with pytest.raises(DataError) as caught:
        load_spec(path)
    assert str(caught.value) == f"{folder}/data/h.csv: has no row to infer columns from"


def test_expand_is_sorted_and_each_file_once(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "data" / "deep").mkdir()
    (folder / "data" / "deep" / "c.csv").write_text("")
    (folder / "data" / "x[1].csv").write_text("")
    assert expand(["data/b.csv", "data/[ab].csv", "data/a.csv"]) == ["data/a.csv", "data/b.csv"]
    assert expand(["data/**/*.csv"]) == ["data/a.csv", "data/b.csv", "data/deep/c.csv", "data/x[1].csv"]
    assert expand(["data/x[1].csv"]) == ["data/x[1].csv"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("data/*.tsv", "spec: data.files: no file matches 'data/*.tsv' (the folder has a.csv, b.csv)"),
        ("data/aa.csv", "spec: data.files: no file matches 'data/aa.csv' (did you mean 'a.csv'?)"),
        ("data", "spec: data.files: no file matches 'data' (that is a folder: data/*.csv)"),
        ("dat/*.csv", "spec: data.files: no file matches 'dat/*.csv' (there is no folder 'dat')"),
        ("empty/*.csv", "spec: data.files: no file matches 'empty/*.csv' (the folder 'empty' is empty)"),
        (
            "gs://b/*.csv",
            "spec: data.files: no file matches 'gs://b/*.csv' (only local files are known here)",
        ),
    ],
)
def test_pattern_without_a_file(folder, monkeypatch, pattern, message):
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    with pytest.raises(SpecError) as caught:
        expand([pattern])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("patterns", "root"),
    [
        (["/a/b/*.csv"], "/a/b"),
        (["/a/b/x.csv"], "/a/b"),
        (["/a/b/x.csv", "/a/c/*.csv"], "/a"),
        (["/a/bc/x.csv", "/a/b/*.csv"], "/a"),
        (["/a/b*/c/*.csv"], "/a"),
        (["/a/**/x.csv"], "/a"),
        (["/x.csv"], "/"),
        (["/a/x.csv", "/b/x.csv"], "/"),
        (["gs://b/d/*.csv", "gs://b/d/e/*.csv"], "gs://b/d"),
        (["*.csv"], ""),
        (["gs://b/*.csv", "/a/*.csv"], ""),
    ],
)
def test_pattern_root(patterns, root):
    assert pattern_root(patterns) == root


@pytest.mark.parametrize(
    ("path", "root", "relative"),
    [
        ("/a/b/x.csv", "/a", "b/x.csv"),
        ("/x.csv", "/", "x.csv"),
        ("gs://b/d/x.csv", "gs://b/d", "x.csv"),
        ("/ab/x.csv", "/a", "/ab/x.csv"),
        ("x.csv", "", "x.csv"),
    ],
)
def test_relative_path(path, root, relative):
    assert relative_path(path, root) == relative


def test_relative_paths_do_not_depend_on_where_the_data_lies(folder, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    os.rename(folder / "data", moved / "data")
    spec = load_spec(write(moved, "data:\n  files: data/*.csv\n  label: y\n"))
    root = pattern_root(all_patterns(spec.data))
    assert [relative_path(p, root) for p in expand(spec.data.files)] == ["a.csv", "b.csv"]

"""`prebake explain`: a row of a file or of the command line, the golden text, and one line for every mistake."""

from __future__ import annotations

import base64
import os

import pytest

from prebake.cli import main

NO_NUMBER = "is not a number: digits with an optional '-', '.' and exponent, nothing else"
HEADER = "age,city,tags,tag_weights,note,weight,y\n"
ROWS = [
    "20,Rome,red|blue,1|2,a,1,yes",
    "40,Oslo,,,b,1,no",
    ",Rome,red,,c,2,no",
    '30,"Ulm, Neu",blue|,2|3,d,1,yes',
]
SPEC = """\
data:
  files: data/*/*.csv
  label: y
  weight: weight
  split: {train: 1}
  columns:
    age: {type: float, max: 99}
    city: string
    tags: {type: string, separators: "|"}
    tag_weights: {type: float, separators: "|"}
    note: ignore
    weight: float
    y: {type: string, values: ["no", "yes"]}
features:
  age: {standardize: {}, missing: {indicator: true}}
  city: {vocabulary: {}, intermediate: true}
  tags: {vocabulary: {}, value_weights: tag_weights, encode: counts}
  city_tags: {cross: {of: [city, tags]}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    """A spec, files and a run that was analyzed. Tests write other files only."""
    folder = tmp_path_factory.mktemp("explain")
    for number in range(2):
        (folder / "data" / str(number)).mkdir(parents=True)
        (folder / "data" / str(number) / "a.csv").write_text(
            HEADER + "\n".join(ROWS) + "\n", encoding="utf-8"
        )
    (folder / "s.yaml").write_text(SPEC, encoding="utf-8")
    assert main(["analyze", str(folder / "s.yaml"), "--run", str(folder / "run")]) == 0
    return str(folder)


def explain(folder: str, *args: str) -> int:
    return main(["explain", os.path.join(folder, "s.yaml"), "--run", os.path.join(folder, "run"), *args])


# By weight: ages 20, 40, 30 of weight 1: mean 30, variance (100 + 100 + 0) / 3. Cities by weight: Rome 3, then Oslo and
# `Ulm, Neu` 1 each, ties by value; red 3, blue 2.
EXPECTED = """\
age
  raw          age = '20'
  parsed       20
  transformed  -1.224745   standardize: mean 30, deviation 8.164966
  encoded      as it is
age_missing
  transformed  0   1 if age is missing
  encoded      as it is
city
  raw          city = 'Rome'
  transformed  0   vocabulary of 3 tokens: 0 is 'Rome'
  encoded      not at all: only an ingredient of crosses
tags
  raw          tags = 'red|blue'
  parsed       ['red', 'blue']
  transformed  [0, 1]   vocabulary of 2 tokens: 0 is 'red', 1 is 'blue'
  encoded      counts: positions 0, 1 of 3
tags_weights
  transformed  [1, 2]   from tag_weights = '1|2'; missing ones are 1
  encoded      the weights of tags
city_tags
  transformed  [0, 1]   cross of city 0 x tags [0, 1]
  encoded      multi-hot: positions 0, 1 of 15
label
  raw          y = 'yes'
  transformed  1   2 classes: 1 is 'yes'
weight
  raw          weight = '1'
"""


def test_a_row_of_a_file(folder, capsys):
    assert explain(folder, "--csv", f"{folder}/data/1/a.csv:2") == 0
    assert capsys.readouterr().out == EXPECTED


def test_a_given_row(folder, capsys):
    assert explain(folder, "--row", ROWS[0]) == 0
    assert capsys.readouterr().out == EXPECTED


def test_a_given_row_without_label_and_weight(folder, capsys):
    assert explain(folder, "--row", "20,Rome,red|blue,1|2,a") == 0
    assert capsys.readouterr().out == EXPECTED[: EXPECTED.index("label\n")]


def test_a_file_without_label_and_weight_in_another_order(folder, capsys, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("tags,tag_weights,age,city\nred|blue,1|2,20,Rome\n", encoding="utf-8")
    assert explain(folder, "--csv", f"{path}:2") == 0
    assert capsys.readouterr().out == EXPECTED[: EXPECTED.index("label\n")]


def test_missing_and_unseen_values(folder, capsys):
    assert explain(folder, "--row", ',"a, ""b""",|x,,') == 0
    assert (
        capsys.readouterr().out
        == """\
age
  raw          age = ''
  parsed       (missing)
  filled       30   missing becomes the mean
  transformed  0   standardize: mean 30, deviation 8.164966
  encoded      as it is
age_missing
  transformed  1   1 if age is missing
  encoded      as it is
city
  raw          city = 'a, "b"'
  transformed  3   vocabulary of 3 tokens: 3 is unseen
  encoded      not at all: only an ingredient of crosses
tags
  raw          tags = '|x'
  parsed       [(missing), 'x']
  transformed  [2]   vocabulary of 2 tokens: 2 is unseen
  encoded      counts: position 2 of 3
tags_weights
  transformed  [1]   from tag_weights = ''; missing ones are 1
  encoded      the weights of tags
city_tags
  transformed  [11]   cross of city 3 x tags [2]
  encoded      multi-hot: position 11 of 15
"""
    )


def test_the_run_itself_as_the_spec(folder, capsys):
    run = os.path.join(folder, "run")
    assert main(["explain", run, "--row", ROWS[0]]) == 0
    assert capsys.readouterr().out == EXPECTED


def test_a_spec_that_has_changed_since_is_told(folder, capsys):
    changed = os.path.join(folder, "changed.yaml")
    with open(changed, "w", encoding="utf-8") as file:
        file.write(SPEC.replace("standardize", "robust"))
    run = os.path.join(folder, "run")
    assert main(["explain", changed, "--run", run, "--row", ROWS[0]]) == 0
    assert capsys.readouterr().out == f"note: {run} has other features than the spec\n{EXPECTED}"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--csv", "{}/data/0/a.csv:6"], "{}/data/0/a.csv:6: there is no such row"),
        (["--csv", "{}/data/0/a.csv:1"], "{}/data/0/a.csv:1: there is no such row"),
        (["--csv", "{}/data/0/a.csv"], "{}/data/0/a.csv: is not FILE:ROW, e.g. data/a.csv:17"),
        (["--csv", "{}/none.csv:2"], "{}/none.csv: cannot be read: No such file or directory"),
        (
            ["--row", "1,2"],
            "--row: has 2 fields, 7 (5 without label and weight) are needed: age,city,tags,tag_weights,note,weight,y",
        ),
        (["--row", 'a"b,c'], "--row: has a quote inside field 1, which does not begin with one"),
        (["--row", "x,Rome,,,d,1,yes"], f"--row:age 'x' {NO_NUMBER}"),
        (["--row", "120,Rome,,,d,1,yes"], "--row:age '120' is above the maximum 99"),
        (["--row", "20,Rome,,,d,1,maybe"], "--row:y 'maybe' is not one of the allowed values no, yes"),
        (["--row", "20,Rome,red|blue,1,d,1,yes"], "--row:tag_weights: has not one weight for each value of 'tags'"),
        (["--row", "20,Rome,red,1|x,d,1,yes"], f"--row:tag_weights '1|x' element 2, 'x', {NO_NUMBER}"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(folder, capsys, args, message):
    assert explain(folder, *(arg.format(folder) for arg in args)) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"prebake explain: {message.format(folder)}\n")


def test_a_bad_row_of_a_file_has_the_readers_own_error(folder, capsys, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + ROWS[0] + "\n1,2\n" + "x" + ROWS[0] + "\n", encoding="utf-8")
    assert explain(folder, "--csv", f"{path}:3") == 2
    assert (
        capsys.readouterr().err
        == f"prebake explain: {path}:3 '1,2' has 2 fields, expected 7: check its delimiters and quotes\n"
    )
    assert explain(folder, "--csv", f"{path}:4") == 2
    assert capsys.readouterr().err == f"prebake explain: {path}:4:age 'x20' {NO_NUMBER}\n"
    assert explain(folder, "--csv", f"{path}:2") == 0


def test_an_unknown_run(folder, capsys, tmp_path):
    spec, run = os.path.join(folder, "s.yaml"), str(tmp_path / "none")
    assert main(["explain", spec, "--run", run, "--row", ROWS[0]]) == 2
    message = f"{run}/transform: no transform here: run the step that writes it first"
    assert capsys.readouterr().err == f"prebake explain: {message}\n"


def test_files_and_bytes(tmp_path, capsys):
    tensor = base64.b64encode(
        # A tf.TensorProto by hand: dtype 1 (float), shape [1], float_val 0.5.
        bytes([0x08, 0x01, 0x12, 0x04, 0x12, 0x02, 0x08, 0x01, 0x2A, 0x04, 0, 0, 0, 0x3F])
    ).decode()
    data = tmp_path / "data" / "part"
    data.mkdir(parents=True)
    (tmp_path / "data" / "p.bmp").write_bytes(_one_pixel())
    (data / "a.csv").write_text(f"picture,packed,y\np.bmp,{tensor},0\n,,1\n", encoding="utf-8")
    (data / "b.csv").write_text("picture,packed,y\n,,0\nq.bmp,AAAA,1\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "data:\n  files: data/*/a.csv\n  columns: {picture: file, packed: base64, y: int}\n  label: y\n  split: {train: 1}\n"
        "features:\n  picture: {image: {height: 1, width: 2, channels: 1}}\n  packed: {tensor: {shape: [1]}}\n",
        encoding="utf-8",
    )
    run = ["--run", str(tmp_path / "run")]
    assert main(["analyze", str(tmp_path / "s.yaml"), *run]) == 0
    capsys.readouterr()
    assert main(["explain", str(tmp_path / "s.yaml"), *run, "--csv", f"{data}/a.csv:2"]) == 0
    assert (
        capsys.readouterr().out
        == f"""\
picture
  raw          picture = 'p.bmp'
  parsed       58 bytes
  transformed  1 x 2 x 1 numbers from 0.2 to 0.2   image: to 1 x 2 pixels, 1 channel
  encoded      2 numbers as they are
packed
  raw          packed = '{tensor}'
  parsed       14 bytes
  transformed  [0.5]   tensor: of shape [1]
  encoded      1 numbers as they are
label
  raw          y = '0'
  transformed  0   2 classes: 0 is '0'
"""
    )
    assert main(["explain", str(tmp_path / "s.yaml"), *run, "--csv", f"{data}/b.csv:3"]) == 2
    err = capsys.readouterr().err
    assert err == (
        f"prebake explain: {data}/b.csv:3:picture 'q.bmp' names a file that cannot be read: "
        "No such file or directory\n"
    )
    (tmp_path / "data" / "q.bmp").write_bytes(b"no image")
    assert main(["explain", str(tmp_path / "s.yaml"), *run, "--csv", f"{data}/b.csv:3"]) == 2
    assert capsys.readouterr().err == (
        f"prebake explain: {data}/b.csv:3: column 'picture' is not a JPEG, PNG, GIF or BMP image: no image\n"
    )


def _one_pixel() -> bytes:
    """A BMP of one grey pixel, 51 of 255."""
    head = b"BM" + (58).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = (40).to_bytes(4, "little") + (1).to_bytes(4, "little") * 2 + b"\1\0\x18\0" + bytes(24)
    return head + info + bytes([51, 51, 51, 0])

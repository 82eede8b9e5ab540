"""The YAML of `prebake init` reads well, and loads to the spec that the defaults give."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prebake.schemas.errors import SpecError
from prebake.schemas.init import commented_yaml
from prebake.schemas.spec import load_spec

ROWS = "age,home town,id,score,y\n" + "".join(
    f"{i % 12},{'AB'[i % 2] if i % 10 else ''},key-{i:04},"
    f"{i / 4 if i % 20 else 'NA'},{'no' if i % 3 else 'yes'}\n"
    for i in range(100)
)

EXPECTED = """\
# How each raw column becomes a feature, and the model that learns from them. Paths are relative to
# this file. What is left out has a default; lines behind # show some of them.
data:
  files: data/*.csv
  dialect:
    null_tokens: [NA]  # beside the empty cell, in every column
  label:
    column: "y"
    kind: binary  # regression, binary or multiclass
  # float, int, string, time, or ignore for one that is not read; the comments tell of 200 rows
  columns:
    age: int                             # 12 distinct, e.g. 0
    home town: string                    # 2 distinct, 10.0% missing, e.g. B
    id: string                           # 100 distinct, e.g. key-0000
    score: float                         # 95 distinct, 5.0% missing, e.g. 0.25
    "y": string                          # 2 distinct, e.g. yes
  split: {train: 0.8, valid: 0.1, test: 0.1}  # shares of the rows

# column 'score' is a number but for 'NA': taken as missing
# Ids are one-hot up to 50 of them, an embedding above; `encode: {one_hot_up_to: 10}` moves a feature's border.
features:  # as_is, standardize, buckets, vocabulary, cross, …: docs/features.md has them all
  age: standardize                       # missing becomes the mean
  home_town: {column: home town, vocabulary: {}} # missing becomes an id of its own
  id: vocabulary                         # missing becomes an id of its own
  score: standardize                     # missing becomes the mean

# recipe: default  # or deep, sparse, low_latency, risk_sensitive

# model:
#   hidden: [100, 100, 100]  # units of the hidden layers
#   activation: selu
#   initializer: lecun_normal
#   dropout: 0.0

# training:
#   optimizer: nadam  # docs/training.md has all
#   learning_rate: 0.001
#   batch_size: 128
#   epochs: 100  # at most
#   patience: 10  # epochs without a better validation loss before it stops
#   schedule: performance  # or one_cycle, cosine, exponential, power, piecewise, constant
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text(ROWS)
    (tmp_path / "data" / "b.csv").write_text(ROWS)
    return tmp_path


def loads_as_the_defaults(folder, text, files, label, dialect=""):
    (folder / "init.yaml").write_text(text)
    (folder / "small.yaml").write_text(f"data:\n  files: {files}\n  label: {label}\n{dialect}")
    init = load_spec(str(folder / "init.yaml"))
    return init == load_spec(str(folder / "small.yaml"), notice=lambda text: None)


def test_the_text(folder):
    text = commented_yaml(["data/a.csv", "data/b.csv"], "y")
    assert text == EXPECTED
    assert loads_as_the_defaults(folder, text, "data/*.csv", "y")


PEOPLE = "born,last seen,tags,about,user_id,row,price\n" + "".join(
    f"{1 + i % 28:02}.{1 + i % 12:02}.{1950 + i % 50},2024-01-{1 + i % 28:02} {i % 24:02}:30:00,"
    f"{['a|b', 'b', 'a|c|b', ''][i % 4]},the {['red', 'blue'][i % 2]} house of number {i},{i % 40},{1000 + i},{i}.5\n"
    for i in range(200)
)

PEOPLE_COLUMNS = """\
    born: {type: time, format: "%d.%m.%Y"} # 200 distinct, e.g. 01.01.1950
    last seen: {type: time, format: "%Y-%m-%d %H:%M:%S"} # 168 distinct, e.g. 2024-01-01 00:30:00
    tags: {type: string, separators: "|"} # 3 distinct, 25.0% missing, e.g. a|b
    about: string                        # 200 distinct, e.g. the red house of number 0
    user_id: int                         # 40 distinct, e.g. 0
    row: int                             # 200 distinct, e.g. 1000
    price: float                         # 200 distinct, e.g. 0.5
"""

# Rows 49, 99, 149 and 199 are of 1999; the last is 1 + 199 % 28 = 4, 1 + 199 % 12 = 8.
PEOPLE_FEATURES = """\
# column 'row' looks like an identifier (200 distinct values in 200 sampled rows): left out of the features
# Ids are one-hot up to 50 of them, an embedding above; `encode: {one_hot_up_to: 10}` moves a feature's border.
features:  # as_is, standardize, buckets, vocabulary, cross, …: docs/features.md has them all
  born_age: {column: born, before: [{age: "04.08.1999"}], standardize: {}} # days before the latest in the sample; missing \
becomes the mean
  born_season: {column: born, cyclical: day_of_year} # place in the year, as sine and cosine; missing becomes 0, 0
  born_weekday: {column: born, time_part: day_of_week} # missing becomes an id of its own
  last_seen_age: {column: last seen, before: [{age: "2024-01-28 23:30:00"}], standardize: {}} # days before the latest in \
the sample; missing becomes the mean
  last_seen_weekday: {column: last seen, time_part: day_of_week} # missing becomes an id of its own
  last_seen_hour: {column: last seen, cyclical: hour} # place in the day, as sine and cosine; missing becomes 0, 0
  tags: vocabulary                       # each value of the list by itself
  about: {before: [lower, {split: words}], vocabulary: {top_k: 10000}, tf_idf: true} # words, by tf-idf
  user_id: vocabulary                    # missing becomes an id of its own
"""


def test_times_lists_text_and_ids(folder):
    (folder / "people.csv").write_text(PEOPLE)
    text = commented_yaml(["people.csv"], "price")
    assert PEOPLE_COLUMNS in text
    assert PEOPLE_FEATURES in text
    assert loads_as_the_defaults(folder, text, "people.csv", "price")


def test_a_label_that_looks_like_a_time_or_a_list_is_a_class(folder):
    rows = "".join(f"{i},2024-01-{1 + i % 3:02},{'ab'[i % 2]}|c\n" for i in range(60))
    (folder / "t.csv").write_text("x,day,kind\n" + rows)
    for label in ("day", "kind"):
        text = commented_yaml(["t.csv"], label)
        assert f"    column: {label}\n    kind: {'multiclass' if label == 'day' else 'binary'}" in text
        assert f"    {label}: string " in text
        assert loads_as_the_defaults(folder, text, "t.csv", label)


def test_commented_lines_are_the_defaults(folder):
    text = commented_yaml(["data/*.csv"], "y")
    (folder / "init.yaml").write_text(text)
    head, _, tail = text.partition("# model:")
    model, _, training = tail.partition("# training:")
    shown = "model:" + model.replace("\n#", "\n") + "training:" + training.replace("\n#", "\n")
    (folder / "shown.yaml").write_text(head + shown)
    assert load_spec(str(folder / "shown.yaml")) == load_spec(str(folder / "init.yaml"))


def test_identifier_is_left_out_with_a_comment(folder):
    (folder / "data" / "b.csv").unlink()
    text = commented_yaml(["data/a.csv"], "score")
    note = "# column 'id' looks like an identifier (100 distinct values in 100 sampled rows): "
    assert f"{note}left out of the features" in text.splitlines()
    assert "  id: vocabulary" not in text
    assert loads_as_the_defaults(folder, text, "data/a.csv", "score")


def test_delimiter_is_found(folder):
    (folder / "semi.csv").write_text("a;b\n1,5;2\n2,5;3\n")
    text = commented_yaml(["semi.csv"], "b")
    assert '  dialect:\n    delimiter: ";"\n' in text
    assert loads_as_the_defaults(folder, text, "semi.csv", "b", '  dialect: {delimiter: ";"}\n')


def test_files_that_no_pattern_gives_stay_a_list(folder):
    (folder / "data" / "c.csv").write_text(ROWS)
    text = commented_yaml(["data/a.csv", "data/b.csv"], "y")
    assert "  files:\n    - data/a.csv\n    - data/b.csv\n" in text
    text = commented_yaml(["data/c.csv", "data/a.csv", "data/b.csv"], "y")
    assert "  files: data/*.csv\n" in text


def test_unknown_label(folder):
    with pytest.raises(SpecError) as caught:
        commented_yaml(["data/*.csv"], "scor")
    assert str(caught.value) == "data/a.csv: no column 'scor' (did you mean 'score'?)"


def test_no_file(folder):
    with pytest.raises(SpecError) as caught:
        commented_yaml(["data/*.tsv"], "y")
    assert str(caught.value) == "spec: data.files: no file matches 'data/*.tsv' (the folder has a.csv, b.csv)"


_CELL = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters='"\r\n,;|\t\0\ufeff\ufffd'), max_size=8
)


@given(
    st.lists(_CELL.filter(bool), min_size=2, max_size=4, unique=True),
    st.lists(_CELL, min_size=12, max_size=12),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_names_and_cells_load_as_the_defaults(folder, names, cells):
    rows = [cells[i : i + len(names) - 1] for i in range(0, len(cells) - len(names) + 2, len(names) - 1)]
    lines = [",".join([*names[1:], names[0]])] + [",".join([*row, f"{i}.5"]) for i, row in enumerate(rows)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    if not any(cell for row in rows for cell in row):
        return
    text = commented_yaml(["t.csv"], names[0])
    quoted = "".join(f"\\U{ord(c):08x}" for c in names[0])
    assert loads_as_the_defaults(folder, text, "t.csv", f'"{quoted}"')

"""YAML and text proto become the same message, and each mistake of syntax, name or type names its line."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prebake.schemas import spec_pb2
from prebake.schemas.errors import SpecError
from prebake.schemas.spec import parse_spec, spec_text
from prebake.schemas.spec_textproto import parse_text_proto
from prebake.schemas.spec_yaml import parse_yaml

EVERYTHING = """\
format_version: 2
seed: -3
data:
  files: [a.csv, 1.0]
  dialect:
    delimiter: ";"
    quoting: false
    header: true
    null_tokens: [no, null, NA]
    compression: gzip
  columns:
    age: float
    no:
      type: string
      required: true
      values: [on, 12]
      min: 1e3
  label:
    column: yes
    kind: multiclass
    classes: [a, b]
  split:
    train: .5
    time:
      column: day
      valid_from: 2020-01-01
      test_from: 2021-01-01
  bad_rows:
    reject_up_to: 0.01
features:
  age: standardize
  plain:
    as_is:
  small:
    column: age
    min_max:
      low: -1
  ages:
    buckets: 10
    missing: own_id
    encode: one_hot
    intermediate: true
  towns:
    vocabulary:
      tokens: [x, y]
  given:
    buckets:
      boundaries: [1, 2.5]
    missing:
      constant: 0
      indicator: true
  crossed:
    cross: [ages, towns]
    encode:
      kind: embedding
      dimension: 4
  hashed:
    hash: 100
examples:
  train_shards: 3
  compression: none
model:
  hidden: 64
  dropout: 0.1
training:
  name: wide
  schedule: constant
export:
  prediction_tolerance: 1e-4
"""

AS_TEXT = """\
format_version: 2
seed: -3
data {
  files: "a.csv"
  files: "1.0"
  dialect {
    delimiter: ";"
    quoting: false
    header: true
    null_tokens: "no"
    null_tokens: "null"
    null_tokens: "NA"
    compression: COMPRESSION_GZIP
  }
  columns {
    name: "age"
    type: FLOAT
  }
  columns {
    name: "no"
    type: STRING
    required: true
    values: "on"
    values: "12"
    min: 1000.0
  }
  label {
    column: "yes"
    kind: MULTICLASS
    classes: "a"
    classes: "b"
  }
  split {
    train: 0.5
    time {
      column: "day"
      valid_from: "2020-01-01"
      test_from: "2021-01-01"
    }
  }
  bad_rows {
    reject_up_to: 0.01
  }
}
features {
  name: "age"
  standardize {
  }
}
features {
  name: "plain"
  as_is {
  }
}
features {
  name: "small"
  column: "age"
  min_max {
    low: -1.0
  }
}
features {
  name: "ages"
  buckets {
    quantiles: 10
  }
  missing {
    fill: OWN_ID
  }
  encode {
    kind: ONE_HOT
  }
  intermediate: true
}
features {
  name: "towns"
  vocabulary {
    tokens: "x"
    tokens: "y"
  }
}
features {
  name: "given"
  buckets {
    boundaries: 1.0
    boundaries: 2.5
  }
  missing {
    constant: "0"
    indicator: true
  }
}
features {
  name: "crossed"
  cross {
    of: "ages"
    of: "towns"
  }
  encode {
    kind: EMBEDDING
    dimension: 4
  }
}
features {
  name: "hashed"
  hash {
    buckets: 100
  }
}
examples {
  train_shards: 3
  compression: COMPRESSION_NONE
}
model {
  hidden: 64
  dropout: 0.1
}
training {
  name: "wide"
  schedule {
    kind: CONSTANT_RATE
  }
}
export {
  prediction_tolerance: 0.0001
}
"""


def test_every_form_of_yaml_reads_as_this_text_proto():
    spec, _ = parse_yaml(EVERYTHING, "s.yaml")
    assert spec_text(spec) == AS_TEXT


def test_text_proto_reads_back():
    spec, _ = parse_text_proto(AS_TEXT, "s.pbtxt")
    assert spec == parse_yaml(EVERYTHING, "s.yaml")[0]


def test_list_form_of_named_messages():
    listed, source = parse_yaml("features:\n  - name: a\n    hash: 5\n  - {name: b, as_is: {}}\n", "s.yaml")
    mapped, _ = parse_yaml("features:\n  a: {hash: 5}\n  b: as_is\n", "s.yaml")
    assert listed == mapped
    assert (source.line("features.a"), source.line("features.a.hash.buckets"), source.line("features.b")) == (
        2,
        3,
        4,
    )


@pytest.mark.parametrize(
    ("path", "yaml_line", "text_line"),
    [
        ("seed", 2, 2),
        ("data.files[1]", 4, 5),
        ("data.columns.no.values", 16, 23),
        ("data.split.time.valid_from", 26, 37),
        ("features.age.standardize", 31, 47),
        ("features.age.column", 31, 45),
        ("features.ages.buckets.quantiles", 39, 65),
        ("features.given.missing.constant", 50, 89),
        ("training.schedule.kind", 67, 121),
        ("training.patience", 65, 118),
        ("nowhere", None, None),
    ],
)
def test_lines_of_fields(path, yaml_line, text_line):
    _, from_yaml = parse_yaml(EVERYTHING, "s.yaml")
    _, from_text = parse_text_proto(AS_TEXT, "s.pbtxt")
    assert (from_yaml.line(path), from_text.line(path)) == (yaml_line, text_line)


MISTAKES = [
    ("", "s.yaml: is empty (a spec needs at least data: files and label)"),
    ("# nothing\n", "s.yaml: is empty (a spec needs at least data: files and label)"),
    ("[1]", "s.yaml:1: must be a mapping, not a list (its keys: data, features, model, …)"),
    ("word", "s.yaml:1: must be a mapping, not 'word' (its keys: data, features, model, …)"),
    ("data: {}\nmodle: {}", "s.yaml:2: unknown key 'modle' (did you mean 'model'?)"),
    (
        "data:\n  zzz: 1",
        "s.yaml:2: data: unknown key 'zzz' (one of files, dialect, columns, label, weight, split, bad_rows, "
        "ignore_undeclared, allow_empty_files, more_labels)",
    ),
    ("features:\n  a:\n    bukets: 3", "s.yaml:3: features.a: unknown key 'bukets' (did you mean 'buckets'?)"),
    ("features:\n  a: standardise", "s.yaml:2: features.a: unknown transform 'standardise' (did you mean 'standardize'?)"),
    (
        "features:\n  a: {hash: 3, as_is: {}}",
        "s.yaml:2: features.a.as_is: is a second transform beside 'hash' (one feature, one transform: name a "
        "second feature with the same `column`)",
    ),
    ("features:\n  a: {as_is: 3}", "s.yaml:2: features.a.as_is: must be a mapping, not '3' (it takes nothing: write {})"),
    ("features:\n  a: as_is\n  a: as_is", "s.yaml:3: features.a: is given twice"),
    ("features: 7", "s.yaml:1: features: must be a mapping, not '7' (write `name: …` lines below it)"),
    ("features: {}", "s.yaml:1: features: is empty (leave it out for the default)"),
    ("features:\nseed: 1", "s.yaml:1: features: is empty (leave it out for the default)"),
    (
        "features: [age]",
        "s.yaml:1: features[0]: must be a mapping, not 'age' (write `name: …` lines, or give each element a `name`)",
    ),
    ("features:\n- as_is: {}", "s.yaml:2: features[0]: has no name (give it a `name`)"),
    ("features:\n  a: {name: b}", "s.yaml:2: features.a.name: is given twice"),
    ("seed: 1\nseed: 2", "s.yaml:2: seed: is given twice"),
    ("seed: 1.5", "s.yaml:1: seed: must be a whole number, not '1.5'"),
    ("seed: '1'", "s.yaml:1: seed: must be a whole number, not '1'"),
    ("seed: [1]", "s.yaml:1: seed: must be a whole number, not a list"),
    ("seed:", "s.yaml:1: seed: has no value (give one, or leave the line out)"),
    ("seed: 9223372036854775808", "s.yaml:1: seed: '9223372036854775808' is out of range (a whole number of 64 bits)"),
    ("model: {hidden: [10, 3000000000]}", "s.yaml:1: model.hidden[1]: '3000000000' is out of range (a whole number of 32 bits)"),
    ("model:\n  hidden: {a: 1}", "s.yaml:2: model.hidden: must be a list, not a mapping"),
    ("model: {dropout: much}", "s.yaml:1: model.dropout: must be a number, not 'much'"),
    ("model: {dropout: .nan}", "s.yaml:1: model.dropout: must be a number, not '.nan'"),
    ("model: {dropout: 1e999}", "s.yaml:1: model.dropout: '1e999' is out of range (at most about 1.8e308)"),
    ("training: {epochs: 0}", "s.yaml:1: training.epochs: must be at least 1, not 0 (leave it out for the default)"),
    ("data: {ignore_undeclared: yes}", "s.yaml:1: data.ignore_undeclared: must be true or false, not 'yes'"),
    ("data: {label: {column: [a]}}", "s.yaml:1: data.label.column: must be text, not a list"),
    ("data: {columns: {a: flaot}}", "s.yaml:1: data.columns.a: unknown value 'flaot' (did you mean 'float'?)"),
    ("data: {columns: {a: 3}}", "s.yaml:1: data.columns.a: unknown value '3' (one of float, int, string, ignore, time, file, base64)"),
    ("data: {dialect: {compression: [a]}}", "s.yaml:1: data.dialect.compression: must be text, not a list (one of auto, none, gzip, bzip2, zstd)"),
    ("training:\n  schedule: cosin", "s.yaml:2: training.schedule: unknown value 'cosin' (did you mean 'cosine'?)"),
    ("? [a]\n: 1", "s.yaml:1: has a list as a key (a key is one word)"),
    ("data: &a {}", "s.yaml:1: is not valid YAML: anchors and aliases are not taken: write the value out"),
    ("data: {}\nmodel: *a", "s.yaml:2: is not valid YAML: anchors and aliases are not taken: write the value out"),
    ("data: !!map {}", "s.yaml:1: is not valid YAML: tags are not taken: write the value without it"),
    ("[" * 40, "s.yaml:1: is not valid YAML: is nested deeper than 32 levels"),
    ("data:\n\tfiles: a", "s.yaml:2: is not valid YAML: found character '\\t' that cannot start any token"),
    ("data: {}\n---\ndata: {}", "s.yaml:2: is not valid YAML: but found another document"),
    ("data:\n  files: \x07", "s.yaml:2: is not valid YAML: the character U+0007 is not allowed"),
    ("format_version: 3\nnew_part: {}", "s.yaml:1: format_version: is 3, and this prebake knows versions up to 2 (install a newer prebake)"),
    ('"a\\nb": 1', "s.yaml:1: unknown key 'a\\nb' (one of format_version, seed, data, features, examples, model, training, export, preprocessing_fn, recipe, model_fn)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_mistake_in_yaml(text, message):
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, "s.yaml")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "s.pbtxt: is empty (a spec needs at least data: files and label)"),
        ('data {\n  filez: "a"\n}', "s.pbtxt:2: data: unknown key 'filez' (did you mean 'files'?)"),
        (
            'features {\n  name: "a.b"\n  min_max {\n    lov: 1\n  }\n}',
            "s.pbtxt:4: features.a.b.min_max: unknown key 'lov' (did you mean 'low'?)",
        ),
        (
            'data { columns { name: "a"\n type: FLOTA } }',
            "s.pbtxt:2: unknown value 'FLOTA' (did you mean 'FLOAT'?)",
        ),
        ("seed: x", "s.pbtxt:1: is not a valid text proto: Couldn't parse integer: x"),
        ("data {\n", 's.pbtxt:1: is not a valid text proto: Expected "}".'),
        ("[\n", "s.pbtxt:2: is not a valid text proto: Expected identifier."),
        (
            "format_version: 9\nnew {}",
            "s.pbtxt:1: format_version: is 9, and this prebake knows versions up to 2 (install a newer prebake)",
        ),
        (
            'format_version: 1\ntraining { optimizer: "nadam" }',
            "s.pbtxt:1: format_version: is 1, of an older prebake; this one writes 2 (run the original spec again)",
        ),
    ],
)
def test_mistake_in_text_proto(text, message):
    with pytest.raises(SpecError) as caught:
        parse_text_proto(text, "s.pbtxt")
    assert str(caught.value) == message


def _places_for_a_key() -> list[tuple[int, str]]:
    """(0-based line before which a key of a message may stand, its indent), for every block of EVERYTHING."""
    names = ("  columns:", "features:")
    lines = EVERYTHING.splitlines()
    places = [(0, "")]
    for index, (line, following) in enumerate(zip(lines, lines[1:], strict=False)):
        if (
            line.endswith(":")
            and line not in names
            and following.startswith(" " * (len(line) - len(line.lstrip()) + 2))
        ):
            places.append((index + 1, following[: len(following) - len(following.lstrip())]))
    return places


def test_an_unknown_key_anywhere_is_caught_at_its_line():
    places = _places_for_a_key()
    assert len(places) == 24
    for index, indent in places:
        lines = EVERYTHING.splitlines()
        lines.insert(index, f"{indent}qqq: 1")
        with pytest.raises(SpecError, match="unknown key 'qqq'") as caught:
            parse_yaml("\n".join(lines), "s.yaml")
        assert caught.value.line == index + 1


@given(st.sampled_from(_places_for_a_key()), st.from_regex(r"[a-z_]{1,12}", fullmatch=True))
@settings(max_examples=60, deadline=None)
def test_any_unknown_key_is_caught_at_its_line(place, key):
    known = {f.name for m in spec_pb2.DESCRIPTOR.message_types_by_name.values() for f in m.fields}
    if key in known:
        key += "q"
    lines = EVERYTHING.splitlines()
    lines.insert(place[0], f"{place[1]}{key}: 1")
    with pytest.raises(SpecError) as caught:
        parse_yaml("\n".join(lines), "s.yaml")
    assert (caught.value.reason, caught.value.line) == (f"unknown key '{key}'", place[0] + 1)


@given(
    st.text(alphabet=st.sampled_from(list("data:{}[]\"' \n#features-name&*!|>?,01.~lbe\\x\t<")), max_size=80)
)
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_spec_or_one_line(text):
    for parse in (parse_yaml, parse_text_proto):
        message = ""
        try:
            parse(text, "s")
        except SpecError as error:
            message = str(error)
        assert "\n" not in message


def test_deeply_nested_text_proto_is_one_line():
    with pytest.raises(SpecError, match="unknown key 'a'"):
        parse_text_proto("a {" * 5000, "s.pbtxt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"data: {}\nmodel: \xff", "{}:2: is not UTF-8 (save it as UTF-8)"),
        (b"#" * (1 << 20) + b"#", "{}: is larger than 1 MiB (is this a spec?)"),
        (None, "{}: cannot be read: No such file or directory"),
    ],
)
def test_file_that_cannot_be_a_spec(tmp_path, content, message):
    path = tmp_path / "s.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        parse_spec(str(path))
    assert str(caught.value) == message.format(path)


def test_bom_is_stripped_and_the_ending_picks_the_format(tmp_path):
    for name, content in (("s.yaml", "seed: 7"), ("s.pbtxt", "seed: 7"), ("s.textproto", "seed: 7\n")):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content.encode())
        assert parse_spec(str(tmp_path / name))[0] == spec_pb2.Spec(seed=7)

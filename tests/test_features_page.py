"""docs/features.md is current and leaves nothing out, and its examples come out as worked by hand."""

from __future__ import annotations

import pathlib
import re
import sys

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.spec_source import STEPS, TRANSFORMS, enum_names
from prebake.transforms.portability import HOST_ONLY, needs_host

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import make_features  # noqa: E402
import proto_comments  # noqa: E402
import worked_examples  # noqa: E402

# Hand-worked numbers are given to four decimals.
ROUNDED = 5.1e-5


@pytest.fixture(scope="module")
def groups() -> list[dict]:
    return worked_examples.read_groups()


@pytest.fixture(scope="module")
def sections(groups) -> dict[str, dict]:
    return {section["of"]: section for group in groups for section in group["sections"]}


@pytest.fixture(scope="module")
def examples(sections) -> list[worked_examples.Example]:
    return [example for section in sections.values() for example in section["examples"]]


@pytest.fixture(scope="module")
def runs(examples) -> dict[str, worked_examples.Run]:
    return worked_examples.compute(examples)


@pytest.fixture(scope="module")
def comments() -> proto_comments.Comments:
    return proto_comments.Comments(str(ROOT / "schemas"))


def differs(got, wanted) -> bool:
    """`wanted` is text, or nested lists of it."""
    if isinstance(wanted, list):
        same_length = isinstance(got, list) and len(got) == len(wanted)
        return not same_length or any(differs(*pair) for pair in zip(got, wanted, strict=True))
    if isinstance(got, list):
        return True
    return not abs(got - float(wanted)) <= ROUNDED * max(1, abs(float(wanted)))


def test_page_is_current(groups, runs, comments):
    made = make_features.make_page(groups, runs, comments)
    assert (DOCS / "features.md").read_text(encoding="utf-8") == made, (
        "docs/features.md is not current: run `make docs`"
    )


def test_examples_come_out_as_worked_by_hand(examples, runs):
    wrong = []
    for example in examples:
        run = runs[example.run]
        for kind, found in (("gives", run.stored), ("training", run.training), ("encoded", run.encoded)):
            for name, wanted in getattr(example, kind).items():
                if differs(found[name], wanted):
                    wrong.append(f"{example.of}: {name} {kind} {found[name]}, by hand {wanted}")
    assert not wrong, "\n".join(wrong)


def test_no_feature_of_an_example_is_left_out(examples, runs):
    for name, run in runs.items():
        told = {feature for example in examples if example.run == name for feature in example.gives}
        assert {output.name for output in run.graph.features} - {"_row"} <= told


def test_hashed_text_follows_the_formula(examples):
    """FarmHash64 of 4 to 7 bytes (farmhashna::HashLen0to16)."""

    def farm_hash(text: bytes) -> int:
        assert 4 <= len(text) < 8
        mask, factor = 2**64 - 1, 0x9AE16A3B2F90404F + 2 * len(text)
        first, last = (int.from_bytes(part, "little") for part in (text[:4], text[-4:]))
        u, v = len(text) + (first << 3), last
        a = (u ^ v) * factor & mask
        a ^= a >> 47
        b = (v ^ a) * factor & mask
        b ^= b >> 47
        return b * factor & mask

    (example,) = [one for one in examples if one.of == "hash"]
    expected = [str(farm_hash(cell.encode()) % 8) if cell else "8" for cell in example.raw["town"]]
    assert example.gives["town"] == expected


@pytest.mark.parametrize("names", [TRANSFORMS, STEPS])
def test_every_transform_and_step_has_an_example(names, sections):
    assert not [name for name in names if not sections.get(name, {}).get("examples")]
    for name in names:
        features = "\n".join(example.features for example in sections[name]["examples"])
        assert re.search(rf"\b{name}\b", features), f"no example of {name} uses it"


def documented_messages() -> list:
    messages = [make_features.message_of(name) for name in (*TRANSFORMS, *STEPS)]
    return [
        *messages,
        *(getattr(spec_pb2, name).DESCRIPTOR for name in ("Feature", "Missing", "Encode", "Label")),
    ]


@pytest.mark.parametrize("message", documented_messages(), ids=lambda message: message.name)
def test_every_field_has_a_comment(message, comments):
    assert comments.of(message.name)
    for field in message.fields:
        if field.containing_oneof is not None and field.containing_oneof.name == "transform":
            continue
        assert comments.field(message.name, field.name).text, f"{message.name}.{field.name} has no comment"
        if field.enum_type is not None:
            for number in enum_names(field.enum_type).values():
                value = f"{field.enum_type.name}.{field.enum_type.values_by_number[number].name}"
                assert comments.of(value), f"{value} has no comment"


def test_a_comment_is_taken_apart(comments):
    quantiles = comments.field("PiecewiseLinear", "quantiles")
    assert quantiles == (
        "Intervals by the training split's quantiles; equal boundaries are merged.",
        "8",
        True,
    )
    dimension = comments.field("Encode", "dimension")
    assert dimension == ("Of the embedding.", "round(1.6 * ids ** 0.56), at most 64", False)
    assert comments.field("Feature", "column").default == "the feature's own name"


def test_what_needs_the_host_is_marked(sections, runs):
    """As transforms/portability.py says of the examples' own features."""
    assert {key.split()[0] for key in HOST_ONLY} <= set(sections)
    for name in (*TRANSFORMS, *STEPS):
        mark = make_features.portability(name)
        features = {
            line.split(":")[0]: example.run
            for example in sections[name]["examples"]
            for line in example.features.splitlines()
        }
        host = []
        for feature, run in features.items():
            spec = runs[run].graph.spec
            (one,) = [one for one in spec.features if one.name == feature]
            host.append(bool(needs_host(one, spec)))
        assert all(host) == mark.startswith("no: "), f"{name} is marked '{mark}'"
        # Other examples of what runs there show steps and lists that do not.
        assert any(host) or mark.startswith("yes"), f"{name} is marked '{mark}'"
        assert (HOST_ONLY[name] in mark) if name in HOST_ONLY else True


def test_the_mark_names_what_it_is_about():
    assert make_features.portability("standardize") == "yes"
    assert make_features.portability("image") == "no: bytes are decoded"
    assert make_features.portability("hash").startswith("yes, but not of text: text is hashed")
    assert make_features.portability("sequence") == "no: cells are split"


def test_links_lead_somewhere():
    page = (DOCS / "features.md").read_text(encoding="utf-8")
    headings = [line.lstrip("# ") for line in page.splitlines() if re.match("#+ ", line)]
    # As GitHub makes them.
    anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 40
    assert not [link for link in links if link.removeprefix("#") not in anchors]
    assert "](docs/features.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    page = (DOCS / "features.md").read_text(encoding="utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1, table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"raw": {"x": ["1"]}}, "as_is: the column x has 1 cells, not 6"),
        ({"give": {}}, "as_is: an example has no key give"),
    ],
)
def test_faulty_examples(content, message):
    with pytest.raises(ValueError, match=message):
        worked_examples.Example("as_is", content)


def test_two_examples_with_the_same_column():
    cells = {"columns": "x: float", "raw": {"x": ["1"] * 6}}
    twice = [worked_examples.Example(of, cells) for of in ("as_is", "robust")]
    with pytest.raises(ValueError, match="robust: another example has a column x"):
        worked_examples.compute(twice)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (-0.0, "0"), (0.00004, "0"), (-0.25, "-0.25"), (2.82843, "2.8284"), (1461, "1461")],
)
def test_numbers_on_the_page(value, text):
    assert make_features.number(value) == text

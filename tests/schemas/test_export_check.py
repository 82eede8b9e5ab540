"""Exports that cannot work are one error with line, field, reason and hint; those that can, pass."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.errors import SpecError
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

DATA = "data: {files: data/*.csv, columns: {age: int, y: float}, label: y}\nfeatures: {age: as_is}\n"


def run(text: str) -> spec_pb2.Spec:
    spec, source = parse_yaml(DATA + text, "s.yaml")
    check_sources(spec, source)
    spec = resolve(spec)
    check(spec, source)
    return spec


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("", 0),
        ("recipe: risk_sensitive", 100),
        ("recipe: risk_sensitive\nexport: {samples: 0}", 0),
        ("recipe: risk_sensitive\nexport: {samples: 30}", 30),
        ("recipe: risk_sensitive\nmodel: {kind: linear}", 0),
        ("model: {dropout: 0.1}\nexport: {samples: 2}", 2),
        ("model_fn: mine.py\nexport: {samples: 10}", 10),
    ],
)
def test_samples(text, samples):
    spec = run(text)
    assert spec.export.samples == samples
    # A resolved spec stays as it is.
    assert resolve(spec) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {dropout: 0.1}\nexport: {samples: 1}", "s.yaml:4: export.samples: must be 0 or at least 2, not 1"),
        ("model: {dropout: 0.1}\nexport: {samples: -3}", "s.yaml:4: export.samples: must be 0 or at least 2, not -3"),
        ("export: {samples: 50}", "s.yaml:3: export.samples: is 50, and the model has no dropout: all samples would be the same (model.dropout: 0.1, or export.samples: 0)"),
        ("recipe: risk_sensitive\nmodel: {dropout: 0}", "s.yaml: export.samples: is 100, and the model has no dropout: all samples would be the same (model.dropout: 0.1, or export.samples: 0)"),
        ("export: {prediction_tolerance: -1}", "s.yaml:3: export.prediction_tolerance: must be a number of at least 0, not -1"),
    ],
)  # fmt: skip
def test_mistakes(text, message):
    with pytest.raises(SpecError) as error:
        run(text)
    assert str(error.value) == message

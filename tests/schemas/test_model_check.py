"""Each architecture and regulariser that cannot work is one line with the reason; what breaks self-normalisation is said."""

# ruff: noqa: E501 (a mistake and its message stand side by side)

import textwrap

import pytest
from prebake.schemas import spec_pb2
from prebake.schemas.code_check import named_file
from prebake.schemas.errors import SpecError
from prebake.schemas.self_normalization import self_normalization_notes
from prebake.schemas.spec_check import check, check_sources
from prebake.schemas.spec_defaults import resolve
from prebake.schemas.spec_yaml import parse_yaml

GOOD = """\
data: {files: data/*.csv, columns: {age: int, income: float, city: string, y: float}, label: y}
features: {age: standardize, income: {standardize: {}, missing: {fill: mean, indicator: true}}, city: {hash: 9}}
"""


def resolved(text: str) -> spec_pb2.Spec:
    spec, source = parse_yaml(text, "s.yaml")
    check_sources(spec, source)
    spec = resolve(spec)
    check(spec, source)
    return spec


def with_model(text: str) -> str:
    return GOOD + "model:\n" + textwrap.indent(text, "  ") + "\n"


LEGAL = [
    "kind: linear\nl1: 0.1",
    "kind: linear\ninput_noise: 0.1",
    "kind: wide_and_deep\nwide: [city]\ndeep: ['*']",
    "kind: wide_and_deep\nwide: [income_missing]",
    "kind: residual\nhidden: [8, 8]\nnormalization: batch\nactivation: relu",
    "kind: reconstructing\nreconstruction: 0.2",
    "kind: ensemble\nmembers: 4\nnormalization: batch_after",
    "activation: leaky_relu\nslope: 0.01",
    "activation: safe_softplus",
    "max_norm: 1\nmax_norm_axis: 1",
    "constraint: non_neg",
    "l1: 0.1\nl2: 0.1\ndropout: 0.5\ninput_noise: 1",
]


@pytest.mark.parametrize("text", LEGAL)
def test_what_goes_together_passes_and_resolves_to_itself(text):
    spec = resolved(with_model(text))
    assert resolve(spec) == spec


CASES = [
    ("kind: lineal", "s.yaml:4: model.kind: unknown value 'lineal' (did you mean 'linear'?)"),
    ("kind: linear\nhidden: [3]", "s.yaml:5: model.hidden: is of hidden layers, and a linear model has none (leave it out, or take kind: dnn)"),
    ("kind: linear\ndropout: 0.1", "s.yaml:5: model.dropout: is of hidden layers, and a linear model has none (leave it out, or take kind: dnn)"),
    ("kind: linear\nnormalization: batch", "s.yaml:5: model.normalization: is of hidden layers, and a linear model has none (leave it out, or take kind: dnn)"),
    ("kind: linear\nmax_norm: 1", "s.yaml:5: model.max_norm: is of hidden layers, and a linear model has none (leave it out, or take kind: dnn)"),
    ("kind: linear\nactivation: elu", "s.yaml:5: model.activation: is of hidden layers, and a linear model has none (leave it out, or take kind: dnn)"),
    ("wide: [city]", "s.yaml:4: model.wide: is of the kind wide_and_deep, and this model is dnn (kind: wide_and_deep, or leave it out)"),
    ("kind: ensemble\ndeep: [city]", "s.yaml:5: model.deep: is of the kind wide_and_deep, and this model is ensemble (kind: wide_and_deep, or leave it out)"),
    ("reconstruction: 0.1", "s.yaml:4: model.reconstruction: is of the kind reconstructing, and this model is dnn (kind: reconstructing, or leave it out)"),
    ("kind: residual\nmembers: 4", "s.yaml:5: model.members: is of the kind ensemble, and this model is residual (kind: ensemble, or leave it out)"),
    ("kind: ensemble\nmembers: 1", "s.yaml:5: model.members: must be at least 2, not 1"),
    ("kind: reconstructing\nreconstruction: 0", "s.yaml:5: model.reconstruction: must be a number above 0, not 0"),
    ("kind: ensemble\nmax_norm: 1", "s.yaml:5: model.max_norm: limits the weights of a unit, and those of a member are shared ones times its own (leave it out, or l2 instead)"),
    ("kind: ensemble\nconstraint: non_neg", "s.yaml:5: model.constraint: limits the weights of a unit, and those of a member are shared ones times its own (leave it out, or l2 instead)"),
    ("max_norm: -1", "s.yaml:4: model.max_norm: must be a number of at least 0, not -1"),
    ("max_norm_axis: 1", "s.yaml:4: model.max_norm_axis: is given without max_norm (max_norm: and a number)"),
    ("max_norm: 1\nmax_norm_axis: 2", "s.yaml:5: model.max_norm_axis: must be 0 (the weights into each unit) or 1 (those out of each input), not 2"),
    ("max_norm: 1\nconstraint: non_neg", "s.yaml:5: model.constraint: is given beside max_norm (keep one of the two)"),
    ("l2: -0.5", "s.yaml:4: model.l2: must be a number of at least 0, not -0.5"),
    ("input_noise: -1", "s.yaml:4: model.input_noise: must be a number of at least 0, not -1"),
    ("slope: 0.1", "s.yaml:4: model.slope: is of leaky_relu, not of selu (leave it out)"),
    ("activation: leaky_relu\nslope: 1", "s.yaml:5: model.slope: must be at least 0 and below 1, not 1"),
    ("activation: safe_softplas", "s.yaml:4: model.activation: unknown activation 'safe_softplas' (did you mean 'safe_softplus'?)"),
    ("initializer: lecun_norm", "s.yaml:4: model.initializer: unknown initializer 'lecun_norm' (did you mean 'lecun_normal'?)"),
    ("constraint: nonneg", "s.yaml:4: model.constraint: unknown constraint 'nonneg' (did you mean 'non_neg'?)"),
    ("regularizer: mine", "s.yaml:4: model.regularizer: 'mine' is one of your own, and the spec names no Python file (model_fn: and the file, or l1 and l2)"),
    ("kind: wide_and_deep\nwide: [age, citi]", "s.yaml:5: model.wide[1]: 'citi' matches no feature of the model (did you mean 'city'?)"),
    ("kind: wide_and_deep\ndeep: ['x*']", "s.yaml:5: model.deep[0]: 'x*' matches no feature of the model (the features are age, income, city, income_missing)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), CASES)
def test_what_does_not_go_together_is_one_line(text, message):
    with pytest.raises(SpecError) as caught:
        resolved(with_model(text))
    assert str(caught.value) == message


def test_own_regularizer_stands_instead_of_l1_and_l2():
    own = with_model("regularizer: mine") + "model_fn: mine.py\n"
    assert resolved(own).model.regularizer == "mine"
    # The recipe's penalty gives way; one that the spec gives does not.
    assert resolved(own + "recipe: sparse\n").model.l1 == 0
    with pytest.raises(SpecError, match=r"model\.regularizer: is given beside l1 \(keep one of the two\)"):
        resolved(with_model("regularizer: mine\nl1: 0.1") + "model_fn: mine.py\n")


def test_names_of_ones_own_need_the_file_alone():
    spec = resolved(with_model("activation: mine\ninitializer: mine\nconstraint: mine") + "model_fn: a.py\n")
    assert (spec.model.activation, spec.model.initializer, spec.model.constraint) == ("mine",) * 3


@pytest.mark.parametrize("recipe", ["default", "deep", "sparse", "low_latency", "risk_sensitive"])
def test_a_recipe_with_a_linear_model_leaves_its_hidden_layers_out(recipe):
    model = resolved(GOOD + f"recipe: {recipe}\nmodel: {{kind: linear}}").model
    wanted = spec_pb2.Model(kind=spec_pb2.LINEAR, normalization=0, dropout=0, l2=0, max_norm_axis=0)
    wanted.l1 = 0.0001 if recipe == "sparse" else 0
    assert model == wanted


@pytest.mark.parametrize(
    ("activation", "initializer"),
    [("selu", "lecun_normal"), ("relu", "he_normal"), ("elu", "he_normal"), ("leaky_relu", "he_normal"),
     ("gelu", "he_normal"), ("swish", "he_normal"), ("tanh", "glorot_uniform"), ("sigmoid", "glorot_uniform")],
)  # fmt: skip
def test_the_initializer_goes_with_the_activation(activation, initializer):
    assert resolved(with_model(f"activation: {activation}")).model.initializer == initializer


NOTES = [
    ("initializer: he_normal", "model.initializer: selu will not normalise itself: he_normal gives kernels another variance than 1 / inputs (initializer: lecun_normal)"),
    ("normalization: batch", "model.normalization: selu will not normalise itself: another normalization does its work and undoes it (leave it out, or activation: elu)"),
    ("l1: 0.1", "model.l1: selu will not normalise itself: it shrinks the kernels whose variance must stay (activation: elu)"),
    ("l2: 0.1", "model.l2: selu will not normalise itself: it shrinks the kernels whose variance must stay (activation: elu)"),
    ("max_norm: 1", "model.max_norm: selu will not normalise itself: it limits the kernels whose variance must stay (activation: elu)"),
    ("kind: residual", "model.kind: selu will not normalise itself: layers of residual do not simply follow each other, so means and variances add up (activation: elu)"),
    ("kind: wide_and_deep", "model.kind: selu will not normalise itself: layers of wide_and_deep do not simply follow each other, so means and variances add up (activation: elu)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "note"), NOTES)
def test_a_broken_rule_of_self_normalisation_is_named_with_its_reason(text, note):
    assert self_normalization_notes(resolved(with_model(text))) == [note]


def test_numbers_that_are_not_standardised_are_named():
    text = GOOD.replace("age: standardize", "age: min_max, a: {column: income, as_is: {}}")
    assert self_normalization_notes(resolved(text)) == [
        "model.activation: selu will not normalise itself: inputs must have mean 0 and deviation 1, and age, a may not (standardize)"
    ]


@pytest.mark.parametrize(
    "text",
    ["dropout: 0.2", "initializer: lecun_uniform", "kind: reconstructing", "kind: linear", "input_noise: 0.1",
     "activation: elu\nnormalization: batch\nl2: 0.1\nkind: residual"],
)  # fmt: skip
def test_nothing_is_said_where_nothing_breaks(text):
    assert self_normalization_notes(resolved(with_model(text))) == []


def test_several_reasons_are_several_lines():
    notes = self_normalization_notes(resolved(with_model("initializer: he_normal\nl2: 0.1\nmax_norm: 1")))
    assert [note.split(":")[0] for note in notes] == ["model.initializer", "model.l2", "model.max_norm"]


def test_a_file_runs_only_if_it_is_named_or_one_of_its_name_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here, there = tmp_path / "mine.py", tmp_path / "other" / "mine.py"
    here.write_text("")
    spec = spec_pb2.Spec(model_fn=str(here))
    assert named_file(spec, "preprocessing_fn", []) == ""
    assert named_file(spec, "model_fn", ["a.py", "mine.py"]) == str(here)
    for code in ("", [], "other/mine.py", ["", "a.py"]):
        with pytest.raises(SpecError) as caught:
            named_file(spec, "model_fn", code)
        assert str(caught.value) == (
            "spec: model_fn: is the Python file mine.py, which runs only if you name it too (add --code mine.py)"
        )
    # Another host: the path of the spec is not there.
    spec.model_fn = str(there)
    assert named_file(spec, "model_fn", ["mine.py"]) == "mine.py"

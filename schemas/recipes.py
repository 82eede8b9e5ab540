"""In: the name of a recipe. Out: what it says under `model`, `training` and `export`, as a part of a spec."""

from __future__ import annotations

from google.protobuf import text_format

from . import spec_pb2

_TEXT = {
    # A self-normalising network (Klambauer et al., 2017), as Hands-On Machine Learning, chapter 11, advises.
    spec_pb2.RECIPE_DEFAULT: """
        model { hidden: [100, 100, 100] activation: "selu" }
        training { optimizer { kind: NADAM } schedule { kind: PERFORMANCE } }
    """,
    spec_pb2.RECIPE_DEEP: """
        model { hidden: [100, 100, 100, 100, 100, 100] activation: "elu" normalization: NORMALIZATION_BATCH }
        training { optimizer { kind: NADAM } schedule { kind: PERFORMANCE } }
    """,
    # Not selu: a penalty on the weights breaks self-normalisation.
    spec_pb2.RECIPE_SPARSE: """
        model { hidden: [100, 100, 100] activation: "elu" l1: 0.0001 }
        training { optimizer { kind: FTRL l1: 0.001 } schedule { kind: PERFORMANCE } zero_below: 0.001 }
    """,
    spec_pb2.RECIPE_LOW_LATENCY: """
        model { hidden: [50, 50] activation: "leaky_relu" normalization: NORMALIZATION_NONE }
        training { optimizer { kind: NADAM } schedule { kind: PERFORMANCE } }
    """,
    spec_pb2.RECIPE_RISK_SENSITIVE: """
        model { hidden: [100, 100, 100] activation: "selu" dropout: 0.1 }
        training { optimizer { kind: NADAM } schedule { kind: PERFORMANCE } }
        export { samples: 100 }
    """,
}


def apply_recipe(spec: spec_pb2.Spec) -> None:
    """Writes what the recipe says wherever the spec says nothing. A message or a list that the spec has stays as it is."""
    recipe = text_format.Parse(_TEXT[spec.recipe], spec_pb2.Spec())
    for part in ("model", "training", "export"):
        ours, theirs = getattr(spec, part), getattr(recipe, part)
        for field, value in theirs.ListFields():
            if field.is_repeated:
                given = len(getattr(ours, field.name)) > 0
            else:
                given = ours.HasField(field.name) if field.has_presence else bool(getattr(ours, field.name))
            if given:
                continue
            if field.is_repeated:
                getattr(ours, field.name).extend(value)
            elif field.message_type is not None:
                getattr(ours, field.name).CopyFrom(value)
            else:
                setattr(ours, field.name, value)

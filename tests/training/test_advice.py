"""What each sign in a history is called, word for word; histories are made by hand."""

# ruff: noqa: E501 (texts stand as they are printed)

from __future__ import annotations

import pytest
from google.protobuf import text_format
from prebake.schemas.spec_pb2 import Spec
from prebake.training.advice import WELL, advise

BASE = "training { learning_rate: 0.01 batch_size: 32 epochs: 10 } model { hidden: 8 }"


def advice(train: list[float], valid: list[float], more: str = "") -> str:
    spec = text_format.Parse(BASE, Spec())
    text_format.Merge(more, spec)
    history = [{"loss": loss, "val_loss": other} for loss, other in zip(train, valid, strict=True)]
    return advise(history, spec, valid.index(min(valid)) + 1)


FALLS = [1.0, 0.5, 0.4, 0.35, 0.33, 0.32]
REST = [0.315, 0.314, 0.313, 0.313]
CASES = {
    "well": (FALLS + REST, [x + 0.005 for x in FALLS + REST], "", WELL),
    # One epoch says nothing.
    "one epoch": ([1.0], [1.0], "", WELL),
    # Stopped by patience: the best epoch is not the last.
    "stopped": (FALLS + REST[:2], [x + 0.01 for x in FALLS] + [0.331, 0.332], "", WELL),
    "negative losses": ([-1.0, -2.0, -2.1, -2.11, -2.11, -2.11], [-1.0, -2.0, -2.1, -2.11, -2.11, -2.11], "", WELL),
    "diverged": (
        [1.0, 1.2, 2.0], [0.9, 1.2, 2.0], "",
        "The training loss went up, from 1 to 2: the steps are too large. Divide training.learning_rate (0.01) by 3 to 10; "
        "`prebake lr` shows which rates still learn.",
    ),
    "restless": (
        [1.0, 0.6, 0.9, 0.5, 0.8, 0.5, 0.7], [1.0, 0.6, 0.9, 0.5, 0.8, 0.5, 0.7], "",
        "The training loss jumps up and down: training.learning_rate (0.01) is too high to settle, or training.batch_size (32) "
        "too small. Divide the rate by 3, or let training.schedule bring it down.",
    ),
    "overfits": (
        [1.0, 0.5, 0.4, 0.3, 0.2, 0.1], [1.0, 0.6, 0.5, 0.55, 0.6, 0.7], "",
        "It overfits: after epoch 3 the training loss fell on, from 0.4 to 0.1, and the validation loss rose from 0.5 to 0.7. "
        "The weights of epoch 3 are kept. To do better, set model.dropout (0.1 to 0.5), or model.l2 (0.0001), take a smaller "
        "model.hidden, or more rows.",
    ),
    "overfits with dropout": (
        [1.0, 0.5, 0.4, 0.3, 0.2, 0.1], [1.0, 0.6, 0.5, 0.55, 0.6, 0.7], "model { dropout: 0.2 l2: 0.001 }",
        "It overfits: after epoch 3 the training loss fell on, from 0.4 to 0.1, and the validation loss rose from 0.5 to 0.7. "
        "The weights of epoch 3 are kept. To do better, raise model.dropout (0.2), raise model.l2, take a smaller "
        "model.hidden, or more rows.",
    ),
    "gap": (
        FALLS + REST, [1.0, 0.7, 0.6, 0.55, 0.52, 0.5, 0.5, 0.5, 0.5, 0.5], "",
        "At its best the validation loss (0.5) is 1.6 times the training loss (0.32): the model knows its own rows better than "
        "others. Set model.dropout (0.1 to 0.5), take a smaller model.hidden, or more rows; and see that data.split keeps rows "
        "together that belong together (group, time).",
    ),
    # Both are almost nothing.
    "no gap": ([1.0, 0.1, 0.01, 0.002, 0.001, 0.001], [1.0, 0.1, 0.01, 0.004, 0.003, 0.003], "", WELL),
    "still improving": (
        [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25], [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25], "",
        "The validation loss was still falling in the last of 10 epochs: raise training.epochs (10).",
    ),
    "slowly": (
        [1.0, 0.98, 0.96, 0.95, 0.93, 0.92, 0.9, 0.89, 0.87, 0.85], [1.0, 0.98, 0.96, 0.95, 0.93, 0.92, 0.9, 0.89, 0.87, 0.85],
        "", "The validation loss was still falling in the last of 10 epochs: raise training.epochs (10), or "
        "training.learning_rate (0.01), which is too low: multiply it by 3 to 10.",
    ),
    # 1cycle brings the rate to nothing at the end: its best epoch is always the last.
    "one cycle": (
        [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25], [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25],
        "training { schedule { kind: ONE_CYCLE } }", WELL,
    ),
    "plateau": (
        [1.0] + [0.5] * 9, [0.6] + [0.501] * 9, "",
        "Neither loss moved by more than 2% after epoch 2: it came to a plateau early. If that is not good enough, a lower "
        "training.learning_rate (0.01) may settle deeper, and a larger model.hidden or more features can tell more rows apart.",
    ),
    "learnt nothing": (
        [0.7, 0.694, 0.693, 0.693, 0.693, 0.693], [0.695, 0.694, 0.693, 0.694, 0.693, 0.693], "",
        "Neither loss moved by more than 2% after epoch 2: the model has learnt next to nothing. Look at the features "
        "(`prebake explain`) and at the label; then try a training.learning_rate (0.01) 10 times lower, and 10 times higher.",
    ),
    "underfits": (
        FALLS + REST, [x + 0.001 for x in FALLS + REST], "model { l1: 0.01 l2: 0.1 }",
        "It may underfit: the validation loss (0.314) is no higher than the training loss (0.313), so there is nothing yet for "
        "model.l1 (0.01) and model.l2 (0.1) to hold back. Lower it, or take a larger model.hidden.",
    ),
    "dropout": (
        FALLS + REST, [x * 0.8 for x in FALLS + REST], "model { dropout: 0.3 }",
        "The validation loss (0.2504) is below the training loss (0.313): no fault, because model.dropout (0.3) is at work in "
        "training alone. If the result is not good enough, the model may underfit: lower it, or take a larger model.hidden.",
    ),
    "noise": (
        FALLS + REST, [x * 0.8 for x in FALLS + REST], "model { input_noise: 0.1 }",
        "The validation loss (0.2504) is below the training loss (0.313): no fault, because model.input_noise (0.1) is at work "
        "in training alone. If the result is not good enough, the model may underfit: lower it, or take a larger model.hidden.",
    ),
    "easier rows": (
        FALLS + REST, [x * 0.8 for x in FALLS + REST], "",
        "The validation loss (0.2504) is below the training loss (0.313): the rows of the validation split are easier, by "
        "chance if they are few, or some of them are in both splits. Look at data.split (group, time).",
    ),
    "short": (
        [1.0, 0.6], [0.5, 0.55], "",
        "The validation loss (0.5) is below the training loss (1): no fault so early, because the training loss is the mean over "
        "an epoch, the other that of its end.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_advice(case):
    train, valid, more, text = CASES[case]
    assert advice(train, valid, more) == text


def test_several_signs_make_one_paragraph():
    text = advice(
        [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
        [1.0, 0.95, 0.9, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4],
    )
    assert text.startswith("At its best the validation loss (0.4) is 4.0 times the training loss (0.1): ")
    assert text.endswith(
        " The validation loss was still falling in the last of 10 epochs: raise training.epochs (10)."
    )
    assert "\n" not in text

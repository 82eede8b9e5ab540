"""In: the history of a training, and its spec. Out: a paragraph of advice: what was seen, and which line to change.

The signs are those that chapters 10 and 11 of Géron's "Hands-On Machine Learning" name. They are looked for in the losses of
the epochs alone, so that the advice is a guess, and says what it was guessed from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..schemas.spec_pb2 import COSINE_RATE, ONE_CYCLE, Spec

# Differences below this share are taken for chance.
_CHANCE = 0.02
# Losses rise by more than chance in more than this share of the epochs: the training is restless.
_RESTLESS = 0.3
_GAP = 1.2
WELL = "Nothing stands out: the validation loss fell, came to rest, and stayed near the training loss."


def advise(history: Sequence[Mapping[str, float]], spec: Spec, best: int) -> str:
    """One paragraph.

    Args:
      history: of each epoch, with `loss` and `val_loss`, both finite.
      spec: resolved.
      best: the epoch whose weights were kept, counted from 1.
    """
    seen = _Seen(history, spec, best)
    found = [text for text in (look(seen) for look in _LOOKS) if text]
    if not found:
        return WELL
    return " ".join(found)


class _Seen:
    """What the rules look at. Epochs are counted from 1."""

    def __init__(self, history: Sequence[Mapping[str, float]], spec: Spec, best: int):
        self.spec, self.best = spec, best
        self.train = [values["loss"] for values in history]
        self.valid = [values["val_loss"] for values in history]
        self.epochs = len(history)
        # Losses of one's own may be negative: differences are measured by the largest.
        self.scale = max(*map(abs, self.train), *map(abs, self.valid), 1e-30)

    def at_best(self, values: Sequence[float]) -> float:
        return values[self.best - 1]

    @property
    def drops(self) -> bool:
        """The same rows give another loss in training, where something is dropped, added or smoothed out."""
        return bool(self.spec.model.dropout or self.spec.model.input_noise)

    @property
    def restless(self) -> bool:
        rises = sum(
            after - before > _CHANCE * abs(before)
            for before, after in zip(self.train, self.train[1:], strict=False)
        )
        return self.epochs >= 5 and rises > _RESTLESS * (self.epochs - 1)

    @property
    def overfits(self) -> bool:
        """Behind the best epoch the training loss fell on and the validation loss rose above it, both beyond chance."""
        train, valid = self.at_best(self.train), self.at_best(self.valid)
        rose = self.valid[-1] > self.train[-1] and self.valid[-1] - valid > _CHANCE * abs(valid)
        return rose and train - self.train[-1] > _CHANCE * abs(train)

    @property
    def improving(self) -> bool:
        """All epochs are used up, and the last tenth of them brought the best one, by more than half of what is chance."""
        last = max(1, self.epochs // 10)
        before = min(self.valid[:-last], default=self.valid[0])
        return (
            self.epochs >= max(2, self.spec.training.epochs)
            and self.best > self.epochs - last
            and before - self.at_best(self.valid) > _CHANCE / 2 * abs(before)
        )


def _diverged(seen: _Seen) -> str:
    if seen.epochs < 2 or seen.train[-1] - seen.train[0] <= _CHANCE * seen.scale:
        return ""
    return (
        f"The training loss went up, from {seen.train[0]:.4g} to {seen.train[-1]:.4g}: the steps are too large. Divide "
        f"training.learning_rate ({_rate(seen)}) by 3 to 10; `prebake lr` shows which rates still learn."
    )


def _restless(seen: _Seen) -> str:
    if not seen.restless or _diverged(seen):
        return ""
    return (
        "The training loss jumps up and down: training.learning_rate "
        f"({_rate(seen)}) is too high to settle, or training.batch_size ({seen.spec.training.batch_size}) too small. "
        "Divide the rate by 3, or let training.schedule bring it down."
    )


def _overfits(seen: _Seen) -> str:
    if not seen.overfits:
        return ""
    model = seen.spec.model
    more = (
        f"raise model.dropout ({model.dropout:g})" if model.dropout else "set model.dropout (0.1 to 0.5)"
    ) + (", raise model.l2" if model.l2 else ", or model.l2 (0.0001)")
    return (
        f"It overfits: after epoch {seen.best} the training loss fell on, from {seen.at_best(seen.train):.4g} to "
        f"{seen.train[-1]:.4g}, and the validation loss rose from {seen.at_best(seen.valid):.4g} to {seen.valid[-1]:.4g}. "
        f"The weights of epoch {seen.best} are kept. To do better, {more}, take a smaller model.hidden, or more rows."
    )


def _gap(seen: _Seen) -> str:
    train, valid = seen.at_best(seen.train), seen.at_best(seen.valid)
    close = valid <= _GAP * train or valid - train <= _CHANCE * seen.scale
    if seen.overfits or train <= 0 or close or _diverged(seen):
        return ""
    return (
        f"At its best the validation loss ({valid:.4g}) is {valid / train:.1f} times the training loss ({train:.4g}): the "
        "model knows its own rows better than others. "
        + ("Raise model.dropout" if seen.spec.model.dropout else "Set model.dropout (0.1 to 0.5)")
        + ", take a smaller model.hidden, or more rows; and see that data.split keeps rows together that belong together "
        "(group, time)."
    )


def _still_improving(seen: _Seen) -> str:
    # These bring the rate down to almost nothing by themselves: their last epochs are always the best.
    if not seen.improving or seen.spec.training.schedule.kind in (ONE_CYCLE, COSINE_RATE):
        return ""
    text = (
        f"The validation loss was still falling in the last of {seen.epochs} epochs: raise training.epochs "
        f"({seen.spec.training.epochs})"
    )
    if _slow(seen):
        return (
            text + f", or training.learning_rate ({_rate(seen)}), which is too low: multiply it by 3 to 10."
        )
    return text + "."


def _slow(seen: _Seen) -> bool:
    """Less than a fifth came off, at an even pace."""
    return seen.epochs >= 5 and seen.train[0] - seen.train[-1] < 0.2 * abs(seen.train[0])


def _plateau(seen: _Seen) -> str:
    """Neither loss has moved since the first tenth of the epochs."""
    early = max(1, seen.epochs // 10)
    rest = seen.train[early:], seen.valid[early:]
    if seen.epochs < 5 or seen.overfits or seen.restless or _diverged(seen):
        return ""
    if any(max(values) - min(values) > _CHANCE * max(map(abs, values)) for values in rest):
        return ""
    stopped = f"Neither loss moved by more than {_CHANCE:.0%} after epoch {early + 1}: "
    if abs(seen.train[0] - seen.train[-1]) <= _CHANCE * abs(seen.train[0]):
        return (
            stopped
            + "the model has learnt next to nothing. Look at the features (`prebake explain`) and at the label; "
            f"then try a training.learning_rate ({_rate(seen)}) 10 times lower, and 10 times higher."
        )
    return (
        stopped
        + f"it came to a plateau early. If that is not good enough, a lower training.learning_rate ({_rate(seen)}) may "
        "settle deeper, and a larger model.hidden or more features can tell more rows apart."
    )


def _underfits(seen: _Seen) -> str:
    """Penalties on the weights, and not a trace of overfitting."""
    model = seen.spec.model
    train, valid = seen.at_best(seen.train), seen.at_best(seen.valid)
    strong = [f"model.{name} ({getattr(model, name):g})" for name in ("l1", "l2") if getattr(model, name)]
    if not strong or seen.drops or seen.improving or seen.overfits or valid > train * (1 + _CHANCE):
        return ""
    return (
        f"It may underfit: the validation loss ({valid:.4g}) is no higher than the training loss ({train:.4g}), so there is "
        f"nothing yet for {' and '.join(strong)} to hold back. Lower it, or take a larger model.hidden."
    )


def _valid_is_better(seen: _Seen) -> str:
    train, valid = seen.at_best(seen.train), seen.at_best(seen.valid)
    if train - valid <= 2 * _CHANCE * abs(train) or _diverged(seen) or _underfits(seen):
        return ""
    text = f"The validation loss ({valid:.4g}) is below the training loss ({train:.4g}): "
    model = seen.spec.model
    if seen.drops:
        name = "dropout" if model.dropout else "input_noise"
        return (
            f"{text}no fault, because model.{name} ({getattr(model, name):g}) is at work in training alone. If the result "
            "is not good enough, the model may underfit: lower it, or take a larger model.hidden."
        )
    if seen.best <= 3:
        return f"{text}no fault so early, because the training loss is the mean over an epoch, the other that of its end."
    return (
        f"{text}the rows of the validation split are easier, by chance if they are few, or some of them are in both "
        "splits. Look at data.split (group, time)."
    )


def _rate(seen: _Seen) -> str:
    return f"{seen.spec.training.learning_rate:g}"


_LOOKS = (
    _diverged, _restless, _overfits, _gap, _still_improving, _plateau, _underfits, _valid_is_better,
)  # fmt: skip

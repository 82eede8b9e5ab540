"""In: class ids and logits. Out: precision and recall over the whole split, of the class that a client is told."""

from __future__ import annotations

import keras
from keras import ops


class _Confusion(keras.metrics.Metric):
    """Counts rows by true and by told class.

    Args:
      classes: how many. 1: of a binary label, whose model has one logit, and the measure is that of the second class; else
        it is the mean over the classes that a row has or is told.
    """

    def __init__(self, classes: int, name: str | None = None, **kwargs):
        super().__init__(name=name or type(self).__name__.lower(), **kwargs)
        self.classes = classes
        self._ids = max(classes, 2)
        self._both, self._told, self._true = (
            self.add_variable((self._ids,), keras.initializers.Zeros(), name=name)
            for name in ("both", "told", "true")
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        true = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self._ids)
        # As `answers` does.
        ids = ops.sigmoid(y_pred[:, 0]) >= 0.5 if self.classes == 1 else ops.argmax(y_pred, axis=-1)
        told = ops.one_hot(ops.cast(ids, "int32"), self._ids)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
            both, told, true = true * told * weight, told * weight, true * weight
        else:
            both = true * told
        for total, rows in ((self._both, both), (self._told, told), (self._true, true)):
            total.assign_add(ops.sum(rows, axis=0))

    def _share(self, of):
        shares = ops.divide_no_nan(self._both, of)
        if self.classes == 1:
            return shares[1]
        seen = ops.cast(self._true + self._told > 0, "float32")
        return ops.divide_no_nan(ops.sum(shares * seen), ops.sum(seen))

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@keras.saving.register_keras_serializable(package="prebake")
class Precision(_Confusion):
    """Of the rows that are told a class, the share that has it; 0 if there are none."""

    def result(self):
        return self._share(self._told)


@keras.saving.register_keras_serializable(package="prebake")
class Recall(_Confusion):
    """Of the rows that have a class, the share that is told it; 0 if there are none."""

    def result(self):
        return self._share(self._true)


@keras.saving.register_keras_serializable(package="prebake")
class OneAgainstRest(keras.metrics.Metric):
    """The mean over the classes of the area under a curve of "this class or another", by 200 thresholds.

    Args:
      classes: how many.
      curve: "ROC" or "PR".
    """

    def __init__(self, classes: int, curve: str, name: str, **kwargs):
        super().__init__(name=name, **kwargs)
        self.classes, self.curve = classes, curve
        self._area = keras.metrics.AUC(
            curve=curve, multi_label=True, num_labels=classes, name=f"{name}_of_classes"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        true = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), self.classes)
        self._area.update_state(true, ops.softmax(y_pred), sample_weight)

    def result(self):
        return self._area.result()

    def reset_state(self):
        self._area.reset_state()

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "curve": self.curve}

"""In: a small run. Out: trainings of it on one device, two logical devices and two processes, for test_distribution.py.

They run as on a trainer host, which has neither Beam nor TensorFlow Transform, and import all of training/.
One process imports TensorFlow and starts nothing of it; each training, or worker, is a fork that makes its own devices.

    python several_devices.py RUN NAME…    does these scenarios, prints one line of JSON: what each came to, by name
"""

# ruff: noqa: E402 (what a trainer host does not have is shut out before anything is imported)

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable

for missing in ("apache_beam", "tensorflow_transform", "tfx_bsl"):
    sys.modules[missing] = None  # type: ignore[assignment]  # importing it fails

import keras
import tensorflow as tf
from google.protobuf import text_format
from prebake.schemas.errors import PrebakeError
from prebake.schemas.run_dir import read_spec
from prebake.schemas.spec_pb2 import Spec
from prebake.training import callbacks, train
from prebake.training import checkpoints as checkpoint_store
from prebake.training.custom_step import install
from prebake.training.launch import free_ports
from prebake.training.replicas import Replicas

# 8 epochs of 7 steps, the last one of 8 rows; gradients are clipped; rows have weights.
EPOCHS, STEPS = 8, 7
PLAIN = "optimizer { kind: ADAM } learning_rate: 0.05"
# What each replica could get wrong by itself.
RICH = (
    "model { kind: RECONSTRUCTING reconstruction: 0.1 normalization: NORMALIZATION_BATCH activation: 'elu' l2: 0.01 "
    "max_norm: 1 } training { batch_size: 199 epochs: 28 patience: 99 } "  # the last batch has one row, and one replica none
)


def spec_of(run: str, name: str, training: str = "", model: str = "") -> Spec:
    spec = read_spec(run)
    text_format.Merge(f"training {{ epochs: {EPOCHS} {PLAIN} {training} }} {model}", spec)
    spec.training.name = name
    return spec


def fork(work: Callable[[], object]) -> int:
    """Starts it in a fork, which exits with 0, with the code of a PrebakeError after a line on stderr, or with 3."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        work()
        code = 0
    except PrebakeError as error:
        print(error, file=sys.stderr, flush=True)
        code = getattr(error, "exit_code", 2)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def end_of(child: int) -> int:
    """The exit code; below 0 the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def two_devices() -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def write_nothing() -> None:
    """From now on this process fails where it writes into the run."""

    def fail(*args, **options):
        raise AssertionError("a worker that is not the chief writes")

    train.publish = checkpoint_store.write_checkpoint = callbacks.ScalarLog = keras.Model.save = fail


def workers(run: str, spec: Spec) -> list[int]:
    """Two processes that train it together."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}

    def work(index: int) -> None:
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        if index:
            write_nothing()
        train.train(run, spec, progress=False)

    return [fork(lambda index=index: work(index)) for index in range(2)]


def one(run: str, name: str, model: str = "") -> int:
    spec = spec_of(run, name, "", model)
    return end_of(fork(lambda: train.train(run, spec, progress=False)))


def mirrored(run: str, name: str, model: str = "") -> int:
    def work() -> None:
        two_devices()
        spec = spec_of(run, name, "loop: LOOP_CUSTOM distribution: DISTRIBUTION_MIRRORED", model)
        train.train(run, spec, progress=False)

    return end_of(fork(work))


def two(run: str, name: str, model: str = "") -> list[int]:
    spec = spec_of(run, name, "loop: LOOP_CUSTOM distribution: DISTRIBUTION_MULTI_WORKER", model)
    return [end_of(child) for child in workers(run, spec)]


def killed(run: str, name: str, victim: int) -> list[list[int]]:
    """The exit codes of two workers of which one is killed after the second epoch, and of all workers started again."""
    settings = "loop: LOOP_CUSTOM distribution: DISTRIBUTION_MULTI_WORKER checkpoint { steps: 2 }"
    spec = spec_of(run, name, settings)
    children = workers(run, spec)
    unfinished = os.path.join(run, "training", f".unfinished-{name}")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if os.path.isdir(unfinished) and any(file > "epoch-00002" for file in checkpoints(unfinished)):
            break
        time.sleep(0.01)
    os.kill(children[victim], signal.SIGKILL)
    first = [end_of(child) for child in children]
    return [first, [end_of(child) for child in workers(run, spec)]]


def checkpoints(directory: str) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith("epoch-")]


def masks(run: str, name: str) -> int:
    """Two replicas drop other units, and another two in the next step."""

    def work() -> None:
        two_devices()
        replicas = Replicas(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
        with replicas.scope():
            model = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(0.5, seed=1)])
            optimizer = keras.optimizers.SGD()
        model.compile(optimizer, "mse")
        install(model, replicas)
        seen = []
        for _ in range(2):
            ones = replicas.strategy.run(lambda: model(tf.ones([1, 64]), training=True))
            seen += [one.numpy().tolist() for one in replicas.strategy.experimental_local_results(ones)]
        assert len({str(mask) for mask in seen}) == 4, seen

    return end_of(fork(work))


SCENARIOS: dict[str, Callable[[str, str], object]] = {
    "one": one,
    "mirrored": mirrored,
    "two": two,
    "masks": masks,
    "one_rich": lambda run, name: one(run, name, RICH),
    "mirrored_rich": lambda run, name: mirrored(run, name, RICH),
    "two_rich": lambda run, name: two(run, name, RICH),
    "killed_0": lambda run, name: killed(run, name, 0),
    "killed_1": lambda run, name: killed(run, name, 1),
}


def main(run: str, *names: str) -> None:
    for module in pkgutil.iter_modules([os.path.dirname(train.__file__)], "prebake.training."):
        importlib.import_module(module.name)
    print(json.dumps({name: SCENARIOS[name](run, name) for name in names}))


if __name__ == "__main__":
    main(*sys.argv[1:])

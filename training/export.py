"""In: a trained model and the transform graph of its run. Out: `export/saved_model/<version>/`, a model that takes raw rows.

It answers wherever TensorFlow is installed, from any directory. A version appears by one rename, after the parity gate
passed: TensorFlow Serving may watch `export/saved_model`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence

import keras
from google.protobuf import text_format

from ..schemas.commit import publish
from ..schemas.errors import ArtifactError, SpecError
from ..schemas.manifest import read_manifest, set_fingerprint
from ..schemas.manifest_pb2 import Manifest
from ..schemas.run_dir import read_spec
from ..schemas.source_check import is_tfds
from ..schemas.spec_pb2 import MARK, Spec
from ..transforms.graph import TransformGraph, load_graph
from ..transforms.serving_input import RequestReader
from .dataset import Examples
from .evaluate import check_same_examples, open_model
from .monte_carlo import Sampler
from .parity import PARITY_FILE, check_parity
from .signatures import build_endpoints
from .source import open_source
from .warm_start_source import write_layers

# TensorFlow's place for files that a SavedModel carries and does not read.
SPEC_FILE = "assets.extra/spec.pbtxt"


@dataclasses.dataclass
class Exported:
    """What an export came to.

    Attributes:
      directory: `export/saved_model/<version>`.
      version: counted from 1.
      parity: path of its parity.json.
      up_to_date: True if it was there already and nothing was done.
    """

    directory: str
    version: int
    parity: str
    up_to_date: bool


def export(
    run_dir: str, name: str = "default", spec: Spec | None = None, *, code: str | Sequence[str] = ()
) -> Exported:
    """Exports a trained model with its preprocessing in front of it.

    Args:
      run_dir: of the run.
      name: of the training.
      spec: resolved, for its export part; `spec.pbtxt` of the run if None.
      code: see `open_model`.

    Raises:
      ArtifactError: training, transform or examples are absent or damaged or do not belong together, or the exported
        model does not agree with the training examples (nothing is published then).
    """
    spec = spec or read_spec(run_dir)
    examples = open_source(run_dir, spec)
    model, training = open_model(run_dir, name, code)
    check_same_examples(training, examples)
    if is_tfds(spec):
        return _export_arrays(run_dir, spec, examples, model, training)
    transform_dir = os.path.join(run_dir, "transform")
    graph = load_graph(transform_dir)
    mark = spec.export.bad_rows == MARK
    if mark and any(feature.name == "error" for feature in graph.features):
        reason = "mark: a feature has the name of the output with the reasons, 'error'"
        raise SpecError("spec", None, "export.bad_rows", reason, "give the feature another name")
    manifest = Manifest(
        step="export", features=graph.features, label=graph.label, more_labels=graph.more_labels
    )
    set_fingerprint(
        manifest,
        {
            "training": training.fingerprint,
            "transform": read_manifest(transform_dir, "transform", verify=False).fingerprint,
            "export": text_format.MessageToString(spec.export),
        },
    )

    def write(directory: str) -> None:
        samples = spec.export.samples
        sampler = Sampler(model, samples, spec.seed) if samples else None
        write_saved_model(directory, graph, model, mark=spec.export.bad_rows == MARK, sampler=sampler)
        check_parity(directory, graph, model, examples, spec.export.prediction_tolerance, sampler)

    return _publish_version(run_dir, manifest, write)


def _export_arrays(
    run_dir: str, spec: Spec, examples: Examples, model: keras.Model, training: Manifest
) -> Exported:
    """Of a model that was trained on TensorFlow Datasets: there is no transform in front of it."""
    from .tfds_export import check_arrays_parity, write_arrays_model
    from .tfds_source import DataSet

    data, label = DataSet(spec), examples.manifest.label
    manifest = Manifest(step="export", features=examples.manifest.features, label=label)
    set_fingerprint(
        manifest, {"training": training.fingerprint, "export": text_format.MessageToString(spec.export)}
    )

    def write(directory: str) -> None:
        samples = spec.export.samples
        sampler = Sampler(model, samples, spec.seed) if samples else None
        write_arrays_model(directory, data, model, label, sampler)
        write_layers(directory, model, None)
        rows, tolerance = spec.examples.sample_rows, spec.export.prediction_tolerance
        check_arrays_parity(directory, data, model, examples, rows, tolerance, sampler)

    return _publish_version(run_dir, manifest, write)


def _publish_version(run_dir: str, manifest: Manifest, write: Callable[[str], None]) -> Exported:
    """The latest version, if it has the manifest's fingerprint, or else the next one, by `write` into a directory."""
    target = os.path.join(run_dir, "export", "saved_model")
    latest = latest_version(target)
    if latest:
        directory = os.path.join(target, str(latest))
        if read_manifest(directory, "export").fingerprint == manifest.fingerprint:
            return Exported(directory, latest, os.path.join(directory, PARITY_FILE), up_to_date=True)
    directory = os.path.join(target, str(latest + 1))
    with publish(directory, manifest) as temporary:
        write(temporary)
    return Exported(directory, latest + 1, os.path.join(directory, PARITY_FILE), up_to_date=False)


def write_saved_model(
    directory: str,
    graph: TransformGraph,
    model: keras.Model,
    mark: bool = False,
    sampler: Sampler | None = None,
) -> None:
    """Writes the SavedModel with all signatures, and the spec's data part for who reads CSV files for it.

    Args:
      directory: is there already.
      graph: raw columns to features.
      model: features to output.
      mark: bad rows of a request are marked, see `RequestReader`.
      sampler: of the model, if it is to say how sure it is.
    """
    reader = RequestReader(graph, mark)
    archive = keras.export.ExportArchive()
    archive.track(graph)
    archive.track(reader)
    archive.track(model)
    for name, (function, specification) in build_endpoints(graph, model, reader, sampler).items():
        archive.add_endpoint(name, function, input_signature=[specification])
    archive.write_out(directory, verbose=False)
    path = os.path.join(directory, SPEC_FILE)
    os.makedirs(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as file:
        kept = Spec(data=graph.spec.data)
        if sampler is not None:
            kept.export.samples = sampler.samples
        file.write(text_format.MessageToString(kept, as_utf8=True))
    write_layers(directory, model, graph)


def latest_version(target: str) -> int:
    """The highest version below `export/saved_model`, 0 if there is none."""
    if not os.path.isdir(target):
        return 0
    return max((int(entry) for entry in os.listdir(target) if entry.isdigit()), default=0)


def find_version(path: str) -> str:
    """The directory of an exported version.

    Args:
      path: of a run (its latest version), of `export/saved_model`, or of a version.

    Raises:
      ArtifactError: nothing has been exported there.
    """
    for target in (os.path.join(path, "export", "saved_model"), path):
        latest = latest_version(target)
        if latest:
            return os.path.join(target, str(latest))
    if os.path.exists(os.path.join(path, "saved_model.pb")):
        return path
    raise ArtifactError(path, "no exported model here: run `prebake export` first")

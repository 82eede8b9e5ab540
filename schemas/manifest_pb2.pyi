from prebake.schemas import spec_pb2 as _spec_pb2
from prebake.schemas import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OutputType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTPUT_TYPE_UNSPECIFIED: _ClassVar[OutputType]
    OUTPUT_FLOAT: _ClassVar[OutputType]
    OUTPUT_INT64: _ClassVar[OutputType]
OUTPUT_TYPE_UNSPECIFIED: OutputType
OUTPUT_FLOAT: OutputType
OUTPUT_INT64: OutputType

class Manifest(_message.Message):
    __slots__ = ("format_version", "step", "fingerprint", "parts", "files", "inputs", "splits", "features", "label", "weighted", "more_labels")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHTED_FIELD_NUMBER: _ClassVar[int]
    MORE_LABELS_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    step: str
    fingerprint: str
    parts: _containers.RepeatedCompositeFieldContainer[FingerprintPart]
    files: _containers.RepeatedCompositeFieldContainer[FileEntry]
    inputs: _containers.RepeatedCompositeFieldContainer[InputFile]
    splits: _containers.RepeatedCompositeFieldContainer[SplitEntry]
    features: _containers.RepeatedCompositeFieldContainer[OutputFeature]
    label: LabelEntry
    weighted: bool
    more_labels: _containers.RepeatedCompositeFieldContainer[LabelEntry]
    def __init__(self, format_version: _Optional[int] = ..., step: _Optional[str] = ..., fingerprint: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[FingerprintPart, _Mapping]]] = ..., files: _Optional[_Iterable[_Union[FileEntry, _Mapping]]] = ..., inputs: _Optional[_Iterable[_Union[InputFile, _Mapping]]] = ..., splits: _Optional[_Iterable[_Union[SplitEntry, _Mapping]]] = ..., features: _Optional[_Iterable[_Union[OutputFeature, _Mapping]]] = ..., label: _Optional[_Union[LabelEntry, _Mapping]] = ..., weighted: _Optional[bool] = ..., more_labels: _Optional[_Iterable[_Union[LabelEntry, _Mapping]]] = ...) -> None: ...

class FingerprintPart(_message.Message):
    __slots__ = ("name", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    sha256: str
    def __init__(self, name: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class FileEntry(_message.Message):
    __slots__ = ("path", "size", "crc32c")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    path: str
    size: int
    crc32c: int
    def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ..., crc32c: _Optional[int] = ...) -> None: ...

class InputFile(_message.Message):
    __slots__ = ("path", "size", "crc32c", "rows", "blank_lines", "rejected", "train_rows", "valid_rows", "test_rows", "empty")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BLANK_LINES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    TRAIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    VALID_ROWS_FIELD_NUMBER: _ClassVar[int]
    TEST_ROWS_FIELD_NUMBER: _ClassVar[int]
    EMPTY_FIELD_NUMBER: _ClassVar[int]
    path: str
    size: int
    crc32c: int
    rows: int
    blank_lines: int
    rejected: int
    train_rows: int
    valid_rows: int
    test_rows: int
    empty: bool
    def __init__(self, path: _Optional[str] = ..., size: _Optional[int] = ..., crc32c: _Optional[int] = ..., rows: _Optional[int] = ..., blank_lines: _Optional[int] = ..., rejected: _Optional[int] = ..., train_rows: _Optional[int] = ..., valid_rows: _Optional[int] = ..., test_rows: _Optional[int] = ..., empty: _Optional[bool] = ...) -> None: ...

class SplitEntry(_message.Message):
    __slots__ = ("name", "rows", "compression", "shards", "sample")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    rows: int
    compression: _spec_pb2.Compression
    shards: _containers.RepeatedCompositeFieldContainer[ShardEntry]
    sample: str
    def __init__(self, name: _Optional[str] = ..., rows: _Optional[int] = ..., compression: _Optional[_Union[_spec_pb2.Compression, str]] = ..., shards: _Optional[_Iterable[_Union[ShardEntry, _Mapping]]] = ..., sample: _Optional[str] = ...) -> None: ...

class ShardEntry(_message.Message):
    __slots__ = ("path", "rows", "first")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    path: str
    rows: int
    first: int
    def __init__(self, path: _Optional[str] = ..., rows: _Optional[int] = ..., first: _Optional[int] = ...) -> None: ...

class OutputFeature(_message.Message):
    __slots__ = ("name", "type", "cardinality", "encode", "dimension", "shape", "sequence", "weights_of", "out_of_fold", "combiner", "share")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CARDINALITY_FIELD_NUMBER: _ClassVar[int]
    ENCODE_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_OF_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_FOLD_FIELD_NUMBER: _ClassVar[int]
    COMBINER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: OutputType
    cardinality: int
    encode: _spec_pb2.EncodeKind
    dimension: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    sequence: bool
    weights_of: str
    out_of_fold: bool
    combiner: _spec_pb2.Combiner
    share: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[OutputType, str]] = ..., cardinality: _Optional[int] = ..., encode: _Optional[_Union[_spec_pb2.EncodeKind, str]] = ..., dimension: _Optional[int] = ..., shape: _Optional[_Iterable[int]] = ..., sequence: _Optional[bool] = ..., weights_of: _Optional[str] = ..., out_of_fold: _Optional[bool] = ..., combiner: _Optional[_Union[_spec_pb2.Combiner, str]] = ..., share: _Optional[str] = ...) -> None: ...

class LabelEntry(_message.Message):
    __slots__ = ("column", "kind", "classes", "log", "mean", "deviation", "name")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    column: str
    kind: _spec_pb2.LabelKind
    classes: _containers.RepeatedScalarFieldContainer[str]
    log: bool
    mean: float
    deviation: float
    name: str
    def __init__(self, column: _Optional[str] = ..., kind: _Optional[_Union[_spec_pb2.LabelKind, str]] = ..., classes: _Optional[_Iterable[str]] = ..., log: _Optional[bool] = ..., mean: _Optional[float] = ..., deviation: _Optional[float] = ..., name: _Optional[str] = ...) -> None: ...

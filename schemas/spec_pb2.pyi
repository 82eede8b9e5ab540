from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Compression(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPRESSION_AUTO: _ClassVar[Compression]
    COMPRESSION_NONE: _ClassVar[Compression]
    COMPRESSION_GZIP: _ClassVar[Compression]
    COMPRESSION_BZIP2: _ClassVar[Compression]
    COMPRESSION_ZSTD: _ClassVar[Compression]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    FLOAT: _ClassVar[ColumnType]
    INT: _ClassVar[ColumnType]
    STRING: _ClassVar[ColumnType]
    IGNORE: _ClassVar[ColumnType]

class LabelKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_AUTO: _ClassVar[LabelKind]
    REGRESSION: _ClassVar[LabelKind]
    BINARY: _ClassVar[LabelKind]
    MULTICLASS: _ClassVar[LabelKind]

class Fill(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FILL_AUTO: _ClassVar[Fill]
    MEAN: _ClassVar[Fill]
    MEDIAN: _ClassVar[Fill]
    MOST_FREQUENT: _ClassVar[Fill]
    CONSTANT: _ClassVar[Fill]
    OWN_ID: _ClassVar[Fill]

class EncodeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODE_AUTO: _ClassVar[EncodeKind]
    NUMBER: _ClassVar[EncodeKind]
    ONE_HOT: _ClassVar[EncodeKind]
    EMBEDDING: _ClassVar[EncodeKind]

class ScheduleKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERFORMANCE: _ClassVar[ScheduleKind]
    CONSTANT_RATE: _ClassVar[ScheduleKind]
COMPRESSION_AUTO: Compression
COMPRESSION_NONE: Compression
COMPRESSION_GZIP: Compression
COMPRESSION_BZIP2: Compression
COMPRESSION_ZSTD: Compression
COLUMN_TYPE_UNSPECIFIED: ColumnType
FLOAT: ColumnType
INT: ColumnType
STRING: ColumnType
IGNORE: ColumnType
LABEL_AUTO: LabelKind
REGRESSION: LabelKind
BINARY: LabelKind
MULTICLASS: LabelKind
FILL_AUTO: Fill
MEAN: Fill
MEDIAN: Fill
MOST_FREQUENT: Fill
CONSTANT: Fill
OWN_ID: Fill
ENCODE_AUTO: EncodeKind
NUMBER: EncodeKind
ONE_HOT: EncodeKind
EMBEDDING: EncodeKind
PERFORMANCE: ScheduleKind
CONSTANT_RATE: ScheduleKind

class Spec(_message.Message):
    __slots__ = ("format_version", "seed", "data", "features", "examples", "model", "training", "export")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    EXPORT_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    seed: int
    data: Data
    features: _containers.RepeatedCompositeFieldContainer[Feature]
    examples: Examples
    model: Model
    training: Training
    export: Export
    def __init__(self, format_version: _Optional[int] = ..., seed: _Optional[int] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., features: _Optional[_Iterable[_Union[Feature, _Mapping]]] = ..., examples: _Optional[_Union[Examples, _Mapping]] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., training: _Optional[_Union[Training, _Mapping]] = ..., export: _Optional[_Union[Export, _Mapping]] = ...) -> None: ...

class Data(_message.Message):
    __slots__ = ("files", "dialect", "columns", "label", "weight", "split", "bad_rows", "ignore_undeclared")
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    BAD_ROWS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedScalarFieldContainer[str]
    dialect: Dialect
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    label: Label
    weight: str
    split: Split
    bad_rows: BadRows
    ignore_undeclared: bool
    def __init__(self, files: _Optional[_Iterable[str]] = ..., dialect: _Optional[_Union[Dialect, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., label: _Optional[_Union[Label, _Mapping]] = ..., weight: _Optional[str] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., bad_rows: _Optional[_Union[BadRows, _Mapping]] = ..., ignore_undeclared: _Optional[bool] = ...) -> None: ...

class Dialect(_message.Message):
    __slots__ = ("delimiter", "quoting", "header", "null_tokens", "compression")
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    QUOTING_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    NULL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    delimiter: str
    quoting: bool
    header: bool
    null_tokens: _containers.RepeatedScalarFieldContainer[str]
    compression: Compression
    def __init__(self, delimiter: _Optional[str] = ..., quoting: _Optional[bool] = ..., header: _Optional[bool] = ..., null_tokens: _Optional[_Iterable[str]] = ..., compression: _Optional[_Union[Compression, str]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "required", "values", "min", "max")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ColumnType
    required: bool
    values: _containers.RepeatedScalarFieldContainer[str]
    min: float
    max: float
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., required: _Optional[bool] = ..., values: _Optional[_Iterable[str]] = ..., min: _Optional[float] = ..., max: _Optional[float] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("column", "kind", "classes")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    column: str
    kind: LabelKind
    classes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, column: _Optional[str] = ..., kind: _Optional[_Union[LabelKind, str]] = ..., classes: _Optional[_Iterable[str]] = ...) -> None: ...

class Split(_message.Message):
    __slots__ = ("train", "valid", "test", "group", "time", "files")
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    train: float
    valid: float
    test: float
    group: str
    time: TimeSplit
    files: SplitFiles
    def __init__(self, train: _Optional[float] = ..., valid: _Optional[float] = ..., test: _Optional[float] = ..., group: _Optional[str] = ..., time: _Optional[_Union[TimeSplit, _Mapping]] = ..., files: _Optional[_Union[SplitFiles, _Mapping]] = ...) -> None: ...

class TimeSplit(_message.Message):
    __slots__ = ("column", "valid_from", "test_from")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    TEST_FROM_FIELD_NUMBER: _ClassVar[int]
    column: str
    valid_from: str
    test_from: str
    def __init__(self, column: _Optional[str] = ..., valid_from: _Optional[str] = ..., test_from: _Optional[str] = ...) -> None: ...

class SplitFiles(_message.Message):
    __slots__ = ("train", "valid", "test")
    TRAIN_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    train: _containers.RepeatedScalarFieldContainer[str]
    valid: _containers.RepeatedScalarFieldContainer[str]
    test: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, train: _Optional[_Iterable[str]] = ..., valid: _Optional[_Iterable[str]] = ..., test: _Optional[_Iterable[str]] = ...) -> None: ...

class BadRows(_message.Message):
    __slots__ = ("reject_up_to",)
    REJECT_UP_TO_FIELD_NUMBER: _ClassVar[int]
    reject_up_to: float
    def __init__(self, reject_up_to: _Optional[float] = ...) -> None: ...

class Feature(_message.Message):
    __slots__ = ("name", "column", "as_is", "standardize", "min_max", "buckets", "vocabulary", "hash", "cross", "missing", "encode", "intermediate")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    AS_IS_FIELD_NUMBER: _ClassVar[int]
    STANDARDIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_MAX_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    CROSS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    ENCODE_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    column: str
    as_is: AsIs
    standardize: Standardize
    min_max: MinMax
    buckets: Buckets
    vocabulary: Vocabulary
    hash: Hash
    cross: Cross
    missing: Missing
    encode: Encode
    intermediate: bool
    def __init__(self, name: _Optional[str] = ..., column: _Optional[str] = ..., as_is: _Optional[_Union[AsIs, _Mapping]] = ..., standardize: _Optional[_Union[Standardize, _Mapping]] = ..., min_max: _Optional[_Union[MinMax, _Mapping]] = ..., buckets: _Optional[_Union[Buckets, _Mapping]] = ..., vocabulary: _Optional[_Union[Vocabulary, _Mapping]] = ..., hash: _Optional[_Union[Hash, _Mapping]] = ..., cross: _Optional[_Union[Cross, _Mapping]] = ..., missing: _Optional[_Union[Missing, _Mapping]] = ..., encode: _Optional[_Union[Encode, _Mapping]] = ..., intermediate: _Optional[bool] = ...) -> None: ...

class AsIs(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Standardize(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MinMax(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class Buckets(_message.Message):
    __slots__ = ("quantiles", "boundaries")
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    BOUNDARIES_FIELD_NUMBER: _ClassVar[int]
    quantiles: int
    boundaries: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, quantiles: _Optional[int] = ..., boundaries: _Optional[_Iterable[float]] = ...) -> None: ...

class Vocabulary(_message.Message):
    __slots__ = ("top_k", "min_frequency", "oov_buckets", "tokens")
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    MIN_FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    OOV_BUCKETS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    top_k: int
    min_frequency: int
    oov_buckets: int
    tokens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, top_k: _Optional[int] = ..., min_frequency: _Optional[int] = ..., oov_buckets: _Optional[int] = ..., tokens: _Optional[_Iterable[str]] = ...) -> None: ...

class Hash(_message.Message):
    __slots__ = ("buckets",)
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    buckets: int
    def __init__(self, buckets: _Optional[int] = ...) -> None: ...

class Cross(_message.Message):
    __slots__ = ("of", "buckets")
    OF_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedScalarFieldContainer[str]
    buckets: int
    def __init__(self, of: _Optional[_Iterable[str]] = ..., buckets: _Optional[int] = ...) -> None: ...

class Missing(_message.Message):
    __slots__ = ("fill", "constant", "indicator")
    FILL_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    INDICATOR_FIELD_NUMBER: _ClassVar[int]
    fill: Fill
    constant: str
    indicator: bool
    def __init__(self, fill: _Optional[_Union[Fill, str]] = ..., constant: _Optional[str] = ..., indicator: _Optional[bool] = ...) -> None: ...

class Encode(_message.Message):
    __slots__ = ("kind", "dimension")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    kind: EncodeKind
    dimension: int
    def __init__(self, kind: _Optional[_Union[EncodeKind, str]] = ..., dimension: _Optional[int] = ...) -> None: ...

class Examples(_message.Message):
    __slots__ = ("train_shards", "valid_shards", "test_shards", "compression", "sample_rows")
    TRAIN_SHARDS_FIELD_NUMBER: _ClassVar[int]
    VALID_SHARDS_FIELD_NUMBER: _ClassVar[int]
    TEST_SHARDS_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_ROWS_FIELD_NUMBER: _ClassVar[int]
    train_shards: int
    valid_shards: int
    test_shards: int
    compression: Compression
    sample_rows: int
    def __init__(self, train_shards: _Optional[int] = ..., valid_shards: _Optional[int] = ..., test_shards: _Optional[int] = ..., compression: _Optional[_Union[Compression, str]] = ..., sample_rows: _Optional[int] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("hidden", "activation", "initializer", "dropout")
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    hidden: _containers.RepeatedScalarFieldContainer[int]
    activation: str
    initializer: str
    dropout: float
    def __init__(self, hidden: _Optional[_Iterable[int]] = ..., activation: _Optional[str] = ..., initializer: _Optional[str] = ..., dropout: _Optional[float] = ...) -> None: ...

class Training(_message.Message):
    __slots__ = ("name", "optimizer", "learning_rate", "clipnorm", "batch_size", "epochs", "schedule", "patience", "shuffle_buffer")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    CLIPNORM_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_BUFFER_FIELD_NUMBER: _ClassVar[int]
    name: str
    optimizer: str
    learning_rate: float
    clipnorm: float
    batch_size: int
    epochs: int
    schedule: Schedule
    patience: int
    shuffle_buffer: int
    def __init__(self, name: _Optional[str] = ..., optimizer: _Optional[str] = ..., learning_rate: _Optional[float] = ..., clipnorm: _Optional[float] = ..., batch_size: _Optional[int] = ..., epochs: _Optional[int] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., patience: _Optional[int] = ..., shuffle_buffer: _Optional[int] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("kind", "factor", "patience")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    kind: ScheduleKind
    factor: float
    patience: int
    def __init__(self, kind: _Optional[_Union[ScheduleKind, str]] = ..., factor: _Optional[float] = ..., patience: _Optional[int] = ...) -> None: ...

class Export(_message.Message):
    __slots__ = ("prediction_tolerance",)
    PREDICTION_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    prediction_tolerance: float
    def __init__(self, prediction_tolerance: _Optional[float] = ...) -> None: ...

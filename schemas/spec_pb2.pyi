from prebake.schemas import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union
from prebake.schemas.training_pb2 import Model as Model
from prebake.schemas.training_pb2 import Training as Training
from prebake.schemas.training_pb2 import Optimizer as Optimizer
from prebake.schemas.training_pb2 import PartOptimizer as PartOptimizer
from prebake.schemas.training_pb2 import Schedule as Schedule
from prebake.schemas.training_pb2 import Loss as Loss
from prebake.schemas.training_pb2 import ClassWeight as ClassWeight
from prebake.schemas.training_pb2 import Output as Output
from prebake.schemas.training_pb2 import Pruning as Pruning
from prebake.schemas.training_pb2 import WarmStart as WarmStart
from prebake.schemas.training_pb2 import Checkpoint as Checkpoint
from prebake.schemas.training_pb2 import Recipe as Recipe
from prebake.schemas.training_pb2 import ModelKind as ModelKind
from prebake.schemas.training_pb2 import Normalization as Normalization
from prebake.schemas.training_pb2 import OptimizerKind as OptimizerKind
from prebake.schemas.training_pb2 import ScheduleKind as ScheduleKind
from prebake.schemas.training_pb2 import Precision as Precision
from prebake.schemas.training_pb2 import Loop as Loop
from prebake.schemas.training_pb2 import Cache as Cache
from prebake.schemas.training_pb2 import Distribution as Distribution

DESCRIPTOR: _descriptor.FileDescriptor
RECIPE_DEFAULT: _training_pb2.Recipe
RECIPE_DEEP: _training_pb2.Recipe
RECIPE_SPARSE: _training_pb2.Recipe
RECIPE_LOW_LATENCY: _training_pb2.Recipe
RECIPE_RISK_SENSITIVE: _training_pb2.Recipe
DNN: _training_pb2.ModelKind
LINEAR: _training_pb2.ModelKind
WIDE_AND_DEEP: _training_pb2.ModelKind
RESIDUAL: _training_pb2.ModelKind
RECONSTRUCTING: _training_pb2.ModelKind
ENSEMBLE: _training_pb2.ModelKind
NORMALIZATION_NONE: _training_pb2.Normalization
NORMALIZATION_BATCH: _training_pb2.Normalization
NORMALIZATION_BATCH_AFTER: _training_pb2.Normalization
NORMALIZATION_LAYER: _training_pb2.Normalization
NADAM: _training_pb2.OptimizerKind
ADAM: _training_pb2.OptimizerKind
SGD: _training_pb2.OptimizerKind
MOMENTUM: _training_pb2.OptimizerKind
NESTEROV: _training_pb2.OptimizerKind
ADAGRAD: _training_pb2.OptimizerKind
RMSPROP: _training_pb2.OptimizerKind
ADAMAX: _training_pb2.OptimizerKind
ADAMW: _training_pb2.OptimizerKind
FTRL: _training_pb2.OptimizerKind
PERFORMANCE: _training_pb2.ScheduleKind
CONSTANT_RATE: _training_pb2.ScheduleKind
POWER_RATE: _training_pb2.ScheduleKind
EXPONENTIAL_RATE: _training_pb2.ScheduleKind
PIECEWISE_RATE: _training_pb2.ScheduleKind
ONE_CYCLE: _training_pb2.ScheduleKind
COSINE_RATE: _training_pb2.ScheduleKind
PRECISION_FLOAT32: _training_pb2.Precision
PRECISION_MIXED_FLOAT16: _training_pb2.Precision
PRECISION_MIXED_BFLOAT16: _training_pb2.Precision
LOOP_FIT: _training_pb2.Loop
LOOP_CUSTOM: _training_pb2.Loop
CACHE_AUTO: _training_pb2.Cache
CACHE_NONE: _training_pb2.Cache
CACHE_MEMORY: _training_pb2.Cache
DISTRIBUTION_NONE: _training_pb2.Distribution
DISTRIBUTION_MIRRORED: _training_pb2.Distribution
DISTRIBUTION_MULTI_WORKER: _training_pb2.Distribution
DISTRIBUTION_TPU: _training_pb2.Distribution

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
    TIME: _ClassVar[ColumnType]
    FILE: _ClassVar[ColumnType]
    BASE64: _ClassVar[ColumnType]

class LabelKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LABEL_AUTO: _ClassVar[LabelKind]
    REGRESSION: _ClassVar[LabelKind]
    BINARY: _ClassVar[LabelKind]
    MULTICLASS: _ClassVar[LabelKind]

class SplitBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHITESPACE: _ClassVar[SplitBy]
    WORDS: _ClassVar[SplitBy]
    CHARACTERS: _ClassVar[SplitBy]

class Rank(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FREQUENCY: _ClassVar[Rank]
    MUTUAL_INFORMATION: _ClassVar[Rank]

class Part(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PART_UNSPECIFIED: _ClassVar[Part]
    SECOND: _ClassVar[Part]
    MINUTE: _ClassVar[Part]
    HOUR: _ClassVar[Part]
    DAY_OF_WEEK: _ClassVar[Part]
    DAY_OF_MONTH: _ClassVar[Part]
    DAY_OF_YEAR: _ClassVar[Part]
    MONTH: _ClassVar[Part]

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
    MULTI_HOT: _ClassVar[EncodeKind]
    COUNTS: _ClassVar[EncodeKind]

class Combiner(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMBINER_MEAN: _ClassVar[Combiner]
    COMBINER_SUM: _ClassVar[Combiner]
    COMBINER_SQRTN: _ClassVar[Combiner]

class BadRequestRows(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAIL: _ClassVar[BadRequestRows]
    MARK: _ClassVar[BadRequestRows]
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
TIME: ColumnType
FILE: ColumnType
BASE64: ColumnType
LABEL_AUTO: LabelKind
REGRESSION: LabelKind
BINARY: LabelKind
MULTICLASS: LabelKind
WHITESPACE: SplitBy
WORDS: SplitBy
CHARACTERS: SplitBy
FREQUENCY: Rank
MUTUAL_INFORMATION: Rank
PART_UNSPECIFIED: Part
SECOND: Part
MINUTE: Part
HOUR: Part
DAY_OF_WEEK: Part
DAY_OF_MONTH: Part
DAY_OF_YEAR: Part
MONTH: Part
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
MULTI_HOT: EncodeKind
COUNTS: EncodeKind
COMBINER_MEAN: Combiner
COMBINER_SUM: Combiner
COMBINER_SQRTN: Combiner
FAIL: BadRequestRows
MARK: BadRequestRows

class Spec(_message.Message):
    __slots__ = ("format_version", "seed", "data", "features", "examples", "model", "training", "export", "preprocessing_fn", "recipe", "model_fn")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    EXPORT_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_FN_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FN_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    seed: int
    data: Data
    features: _containers.RepeatedCompositeFieldContainer[Feature]
    examples: Examples
    model: _training_pb2.Model
    training: _training_pb2.Training
    export: Export
    preprocessing_fn: str
    recipe: _training_pb2.Recipe
    model_fn: str
    def __init__(self, format_version: _Optional[int] = ..., seed: _Optional[int] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., features: _Optional[_Iterable[_Union[Feature, _Mapping]]] = ..., examples: _Optional[_Union[Examples, _Mapping]] = ..., model: _Optional[_Union[_training_pb2.Model, _Mapping]] = ..., training: _Optional[_Union[_training_pb2.Training, _Mapping]] = ..., export: _Optional[_Union[Export, _Mapping]] = ..., preprocessing_fn: _Optional[str] = ..., recipe: _Optional[_Union[_training_pb2.Recipe, str]] = ..., model_fn: _Optional[str] = ...) -> None: ...

class Data(_message.Message):
    __slots__ = ("files", "dialect", "columns", "label", "weight", "split", "bad_rows", "ignore_undeclared", "allow_empty_files", "more_labels")
    FILES_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    BAD_ROWS_FIELD_NUMBER: _ClassVar[int]
    IGNORE_UNDECLARED_FIELD_NUMBER: _ClassVar[int]
    ALLOW_EMPTY_FILES_FIELD_NUMBER: _ClassVar[int]
    MORE_LABELS_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedScalarFieldContainer[str]
    dialect: Dialect
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    label: Label
    weight: str
    split: Split
    bad_rows: BadRows
    ignore_undeclared: bool
    allow_empty_files: bool
    more_labels: _containers.RepeatedCompositeFieldContainer[Label]
    def __init__(self, files: _Optional[_Iterable[str]] = ..., dialect: _Optional[_Union[Dialect, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., label: _Optional[_Union[Label, _Mapping]] = ..., weight: _Optional[str] = ..., split: _Optional[_Union[Split, _Mapping]] = ..., bad_rows: _Optional[_Union[BadRows, _Mapping]] = ..., ignore_undeclared: _Optional[bool] = ..., allow_empty_files: _Optional[bool] = ..., more_labels: _Optional[_Iterable[_Union[Label, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("name", "type", "required", "values", "min", "max", "separators", "length", "format")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    SEPARATORS_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ColumnType
    required: bool
    values: _containers.RepeatedScalarFieldContainer[str]
    min: float
    max: float
    separators: _containers.RepeatedScalarFieldContainer[str]
    length: int
    format: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., required: _Optional[bool] = ..., values: _Optional[_Iterable[str]] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., separators: _Optional[_Iterable[str]] = ..., length: _Optional[int] = ..., format: _Optional[str] = ...) -> None: ...

class Label(_message.Message):
    __slots__ = ("column", "kind", "classes", "log", "standardize", "name")
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    STANDARDIZE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    column: str
    kind: LabelKind
    classes: _containers.RepeatedScalarFieldContainer[str]
    log: bool
    standardize: bool
    name: str
    def __init__(self, column: _Optional[str] = ..., kind: _Optional[_Union[LabelKind, str]] = ..., classes: _Optional[_Iterable[str]] = ..., log: _Optional[bool] = ..., standardize: _Optional[bool] = ..., name: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("name", "column", "columns", "before", "as_is", "standardize", "min_max", "robust", "gaussian", "buckets", "piecewise_linear", "vocabulary", "identity", "hash", "target", "cross", "time_part", "cyclical", "pca", "word_vectors", "image", "tensor", "missing", "encode", "intermediate", "sequence", "value_weights", "tf_idf")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AS_IS_FIELD_NUMBER: _ClassVar[int]
    STANDARDIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_MAX_FIELD_NUMBER: _ClassVar[int]
    ROBUST_FIELD_NUMBER: _ClassVar[int]
    GAUSSIAN_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    PIECEWISE_LINEAR_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    CROSS_FIELD_NUMBER: _ClassVar[int]
    TIME_PART_FIELD_NUMBER: _ClassVar[int]
    CYCLICAL_FIELD_NUMBER: _ClassVar[int]
    PCA_FIELD_NUMBER: _ClassVar[int]
    WORD_VECTORS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    ENCODE_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    TF_IDF_FIELD_NUMBER: _ClassVar[int]
    name: str
    column: str
    columns: _containers.RepeatedScalarFieldContainer[str]
    before: _containers.RepeatedCompositeFieldContainer[Step]
    as_is: AsIs
    standardize: Standardize
    min_max: MinMax
    robust: Robust
    gaussian: Gaussian
    buckets: Buckets
    piecewise_linear: PiecewiseLinear
    vocabulary: Vocabulary
    identity: Identity
    hash: Hash
    target: Target
    cross: Cross
    time_part: TimePart
    cyclical: Cyclical
    pca: Pca
    word_vectors: WordVectors
    image: Image
    tensor: SerializedTensor
    missing: Missing
    encode: Encode
    intermediate: bool
    sequence: bool
    value_weights: str
    tf_idf: bool
    def __init__(self, name: _Optional[str] = ..., column: _Optional[str] = ..., columns: _Optional[_Iterable[str]] = ..., before: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., as_is: _Optional[_Union[AsIs, _Mapping]] = ..., standardize: _Optional[_Union[Standardize, _Mapping]] = ..., min_max: _Optional[_Union[MinMax, _Mapping]] = ..., robust: _Optional[_Union[Robust, _Mapping]] = ..., gaussian: _Optional[_Union[Gaussian, _Mapping]] = ..., buckets: _Optional[_Union[Buckets, _Mapping]] = ..., piecewise_linear: _Optional[_Union[PiecewiseLinear, _Mapping]] = ..., vocabulary: _Optional[_Union[Vocabulary, _Mapping]] = ..., identity: _Optional[_Union[Identity, _Mapping]] = ..., hash: _Optional[_Union[Hash, _Mapping]] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., cross: _Optional[_Union[Cross, _Mapping]] = ..., time_part: _Optional[_Union[TimePart, _Mapping]] = ..., cyclical: _Optional[_Union[Cyclical, _Mapping]] = ..., pca: _Optional[_Union[Pca, _Mapping]] = ..., word_vectors: _Optional[_Union[WordVectors, _Mapping]] = ..., image: _Optional[_Union[Image, _Mapping]] = ..., tensor: _Optional[_Union[SerializedTensor, _Mapping]] = ..., missing: _Optional[_Union[Missing, _Mapping]] = ..., encode: _Optional[_Union[Encode, _Mapping]] = ..., intermediate: _Optional[bool] = ..., sequence: _Optional[bool] = ..., value_weights: _Optional[str] = ..., tf_idf: _Optional[bool] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("log1p", "power", "clip", "age", "lower", "replace", "split", "ngrams", "year")
    LOG1P_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    NGRAMS_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    log1p: Log1p
    power: Power
    clip: Clip
    age: Age
    lower: Lower
    replace: Replace
    split: SplitText
    ngrams: Ngrams
    year: Year
    def __init__(self, log1p: _Optional[_Union[Log1p, _Mapping]] = ..., power: _Optional[_Union[Power, _Mapping]] = ..., clip: _Optional[_Union[Clip, _Mapping]] = ..., age: _Optional[_Union[Age, _Mapping]] = ..., lower: _Optional[_Union[Lower, _Mapping]] = ..., replace: _Optional[_Union[Replace, _Mapping]] = ..., split: _Optional[_Union[SplitText, _Mapping]] = ..., ngrams: _Optional[_Union[Ngrams, _Mapping]] = ..., year: _Optional[_Union[Year, _Mapping]] = ...) -> None: ...

class Log1p(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Power(_message.Message):
    __slots__ = ("exponent",)
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    exponent: float
    def __init__(self, exponent: _Optional[float] = ...) -> None: ...

class Clip(_message.Message):
    __slots__ = ("low", "high", "low_quantile", "high_quantile")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_QUANTILE_FIELD_NUMBER: _ClassVar[int]
    HIGH_QUANTILE_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    low_quantile: float
    high_quantile: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., low_quantile: _Optional[float] = ..., high_quantile: _Optional[float] = ...) -> None: ...

class Age(_message.Message):
    __slots__ = ("reference",)
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    reference: str
    def __init__(self, reference: _Optional[str] = ...) -> None: ...

class Year(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Lower(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Replace(_message.Message):
    __slots__ = ("pattern", "by")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    by: str
    def __init__(self, pattern: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class SplitText(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: SplitBy
    def __init__(self, by: _Optional[_Union[SplitBy, str]] = ...) -> None: ...

class Ngrams(_message.Message):
    __slots__ = ("lengths",)
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    lengths: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, lengths: _Optional[_Iterable[int]] = ...) -> None: ...

class AsIs(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Standardize(_message.Message):
    __slots__ = ("by",)
    BY_FIELD_NUMBER: _ClassVar[int]
    by: str
    def __init__(self, by: _Optional[str] = ...) -> None: ...

class MinMax(_message.Message):
    __slots__ = ("low", "high", "by")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    by: str
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ..., by: _Optional[str] = ...) -> None: ...

class Robust(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Gaussian(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Buckets(_message.Message):
    __slots__ = ("quantiles", "boundaries", "equal_width", "interpolate")
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    BOUNDARIES_FIELD_NUMBER: _ClassVar[int]
    EQUAL_WIDTH_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATE_FIELD_NUMBER: _ClassVar[int]
    quantiles: int
    boundaries: _containers.RepeatedScalarFieldContainer[float]
    equal_width: int
    interpolate: bool
    def __init__(self, quantiles: _Optional[int] = ..., boundaries: _Optional[_Iterable[float]] = ..., equal_width: _Optional[int] = ..., interpolate: _Optional[bool] = ...) -> None: ...

class PiecewiseLinear(_message.Message):
    __slots__ = ("quantiles",)
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    quantiles: int
    def __init__(self, quantiles: _Optional[int] = ...) -> None: ...

class Vocabulary(_message.Message):
    __slots__ = ("top_k", "min_frequency", "oov_buckets", "tokens", "file", "rank")
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    MIN_FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    OOV_BUCKETS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    top_k: int
    min_frequency: int
    oov_buckets: int
    tokens: _containers.RepeatedScalarFieldContainer[str]
    file: str
    rank: Rank
    def __init__(self, top_k: _Optional[int] = ..., min_frequency: _Optional[int] = ..., oov_buckets: _Optional[int] = ..., tokens: _Optional[_Iterable[str]] = ..., file: _Optional[str] = ..., rank: _Optional[_Union[Rank, str]] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("size",)
    SIZE_FIELD_NUMBER: _ClassVar[int]
    size: int
    def __init__(self, size: _Optional[int] = ...) -> None: ...

class Hash(_message.Message):
    __slots__ = ("buckets",)
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    buckets: int
    def __init__(self, buckets: _Optional[int] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("smoothing", "folds")
    SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    smoothing: float
    folds: int
    def __init__(self, smoothing: _Optional[float] = ..., folds: _Optional[int] = ...) -> None: ...

class Cross(_message.Message):
    __slots__ = ("of", "buckets", "top_k", "min_frequency")
    OF_FIELD_NUMBER: _ClassVar[int]
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    MIN_FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    of: _containers.RepeatedScalarFieldContainer[str]
    buckets: int
    top_k: int
    min_frequency: int
    def __init__(self, of: _Optional[_Iterable[str]] = ..., buckets: _Optional[int] = ..., top_k: _Optional[int] = ..., min_frequency: _Optional[int] = ...) -> None: ...

class TimePart(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: Part
    def __init__(self, part: _Optional[_Union[Part, str]] = ...) -> None: ...

class Cyclical(_message.Message):
    __slots__ = ("part",)
    PART_FIELD_NUMBER: _ClassVar[int]
    part: Part
    def __init__(self, part: _Optional[_Union[Part, str]] = ...) -> None: ...

class Pca(_message.Message):
    __slots__ = ("dimension", "whiten", "standardize")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    WHITEN_FIELD_NUMBER: _ClassVar[int]
    STANDARDIZE_FIELD_NUMBER: _ClassVar[int]
    dimension: int
    whiten: bool
    standardize: bool
    def __init__(self, dimension: _Optional[int] = ..., whiten: _Optional[bool] = ..., standardize: _Optional[bool] = ...) -> None: ...

class WordVectors(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: str
    def __init__(self, file: _Optional[str] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("height", "width", "channels")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    height: int
    width: int
    channels: int
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class SerializedTensor(_message.Message):
    __slots__ = ("shape",)
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, shape: _Optional[_Iterable[int]] = ...) -> None: ...

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
    __slots__ = ("kind", "dimension", "combiner", "share", "one_hot_up_to")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    COMBINER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    ONE_HOT_UP_TO_FIELD_NUMBER: _ClassVar[int]
    kind: EncodeKind
    dimension: int
    combiner: Combiner
    share: str
    one_hot_up_to: int
    def __init__(self, kind: _Optional[_Union[EncodeKind, str]] = ..., dimension: _Optional[int] = ..., combiner: _Optional[_Union[Combiner, str]] = ..., share: _Optional[str] = ..., one_hot_up_to: _Optional[int] = ...) -> None: ...

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

class Export(_message.Message):
    __slots__ = ("prediction_tolerance", "bad_rows", "samples")
    PREDICTION_TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    BAD_ROWS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    prediction_tolerance: float
    bad_rows: BadRequestRows
    samples: int
    def __init__(self, prediction_tolerance: _Optional[float] = ..., bad_rows: _Optional[_Union[BadRequestRows, str]] = ..., samples: _Optional[int] = ...) -> None: ...

from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Statistics(_message.Message):
    __slots__ = ("format_version", "rows", "columns", "weight", "groups", "targets", "covariances", "label_mean", "label_variance", "more_labels")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    COVARIANCES_FIELD_NUMBER: _ClassVar[int]
    LABEL_MEAN_FIELD_NUMBER: _ClassVar[int]
    LABEL_VARIANCE_FIELD_NUMBER: _ClassVar[int]
    MORE_LABELS_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    rows: int
    columns: _containers.RepeatedCompositeFieldContainer[ColumnStatistics]
    weight: float
    groups: _containers.RepeatedCompositeFieldContainer[GroupStatistics]
    targets: _containers.RepeatedCompositeFieldContainer[TargetStatistics]
    covariances: _containers.RepeatedCompositeFieldContainer[Covariance]
    label_mean: float
    label_variance: float
    more_labels: _containers.RepeatedCompositeFieldContainer[LabelStatistics]
    def __init__(self, format_version: _Optional[int] = ..., rows: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ColumnStatistics, _Mapping]]] = ..., weight: _Optional[float] = ..., groups: _Optional[_Iterable[_Union[GroupStatistics, _Mapping]]] = ..., targets: _Optional[_Iterable[_Union[TargetStatistics, _Mapping]]] = ..., covariances: _Optional[_Iterable[_Union[Covariance, _Mapping]]] = ..., label_mean: _Optional[float] = ..., label_variance: _Optional[float] = ..., more_labels: _Optional[_Iterable[_Union[LabelStatistics, _Mapping]]] = ...) -> None: ...

class LabelStatistics(_message.Message):
    __slots__ = ("name", "mean", "variance")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    mean: float
    variance: float
    def __init__(self, name: _Optional[str] = ..., mean: _Optional[float] = ..., variance: _Optional[float] = ...) -> None: ...

class ColumnStatistics(_message.Message):
    __slots__ = ("name", "present", "missing", "mean", "variance", "min", "max", "median", "quantiles", "most_frequent", "vocabularies", "weight", "ranks", "l_moments")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    MOST_FREQUENT_FIELD_NUMBER: _ClassVar[int]
    VOCABULARIES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RANKS_FIELD_NUMBER: _ClassVar[int]
    L_MOMENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    present: int
    missing: int
    mean: float
    variance: float
    min: float
    max: float
    median: float
    quantiles: _containers.RepeatedCompositeFieldContainer[Quantiles]
    most_frequent: str
    vocabularies: _containers.RepeatedCompositeFieldContainer[VocabularyFile]
    weight: float
    ranks: _containers.RepeatedCompositeFieldContainer[RankValue]
    l_moments: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., present: _Optional[int] = ..., missing: _Optional[int] = ..., mean: _Optional[float] = ..., variance: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., median: _Optional[float] = ..., quantiles: _Optional[_Iterable[_Union[Quantiles, _Mapping]]] = ..., most_frequent: _Optional[str] = ..., vocabularies: _Optional[_Iterable[_Union[VocabularyFile, _Mapping]]] = ..., weight: _Optional[float] = ..., ranks: _Optional[_Iterable[_Union[RankValue, _Mapping]]] = ..., l_moments: _Optional[_Iterable[float]] = ...) -> None: ...

class RankValue(_message.Message):
    __slots__ = ("rank", "value")
    RANK_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    rank: float
    value: float
    def __init__(self, rank: _Optional[float] = ..., value: _Optional[float] = ...) -> None: ...

class GroupStatistics(_message.Message):
    __slots__ = ("feature", "groups")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    feature: str
    groups: _containers.RepeatedCompositeFieldContainer[Group]
    def __init__(self, feature: _Optional[str] = ..., groups: _Optional[_Iterable[_Union[Group, _Mapping]]] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("key", "mean", "variance", "min", "max")
    KEY_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    mean: float
    variance: float
    min: float
    max: float
    def __init__(self, key: _Optional[bytes] = ..., mean: _Optional[float] = ..., variance: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ...) -> None: ...

class TargetStatistics(_message.Message):
    __slots__ = ("feature", "folds", "all", "values")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    feature: str
    folds: int
    all: _containers.RepeatedCompositeFieldContainer[LabelSums]
    values: _containers.RepeatedCompositeFieldContainer[TargetValue]
    def __init__(self, feature: _Optional[str] = ..., folds: _Optional[int] = ..., all: _Optional[_Iterable[_Union[LabelSums, _Mapping]]] = ..., values: _Optional[_Iterable[_Union[TargetValue, _Mapping]]] = ...) -> None: ...

class TargetValue(_message.Message):
    __slots__ = ("key", "folds")
    KEY_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    folds: _containers.RepeatedCompositeFieldContainer[LabelSums]
    def __init__(self, key: _Optional[bytes] = ..., folds: _Optional[_Iterable[_Union[LabelSums, _Mapping]]] = ...) -> None: ...

class LabelSums(_message.Message):
    __slots__ = ("weight", "label")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    weight: float
    label: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, weight: _Optional[float] = ..., label: _Optional[_Iterable[float]] = ...) -> None: ...

class Covariance(_message.Message):
    __slots__ = ("feature", "mean", "covariance")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    feature: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    covariance: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, feature: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., covariance: _Optional[_Iterable[float]] = ...) -> None: ...

class Quantiles(_message.Message):
    __slots__ = ("buckets", "boundaries")
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    BOUNDARIES_FIELD_NUMBER: _ClassVar[int]
    buckets: int
    boundaries: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, buckets: _Optional[int] = ..., boundaries: _Optional[_Iterable[float]] = ...) -> None: ...

class VocabularyFile(_message.Message):
    __slots__ = ("feature", "path", "size", "distinct", "crc32c", "out_of_vocabulary", "document_frequency")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    feature: str
    path: str
    size: int
    distinct: int
    crc32c: int
    out_of_vocabulary: int
    document_frequency: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, feature: _Optional[str] = ..., path: _Optional[str] = ..., size: _Optional[int] = ..., distinct: _Optional[int] = ..., crc32c: _Optional[int] = ..., out_of_vocabulary: _Optional[int] = ..., document_frequency: _Optional[_Iterable[float]] = ...) -> None: ...

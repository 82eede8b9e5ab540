from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Statistics(_message.Message):
    __slots__ = ("format_version", "rows", "columns")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    rows: int
    columns: _containers.RepeatedCompositeFieldContainer[ColumnStatistics]
    def __init__(self, format_version: _Optional[int] = ..., rows: _Optional[int] = ..., columns: _Optional[_Iterable[_Union[ColumnStatistics, _Mapping]]] = ...) -> None: ...

class ColumnStatistics(_message.Message):
    __slots__ = ("name", "present", "missing", "mean", "variance", "min", "max", "median", "quantiles", "most_frequent", "vocabularies")
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
    def __init__(self, name: _Optional[str] = ..., present: _Optional[int] = ..., missing: _Optional[int] = ..., mean: _Optional[float] = ..., variance: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., median: _Optional[float] = ..., quantiles: _Optional[_Iterable[_Union[Quantiles, _Mapping]]] = ..., most_frequent: _Optional[str] = ..., vocabularies: _Optional[_Iterable[_Union[VocabularyFile, _Mapping]]] = ...) -> None: ...

class Quantiles(_message.Message):
    __slots__ = ("buckets", "boundaries")
    BUCKETS_FIELD_NUMBER: _ClassVar[int]
    BOUNDARIES_FIELD_NUMBER: _ClassVar[int]
    buckets: int
    boundaries: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, buckets: _Optional[int] = ..., boundaries: _Optional[_Iterable[float]] = ...) -> None: ...

class VocabularyFile(_message.Message):
    __slots__ = ("feature", "path", "size", "distinct", "crc32c", "out_of_vocabulary")
    FEATURE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DISTINCT_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    feature: str
    path: str
    size: int
    distinct: int
    crc32c: int
    out_of_vocabulary: int
    def __init__(self, feature: _Optional[str] = ..., path: _Optional[str] = ..., size: _Optional[int] = ..., distinct: _Optional[int] = ..., crc32c: _Optional[int] = ..., out_of_vocabulary: _Optional[int] = ...) -> None: ...

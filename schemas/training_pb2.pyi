from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Recipe(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECIPE_DEFAULT: _ClassVar[Recipe]
    RECIPE_DEEP: _ClassVar[Recipe]
    RECIPE_SPARSE: _ClassVar[Recipe]
    RECIPE_LOW_LATENCY: _ClassVar[Recipe]
    RECIPE_RISK_SENSITIVE: _ClassVar[Recipe]

class ModelKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DNN: _ClassVar[ModelKind]
    LINEAR: _ClassVar[ModelKind]
    WIDE_AND_DEEP: _ClassVar[ModelKind]
    RESIDUAL: _ClassVar[ModelKind]
    RECONSTRUCTING: _ClassVar[ModelKind]
    ENSEMBLE: _ClassVar[ModelKind]

class Normalization(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NORMALIZATION_NONE: _ClassVar[Normalization]
    NORMALIZATION_BATCH: _ClassVar[Normalization]
    NORMALIZATION_BATCH_AFTER: _ClassVar[Normalization]
    NORMALIZATION_LAYER: _ClassVar[Normalization]

class OptimizerKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NADAM: _ClassVar[OptimizerKind]
    ADAM: _ClassVar[OptimizerKind]
    SGD: _ClassVar[OptimizerKind]
    MOMENTUM: _ClassVar[OptimizerKind]
    NESTEROV: _ClassVar[OptimizerKind]
    ADAGRAD: _ClassVar[OptimizerKind]
    RMSPROP: _ClassVar[OptimizerKind]
    ADAMAX: _ClassVar[OptimizerKind]
    ADAMW: _ClassVar[OptimizerKind]
    FTRL: _ClassVar[OptimizerKind]

class ScheduleKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERFORMANCE: _ClassVar[ScheduleKind]
    CONSTANT_RATE: _ClassVar[ScheduleKind]
    POWER_RATE: _ClassVar[ScheduleKind]
    EXPONENTIAL_RATE: _ClassVar[ScheduleKind]
    PIECEWISE_RATE: _ClassVar[ScheduleKind]
    ONE_CYCLE: _ClassVar[ScheduleKind]
    COSINE_RATE: _ClassVar[ScheduleKind]

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_FLOAT32: _ClassVar[Precision]
    PRECISION_MIXED_FLOAT16: _ClassVar[Precision]
    PRECISION_MIXED_BFLOAT16: _ClassVar[Precision]

class Loop(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOOP_FIT: _ClassVar[Loop]
    LOOP_CUSTOM: _ClassVar[Loop]

class Cache(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CACHE_AUTO: _ClassVar[Cache]
    CACHE_NONE: _ClassVar[Cache]
    CACHE_MEMORY: _ClassVar[Cache]

class Distribution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISTRIBUTION_NONE: _ClassVar[Distribution]
    DISTRIBUTION_MIRRORED: _ClassVar[Distribution]
    DISTRIBUTION_MULTI_WORKER: _ClassVar[Distribution]
    DISTRIBUTION_TPU: _ClassVar[Distribution]
RECIPE_DEFAULT: Recipe
RECIPE_DEEP: Recipe
RECIPE_SPARSE: Recipe
RECIPE_LOW_LATENCY: Recipe
RECIPE_RISK_SENSITIVE: Recipe
DNN: ModelKind
LINEAR: ModelKind
WIDE_AND_DEEP: ModelKind
RESIDUAL: ModelKind
RECONSTRUCTING: ModelKind
ENSEMBLE: ModelKind
NORMALIZATION_NONE: Normalization
NORMALIZATION_BATCH: Normalization
NORMALIZATION_BATCH_AFTER: Normalization
NORMALIZATION_LAYER: Normalization
NADAM: OptimizerKind
ADAM: OptimizerKind
SGD: OptimizerKind
MOMENTUM: OptimizerKind
NESTEROV: OptimizerKind
ADAGRAD: OptimizerKind
RMSPROP: OptimizerKind
ADAMAX: OptimizerKind
ADAMW: OptimizerKind
FTRL: OptimizerKind
PERFORMANCE: ScheduleKind
CONSTANT_RATE: ScheduleKind
POWER_RATE: ScheduleKind
EXPONENTIAL_RATE: ScheduleKind
PIECEWISE_RATE: ScheduleKind
ONE_CYCLE: ScheduleKind
COSINE_RATE: ScheduleKind
PRECISION_FLOAT32: Precision
PRECISION_MIXED_FLOAT16: Precision
PRECISION_MIXED_BFLOAT16: Precision
LOOP_FIT: Loop
LOOP_CUSTOM: Loop
CACHE_AUTO: Cache
CACHE_NONE: Cache
CACHE_MEMORY: Cache
DISTRIBUTION_NONE: Distribution
DISTRIBUTION_MIRRORED: Distribution
DISTRIBUTION_MULTI_WORKER: Distribution
DISTRIBUTION_TPU: Distribution

class Model(_message.Message):
    __slots__ = ("hidden", "activation", "initializer", "dropout", "kind", "normalization", "l1", "l2", "max_norm", "max_norm_axis", "input_noise", "wide", "deep", "reconstruction", "members", "slope", "regularizer", "constraint")
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NORMALIZATION_FIELD_NUMBER: _ClassVar[int]
    L1_FIELD_NUMBER: _ClassVar[int]
    L2_FIELD_NUMBER: _ClassVar[int]
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    MAX_NORM_AXIS_FIELD_NUMBER: _ClassVar[int]
    INPUT_NOISE_FIELD_NUMBER: _ClassVar[int]
    WIDE_FIELD_NUMBER: _ClassVar[int]
    DEEP_FIELD_NUMBER: _ClassVar[int]
    RECONSTRUCTION_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    SLOPE_FIELD_NUMBER: _ClassVar[int]
    REGULARIZER_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    hidden: _containers.RepeatedScalarFieldContainer[int]
    activation: str
    initializer: str
    dropout: float
    kind: ModelKind
    normalization: Normalization
    l1: float
    l2: float
    max_norm: float
    max_norm_axis: int
    input_noise: float
    wide: _containers.RepeatedScalarFieldContainer[str]
    deep: _containers.RepeatedScalarFieldContainer[str]
    reconstruction: float
    members: int
    slope: float
    regularizer: str
    constraint: str
    def __init__(self, hidden: _Optional[_Iterable[int]] = ..., activation: _Optional[str] = ..., initializer: _Optional[str] = ..., dropout: _Optional[float] = ..., kind: _Optional[_Union[ModelKind, str]] = ..., normalization: _Optional[_Union[Normalization, str]] = ..., l1: _Optional[float] = ..., l2: _Optional[float] = ..., max_norm: _Optional[float] = ..., max_norm_axis: _Optional[int] = ..., input_noise: _Optional[float] = ..., wide: _Optional[_Iterable[str]] = ..., deep: _Optional[_Iterable[str]] = ..., reconstruction: _Optional[float] = ..., members: _Optional[int] = ..., slope: _Optional[float] = ..., regularizer: _Optional[str] = ..., constraint: _Optional[str] = ...) -> None: ...

class Training(_message.Message):
    __slots__ = ("name", "optimizer", "learning_rate", "clipnorm", "batch_size", "epochs", "schedule", "patience", "shuffle_buffer", "checkpoint", "loss", "metrics", "slices", "class_weights", "precision", "jit_compile", "loop", "clipvalue", "global_clipnorm", "weight_average", "parts", "zero_below", "pruning", "warm_start", "source", "data_dir", "cache", "folds", "distribution", "outputs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    CLIPNORM_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    SHUFFLE_BUFFER_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    JIT_COMPILE_FIELD_NUMBER: _ClassVar[int]
    LOOP_FIELD_NUMBER: _ClassVar[int]
    CLIPVALUE_FIELD_NUMBER: _ClassVar[int]
    GLOBAL_CLIPNORM_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    ZERO_BELOW_FIELD_NUMBER: _ClassVar[int]
    PRUNING_FIELD_NUMBER: _ClassVar[int]
    WARM_START_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DATA_DIR_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    optimizer: Optimizer
    learning_rate: float
    clipnorm: float
    batch_size: int
    epochs: int
    schedule: Schedule
    patience: int
    shuffle_buffer: int
    checkpoint: Checkpoint
    loss: Loss
    metrics: _containers.RepeatedScalarFieldContainer[str]
    slices: _containers.RepeatedScalarFieldContainer[str]
    class_weights: _containers.RepeatedCompositeFieldContainer[ClassWeight]
    precision: Precision
    jit_compile: bool
    loop: Loop
    clipvalue: float
    global_clipnorm: float
    weight_average: float
    parts: _containers.RepeatedCompositeFieldContainer[PartOptimizer]
    zero_below: float
    pruning: Pruning
    warm_start: WarmStart
    source: str
    data_dir: str
    cache: Cache
    folds: int
    distribution: Distribution
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    def __init__(self, name: _Optional[str] = ..., optimizer: _Optional[_Union[Optimizer, _Mapping]] = ..., learning_rate: _Optional[float] = ..., clipnorm: _Optional[float] = ..., batch_size: _Optional[int] = ..., epochs: _Optional[int] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., patience: _Optional[int] = ..., shuffle_buffer: _Optional[int] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ..., loss: _Optional[_Union[Loss, _Mapping]] = ..., metrics: _Optional[_Iterable[str]] = ..., slices: _Optional[_Iterable[str]] = ..., class_weights: _Optional[_Iterable[_Union[ClassWeight, _Mapping]]] = ..., precision: _Optional[_Union[Precision, str]] = ..., jit_compile: _Optional[bool] = ..., loop: _Optional[_Union[Loop, str]] = ..., clipvalue: _Optional[float] = ..., global_clipnorm: _Optional[float] = ..., weight_average: _Optional[float] = ..., parts: _Optional[_Iterable[_Union[PartOptimizer, _Mapping]]] = ..., zero_below: _Optional[float] = ..., pruning: _Optional[_Union[Pruning, _Mapping]] = ..., warm_start: _Optional[_Union[WarmStart, _Mapping]] = ..., source: _Optional[str] = ..., data_dir: _Optional[str] = ..., cache: _Optional[_Union[Cache, str]] = ..., folds: _Optional[int] = ..., distribution: _Optional[_Union[Distribution, str]] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ...) -> None: ...

class Optimizer(_message.Message):
    __slots__ = ("kind", "momentum", "rho", "beta_1", "beta_2", "epsilon", "weight_decay", "l1", "l2")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MOMENTUM_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    BETA_1_FIELD_NUMBER: _ClassVar[int]
    BETA_2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    L1_FIELD_NUMBER: _ClassVar[int]
    L2_FIELD_NUMBER: _ClassVar[int]
    kind: OptimizerKind
    momentum: float
    rho: float
    beta_1: float
    beta_2: float
    epsilon: float
    weight_decay: float
    l1: float
    l2: float
    def __init__(self, kind: _Optional[_Union[OptimizerKind, str]] = ..., momentum: _Optional[float] = ..., rho: _Optional[float] = ..., beta_1: _Optional[float] = ..., beta_2: _Optional[float] = ..., epsilon: _Optional[float] = ..., weight_decay: _Optional[float] = ..., l1: _Optional[float] = ..., l2: _Optional[float] = ...) -> None: ...

class PartOptimizer(_message.Message):
    __slots__ = ("name", "optimizer", "learning_rate")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    optimizer: Optimizer
    learning_rate: float
    def __init__(self, name: _Optional[str] = ..., optimizer: _Optional[_Union[Optimizer, _Mapping]] = ..., learning_rate: _Optional[float] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("kind", "factor", "patience", "epochs", "steps", "power", "boundaries", "factors", "warmup_epochs", "warmup_steps", "floor", "monitor")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    BOUNDARIES_FIELD_NUMBER: _ClassVar[int]
    FACTORS_FIELD_NUMBER: _ClassVar[int]
    WARMUP_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    WARMUP_STEPS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    kind: ScheduleKind
    factor: float
    patience: int
    epochs: float
    steps: int
    power: float
    boundaries: _containers.RepeatedScalarFieldContainer[float]
    factors: _containers.RepeatedScalarFieldContainer[float]
    warmup_epochs: float
    warmup_steps: int
    floor: float
    monitor: str
    def __init__(self, kind: _Optional[_Union[ScheduleKind, str]] = ..., factor: _Optional[float] = ..., patience: _Optional[int] = ..., epochs: _Optional[float] = ..., steps: _Optional[int] = ..., power: _Optional[float] = ..., boundaries: _Optional[_Iterable[float]] = ..., factors: _Optional[_Iterable[float]] = ..., warmup_epochs: _Optional[float] = ..., warmup_steps: _Optional[int] = ..., floor: _Optional[float] = ..., monitor: _Optional[str] = ...) -> None: ...

class Loss(_message.Message):
    __slots__ = ("kind", "delta", "quantile", "gamma", "alpha", "label_smoothing")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    LABEL_SMOOTHING_FIELD_NUMBER: _ClassVar[int]
    kind: str
    delta: float
    quantile: float
    gamma: float
    alpha: float
    label_smoothing: float
    def __init__(self, kind: _Optional[str] = ..., delta: _Optional[float] = ..., quantile: _Optional[float] = ..., gamma: _Optional[float] = ..., alpha: _Optional[float] = ..., label_smoothing: _Optional[float] = ...) -> None: ...

class ClassWeight(_message.Message):
    __slots__ = ("name", "weight")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    weight: float
    def __init__(self, name: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("name", "loss", "loss_weight", "metrics", "class_weights")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    LOSS_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    CLASS_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    loss: Loss
    loss_weight: float
    metrics: _containers.RepeatedScalarFieldContainer[str]
    class_weights: _containers.RepeatedCompositeFieldContainer[ClassWeight]
    def __init__(self, name: _Optional[str] = ..., loss: _Optional[_Union[Loss, _Mapping]] = ..., loss_weight: _Optional[float] = ..., metrics: _Optional[_Iterable[str]] = ..., class_weights: _Optional[_Iterable[_Union[ClassWeight, _Mapping]]] = ...) -> None: ...

class Pruning(_message.Message):
    __slots__ = ("share", "begin", "end", "every")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    share: float
    begin: float
    end: float
    every: int
    def __init__(self, share: _Optional[float] = ..., begin: _Optional[float] = ..., end: _Optional[float] = ..., every: _Optional[int] = ...) -> None: ...

class WarmStart(_message.Message):
    __slots__ = ("layers", "freeze", "unfreeze_after", "cache")
    FROM_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    FREEZE_FIELD_NUMBER: _ClassVar[int]
    UNFREEZE_AFTER_FIELD_NUMBER: _ClassVar[int]
    CACHE_FIELD_NUMBER: _ClassVar[int]
    layers: int
    freeze: bool
    unfreeze_after: float
    cache: bool
    def __init__(self, layers: _Optional[int] = ..., freeze: _Optional[bool] = ..., unfreeze_after: _Optional[float] = ..., cache: _Optional[bool] = ..., **kwargs) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("minutes", "steps")
    MINUTES_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    minutes: float
    steps: int
    def __init__(self, minutes: _Optional[float] = ..., steps: _Optional[int] = ...) -> None: ...

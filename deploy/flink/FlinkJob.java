import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleProgressResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey.TypeCase;
import org.apache.beam.model.pipeline.v1.MetricsApi.MonitoringInfo;
import org.apache.beam.model.pipeline.v1.RunnerApi;
import org.apache.beam.runners.core.metrics.MonitoringInfoConstants;
import org.apache.beam.runners.core.metrics.MonitoringInfoEncodings;
import org.apache.beam.runners.fnexecution.control.BundleProgressHandler;
import org.apache.beam.runners.fnexecution.control.DefaultExecutableStageContext;
import org.apache.beam.runners.fnexecution.control.ExecutableStageContext;
import org.apache.beam.runners.fnexecution.control.OutputReceiverFactory;
import org.apache.beam.runners.fnexecution.control.ProcessBundleDescriptors;
import org.apache.beam.runners.fnexecution.control.ReferenceCountingExecutableStageContextFactory;
import org.apache.beam.runners.fnexecution.control.RemoteBundle;
import org.apache.beam.runners.fnexecution.control.StageBundleFactory;
import org.apache.beam.runners.fnexecution.provisioning.JobInfo;
import org.apache.beam.runners.fnexecution.state.StateRequestHandler;
import org.apache.beam.runners.fnexecution.state.StateRequestHandlers;
import org.apache.beam.runners.fnexecution.translation.BatchSideInputHandlerFactory;
import org.apache.beam.runners.fnexecution.wire.WireCoders;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.IterableCoder;
import org.apache.beam.sdk.coders.KvCoder;
import org.apache.beam.sdk.fn.data.FnDataReceiver;
import org.apache.beam.sdk.util.construction.NativeTransforms;
import org.apache.beam.sdk.util.construction.PTransformTranslation;
import org.apache.beam.sdk.util.construction.graph.ExecutableStage;
import org.apache.beam.sdk.util.construction.graph.GreedyPipelineFuser;
import org.apache.beam.sdk.util.construction.graph.PipelineNode;
import org.apache.beam.sdk.util.construction.graph.QueryablePipeline;
import org.apache.beam.sdk.util.construction.graph.SideInputReference;
import org.apache.beam.sdk.util.construction.graph.TrivialNativeTransformExpander;
import org.apache.beam.sdk.values.KV;
import org.apache.beam.sdk.values.WindowedValue;
import org.apache.beam.sdk.values.WindowedValues;
import org.apache.beam.sdk.values.WindowedValues.FullWindowedValueCoder;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.Struct;
import org.apache.beam.vendor.grpc.v1p69p0.com.google.protobuf.util.JsonFormat;
import org.apache.flink.api.common.ExecutionMode;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.RichGroupReduceFunction;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.functions.RichMapPartitionFunction;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.DataSet;
import org.apache.flink.api.java.ExecutionEnvironment;
import org.apache.flink.api.java.io.DiscardingOutputFormat;
import org.apache.flink.api.java.operators.MapPartitionOperator;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;
import org.apache.flink.util.Collector;

/**
 * In: a Beam pipeline as a file of its portable form. Out: the same as a batch job of a Flink session cluster, run to its end.
 *
 * <p>Beam's own libraries cut it into stages and talk to the Python workers; here is only how these stages become Flink's
 * operators. Every element is the bytes that Beam puts on the wire. One window, bounded collections, no state, no timers.
 */
public final class FlinkJob {
  private static final TypeInformation<byte[]> BYTES = PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
  private static final Set<String> OURS =
      Set.of(
          PTransformTranslation.IMPULSE_TRANSFORM_URN,
          PTransformTranslation.FLATTEN_TRANSFORM_URN,
          PTransformTranslation.GROUP_BY_KEY_TRANSFORM_URN,
          PTransformTranslation.RESHUFFLE_URN);

  private final RunnerApi.Components components;
  private final ExecutionEnvironment flink;
  private final String options;
  private final String name;
  private final Map<String, DataSet<byte[]>> collections = new HashMap<>();
  private final Set<String> dangling = new LinkedHashSet<>();

  private FlinkJob(RunnerApi.Components components, ExecutionEnvironment flink, String options, String name) {
    this.components = components;
    this.flink = flink;
    this.options = options;
    this.name = name;
  }

  /** Arguments: host, REST port, parallelism, file of the pipeline, file of its options as JSON, name of the job. */
  public static void main(String[] args) throws Exception {
    RunnerApi.Pipeline pipeline = RunnerApi.Pipeline.parseFrom(Files.readAllBytes(Path.of(args[3])));
    RunnerApi.Pipeline known = TrivialNativeTransformExpander.forKnownUrns(pipeline, OURS);
    RunnerApi.Pipeline fused = GreedyPipelineFuser.fuse(known).toPipeline();
    ExecutionEnvironment flink =
        ExecutionEnvironment.createRemoteEnvironment(args[0], Integer.parseInt(args[1]), new Configuration());
    flink.setParallelism(Integer.parseInt(args[2]));
    // What a stage has made is complete on disk before the next reads it: a lost worker costs its own tasks, not the job.
    flink.getConfig().setExecutionMode(ExecutionMode.BATCH_FORCED);
    FlinkJob job = new FlinkJob(fused.getComponents(), flink, Files.readString(Path.of(args[4])), args[5]);
    job.translate(fused.getRootTransformIdsList());
    JobClient client = flink.executeAsync(args[5]);
    System.out.println("job " + client.getJobID());
    System.out.flush();
    client.getJobExecutionResult().get();
  }

  private void translate(List<String> roots) throws IOException {
    QueryablePipeline pipeline = QueryablePipeline.forTransforms(roots, components);
    for (PipelineNode.PTransformNode node : pipeline.getTopologicallyOrderedTransforms()) {
      RunnerApi.PTransform transform = node.getTransform();
      switch (transform.getSpec().getUrn()) {
        case PTransformTranslation.IMPULSE_TRANSFORM_URN -> impulse(transform);
        case PTransformTranslation.FLATTEN_TRANSFORM_URN -> flatten(transform);
        case PTransformTranslation.GROUP_BY_KEY_TRANSFORM_URN -> groupByKey(transform);
        case PTransformTranslation.RESHUFFLE_URN -> {
          sameCoder(only(transform.getInputsMap()), only(transform.getOutputsMap()));
          put(only(transform.getOutputsMap()), take(only(transform.getInputsMap())).rebalance());
        }
        case ExecutableStage.URN -> stage(transform);
        default -> throw new IllegalArgumentException("cannot run " + transform.getSpec().getUrn());
      }
    }
    for (String id : dangling) {
      collections.get(id).output(new DiscardingOutputFormat<>());
    }
  }

  private void impulse(RunnerApi.PTransform transform) throws IOException {
    String id = only(transform.getOutputsMap());
    byte[] one = encode(coder(id), WindowedValues.valueInGlobalWindow(new byte[0]));
    put(id, flink.fromCollection(List.of(one), BYTES));
  }

  private void flatten(RunnerApi.PTransform transform) throws IOException {
    String id = only(transform.getOutputsMap());
    DataSet<byte[]> all = null;
    for (String input : new TreeMap<>(transform.getInputsMap()).values()) {
      sameCoder(input, id);
      all = all == null ? take(input) : all.union(take(input));
    }
    if (all == null) {
      all = flink.fromCollection(List.of(new byte[0]), BYTES).filter(none -> false).returns(BYTES);
    }
    // Flink's union is no operator of its own: it cannot be the end of a job.
    put(id, all.map(element -> element).returns(BYTES));
  }

  private void groupByKey(RunnerApi.PTransform transform) {
    String input = only(transform.getInputsMap());
    String output = only(transform.getOutputsMap());
    Wire read = new Wire(input, components);
    Wire write = new Wire(output, components);
    TypeInformation<Tuple2<String, byte[]>> pair = Types.TUPLE(Types.STRING, BYTES);
    DataSet<Tuple2<String, byte[]>> pairs = take(input).map(new Pairs(read)).returns(pair).name("Pairs");
    String shown = transform.getUniqueName().split("/")[0];
    put(output, pairs.groupBy(0).reduceGroup(new Groups(read, write)).returns(BYTES).name(shown));
  }

  private void stage(RunnerApi.PTransform transform) throws IOException {
    RunnerApi.ExecutableStagePayload payload =
        RunnerApi.ExecutableStagePayload.parseFrom(transform.getSpec().getPayload());
    ExecutableStage stage = ExecutableStage.fromPayload(payload);
    List<String> outputs = new ArrayList<>(new TreeMap<>(transform.getOutputsMap()).values());
    MapPartitionOperator<byte[], Tuple2<Integer, byte[]>> run =
        take(payload.getInput())
            .mapPartition(new Stage(payload.toByteArray(), outputs, options, name))
            .returns(Types.TUPLE(Types.INT, BYTES))
            .name(shown(stage));
    for (SideInputReference side : stage.getSideInputs()) {
      String id = side.collection().getId();
      run = run.withBroadcastSet(take(id), id);
    }
    for (int place = 0; place < outputs.size(); place++) {
      put(outputs.get(place), run.flatMap(new Only(place)).returns(BYTES).name("output " + place));
    }
    if (outputs.isEmpty()) {
      run.output(new DiscardingOutputFormat<>());
    }
  }

  /** The outermost names of a stage's steps, for people and for the log. */
  private static String shown(ExecutableStage stage) {
    Set<String> names = new LinkedHashSet<>();
    for (PipelineNode.PTransformNode node : stage.getTransforms()) {
      names.add(node.getTransform().getUniqueName().split("/")[0]);
    }
    return String.join(", ", names);
  }

  private DataSet<byte[]> take(String id) {
    dangling.remove(id);
    return collections.get(id);
  }

  private void put(String id, DataSet<byte[]> elements) {
    collections.put(id, elements);
    dangling.add(id);
  }

  private Coder<WindowedValue<Object>> coder(String id) throws IOException {
    return new Wire(id, components).coder();
  }

  private void sameCoder(String one, String other) throws IOException {
    if (!coder(one).equals(coder(other))) {
      throw new IllegalArgumentException(one + " and " + other + " are not encoded alike");
    }
  }

  private static String only(Map<String, String> map) {
    if (map.size() != 1) {
      throw new IllegalArgumentException("one is expected: " + map);
    }
    return map.values().iterator().next();
  }

  private static <T> byte[] encode(Coder<T> coder, T value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    coder.encode(value, bytes);
    return bytes.toByteArray();
  }

  private static <T> T decode(Coder<T> coder, byte[] bytes) throws IOException {
    return coder.decode(new ByteArrayInputStream(bytes));
  }

  /** How a collection's elements are encoded where the runner sees them. */
  private record Wire(String id, byte[] proto) implements java.io.Serializable {
    Wire(String id, RunnerApi.Components components) {
      this(id, components.toBuilder().clearTransforms().build().toByteArray());
    }

    Coder<WindowedValue<Object>> coder() throws IOException {
      RunnerApi.Components components = RunnerApi.Components.parseFrom(proto);
      return WireCoders.instantiateRunnerWireCoder(
          PipelineNode.pCollection(id, components.getPcollectionsOrThrow(id)), components);
    }

    KvCoder<Object, Object> pairs() throws IOException {
      return (KvCoder) (Coder) ((FullWindowedValueCoder<Object>) (Coder) coder()).getValueCoder();
    }
  }

  /** Elements to (key, value), both encoded; Flink groups no byte arrays, so that the key is a string of these bytes. */
  private static final class Pairs extends RichMapFunction<byte[], Tuple2<String, byte[]>> {
    private final Wire wire;
    private transient Coder<WindowedValue<Object>> coder;
    private transient KvCoder<Object, Object> pairs;

    Pairs(Wire wire) {
      this.wire = wire;
    }

    @Override
    public void open(Configuration parameters) throws IOException {
      coder = wire.coder();
      pairs = wire.pairs();
    }

    @Override
    public Tuple2<String, byte[]> map(byte[] element) throws IOException {
      KV<Object, Object> pair = (KV<Object, Object>) decode(coder, element).getValue();
      String key = new String(encode(pairs.getKeyCoder(), pair.getKey()), StandardCharsets.ISO_8859_1);
      return Tuple2.of(key, encode(pairs.getValueCoder(), pair.getValue()));
    }
  }

  /** All pairs of a key to one element. */
  private static final class Groups extends RichGroupReduceFunction<Tuple2<String, byte[]>, byte[]> {
    private final Wire read;
    private final Wire write;
    private transient KvCoder<Object, Object> pairs;
    private transient Coder<WindowedValue<Object>> coder;

    Groups(Wire read, Wire write) {
      this.read = read;
      this.write = write;
    }

    @Override
    public void open(Configuration parameters) throws IOException {
      pairs = read.pairs();
      coder = write.coder();
      IterableCoder<?> values = (IterableCoder<?>) (Coder<?>) write.pairs().getValueCoder();
      if (!values.getElemCoder().equals(pairs.getValueCoder())) {
        throw new IOException("values are not encoded alike before and after grouping");
      }
    }

    @Override
    public void reduce(Iterable<Tuple2<String, byte[]>> group, Collector<byte[]> out) throws IOException {
      Object key = null;
      List<Object> values = new ArrayList<>();
      for (Tuple2<String, byte[]> pair : group) {
        if (values.isEmpty()) {
          key = decode(pairs.getKeyCoder(), pair.f0.getBytes(StandardCharsets.ISO_8859_1));
        }
        values.add(decode(pairs.getValueCoder(), pair.f1));
      }
      out.collect(encode(coder, WindowedValues.valueInGlobalWindow(KV.of(key, values))));
    }
  }

  /** The elements of one of a stage's outputs. */
  private static final class Only implements FlatMapFunction<Tuple2<Integer, byte[]>, byte[]> {
    private final int place;

    Only(int place) {
      this.place = place;
    }

    @Override
    public void flatMap(Tuple2<Integer, byte[]> element, Collector<byte[]> out) {
      if (element.f0 == place) {
        out.collect(element.f1);
      }
    }
  }

  /** A stage, run by a Python worker beside the TaskManager: each of its partitions is one bundle. */
  private static final class Stage extends RichMapPartitionFunction<byte[], Tuple2<Integer, byte[]>> {
    // Of one TaskManager: all its stages share the workers of a job.
    private static final ExecutableStageContext.Factory WORKERS =
        ReferenceCountingExecutableStageContextFactory.create(DefaultExecutableStageContext::create, caller -> false);

    private static final int TRIES = 5;
    // Asks the workers how far they are.
    private static final long ASK_SECONDS = 1;
    private static final ScheduledExecutorService CLOCK =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread thread = new Thread(work, "progress");
              thread.setDaemon(true);
              return thread;
            });

    private final byte[] payload;
    private final List<String> outputs;
    private final String options;
    private final String name;
    private transient ExecutableStage stage;
    private transient ExecutableStageContext workers;
    private transient StageBundleFactory bundles;

    Stage(byte[] payload, List<String> outputs, String options, String name) {
      this.payload = payload;
      this.outputs = new ArrayList<>(outputs);
      this.options = options;
      this.name = name;
    }

    @Override
    public void open(Configuration parameters) throws Exception {
      stage = ExecutableStage.fromPayload(RunnerApi.ExecutableStagePayload.parseFrom(payload));
      Struct.Builder struct = Struct.newBuilder();
      JsonFormat.parser().merge(options, struct);
      String job = getRuntimeContext().getJobInfo().getJobId().toString();
      workers = WORKERS.get(JobInfo.create(job, name, "", struct.build()));
      bundles = workers.getStageBundleFactory(stage);
    }

    @Override
    public void mapPartition(Iterable<byte[]> elements, Collector<Tuple2<Integer, byte[]>> out) throws Exception {
      Coder<WindowedValue<Object>> coder = coder(stage.getInputPCollection().getId());
      ScheduledFuture<?> asked = null;
      try (RemoteBundle bundle = bundles.getBundle(receivers(out), sides(), new Counters(getRuntimeContext()))) {
        asked = CLOCK.scheduleWithFixedDelay(bundle::requestProgress, ASK_SECONDS, ASK_SECONDS, TimeUnit.SECONDS);
        FnDataReceiver<Object> send = bundle.getInputReceivers().values().iterator().next();
        for (byte[] element : elements) {
          send.accept(decode(coder, element));
        }
      } catch (Exception error) {
        throw isFinal(error) ? new Fault(error) : error;
      } finally {
        if (asked != null) {
          asked.cancel(false);
        }
      }
    }

    /** Trying again does not mend a fault of the user's, nor a worker that has failed often. Lost inputs come again. */
    private boolean isFinal(Exception error) {
      if (String.valueOf(error.getMessage()).contains("prebake.schemas.errors.")) {
        return true;
      }
      for (Throwable cause = error; cause != null; cause = cause.getCause()) {
        if (cause.getClass().getName().startsWith("org.apache.flink.")) {
          return false;
        }
      }
      return getRuntimeContext().getTaskInfo().getAttemptNumber() + 1 >= TRIES;
    }

    private OutputReceiverFactory receivers(Collector<Tuple2<Integer, byte[]>> out) {
      return new OutputReceiverFactory() {
        @Override
        public <T> FnDataReceiver<T> create(String id) {
          int place = outputs.indexOf(id);
          Coder<WindowedValue<Object>> coder = coder(id);
          return element -> {
            byte[] bytes = encode(coder, (WindowedValue<Object>) element);
            synchronized (out) {
              out.collect(Tuple2.of(place, bytes));
            }
          };
        }
      };
    }

    private StateRequestHandler sides() throws IOException {
      BatchSideInputHandlerFactory.SideInputGetter getter =
          new BatchSideInputHandlerFactory.SideInputGetter() {
            @Override
            public <T> List<T> getSideInput(String id) {
              Coder<WindowedValue<Object>> coder = coder(id);
              List<Object> values = new ArrayList<>();
              try {
                for (byte[] element : getRuntimeContext().<byte[]>getBroadcastVariable(id)) {
                  values.add(decode(coder, element));
                }
              } catch (IOException error) {
                throw new IllegalStateException(error);
              }
              return (List<T>) values;
            }
          };
      StateRequestHandler handler =
          StateRequestHandlers.forSideInputHandlerFactory(
              ProcessBundleDescriptors.getSideInputs(stage), BatchSideInputHandlerFactory.forStage(stage, getter));
      EnumMap<TypeCase, StateRequestHandler> handlers = new EnumMap<>(TypeCase.class);
      handlers.put(TypeCase.ITERABLE_SIDE_INPUT, handler);
      handlers.put(TypeCase.MULTIMAP_SIDE_INPUT, handler);
      handlers.put(TypeCase.MULTIMAP_KEYS_SIDE_INPUT, handler);
      handlers.put(TypeCase.MULTIMAP_KEYS_VALUES_SIDE_INPUT, handler);
      return StateRequestHandlers.delegateBasedUponType(handlers);
    }

    private Coder<WindowedValue<Object>> coder(String id) {
      RunnerApi.Components components = stage.getComponents();
      try {
        return WireCoders.instantiateRunnerWireCoder(
            PipelineNode.pCollection(id, components.getPcollectionsOrThrow(id)), components);
      } catch (IOException error) {
        throw new IllegalStateException(error);
      }
    }

    @Override
    public void close() throws Exception {
      try (AutoCloseable one = workers;
          AutoCloseable other = bundles) {}
    }
  }

  /** What the user's counters of a bundle count, as accumulators of the task, which Flink's REST interface adds up. */
  private static final class Counters implements BundleProgressHandler {
    private final RuntimeContext task;
    private final Map<String, Long> told = new HashMap<>();

    Counters(RuntimeContext task) {
      this.task = task;
    }

    @Override
    public void onProgress(ProcessBundleProgressResponse progress) {
      add(progress.getMonitoringInfosList());
    }

    @Override
    public void onCompleted(ProcessBundleResponse done) {
      add(done.getMonitoringInfosList());
    }

    /** Each is the sum since the bundle began; a late answer may tell less than an earlier one. */
    private synchronized void add(List<MonitoringInfo> infos) {
      Map<String, Long> sums = new HashMap<>();
      for (MonitoringInfo info : infos) {
        if (info.getUrn().equals(MonitoringInfoConstants.Urns.USER_SUM_INT64)) {
          String name = info.getLabelsOrThrow("NAMESPACE") + ":" + info.getLabelsOrThrow("NAME");
          sums.merge(name, MonitoringInfoEncodings.decodeInt64Counter(info.getPayload()), Long::sum);
        }
      }
      for (Map.Entry<String, Long> sum : sums.entrySet()) {
        long more = sum.getValue() - told.getOrDefault(sum.getKey(), 0L);
        if (more > 0) {
          task.getLongCounter(sum.getKey()).add(more);
          told.put(sum.getKey(), sum.getValue());
        }
      }
    }
  }

  /** Tells Beam that the runner itself does this composite; found by its name in META-INF/services. */
  public static final class Reshuffle implements NativeTransforms.IsNativeTransform {
    @Override
    public boolean test(RunnerApi.PTransform transform) {
      return PTransformTranslation.RESHUFFLE_URN.equals(transform.getSpec().getUrn());
    }
  }

  /** What Flink does not try again. */
  @ThrowableAnnotation(ThrowableType.NonRecoverableError)
  private static final class Fault extends Exception {
    Fault(Exception cause) {
      super(cause);
    }
  }
}

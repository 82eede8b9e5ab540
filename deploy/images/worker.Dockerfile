# Beam's Python worker with prebake: on Flink, Spark and Dataflow. Its Python must be the driver's (3.12).
#   docker build -f deploy/images/worker.Dockerfile -t prebake-worker:0.1.0 .
FROM apache/beam_python3.12_sdk:2.77.0

COPY . /opt/prebake/source
RUN pip install --no-cache-dir -c /opt/prebake/source/constraints.txt '/opt/prebake/source[pipelines]' \
    # What a worker pool or --environment_type=PROCESS starts: deploy/worker.py.
    && python -P -c 'from prebake.deploy.worker import write_command; write_command("/opt/prebake/worker")' \
    && chmod 0777 /opt/prebake

# ENTRYPOINT is Beam's own, /opt/apache/beam/boot, which Dataflow and Beam's runners start.

# Flink's JobManager and TaskManager with deploy/flink/FlinkJob.java and Beam's libraries.
#   python -m prebake.deploy.flink_cluster setup
#   docker build -f deploy/images/flink.Dockerfile -t prebake-flink:0.1.0 .
FROM flink:1.20.1-java17

COPY build/flink/beam build/flink/prebake-flink.jar /opt/flink/lib/

#!/bin/bash
# Preprocessing on a Spark cluster: preprocess.sh spark://HOST:7077 SPEC RUN
# On this host: prebake[pipelines] and Java 17; Beam fetches its job server for Spark 3 from Maven Central, or takes SPARK_JOB_SERVER_JAR.
# On each host of the cluster: this same environment at the same path, and the folder of RUN.
set -euo pipefail

MASTER=${1:?usage: preprocess.sh spark://HOST:7077 SPEC RUN}
SPEC=${2:?usage: preprocess.sh spark://HOST:7077 SPEC RUN}
RUN=${3:?usage: preprocess.sh spark://HOST:7077 SPEC RUN}
PYTHON=${PREBAKE_PYTHON:-python}

# What each executor starts beside itself: deploy/worker.py.
mkdir -p "$RUN"
WORKER=$(realpath "$RUN")/.worker
"$PYTHON" -P -c 'import sys; from prebake.deploy.worker import write_command; write_command(sys.argv[1])' "$WORKER"

JAR=()
if [ -n "${SPARK_JOB_SERVER_JAR:-}" ]; then
  JAR=("--spark_job_server_jar=$SPARK_JOB_SERVER_JAR")
fi
exec "$PYTHON" -P -m prebake.cli preprocess "$SPEC" --run "$RUN" -- \
  --runner=SparkRunner \
  --spark_master_url="$MASTER" \
  --spark_version=3 \
  "${JAR[@]}" \
  --environment_type=PROCESS \
  --environment_config="{\"command\": \"$WORKER\"}" \
  --environment_cache_millis=30000

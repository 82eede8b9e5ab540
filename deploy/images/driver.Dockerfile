# What starts the jobs: the worker's image with Java and what FlinkSessionRunner submits.
#   python -m prebake.deploy.flink_cluster setup
#   docker build -f deploy/images/driver.Dockerfile -t prebake-driver:0.1.0 .
FROM prebake-worker:0.1.0

# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends default-jre-headless \
    && rm -rf /var/lib/apt/lists/*
COPY build/flink /opt/prebake/flink

ENTRYPOINT ["prebake"]

# TensorFlow Serving with a run's exported versions: POST /v1/models/prebake:predict on 8501, gRPC on 8500.
#   docker build -f deploy/images/server.Dockerfile -t prebake-server:0.1.0 .
#   docker run -p 8501:8501 -v /path/to/runs/NAME/export/saved_model:/models/prebake:ro prebake-server:0.1.0
FROM tensorflow/serving:2.19.1

ENV MODEL_NAME=prebake
# It looks at the folder every second, and takes up a new version once it is complete: export publishes by one rename.
EXPOSE 8500 8501
USER 65534

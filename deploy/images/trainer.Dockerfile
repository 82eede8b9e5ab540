# A training host with GPUs; it has neither Beam nor TensorFlow Transform.
#   docker build -f deploy/images/trainer.Dockerfile -t prebake-trainer:0.1.0 .
#   docker run --gpus all -v /path/to/runs:/runs prebake-trainer:0.1.0 /runs/NAME
FROM tensorflow/tensorflow:2.21.0-gpu

COPY . /opt/prebake/source
RUN pip install --no-cache-dir -c /opt/prebake/source/constraints.txt '/opt/prebake/source[training]'

ENTRYPOINT ["python", "-P", "-m", "prebake.training.train"]

#!/bin/bash
# A training on four hosts: sbatch slurm.sh RUN [OPTIONS OF prebake.training.train]
# RUN and the Python environment lie on a file system that all hosts see. Change: hosts, GPUs, memory, time.
#SBATCH --job-name=prebake-train
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --output=prebake-train-%j.log
# After the loss of a host Slurm puts the job into the queue again; the training goes on from its last checkpoint.
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

PYTHON=${PREBAKE_PYTHON:-python}
# Ports of jobs that share a host differ.
PORT=$((7000 + SLURM_JOB_ID % 10000))

# A worker that is killed while its host lives is started again by the launcher beside it, as often as --restarts says.
# --kill-on-bad-exit: when a launcher gives up (a mistake, no restart left), the others end as well.
exec srun --kill-on-bad-exit=1 \
  "$PYTHON" -P -m prebake.training.launch "${1:?usage: sbatch slurm.sh RUN}" \
  --hosts "$SLURM_JOB_NODELIST" --port "$PORT" --restarts 10 "${@:2}"

#!/usr/bin/env bash
# One run of muscle on several machines of a Slurm cluster:
#
#   DEVKIT=/shared/coco RUN=/shared/runs/coco sbatch examples/slurm.sh voc12 encoder.batch=32
#
# Submit it from a folder that all machines see, in the environment that `muscle_run` works in. Give as many nodes and
# GPUs as the batch can be divided by. nbs/machines.ipynb says what must be shared and what the batch means.
#
#SBATCH --job-name=muscle
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=muscle-%j.txt

set -euo pipefail
: "${DEVKIT:?folder of the dataset, the same on every machine}" "${RUN:?folder of the run, on a disk that all machines share}"
gpus=${SLURM_GPUS_ON_NODE:-1}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

# A machine that was started again finds the others only where each start has a store of its own.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / gpus)) OMP_WAIT_POLICY=PASSIVE

# `--requeue` starts the job again when a machine fails, `--max-restarts` the processes when one of them does; either way
# the run goes on from its last epoch or image.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" torchrun --nnodes "$SLURM_NNODES" --nproc-per-node "$gpus" --max-restarts 3 \
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:29400" --rdzv-conf join_timeout=300 \
  -m muscle.commands run "${1:-voc12}" --folder "$RUN" --devkit "$DEVKIT" "${@:2}"

#!/bin/bash
# Workers on idle nodes of a Slurm cluster:
#
#   sbatch --array=0-3 deploy/slurm.sh
#
# To change: the resources below, and the three paths. Compute nodes need a way out to the coordinator and the
# chain (no port is opened), bubblewrap, and leave to make namespaces; `tegula-worker doctor` on a node tells.
#
#SBATCH --job-name=tegula-worker
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --gres=gpu:1
#SBATCH --time=08:00:00
# Two minutes before the end the worker is told to take its asks back and to say goodbye.
#SBATCH --signal=TERM@120
# It gives way to whoever has more right to the node, and comes back.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=tegula-worker-%A-%a.log

set -euo pipefail

WORKER="${TEGULA_WORKER:-/opt/tegula/bin/tegula-worker}"
CONFIG="${TEGULA_CONFIG:-/etc/tegula/worker.toml}"
HOME_OF_ALL="${TEGULA_DATA:-$HOME/tegula-worker}"

# Keys are one worker's, and outlive the job on a file system that all nodes see; two workers never share a folder.
DATA="$HOME_OF_ALL/${SLURM_ARRAY_TASK_ID:-0}"
mkdir -p "$DATA"
chmod 700 "$DATA"

exec srun --ntasks=1 "$WORKER" run --config "$CONFIG" --data "$DATA"

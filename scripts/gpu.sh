#!/usr/bin/env bash
# Everything that needs a GPU, where nothing can be installed: Python with torch, click and PyYAML are enough.
#   scripts/gpu.sh [FOLDER] [MINUTES]     the archive is written to FOLDER, after at most MINUTES
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHONPATH=$PWD PYTHONUNBUFFERED=1 exec python3 -m gpu run --out "${1:-gpu-run}" --minutes "${2:-8}" "${@:3}"

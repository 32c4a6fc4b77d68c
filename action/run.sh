#!/bin/sh
# Runs the verb that the action names. Inputs travel in SHIPWAY_INPUTS, never in words of this script: what a branch or
# a person wrote is no code here. `exec`, because the runner signals only the step's first process.
set -eu

if ! command -v shipway >/dev/null 2>&1; then
  echo "::error title=shipway is not installed::No shipway on PATH. Install it in an earlier step of this job." >&2
  exit 2
fi
exec shipway "$@"

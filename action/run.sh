#!/bin/sh
# Runs the verb that the action names, by the binary that this commit pins. Inputs travel in SHIPWAY_INPUTS, never in words
# of this script: what a branch or a person wrote is no code here. `exec`, because the runner signals only the step's
# first process.
set -eu

case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac
# shellcheck source=action/install.sh
. "$here/install.sh"
install_shipway
exec "$shipway" "$@"

#!/bin/sh
# What `npm start` runs: from a fresh clone to a function that answers.
set -eu
cd "$(dirname "$0")/.."
DOCKER_HOST=$(sh hack/setup.sh)
export DOCKER_HOST
PATH="$PWD/node_modules/.bin:$PATH"
exec node hack/start.ts "$@"

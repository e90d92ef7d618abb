#!/bin/sh
# What `npm test` runs: everything that it needs, then the levels named (all of them: check unit simulation integration chaos sweep scale e2e).
set -eu
cd "$(dirname "$0")/.."
case ${*:-all} in
  unit | simulation | check | 'check unit') sh hack/setup.sh --no-engine ;;
  *)
    DOCKER_HOST=$(sh hack/setup.sh)
    export DOCKER_HOST
    ;;
esac
PATH="$PWD/node_modules/.bin:$PATH"
exec node hack/test.ts "$@"

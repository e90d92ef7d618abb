#!/bin/sh
# Makes the checkout runnable: npm packages (with Node 26 among them), and an engine unless --no-engine is given.
# Does nothing when all is there. Prints the engine's address on stdout and what takes long on stderr.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

packages() {
  stamp=node_modules/.docker-faas-setup
  wanted=$({ cat package-lock.json .npmrc; uname -sm; } | cksum)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x node_modules/.bin/node ]; then return 0; fi
  if ! command -v npm >/dev/null 2>&1; then
    say 'npm is missing. Install Node.js 20 or newer: https://nodejs.org/en/download'
    exit 69
  fi
  if [ -L node_modules ]; then
    say "node_modules is a link to $(readlink node_modules), which npm ci would empty: install there, or remove the link."
    exit 69
  fi
  say 'Installing npm packages and Node 26 (about 20 s) …'
  npm ci --no-audit --no-fund --no-progress --loglevel=error >&2
  if [ ! -x node_modules/.bin/node ]; then
    say 'npm did not install the package "node": were install scripts switched off (ignore-scripts)? Try:'
    say '  npm rebuild node --ignore-scripts=false'
    exit 69
  fi
  printf '%s\n' "$wanted" >"$stamp"
}

# One set-up at a time in a checkout; the lock goes with this process.
if command -v flock >/dev/null 2>&1; then
  exec 9<.
  flock 9
fi
packages
if [ "${1:-}" != --no-engine ]; then sh hack/engine.sh; fi

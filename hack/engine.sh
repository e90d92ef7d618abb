#!/bin/sh
# Finds a Docker engine; as root on Debian or Ubuntu it installs and starts one when there is none. Never restarts or
# reconfigures one that is there. Prints the engine's address on stdout and what it does on stderr; 69 when there is none.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"

SOCKET=/var/run/docker.sock
LOG=/var/log/dockerd.log
NONE=69

say() { printf '%s\n' "$*" >&2; }

# 0: answers, 77: we may not talk to it, else: no answer.
ping_engine() {
  node hack/engine-ping.ts "$1" 2>/dev/null
}

found() {
  printf '%s\n' "$1"
  exit 0
}

# Addresses that are worth a try, the one that the docker command uses first.
candidates() {
  home=${HOME:-/nonexistent}
  if command -v docker >/dev/null 2>&1; then
    context=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
    case $context in unix:///* | tcp://*) printf '%s\n' "$context" ;; esac
  fi
  for path in "$SOCKET" "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock" "$home/.docker/run/docker.sock" \
    "$home/.orbstack/run/docker.sock" "$home/.colima/default/docker.sock" "$home/.rd/docker.sock"; do
    if [ -S "$path" ]; then printf 'unix://%s\n' "$path"; fi
  done
}

find_engine() {
  forbidden=
  for host in $(candidates | awk '!seen[$0]++'); do
    code=0
    ping_engine "$host" || code=$?
    if [ "$code" = 0 ]; then found "$host"; fi
    if [ "$code" = 77 ]; then forbidden=$host; fi
  done
}

give_up() {
  say ''
  say "$1"
  shift
  for line in "$@"; do say "  $line"; done
  exit $NONE
}

is_debian() {
  [ -r /etc/os-release ] && grep -Eq '^(ID|ID_LIKE)=.*(debian|ubuntu)' /etc/os-release && command -v apt-get >/dev/null
}

install_engine() {
  say 'Installing the Docker engine with apt-get (about 15 s) …'
  log=$(mktemp)
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    docker.io iptables; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    give_up 'apt-get could not install the Docker engine; its last lines are above.' \
      "The whole of its output is in $log." 'Install an engine by hand: https://docs.docker.com/engine/install/'
  fi
  rm -f "$log"
}

is_starting() {
  [ -r /var/run/docker.pid ] && kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null
}

start_engine() {
  say 'Starting the Docker engine …'
  if [ -d /run/systemd/system ]; then
    systemctl start docker || true
  else
    # Its own session, so that Ctrl-C does not reach it; the lock must not live as long as the engine.
    setsid dockerd -H "unix://$SOCKET" >>"$LOG" 2>&1 </dev/null 8>&- 9>&- &
  fi
}

# $1: seconds.
wait_for_engine() {
  tries=0
  while [ "$tries" -lt "$(($1 * 2))" ]; do
    if [ -S "$SOCKET" ] && ping_engine "unix://$SOCKET"; then return 0; fi
    sleep 0.5
    tries=$((tries + 1))
  done
  return 1
}

show_failure() {
  say ''
  if [ -d /run/systemd/system ]; then
    journalctl -u docker -n 15 --no-pager -o cat >&2 2>/dev/null || true
  elif [ -r "$LOG" ]; then
    tail -n 15 "$LOG" >&2
  fi
  give_up 'The Docker engine did not start; its last lines are above.' \
    'In a container it needs --privileged; on a machine, cgroups and iptables:' \
    '  mount | grep cgroup        shows whether cgroups are mounted' \
    '  iptables -t nat -L         shows whether iptables works (update-alternatives --config iptables)' \
    'An engine elsewhere will do as well: DOCKER_HOST=tcp://host:2375 npm start'
}

if [ -n "${DOCKER_HOST:-}" ]; then
  if ping_engine "$DOCKER_HOST"; then found "$DOCKER_HOST"; fi
  give_up "No Docker engine answers at DOCKER_HOST=$DOCKER_HOST." \
    'Start it, or unset DOCKER_HOST to use the one of this machine. Addresses may be unix:///path or tcp://host:port.'
fi

find_engine
if [ -n "$forbidden" ]; then
  give_up "You may not use the Docker engine at $forbidden." "Join its group:  sudo usermod -aG docker $(id -un)" \
    'then log in again and repeat the command.'
fi
if [ "$(id -u)" != 0 ]; then
  if command -v dockerd >/dev/null 2>&1; then
    give_up 'The Docker engine is installed but does not run.' 'Start it:  sudo systemctl start docker' \
      'or, where there is no systemd:  sudo sh hack/engine.sh'
  fi
  if is_debian; then
    give_up 'There is no Docker engine.' 'Let us install one:  sudo sh hack/engine.sh' \
      'or install Docker yourself: https://docs.docker.com/engine/install/'
  fi
  give_up 'There is no Docker engine.' 'Install Docker and start it: https://docs.docker.com/get-started/get-docker/'
fi

if command -v flock >/dev/null 2>&1; then
  exec 8>/run/docker-faas-engine.lock
  flock 8
  find_engine
fi
if ! command -v dockerd >/dev/null 2>&1; then
  if ! is_debian; then
    give_up 'There is no Docker engine.' 'Install Docker and start it: https://docs.docker.com/engine/install/'
  fi
  install_engine
fi
if ! is_starting; then start_engine; fi
say 'Waiting for the Docker engine …'
wait_for_engine 30 || show_failure
found "unix://$SOCKET"

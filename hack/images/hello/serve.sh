#!/bin/sh
# httpd as process 1 would ignore SIGTERM, so the shell is, and stops it. It ends as soon as httpd does.
httpd -f -p 8080 -h /www &
server=$!
trap 'kill "$server"' TERM INT
echo "hello is listening on port 8080, as $(hostname)"
wait "$server"
echo "hello stopped"

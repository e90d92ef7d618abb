#!/bin/sh
# Answers every request for "/". The method, headers and length come as environment, the body on standard input.
body=$(head -c "${CONTENT_LENGTH:-0}")
printf 'Content-Type: text/plain; charset=utf-8\r\n\r\n'
printf '%s, %s!\n' "${GREETING:-Hello}" "${body:-world}"
printf 'I am replica %s. You sent %s bytes by %s.\n' "$(hostname)" "${CONTENT_LENGTH:-0}" "$REQUEST_METHOD"

#!/bin/sh
# Http_Method, Http_Path, Http_Query and Http_<header> say what was asked; what goes to stderr is in the log.
set -eu

# Deployed with a secret `api-key`, it answers only who sends that.
key_file=/var/openfaas/secrets/api-key
if [ -e "$key_file" ] && [ "${Http_X_Api_Key:-}" != "$(cat "$key_file")" ]; then
  echo 'the header X-Api-Key is wrong' >&2
  exit 1
fi
name=$(cat)
printf '%s, %s!\n%s %s\n' "${GREETING:-Hello}" "${name:-world}" "${Http_Method:-}" "${Http_Path:-}"

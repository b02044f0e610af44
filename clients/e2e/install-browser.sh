#!/usr/bin/env bash
# Makes sure there is a Chromium for the browser tests: installed on Debian as root, named as missing elsewhere.
set -euo pipefail

command -v chromium >/dev/null && exit 0
[[ -n ${EXBERT_CHROMIUM:-} ]] && exit 0
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  echo "missing: chromium (on Debian: apt-get install chromium; elsewhere: set EXBERT_CHROMIUM to its path)" >&2
  exit 3
fi

#!/usr/bin/env bash
# Sets up a real VS Code server for the end-to-end tests, out of the npm package `code-server`
# (its lib/vscode is VS Code itself; we start that, not code-server).
#
#   clients/e2e/install-vscode.sh            installs, or says that it is there already
#   clients/e2e/install-vscode.sh --where    prints the folder of VS Code and ends
#
# The folder is $EXBERT_CACHE/vscode, or .cache/vscode of the repository. A second run is a no-op.
# Needs Node 20, a C++ compiler with the headers of libkrb5, ripgrep and chromium: as root on Debian they are
# installed, elsewhere what is missing is named and the script ends with 3.
set -euo pipefail

VERSION=4.100.3
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
TARGET=${EXBERT_CACHE:-$ROOT/.cache}/vscode
VSCODE=$TARGET/node_modules/code-server/lib/vscode
STAMP=$TARGET/ready-$VERSION-node$(node --version | cut -d. -f1)
NATIVE=(@vscode/spdlog node-pty native-watchdog @vscode/deviceid @parcel/watcher kerberos)

if [[ ${1:-} == --where ]]; then
  echo "$VSCODE"
  exit 0
fi

say() { printf 'install-vscode: %s\n' "$*"; }

missing_packages() {
  command -v rg >/dev/null || echo ripgrep
  command -v chromium >/dev/null || [[ -n ${EXBERT_CHROMIUM:-} ]] || echo chromium fonts-dejavu-core
  command -v python3 >/dev/null || echo python3
  command -v g++ >/dev/null || echo g++
  command -v make >/dev/null || echo make
  [[ -e /usr/include/gssapi/gssapi.h ]] || echo libkrb5-dev
}

install_packages() {
  local missing
  read -r -d '' -a missing < <(missing_packages) || true
  ((${#missing[@]})) || return 0
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    say "missing: ${missing[*]} (on Debian: apt-get install ${missing[*]})" >&2
    exit 3
  fi
}

# node-gyp ships inside npm; the headers ship with Node (under its prefix), so nothing else is downloaded.
build_native() {
  local gyp prefix
  prefix=$(node -p "require('path').resolve(process.execPath, '../..')")
  gyp=$(npm root -g)/npm/node_modules/node-gyp/bin/node-gyp.js
  if [[ ! -e $prefix/include/node/node.h ]]; then
    say "the headers of Node are not under its prefix: install libnode-dev, or Node from its official archive" >&2
    exit 3
  fi
  if [[ ! -e $gyp ]]; then
    gyp=$(find "$prefix" -path '*node-gyp/bin/node-gyp.js' -print -quit)
  fi
  for module in "${NATIVE[@]}"; do
    say "building $module"
    (cd "$VSCODE/node_modules/$module" && node "$gyp" rebuild --nodedir="$prefix" >"$TARGET/build.log" 2>&1) || {
      tail -n 40 "$TARGET/build.log" >&2
      say "building $module failed" >&2
      exit 1
    }
    # The object files are three quarters of a module and nobody reads them again.
    rm -rf "$VSCODE/node_modules/$module/build/Release/obj.target"
  done
}

if [[ -e $STAMP ]]; then
  say "VS Code of code-server $VERSION is in place"
  exit 0
fi

started=$SECONDS
install_packages
mkdir -p "$TARGET"
cd "$TARGET"
[[ -e package.json ]] || echo '{"private": true}' >package.json
say "fetching code-server $VERSION"
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "code-server@$VERSION"
say "fetching what VS Code needs"
(cd "$VSCODE" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
build_native
mkdir -p "$VSCODE/node_modules/@vscode/ripgrep/bin"
cp "$(command -v rg)" "$VSCODE/node_modules/@vscode/ripgrep/bin/rg"
# Proof that the native modules load before anybody relies on them.
(cd "$VSCODE" && node -e "for (const m of process.argv.slice(1)) require(m)" "${NATIVE[@]}")
touch "$STAMP"
say "ready after $((SECONDS - started)) s"

#!/bin/sh
# Runs Deno with the arguments given, as `deno` itself would, and saves the caller three questions:
# - Which Deno? The one on PATH if it is recent enough, else the pinned one of the npm package
#   `deno`, installed into .deno/ on first use.
# - Where do the packages come from? From JSR where it answers (deno.json), else from npm alone
#   (scripts/npm_imports.json). STD_REGISTRY=jsr or =npm decides it; the answer is kept in .deno/.
# - Which lock file? scripts/npm.lock on the npm side. Setting LOCK_UPDATE=1 writes it anew.
set -eu
pinned=2.9.5
oldest="2 9"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
own=$root/.deno

fail() {
  echo "scripts/deno.sh: $*" >&2
  exit 1
}

recent_enough() {
  version=$("$1" --version 2>/dev/null | sed -n '1s/^deno \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  [ -n "$version" ] || return 1
  [ "${version% *}" -gt "${oldest% *}" ] ||
    { [ "${version% *}" -eq "${oldest% *}" ] && [ "${version#* }" -ge "${oldest#* }" ]; }
}

find_deno() {
  installed=$own/npm/node_modules/deno/deno
  if [ -n "${DENO:-}" ]; then
    deno=$DENO
  elif [ -x "$installed" ]; then
    deno=$installed
  elif path=$(command -v deno) && recent_enough "$path"; then
    deno=$path
  else
    install_deno
    deno=$installed
  fi
}

install_deno() {
  command -v npm >/dev/null 2>&1 ||
    fail "neither Deno (${oldest% *}.${oldest#* } or newer) nor npm is on PATH: install one of them and run this again"
  echo "Installing Deno $pinned from npm into .deno/ (once)" >&2
  mkdir -p "$own/npm"
  [ -e "$own/npm/package.json" ] || echo '{"private":true}' >"$own/npm/package.json"
  npm install --prefix "$own/npm" --no-save --no-audit --no-fund --loglevel=error \
    "deno@$pinned" >"$own/npm-install.log" 2>&1 || {
    cat "$own/npm-install.log" >&2
    fail "npm could not install deno@$pinned"
  }
  # npm may hold back install scripts; the binary is then linked here.
  if ! "$installed" --version >/dev/null 2>&1; then
    node "$own/npm/node_modules/deno/install.cjs" >>"$own/npm-install.log" 2>&1 || true
    "$installed" --version >/dev/null 2>&1 ||
      fail "deno@$pinned was installed but does not start; see .deno/npm-install.log"
  fi
}

find_registry() {
  registry=${STD_REGISTRY:-}
  if [ -z "$registry" ] && [ -s "$own/registry" ]; then registry=$(cat "$own/registry"); fi
  if [ -z "$registry" ]; then
    registry=npm
    if "$deno" eval --no-config 'await (await fetch("https://jsr.io/@std/toml/meta.json",
      { signal: AbortSignal.timeout(2500) })).json()' >/dev/null 2>&1; then registry=jsr; fi
    mkdir -p "$own" && echo "$registry" >"$own/registry" || true
  fi
  case $registry in
    jsr | npm) ;;
    *) fail "STD_REGISTRY is \"$registry\": it takes jsr or npm" ;;
  esac
}

find_deno
find_registry

subcommand=${1:-}
[ $# -eq 0 ] || shift
if [ "$registry" = npm ]; then
  case $subcommand in
    run | test | bench | check | cache | install | bundle | compile | doc | info | serve)
      set -- --import-map="$root/scripts/npm_imports.json" "$@"
      ;;
  esac
  case $subcommand in
    run | test | bench | check | cache | install | bundle | compile | serve)
      if [ -n "${LOCK_UPDATE:-}" ]; then
        set -- --lock="$root/scripts/npm.lock" "$@"
      else
        set -- --lock="$root/scripts/npm.lock" --frozen "$@"
      fi
      ;;
  esac
fi
export DENO_NO_UPDATE_CHECK=1
exec "$deno" $subcommand "$@"

#!/bin/sh
# Mailismus @VERSION@ in one file: this script, and behind it a compressed archive of Deno
# and the program. The first start unpacks the archive into a cache folder that only its user can
# enter; later starts check that it is all still there, and become the program.
#
# It needs sh and the tools of every system: ls, id, mkdir, mktemp, chmod, mv, rm, find, sync, tail,
# gzip and tar.
# CACHE_DIRECTORY (as systemd sets it), XDG_CACHE_HOME, HOME and TMPDIR say where to unpack, in this
# order; the first folder that will do is taken. MAILISMUS_EMULATOR may name a command, as
# "qemu-aarch64-static", to run a file that was made for another processor.
set -uf
payload=@OFFSET@
id=@ID@
names="@NAMES@"
emulator=${MAILISMUS_EMULATOR:-}
user=$(id -u)
# Mode, owner and size of each.
expected="@EXPECTED@"

# Mode and owner of a path, symbolic links not followed.
look() {
  # shellcheck disable=SC2046 # the words of the line are wanted
  set -- $(LC_ALL=C ls -lnd "$1" 2>/dev/null)
  mode=${1:-}
  owner=${3:-}
}

# What ls says of the files unpacked in $1, in the form of $expected.
found() {
  cd "$1" 2>/dev/null || return
  # shellcheck disable=SC2086 # names hold no blanks
  LC_ALL=C ls -ln $names 2>/dev/null | while read -r mode _ owner _ size _; do
    printf '%s %s %s;' "${mode%[.+@]}" "$owner" "$size"
  done
}

# Whether the folder $1 holds what was unpacked, unharmed: each file with its owner, mode and size,
# and all with one time stamp, that of the archive, which any later change to a file would replace.
intact() {
  [ "$(found "$1")" = "$expected" ] || return 1
  for name in $names; do
    if [ "$1/$name" -nt "$1/main.mjs" ] || [ "$1/$name" -ot "$1/main.mjs" ]; then return 1; fi
  done
}

# Makes the folder $1 unless it is there; in a folder open to all, somebody else may have made it.
own_folder() {
  mkdir -m 700 "$1" 2>/dev/null
  look "$1"
  case $mode in
    '') echo "it cannot be written"; return 1 ;;
    d*) [ "$owner" = "$user" ] || { echo "\"$1\" belongs to another user"; return 1; } ;;
    *) echo "\"$1\" is in the way"; return 1 ;;
  esac
  case $mode in
    drwx--[-S]---*) ;;
    *)
      # Who else could write here may have left anything.
      chmod 700 "$1" && rm -rf "$1/$id"
      ;;
  esac
}

# Whether nobody but this user and root can put something else in place of what is in the folder $1.
trusted() {
  look "$1/."
  case $mode in
    '') echo "it is not there"; return 1 ;;
    d???????w[!tT]*) echo "everybody can write there"; return 1 ;;
  esac
  [ "$owner" = "$user" ] || [ "$owner" = 0 ] || { echo "it belongs to another user"; return 1; }
}

# Unpacks into the folder $1, the last step of each file being its renaming: whoever else starts, or
# unpacks, at the same time finds each file either not there or whole. Says why if it cannot.
unpack() (
  umask 077
  new=$(mktemp -d "$1/new.XXXXXX" 2>/dev/null) || { echo "it cannot be written"; exit 1; }
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  {
    tail -c "+$payload" -- "$self" | gzip -dc || echo "\"$self\" is damaged" >"$new/.fault"
  } 2>/dev/null | tar -xof - -C "$new" 2>/dev/null
  if [ -s "$new/.fault" ]; then cat "$new/.fault"; exit 1; fi
  intact "$new" || { echo "it has no room for @MEGABYTES@ MB, or \"$self\" is damaged"; exit 1; }
  # shellcheck disable=SC2086 # a command with arguments
  DENO_DIR=$new $emulator "$new/deno" --version >/dev/null 2>&1 ||
    { echo "programs cannot run there"; exit 1; }
  # A power cut must not leave files that have their size but not yet their contents.
  (cd "$new" && sync $names) 2>/dev/null
  own_folder "$1/$id" || exit
  for name in $names; do
    # A folder by that name would swallow the file.
    [ ! -d "$1/$id/$name" ] || rm -rf "${1:?}/$id/$name"
    mv -f "$new/$name" "$1/$id/$name" || exit 1
  done 2>/dev/null
  intact "$1/$id" || { echo "it cannot be written"; exit 1; }
  # What was being unpacked when a machine went down.
  find "$1" -maxdepth 1 -name 'new.*' -mtime +0 -exec rm -rf {} \; 2>/dev/null
  exit 0
)

# Makes $home a folder with the program in it, below the folder $1; with $2, makes $1 as well.
# What was wrong is added to $faults.
settle() {
  [ -z "${2:-}" ] || [ -d "$1" ] || mkdir -m 700 "$1" 2>/dev/null
  fault=$(trusted "$1") || { note "$1"; return 1; }
  store=$1/$3
  fault=$(own_folder "$store") || { note "$1"; return 1; }
  home=$store/$id
  look "$home"
  case $mode:$owner in
    drwx--[-S]---*:"$user") if intact "$home"; then return 0; fi ;;
  esac
  [ ! -t 2 ] || echo "Unpacking the program into $store (once)" >&2
  fault=$(unpack "$store") || { note "$1"; return 1; }
}

note() {
  faults="$faults
  $1: $fault"
}

find_home() {
  faults=
  caches=${CACHE_DIRECTORY:-}
  caches=${caches%%:*}
  case $caches in /*) settle "$caches" "" mailismus && return ;; esac
  case ${XDG_CACHE_HOME:-} in
    /*) settle "$XDG_CACHE_HOME" make mailismus && return ;;
    *) case ${HOME:-} in /*) settle "$HOME/.cache" make mailismus && return ;; esac ;;
  esac
  settle "${TMPDIR:-/tmp}" "" "mailismus-$user" && return
  cat >&2 <<MESSAGE
Cannot unpack the program (made for @PLATFORM@) into any of these folders:$faults
Set XDG_CACHE_HOME to a folder of your own with @MEGABYTES@ MB of room, where programs may run
MESSAGE
  exit 1
}

case $0 in
  /*) self=$0 ;;
  ./*) self=$PWD/${0#./} ;;
  *) self=$PWD/$0 ;;
esac
[ -f "$self" ] || self=$(command -v -- "$0") || self=$0
find_home

export MAILISMUS_FILE="$self"
export DENO_DIR="$home/cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
# shellcheck disable=SC2086 # a command with arguments
exec $emulator "$home/deno" run @FLAGS@ "$home/main.mjs" "$@"

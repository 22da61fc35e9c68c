#!/bin/sh
# Installs Mailismus on a Linux host as a service of systemd, upgrades it, or removes it:
# `sh install.sh --help`. docs/install.md describes what it does. It needs nothing but the program's
# one file, and may be copied to the host beside it.
#
# First everything is checked, then something is changed. What is there already, a config above all,
# is left as it is; so it may be run as often as one likes, after a change of the config too.
set -euf
umask 022

usage() {
  cat <<'TEXT'
Installs Mailismus as a service, or upgrades it; config and mail stay as they are.

Usage: sh install.sh [--user NAME] [--prefix DIR] [BINARY]
       sh install.sh --uninstall [--purge] [--prefix DIR]

BINARY is the program's one file. Without it, it is looked for in dist/ of this checkout and beside
this script.

  --user NAME    the user that the service runs as, made if need be (default: mailismus, or that of
                 the unit that is there)
  --prefix DIR   install everything below DIR, for the user who runs this: no root, no system user,
                 no service
  --uninstall    stop and remove service and program; keep config, logs, mail and the user
  --purge        with --uninstall: remove the config, the logs, the mail and the user as well
  --help         show this help

It installs, below DIR:
  /usr/local/bin/mailismus                   the program
  /etc/mailismus/config.toml, conf/          the config, if there is none, and its users file
  /var/lib/mailismus, /var/log/mailismus     mail and logs, for the service's user alone
  /etc/systemd/system/mailismus.service      the hardened unit that fits the config
TEXT
}

say() { printf '%s\n' "$*"; }
warn() { printf 'Warning: %s\n' "$*" >&2; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
misuse() {
  printf 'install.sh: %s (see --help)\n' "$*" >&2
  exit 2
}

read_arguments() {
  action=install
  purge='' prefix='' user='' binary=''
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --uninstall) action=uninstall ;;
      --purge) purge=yes ;;
      --user | --prefix)
        [ -n "${2:-}" ] || misuse "$1 needs a value"
        if [ "$1" = --user ]; then user=$2; else prefix=$2; fi
        shift
        ;;
      --user=?*) user=${1#*=} ;;
      --prefix=?*) prefix=${1#*=} ;;
      -*) misuse "\"$1\" is not known" ;;
      *)
        [ -z "$binary" ] || misuse "takes one program, not both \"$binary\" and \"$1\""
        binary=$1
        ;;
    esac
    shift
  done
  [ -z "$purge" ] || [ $action = uninstall ] || misuse "--purge goes with --uninstall only"
  [ -z "$binary" ] || [ $action = install ] || misuse "--uninstall takes no program"
  case $user in
    '' | [a-zA-Z_]*) ;;
    *) misuse "\"$user\" is no user's name" ;;
  esac
  case $user in *[!a-zA-Z0-9_-]*) misuse "\"$user\" is no user's name" ;; esac
}

# Where everything goes. With --prefix all paths, those in the config too, lead below DIR.
settle_places() {
  if [ -n "$prefix" ]; then
    case $prefix in /*) ;; *) prefix=$(pwd)/$prefix ;; esac
    prefix=${prefix%/}
    case $prefix in
      *[\"\\%\'\`\$]* | *"
"*) fail "--prefix \"$prefix\" holds a character that cannot stand in a config: choose another folder" ;;
    esac
    [ -n "$prefix" ] || misuse "--prefix / is no staging folder: leave it out"
  elif [ "$(id -u)" -ne 0 ]; then
    fail "must run as root, as it makes a user and a service: use sudo, or --prefix DIR for a folder of your own"
  fi
  program=$prefix/usr/local/bin/mailismus
  etc=$prefix/etc/mailismus
  config=$etc/config.toml
  shipped=$etc/config.toml.shipped
  state=$prefix/var/lib/mailismus
  logs=$prefix/var/log/mailismus
  cache=$prefix/var/cache/mailismus
  unit=$prefix/etc/systemd/system/mailismus.service
}

has_systemd() { [ -z "$prefix" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

unit_user() {
  # shellcheck disable=SC2015 # either part may say nothing
  [ -f "$unit" ] && sed -n 's/^User=\([A-Za-z0-9_-]*\)$/\1/p' "$unit" | head -n 1 || true
}

# ---- Checks: none of these changes anything but the staged copy of the program.

check_platform() {
  [ "$(uname -s)" = Linux ] || fail "installs services of Linux only; this is $(uname -s)"
  [ -n "$prefix" ] && return
  has_systemd || warn "this host does not run systemd: the unit is written, but nothing will start it"
}

find_binary() {
  if [ -z "$binary" ]; then
    here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    set +f
    for one in "$here"/../dist/mailismus-*-"$(uname -m)"-unknown-linux-gnu \
      "$here"/mailismus-*-"$(uname -m)"-unknown-linux-gnu "$here"/mailismus; do
      # Of several the newest.
      [ -f "$one" ] || continue
      if [ -z "$binary" ] || [ -n "$(find "$one" -newer "$binary")" ]; then binary=$one; fi
    done
    set -f
    [ -n "$binary" ] ||
      fail "finds no program for $(uname -m) in dist/ or beside itself: build it with \"deno task compile\", or name it"
  fi
  [ -e "$binary" ] || fail "cannot install \"$binary\": there is no such file"
  [ -f "$binary" ] || fail "cannot install \"$binary\": it is not a file"
  [ -r "$binary" ] || fail "cannot install \"$binary\": it cannot be read"
}

# Makes a folder and those above it, as everybody may see them.
make_parents() {
  [ -d "$1" ] || mkdir -p "$1" || fail "cannot make the folder $1"
}

# Puts a copy beside the place of the program: it is then only renamed, so that at no moment half
# a program is there, and a running one keeps its file.
stage_binary() {
  make_parents "${program%/*}"
  [ ! -d "$program" ] || fail "cannot install the program: $program is a folder"
  staged=$program.new.$$
  trap 'rm -f "$staged"' EXIT
  trap 'exit 1' HUP INT TERM
  { cp -- "$binary" "$staged" && chmod 755 "$staged"; } ||
    fail "cannot copy \"$binary\" into ${program%/*}: is there room, and may you write there?"
  version=$("$staged" --version 2>"$staged.err" </dev/null) || version=
  said=$(cat "$staged.err" 2>/dev/null || true)
  rm -f "$staged.err"
  case $version in
    [Mm]ailismus\ *) ;;
    *) fail "\"$binary\" does not run here, so nothing was installed: is it the program, and made for $(uname -m)?${said:+
$said}" ;;
  esac
  case $version in *", Deno"*) version=${version%%, Deno*} ;; esac
}

# A config that the new version does not take would leave the host without a service.
check_config() {
  [ -e "$config" ] || return 0
  [ -f "$config" ] || fail "$config is not a file"
  folders=$("$staged" permissions --folders --config "$config" 2>&1 </dev/null) ||
    fail "the config has problems, so nothing was changed. Correct them and run this again:
$folders"
}

check_user() {
  [ -z "$prefix" ] || return 0
  getent passwd "$user" >/dev/null && return
  command -v useradd >/dev/null 2>&1 ||
    fail "cannot make the user $user: there is no useradd here. Make that user by other means and run this again"
}

# ---- Changes

# Gives a path to root, and to the service's group for reading; nothing changes hands in a prefix.
owned() {
  [ -n "$prefix" ] || chown "$1" "$2" || fail "cannot give $2 to $1"
}

make_user() {
  [ -z "$prefix" ] || return 0
  if ! getent passwd "$user" >/dev/null; then
    nologin=/usr/sbin/nologin
    [ -x "$nologin" ] || nologin=/sbin/nologin
    useradd --system --user-group --no-create-home --home-dir "$state" --shell "$nologin" \
      --comment "Mailismus mail service" "$user" || fail "cannot make the user $user"
    say "Made the user $user"
  fi
  group=$(id -gn "$user")
}

# A folder that is not there yet: path, mode, owner.
new_folder() {
  [ -d "$1" ] && return
  [ ! -e "$1" ] || fail "cannot make the folder $1: a file is in its place"
  make_parents "${1%/*}"
  mkdir -m 700 "$1" || fail "cannot make the folder $1"
  owned "$3" "$1"
  chmod "$2" "$1"
}

# Writes standard input into a file, whole or not at all: path, mode, owner.
new_file() {
  fresh=$1.new.$$
  (umask 077 && cat >"$fresh") || { rm -f "$fresh"; fail "cannot write $1: is there room?"; }
  owned "$3" "$fresh"
  chmod "$2" "$fresh"
  mv -f "$fresh" "$1" || { rm -f "$fresh"; fail "cannot write $1"; }
}

make_folders() {
  new_folder "$etc" 750 "root:$group"
  new_folder "$etc/conf" 750 "root:$group"
  new_folder "$state" 700 "$user:$group"
  new_folder "$logs" 750 "$user:$group"
}

default_config() {
  cat <<TEXT
# The config of the Mailismus service. docs/settings.md describes every setting;
#   mailismus check --config $config
# shows what is wrong with it, or what is in effect. After a change:
#   systemctl restart mailismus
# If ports or folders changed, run install.sh again: the unit allows only what the config needs.

[paths]
# %DIRTOP% is this file's folder, %DIRCONF% the folder conf in it.
var = "$state"
logs = "$logs"

# The log goes to the journal (journalctl -u mailismus) unless a file is named:
#
# [log]
# file = "%DIRLOG%/mailismus-%DT%.log"
# rot = "WEEKLY"

[directory]
# A user a line: mailismus user add NAME --config $config
users = "%DIRCONF%/users"
# domains = "%DIRCONF%/domains"
# aliases = "%DIRCONF%/aliases"

[message_store]
# The Maildir of anna is in anna/Maildir below this.
userpath = "%DIRVAR%/ms"

# Unencrypted, so for this machine alone. With a certificate (docs/tls.md), put the two listeners
# below in its place.
[[pop3server.listeners]]
name = "POP3"
interface = "127.0.0.1"
port = 110

# TLS from the first byte, on port 995:
#
# [[pop3server.listeners]]
# name = "POP3S"
# ssl = { cert = "%DIRCONF%/tls/fullchain.pem", key = "%DIRCONF%/tls/privkey.pem" }
# server.transcript = { file = "%DIRLOG%/pop3-%DT%.log", rot = "DAILY" }
#
# On port 110 nobody logs in before asking for TLS by STLS:
#
# [[pop3server.listeners]]
# name = "POP3"
# configlink = "POP3S"
# [pop3server.listeners.ssl]
# cert = "%DIRCONF%/tls/fullchain.pem"
# key = "%DIRCONF%/tls/privkey.pem"
# latent = true
# mandatory = true

# Mail that arrives elsewhere is fetched into the mailboxes here:
#
# [pop3download]
# audit = { file = "%DIRLOG%/pop3download-%DT%.log", rot = "MONTHLY" }
#
# [[pop3download.clients]]
# id = "anna-at-provider"
# recip = "anna"
# ssl = {}
# [pop3download.clients.server]
# address = "pop.example.net"
# username = "anna@example.net"
# password_file = "%DIRCONF%/anna.password"
TEXT
}

same() { [ -f "$2" ] && [ "$1" = "$(cat "$2")" ]; }

# A config that nobody changed follows the new version; a changed one stays, and a new version's
# own stands beside it as config.toml.new, once. config.toml.shipped tells what was written last.
install_config() {
  new=$(default_config)
  if [ ! -e "$config" ]; then
    say "$new" | new_file "$config" 640 "root:$group"
    say "Wrote $config"
  elif same "$new" "$config" || same "$new" "$shipped"; then
    :
  elif [ -f "$shipped" ] && same "$(cat "$config")" "$shipped"; then
    say "$new" | new_file "$config" 640 "root:$group"
    say "Replaced $config by that of the new version, as it had not been changed"
  else
    say "$new" | new_file "$config.new" 640 "root:$group"
    say "Kept $config; the config of the new version is beside it, $config.new"
  fi
  same "$new" "$shipped" || say "$new" | new_file "$shipped" 640 "root:$group"
  [ -e "$etc/conf/users" ] || new_file "$etc/conf/users" 640 "root:$group" </dev/null
}

install_binary() {
  if [ -f "$program" ] && cmp -s "$staged" "$program"; then
    rm -f "$staged"
    say "$program is $version already"
  else
    mv -f "$staged" "$program" || fail "cannot replace $program"
    say "Installed $version as $program"
  fi
}

install_unit() {
  text=$("$program" permissions --systemd --user "$user" --config "$config" </dev/null) ||
    fail "the program is installed, but there is no unit: correct $config and run this again"
  same "$text" "$unit" && return
  make_parents "${unit%/*}"
  say "$text" | new_file "$unit" 644 root:root
  say "Wrote $unit"
}

# systemd does not start a service if a folder that it shall write is missing.
make_written_folders() {
  "$program" permissions --folders --config "$config" </dev/null | while IFS= read -r folder; do
    new_folder "$folder" 700 "$user:$group"
    [ -n "$prefix" ] || as_user test -w "$folder" ||
      warn "$user cannot write $folder: give it to that user, or install with --user OWNER"
  done
}

as_user() { runuser -u "$user" -- "$@" 2>/dev/null || ! command -v runuser >/dev/null; }

# The variables that hold passwords, as systemd gives them to the service.
load_environment() {
  [ -r "$etc/environment" ] || return 0
  while IFS='=' read -r name value; do
    case $name in '' | *[!A-Za-z0-9_]* | [0-9]*) continue ;; esac
    case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
    export "$name=$value"
  done <"$etc/environment"
}

# What root can read, the service's user may not be able to: certificates, above all.
check_as_user() (
  command -v runuser >/dev/null 2>&1 || exit 0
  [ -d "$cache" ] || mkdir -m 700 "$cache"
  chown "$user:$group" "$cache"
  load_environment
  export CACHE_DIRECTORY="$cache"
  cd /
  runuser -u "$user" -- "$program" check --config "$config" 2>&1 >/dev/null </dev/null
)

start_service() {
  has_systemd || return 0
  systemctl daemon-reload
  if ! problems=$(check_as_user); then
    warn "the user $user cannot run with this config, so the service was left alone:
$problems"
    exit 1
  fi
  [ -z "$problems" ] || say "$problems"
  systemctl is-active --quiet mailismus || return 0
  systemctl restart mailismus || fail "the service does not start again: see journalctl -u mailismus"
  # A config that cannot be used, a port in use, say, ends it within a moment.
  sleep 2
  systemctl is-active --quiet mailismus || fail "the service does not start again: see journalctl -u mailismus"
  say "Restarted the service"
}

say_next() {
  if [ -n "$prefix" ]; then
    say "Next: $program serve --config $config"
  elif has_systemd && ! systemctl is-active --quiet mailismus; then
    say "Next, once $config is as you want it:"
    [ -s "$etc/conf/users" ] || say "  mailismus user add NAME --config $config"
    say "  systemctl enable --now mailismus"
  elif ! has_systemd; then
    say "Next: start \"$program serve --config $config\" as the user $user by your own means"
  fi
}

install() {
  check_platform
  find_binary
  stage_binary
  [ -n "$user" ] || user=$(unit_user)
  [ -n "$user" ] || user=mailismus
  check_user
  check_config
  group=
  make_user
  make_folders
  install_config
  install_binary
  install_unit
  make_written_folders
  start_service
  say_next
}

# ---- Removal

remove() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  rm -rf "$1" || fail "cannot remove $1"
  say "Removed $1"
  found=yes
}

uninstall() {
  found=
  [ -n "$user" ] || user=$(unit_user)
  elsewhere=
  if [ -x "$program" ] && [ -f "$config" ]; then
    elsewhere=$("$program" permissions --folders --config "$config" 2>/dev/null </dev/null) || elsewhere=
  fi
  if has_systemd && [ -e "$unit" ]; then
    systemctl disable --now --quiet mailismus || fail "cannot stop the service: see journalctl -u mailismus"
  fi
  remove "$unit"
  if has_systemd; then systemctl daemon-reload; fi
  remove "$program"
  remove "$cache"
  if [ -n "$purge" ]; then
    for one in "$etc" "$logs" "$state"; do remove "$one"; done
    if [ -z "$prefix" ] && [ "${user:-mailismus}" = mailismus ] && getent passwd mailismus >/dev/null; then
      userdel mailismus || fail "cannot remove the user mailismus"
      say "Removed the user mailismus"
    fi
  fi
  [ -n "$found" ] || say "Nothing of Mailismus is installed${prefix:+ in $prefix}"
  for one in "$etc" "$state" "$logs"; do
    if [ -e "$one" ]; then say "Kept $one"; fi
  done
  printf '%s\n' "$elsewhere" | while IFS= read -r one; do
    case $one in
      '' | "$state"/* | "$logs"/* | "$state" | "$logs") ;;
      *) if [ -e "$one" ]; then say "Kept $one"; fi ;;
    esac
  done
}

read_arguments "$@"
settle_places
$action

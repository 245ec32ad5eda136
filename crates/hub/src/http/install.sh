#!/bin/sh
# Installs atlas-runner and atlas-runnerd into ~/.local/bin, or into $ATLAS_INSTALL_DIR.
#
# Files are loaded into a folder beside their place and compared with the digests below; only when
# all are right do they replace what is there, each in one step.
set -eu

hub=@HUB@

main() {
  dir=${ATLAS_INSTALL_DIR:-}
  if [ -z "$dir" ]; then
    [ -n "${HOME:-}" ] || fail "HOME is not set; set ATLAS_INSTALL_DIR to the folder to install into"
    dir=$HOME/.local/bin
  fi
  case $dir in
    /*) ;;
    *) dir=$PWD/$dir ;;
  esac
  platform=$(platform)
  tools
  mkdir -p "$dir" || fail "cannot create $dir; set ATLAS_INSTALL_DIR to a folder that you may write"
  stage=
  placed=
  complete=
  trap finish EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  stage=$(mktemp -d "$dir/.atlas-install.XXXXXX") ||
    fail "cannot write to $dir; set ATLAS_INSTALL_DIR to a folder that you may write"
  case $platform in
@CASES@
    *) fail "there is no release for $platform" ;;
  esac
  place atlas-runnerd
  place atlas-runner
  complete=yes
  say "$installed: in $dir"
  case ":${PATH:-}:" in
    *":$dir:"*) ;;
    *) say "$dir is not in PATH yet" ;;
  esac
}

say() { printf '%s\n' "$1" >&2; }

fail() {
  say "atlas-runner was not installed: $1"
  exit 1
}

# Whatever ends this script before it is complete ends with what was there before.
finish() {
  status=$?
  trap - EXIT
  if [ -z "$complete" ]; then
    for name in $placed; do
      if [ -f "$stage/$name.old" ]; then
        mv -f "$stage/$name.old" "$dir/$name"
      else
        rm -f "$dir/$name"
      fi
    done
  fi
  [ -z "$stage" ] || rm -rf "$stage"
  exit "$status"
}

platform() {
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) fail "$system is not supported by this script" ;;
  esac
  # A translated shell on an Arm Mac says x86_64.
  if [ "$os" = macos ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then
    machine=arm64
  fi
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "$machine is not supported" ;;
  esac
  printf '%s-%s\n' "$os" "$arch"
}

tools() {
  if command -v curl >/dev/null 2>&1; then
    load() { curl -fsSL --connect-timeout 20 -o "$2" "$1"; }
  elif command -v wget >/dev/null 2>&1; then
    load() { wget -q -O "$2" "$1"; }
  else
    fail "neither curl nor wget is there; install one of them"
  fi
  if command -v sha256sum >/dev/null 2>&1; then
    digest() { sha256sum <"$1"; }
  elif command -v shasum >/dev/null 2>&1; then
    digest() { shasum -a 256 <"$1"; }
  elif command -v openssl >/dev/null 2>&1; then
    digest() { openssl dgst -sha256 -r <"$1"; }
  else
    fail "none of sha256sum, shasum and openssl is there; install one of them"
  fi
}

# fetch NAME VERSION DOWNLOAD-ID SHA256
fetch() {
  load "$hub/api/v1/download/$3" "$stage/$1" || fail "cannot load $1 $2 from $hub"
  found=$(digest "$stage/$1") || fail "cannot compute the SHA-256 of $1"
  found=${found%% *}
  [ "$found" = "$4" ] ||
    fail "$1 $2 did not arrive as it was released: its SHA-256 is $found, not $4"
  chmod 755 "$stage/$1" || fail "cannot make $1 executable"
  installed="${installed:+$installed, }$1 $2"
}

# place NAME
place() {
  [ -f "$stage/$1" ] || return 0
  [ ! -d "$dir/$1" ] || fail "$dir/$1 is a folder"
  if [ -e "$dir/$1" ]; then
    cp -p "$dir/$1" "$stage/$1.old" || fail "cannot keep a copy of $dir/$1"
  fi
  # Before the fact, so that a signal right after it is not too late.
  placed="$placed $1"
  mv -f "$stage/$1" "$dir/$1" || fail "cannot replace $dir/$1"
}

installed=
main

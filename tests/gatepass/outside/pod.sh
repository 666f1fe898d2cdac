#!/bin/sh
# Runs a program as the first process of a container, with a read-only root: pod.sh ROOT USER SOURCE:PLACE... -- PROGRAM WORD...
# Without root rights, the program runs as the one user that a name space may have.
set -eu
root=$1 user=$2
shift 2
spaces="--mount --pid --fork --kill-child"
if [ "$(id -u)" != 0 ]; then
  user=0:0
  spaces="--user --map-root-user $spaces"
fi
export root user
# shellcheck disable=SC2016,SC2086 # The inner shell reads the variables, and each flag is a word of its own.
exec unshare $spaces sh -euc '
  mount --make-rprivate /
  mount --bind "$root" "$root"
  while [ "$1" != -- ]; do
    mount --rbind "${1%%:*}" "$root${1#*:}"
    shift
  done
  shift
  mount --rbind /dev "$root/dev"
  mount -t proc proc "$root/proc"
  mount -o remount,bind,ro "$root"
  exec env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec="$user" "$root" "$@"
' sh "$@"

#!/bin/sh
# Installs those packages that limbic needs on Debian 12 and that are missing.
#   cmake/setup-debian.sh [build] [test] [examples] [clang] [bench]
set -eu

packages=""
for part in "$@"; do
  case $part in
    build) packages="$packages cmake ninja-build g++ libeigen3-dev" ;;
    test) packages="$packages doctest-dev libzip-dev libbenchmark-dev" ;;
    examples) packages="$packages libmatio-dev libutf8proc-dev zlib1g-dev libcli11-dev nlohmann-json3-dev libboost-dev libsvm-dev liblinear-dev gnuplot-nox" ;;
    clang) packages="$packages clang-14 clang-19 libclang-rt-14-dev libclang-rt-19-dev" ;;
    bench) packages="$packages libbenchmark-dev libopenblas-dev libdnnl-dev libutf8proc-dev zlib1g-dev" ;;
    *) echo "setup-debian.sh: unknown part '$part'" >&2; exit 2 ;;
  esac
done

if ! command -v apt-get >/dev/null; then
  echo "setup-debian.sh: no apt-get here; needed are the equivalents of:$packages" >&2
  exit 0
fi

missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null

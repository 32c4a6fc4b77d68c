#!/bin/sh
# Puts the one binary that release.txt names on this machine, and nothing else: what is fetched, and what an earlier job
# left in the tool cache, is run only if its sha256 stands in this commit. Nothing that could vouch for itself is asked:
# no checksum file of the release, no token, no API.
#
# Order: SHIPWAY_BINARY (your own build) · tool cache · the `mirror` input or SHIPWAY_MIRROR · the release.
# PATH is never searched: a `shipway` that happens to be there is no decision of yours.
#
# Sourced by run.sh. Run by itself (the `setup` action) it also puts the binary on PATH for the steps that follow, and
# prints where it is. POSIX sh; needs curl or wget, gzip, sha256sum or shasum.
set -eu

# All tries together; where the line is slow, allow more.
seconds_in_all=${SHIPWAY_INSTALL_SECONDS:-60}
tries_in_all=4

say() { printf '%s\n' "$*" >&2; }

# A text inside a workflow command.
escaped() {
  escape_rest=$1
  escape_done=''
  while :; do
    case $escape_rest in
    *%*) ;;
    *) break ;;
    esac
    escape_done="$escape_done${escape_rest%%\%*}%25"
    escape_rest=${escape_rest#*\%}
  done
  printf '%s' "$escape_done$escape_rest"
}

# fail EXIT-CODE CODE WHAT NEXT: outputs on failure too, so that later steps can tell.
fail() {
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    printf '::error title=Shipway was not installed::%s. %s. (%s)\n' "$(escaped "$3")" "$(escaped "$4")" "$2" >&2
  else
    printf 'error: %s\n  next: %s\n  code: %s\n' "$3" "$4" "$2" >&2
  fi
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'deployment-status=not-started\nchanged=false\nfailure-code=%s\n' "$2" >>"$GITHUB_OUTPUT" || :
  fi
  exit "$1"
}

has() { command -v "$1" >/dev/null 2>&1; }

sha256() {
  if has sha256sum; then
    sum=$(sha256sum <"$1")
  else
    sum=$(shasum -a 256 <"$1")
  fi
  printf '%s' "${sum%% *}"
}

# The target that this machine runs.
find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case ${RUNNER_OS:-}/$system in
  Windows/* | */MINGW* | */MSYS* | */CYGWIN*)
    fail 2 shipway::install::windows 'Shipway does not run on Windows' \
      'Use a Linux runner, e.g. `runs-on: ubuntu-24.04`'
    ;;
  */Linux) vendor=unknown-linux-musl ;;
  */Darwin) vendor=apple-darwin ;;
  *) vendor= ;;
  esac
  case $machine in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) vendor= ;;
  esac
  target="$machine-$vendor"
  [ -n "$vendor" ] || target="$system $machine"
}

# What this commit pins: version, base, and the three values of our target.
read_release() {
  version=''
  base=''
  targets=''
  archive_sum=''
  archive_bytes=''
  binary_sum=''
  while read -r word one two three four _; do
    case $word in
    version) version=$one ;;
    from) base=${one%/} ;;
    binary)
      targets="$targets $one"
      if [ "$one" = "$target" ]; then
        archive_sum=$two archive_bytes=$three binary_sum=$four
      fi
      ;;
    esac
  done <"$here/release.txt"
  if [ -z "$version" ] || [ -z "$targets" ]; then
    fail 2 shipway::install::no_release 'This commit of the action holds no release: its action/release.txt names no binary' \
      'Pin a release (`uses: octo-org/shipway@v1`, or the commit of one), or build shipway yourself and set the variable SHIPWAY_BINARY to its path'
  fi
  if [ -z "$binary_sum" ]; then
    fail 2 shipway::install::no_binary "Shipway $version has no binary for $target; it has them for:$targets" \
      'Use another runner, or build shipway yourself and set the variable SHIPWAY_BINARY to its path'
  fi
}

# The mirror's address stands in logs and in the arguments of a process.
read_mirror() {
  mirror=${SHIPWAY_ACTION_MIRROR:-${SHIPWAY_MIRROR:-}}
  mirror=${mirror%/}
  case $mirror in
  *://*@*)
    fail 2 shipway::install::mirror '`mirror` holds a user name' \
      'Give an address that needs no login (the sha256 in the action decides what runs, whoever serves it), or fetch the binary yourself and set the variable SHIPWAY_BINARY to its path'
    ;;
  *[!][A-Za-z0-9._~:/%+,=-]*) mirror_is=wrong ;;
  '' | https://?* | http://?*) mirror_is=right ;;
  *) mirror_is=wrong ;;
  esac
  if [ "$mirror_is" = wrong ]; then
    fail 2 shipway::install::mirror '`mirror` is no address' \
      "It must begin with https:// or http://, without a query, and hold v$version/shipway-$target.gz"
  fi
}

check_tools() {
  case $seconds_in_all in
  '' | *[!0-9]*)
    fail 2 shipway::install::seconds 'SHIPWAY_INSTALL_SECONDS is no number of seconds' 'Write digits alone, e.g. 120'
    ;;
  esac
  missing=''
  has curl || has wget || missing="$missing, curl or wget"
  has gzip || missing="$missing, gzip"
  has sha256sum || has shasum || missing="$missing, sha256sum or shasum"
  if [ -n "$missing" ]; then
    fail 2 shipway::install::tools "Shipway cannot be installed here without: ${missing#, }" \
      "Install them in the runner's or the container's image"
  fi
}

# fetch URL FILE: `why` says what went wrong, `again` whether another try may help.
fetch() {
  why=''
  again=yes
  http=''
  # The file is public: whoever serves it needs none of the job's tokens, nor does the program that asks.
  (
    unset GITHUB_TOKEN GH_TOKEN ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_RUNTIME_TOKEN \
      AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN SHIPWAY_INPUTS || :
    if has curl; then
      exec curl -fsSL --proto '=https,http' --proto-redir '=https,http' --connect-timeout 10 --speed-limit 1000 \
        --speed-time 15 --max-time "$left" --max-filesize "$archive_bytes" -w '%{http_code}' -o "$2" "$1"
    fi
    # busybox's knows no time limits, GNU's has twenty tries of its own.
    case $(wget --help 2>&1) in
    *[Bb]usy[Bb]ox*) set -- wget -q -O "$2" "$1" ;;
    *) set -- wget -q --tries=1 --timeout=15 -O "$2" "$1" ;;
    esac
    has timeout || exec "$@"
    exec timeout "$left" "$@"
  ) >"$new/http" 2>/dev/null </dev/null &
  fetching=$!
  wait "$fetching" && code=0 || code=$?
  fetching=''
  read -r http <"$new/http" || :
  if [ "$code" -ne 0 ]; then
    case $http in
    4[0-9][0-9] | 5[0-9][0-9])
      why="HTTP $http"
      case $http in 400 | 401 | 404 | 405 | 410) again='' ;; esac
      return 1
      ;;
    esac
    if has curl; then
      case $code in
      5) why='the proxy has no address' ;;
      6) why='the host has no address' ;;
      7) why='no connection' ;;
      18) why='it ended early' ;;
      28) why='too slow' ;;
      35 | 60) why='TLS failed' ;;
      63) why="refused: it is longer than $archive_bytes bytes" again='' ;;
      *) why="curl ended with $code" ;;
      esac
    else
      case $code in
      124 | 137 | 143) why='too slow' ;;
      *) why="wget ended with $code" ;;
      esac
    fi
    return 1
  fi
  bytes=$(($(wc -c <"$2")))
  if [ "$bytes" -lt "$archive_bytes" ]; then
    why="it ended after $bytes of $archive_bytes bytes"
    return 1
  fi
  got=$(sha256 "$2")
  if [ "$got" != "$archive_sum" ]; then
    why="refused: its sha256 is $got, this commit names $archive_sum" again=''
    return 1
  fi
}

remove_new() {
  [ -z "${new:-}" ] || rm -rf "$new"
  new=''
}

# The runner signals this process alone.
stopped() {
  [ -z "${fetching:-}" ] || kill "$fetching" 2>/dev/null || :
  remove_new
  trap - EXIT
  exit "$1"
}

# Where the binary goes: `place`, and a directory of our own in it, on the same file system: `new`.
make_place() {
  (umask 022 && mkdir -p "$1") 2>/dev/null || return 1
  # What we could not replace by a rename.
  [ ! -d "$1/shipway" ] || return 1
  new=$( (umask 077 && mktemp -d "$1/.new.XXXXXX") 2>/dev/null) || return 1
  place=$1
}

download() {
  new=''
  fetching=''
  trap remove_new EXIT
  trap 'stopped 130' INT
  trap 'stopped 143' TERM
  if ! make_place "$cache"; then
    # `mktemp`: a name that nobody could prepare.
    elsewhere=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/shipway.XXXXXX")
    make_place "$elsewhere" || fail 1 shipway::install::place "Cannot write to $elsewhere" "Make room in the runner's temporary directory"
    say "The tool cache ($cache) cannot be written; using $place"
  fi

  file="v$version/shipway-$target.gz"
  mirror_url=${mirror:+$mirror/$file}
  release_url=${base:+$base/$file}
  from=''
  refused=''
  began=$(date +%s)
  try=1
  while [ -z "$from" ] && [ -n "$mirror_url$release_url" ]; do
    for source in mirror release; do
      if [ "$source" = mirror ]; then url=$mirror_url; else url=$release_url; fi
      left=$((seconds_in_all - ($(date +%s) - began)))
      if [ -z "$url" ] || [ "$left" -le 0 ]; then continue; fi
      if fetch "$url" "$new/shipway.gz"; then
        from=$url
        break
      fi
      say "try $try: $url: $why"
      case $why in refused:*) refused=yes ;; esac
      # The last word on each address.
      if [ "$source" = mirror ]; then told_mirror="$url: $why"; else told_release="$url: $why"; fi
      if [ -z "$again" ]; then
        if [ "$source" = mirror ]; then mirror_url=''; else release_url=''; fi
      fi
    done
    left=$((seconds_in_all - ($(date +%s) - began)))
    if [ -n "$from" ] || [ "$try" -ge "$tries_in_all" ] || [ "$left" -le "$try" ]; then break; fi
    [ -z "$mirror_url$release_url" ] || sleep "$try"
    try=$((try + 1))
  done
  if [ -z "$from" ]; then
    told="${told_mirror:-}${told_mirror:+; }${told_release:-no address to fetch it from}"
    code=shipway::install::download
    [ -z "$refused" ] || code=shipway::install::checksum
    fail 1 "$code" "Cannot install Shipway $version for $target: $told" \
      "Where the release is out of reach, set the input \`mirror\` to an address that holds $file (the sha256 in the action still decides), or fetch the binary yourself and set the variable SHIPWAY_BINARY to its path"
  fi

  gzip -dc <"$new/shipway.gz" >"$new/shipway" 2>/dev/null || :
  got=$(sha256 "$new/shipway")
  if [ "$got" != "$binary_sum" ]; then
    fail 1 shipway::install::checksum "Refused: the binary in $from has the sha256 $got, this commit names $binary_sum" \
      'The release does not agree with itself, or gzip failed (a full disk?): please report it'
  fi
  chmod 755 "$new/shipway"
  mv -f "$new/shipway" "$place/shipway"
  remove_new
  trap - EXIT INT TERM
  shipway="$place/shipway"
  say "Shipway $version for $target, from $from; its sha256 is the one in this commit"
}

# Sets `shipway`, the path of the binary, and `version`.
install_shipway() {
  if [ -n "${SHIPWAY_BINARY:-}" ]; then
    shipway=$SHIPWAY_BINARY
    # Never a word to look up on PATH.
    case $shipway in */*) ;; *) shipway="./$shipway" ;; esac
    if [ ! -f "$shipway" ] || [ ! -x "$shipway" ]; then
      fail 2 shipway::install::binary "The variable SHIPWAY_BINARY names $shipway, which is no program" \
        'Build it in an earlier step, or unset the variable to use the release'
    fi
    version=''
    say "Shipway is $shipway, as SHIPWAY_BINARY says; no release is used"
    return 0
  fi
  find_target
  read_release
  read_mirror
  check_tools
  cache="${RUNNER_TOOL_CACHE:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}}/shipway/$version/$target"
  if [ -f "$cache/shipway" ] && [ ! -L "$cache/shipway" ] && [ -r "$cache/shipway" ]; then
    got=$(sha256 "$cache/shipway")
    if [ "$got" = "$binary_sum" ] && [ -x "$cache/shipway" ]; then
      shipway="$cache/shipway"
      say "Shipway $version for $target, from the tool cache; its sha256 is the one in this commit"
      return 0
    fi
    if [ "$got" != "$binary_sum" ]; then
      say "The copy in the tool cache ($cache/shipway) is refused: its sha256 is $got, this commit names $binary_sum. Fetching it anew."
    fi
  fi
  download
}

case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac
if [ "${0##*/}" = install.sh ]; then
  install_shipway
  directory=$(cd "${shipway%/*}" && pwd)
  if [ "${shipway##*/}" != shipway ]; then
    fail 2 shipway::install::binary "SHIPWAY_BINARY names $shipway: on PATH it would be called ${shipway##*/}" \
      'Call the file shipway'
  fi
  if [ -n "${GITHUB_PATH:-}" ]; then printf '%s\n' "$directory" >>"$GITHUB_PATH"; fi
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'version=%s\npath=%s\n' "$version" "$directory/shipway" >>"$GITHUB_OUTPUT"
  fi
  printf '%s\n' "$directory/shipway"
fi

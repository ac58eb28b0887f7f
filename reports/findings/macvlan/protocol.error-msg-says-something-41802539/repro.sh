#!/bin/sh
# protocol.error-msg-says-something: `msg` is empty
# A short message characterizing the error.
# https://github.com/containernetworking/cni/blob/spec-v1.0.0/SPEC.md#error
#
# usage: sh repro.sh [PLUGIN]
# Shows it in namespaces of its own; needs unshare, mount, ip and the plugin.
set -u
here=$(cd "$(dirname "$0")" && pwd)
plugin=${1:-/usr/lib/cni/macvlan}
if [ -z "${CNISPEC_REPRO:-}" ]; then
  CNISPEC_REPRO=1 exec unshare -r -n -m -i -u -p -f --mount-proc sh "$0" "$plugin"
fi
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/ipam /run/input
cp "$here"/stdin-* /run/input/
case "$plugin" in /tmp/*) ;; *) mount -t tmpfs tmpfs /tmp ;; esac
case "$plugin" in /var/lib/*) ;; *) mount -t tmpfs tmpfs /var/lib ;; esac
ip link set lo up
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done 2>/dev/null
ip link add uplink0 type veth peer name far-uplink0 && ip link set far-uplink0 up
ip address add 192.0.2.2/24 dev uplink0 nodad
ip link set uplink0 up
ip netns add cnispec-a-00000001 && ip -n cnispec-a-00000001 link set lo up

# What the IPAM plugin answers.
printf '{}' > /run/ipam/answer
printf '#!/bin/sh\ncat >/dev/null\ncat /run/ipam/answer\nexit 1\n' > /run/ipam/host-local
chmod +x /run/ipam/host-local

echo '--- 1: ADD'
env -i PATH="$PATH" CNI_PATH=/run/ipam:"$(dirname "$plugin")":/run/cnispec/standin:/usr/lib/cni:/run/cnispec/bin CNI_COMMAND=ADD CNI_CONTAINERID=cnispec-a-00000001 CNI_NETNS=/run/netns/cnispec-a-00000001 CNI_IFNAME=eth0 CNI_ARGS='' \
  timeout 30 "$plugin" < /run/input/stdin-1.json
status=$?; echo; echo "exit status $status"
rm /run/ipam/host-local

echo '--- 2: DEL'
env -i PATH="$PATH" CNI_PATH=/run/ipam:"$(dirname "$plugin")":/run/cnispec/standin:/usr/lib/cni:/run/cnispec/bin CNI_COMMAND=DEL CNI_CONTAINERID=cnispec-a-00000001 CNI_NETNS=/run/netns/cnispec-a-00000001 CNI_IFNAME=eth0 CNI_ARGS='' \
  timeout 30 "$plugin" < /run/input/stdin-2.json
status=$?; echo; echo "exit status $status"

echo '--- left on the host:'
ip -br link
find /run /var/lib /tmp -type f 2>/dev/null | grep -v '^/run/ipam'
exit 0

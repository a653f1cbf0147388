import { dirname } from 'node:path';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { quote } from '../../std/shell-word.ts';
import { takeHost } from '../apply/agent-lock.ts';
import { forgetPolicy } from '../apply/agent-script.ts';
import { KUBELET_KUBECONFIG } from '../desired/node.ts';
import { JOURNAL } from '../journal.ts';

/** Dependents before what they depend on. */
const UNITS = [
  'flanneld',
  'calico-node',
  'network-policy',
  'kubelet',
  'kube-proxy',
  'kube-scheduler',
  'kube-controller-manager',
  'kube-apiserver',
  'coredns',
  'keepalived',
  'haproxy',
  'muster-lb',
  'etcd',
];

/** Upstream's kubelet and kube-proxy leave their chains, which are all called so. */
const CHAINS = `  for command in iptables ip6tables; do
    command -v "$command" >/dev/null || continue
    for table in mangle nat filter; do
      chains=$("$command" -t "$table" -S 2>/dev/null | sed -n 's/^-N \\(KUBE-.*\\)$/\\1/p')
      for chain in $chains; do "$command" -t "$table" -F "$chain" || :; done
      "$command" -t "$table" -S 2>/dev/null | sed -n '/ -j KUBE-/s/^-A //p' | while read -r rule; do printf '%s\\n' "$rule" | xargs "$command" -t "$table" -D || :; done
      for chain in $chains; do "$command" -t "$table" -X "$chain" || warn "chain $chain stays"; done
    done
  done
`;

/**
 * Takes away what `apply` made on a host, by the host's own journal, and puts back what was there before: services and pods end, then files,
 * directories with what the components wrote there, accounts and kernel parameters go. May be run again wherever it ended; a host without a
 * journal is left as it is. Prints what it could not do, and ends with 1 then.
 */
export function resetScript({ kubelet, pki, name, distribution }: Inventory): string {
  return `
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
journal=${JOURNAL}
installed=$journal/installed
tab=$(printf '\\t')
failed=0
warn() { printf '%s\\n' "$1" >&2; failed=1; }
if [ ! -f "$installed" ]; then exit 0; fi
${takeHost(JOURNAL)}recorded() { grep -qxF -- "$1" "$installed"; }
for unit in ${UNITS.join(' ')}; do
  if recorded "unit$tab$unit.service" && systemctl cat "$unit.service" >/dev/null 2>&1; then systemctl disable --quiet --now "$unit.service" 2>/dev/null || systemctl stop "$unit.service" || :; fi
done
if recorded "unit$tab"kubelet.service; then
  if command -v ctr >/dev/null 2>&1 && ctr version >/dev/null 2>&1; then
    for task in $(ctr -n k8s.io tasks ls -q); do ctr -n k8s.io tasks kill -a -s KILL "$task" >/dev/null 2>&1 || :; done
    for task in $(ctr -n k8s.io tasks ls -q); do ctr -n k8s.io tasks rm -f "$task" >/dev/null 2>&1 || :; done
    for container in $(ctr -n k8s.io containers ls -q); do ctr -n k8s.io containers rm "$container" >/dev/null || warn "container $container stays"; done
    systemctl restart containerd.service || warn 'containerd does not start again'
  fi
  for namespace in $(ip netns list 2>/dev/null | sed -n 's/^\\(cni-[^ ]*\\).*/\\1/p'); do ip netns delete "$namespace" || warn "network namespace $namespace stays"; done
  if ip link show cni0 >/dev/null 2>&1; then ip link delete cni0 || warn 'the bridge cni0 stays'; fi
  rm -rf /var/lib/cni/networks/${quote(name)}
  sed -n 's/^[^ ]* \\([^ ]*\\) .*/\\1/p' /proc/mounts | grep -F ${quote(`${kubelet.rootDirectory}/`)} | sort -r | while read -r mount; do umount "$mount" || umount -l "$mount"; done
  if [ -x ${quote(`${distribution.directory}/muster`)} ]; then ${quote(`${distribution.directory}/muster`)} kube-proxy --cleanup >/dev/null 2>&1 || warn 'rules of kube-proxy may be left'; fi
${distribution.type === 'upstream' ? CHAINS : ''}  # The program goes with the files: it is not there when this was run before.
  for network in flanneld calico-node network-policy; do
    if [ -x ${quote(`${distribution.directory}/muster`)} ] && recorded "unit$tab$network.service"; then ${quote(`${distribution.directory}/muster`)} "$network" --cleanup >/dev/null 2>&1 || warn "the network of $network may be left"; fi
  done
  rmdir /run/flannel 2>/dev/null || :
  rm -f ${quote(KUBELET_KUBECONFIG)} ${quote(pki.directory)}/kubelet-client-* ${quote(pki.directory)}/.kubelet-* ${quote(pki.directory)}/kubelet-server-* ${quote(pki.directory)}/kubelet.crt ${quote(pki.directory)}/kubelet.key
fi
put_back() {
  rm -f "$1" || warn "$1 stays"
  if [ -e "$journal/originals$1" ] || [ -L "$journal/originals$1" ]; then cp -a -- "$journal/originals$1" "$1" || warn "$1 cannot be put back"; fi
}
packages=$(sed -n "s/^package$tab//p" "$installed")
sed '1!G;h;$!d' "$installed" > "$journal/reversed"
while IFS="$tab" read -r what name value; do
  case $what in
    file | link) put_back "$name" ;;
    tree) rm -rf --one-file-system "$name" || warn "$name stays" ;;
    content) find "$name" -xdev -mindepth 1 -delete || warn "what is in $name stays" ;;
    rights) if [ -d "$name" ]; then chown "\${value#* }" "$name" && chmod "\${value%% *}" "$name" || warn "owner and mode of $name stay"; fi ;;
    parent) rmdir "$name" 2>/dev/null || : ;;
    user) userdel "$name" 2>/dev/null || : ;;
    group) if getent group "$name" >/dev/null; then groupdel "$name" || warn "group $name stays"; fi ;;
    sysctl) printf '%s\\n' "$value" > "/proc/sys/$(printf %s "$name" | tr . /)" || warn "kernel parameter $name stays" ;;
    started) systemctl disable --quiet --now "$name" || warn "$name stays on" ;;
    enabled) systemctl disable --quiet "$name" || warn "$name stays enabled" ;;
  esac
done < "$journal/reversed"
systemctl daemon-reload
while IFS="$tab" read -r what name value; do
  case $what in
    disabled) systemctl enable --quiet "$name" || warn "$name stays disabled" ;;
    stopped) systemctl start "$name" || warn "$name stays stopped" ;;
    swap) swapon -a || warn 'swap stays off' ;;
  esac
done < "$installed"
${forgetPolicy}
if [ -n "$packages" ]; then DEBIAN_FRONTEND=noninteractive dpkg --purge $packages >/dev/null 2>&1 || warn "packages stay: $(echo $packages)"; fi
ldconfig 2>/dev/null || :
if [ "$failed" -eq 0 ]; then
  rm -rf "$journal"
  rmdir ${quote(dirname(JOURNAL))} 2>/dev/null || :
fi
exit "$failed"
`;
}

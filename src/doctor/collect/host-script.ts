/**
 * What is run on a host, by `sh -s`, here or over SSH: prints what the doctor looks at, and of private keys nothing but who may read them.
 * Records begin with a letter; lines of a file follow its record, each behind a bar:
 *
 *     H name          the host's name
 *     S device        an area of swap
 *     L path          a link that leads nowhere
 *     K mode owner path   a private key
 *     C path          a file with certificates; only these follow
 *     T path          a configuration or unit file, whole
 *     N flag path     a file that a unit names and that is not there; `program` for what it runs
 *     D mode owner path   the directory in which the kubelet works
 *     P from to reserved   which ports the kernel gives to outgoing connections, and which of them it leaves out
 *
 * `ROOT` stands for `/` in tests. Nothing but the tools that every host has is used.
 */
export const HOST_SCRIPT = `
R=\${ROOT:-}
bars() { sed 's/^/|/'; }
echo "H $(hostname)"
ports=$R/proc/sys/net/ipv4/ip_local_
if [ -r "\${ports}port_range" ]; then
  read -r from to < "\${ports}port_range"; echo "P $from $to $(cat "\${ports}reserved_ports" 2>/dev/null)"
fi
sed 1d "$R/proc/swaps" 2>/dev/null | while read -r device _; do echo "S $device"; done
key() { ls -ld "$R$1" | { read -r mode _ owner _; echo "K $mode $owner $1"; }; }
of_keys_and_certificates() {
  case $1 in *.pem|*.crt|*.key) ;; *) return;; esac
  [ -f "$R$1" ] && [ -r "$R$1" ] || return
  [ "$(wc -c < "$R$1")" -le 1048576 ] || return
  if grep -q 'PRIVATE KEY-----' "$R$1"; then key "$1"; fi
  # Files with a date are those that the current one has replaced.
  case $1 in */kubelet-client-[0-9]*|*/kubelet-server-[0-9]*) return;; esac
  if grep -q 'BEGIN CERTIFICATE-----' "$R$1"; then
    echo "C $1"
    sed -n '/BEGIN CERTIFICATE-----/,/END CERTIFICATE-----/p' "$R$1" | bars
  fi
}
for d in /etc/kubernetes/pki /etc/kubernetes/pki/etcd /etc/kubernetes/ssl /etc/kubernetes/cert /etc/etcd/ssl /var/lib/kubelet/pki /etc/kubernetes; do
  n=0
  for f in "$R$d"/*; do
    p=$d/\${f##*/}
    n=$((n + 1)); [ $n -le 500 ] || break
    if [ -L "$f" ] && [ ! -e "$f" ]; then echo "L $p"; continue; fi
    of_keys_and_certificates "$p"
  done
done
text() {
  [ -f "$R$1" ] && [ -r "$R$1" ] && [ "$(wc -c < "$R$1")" -le 1048576 ] || return
  echo "T $1"; bars < "$R$1"; echo
}
# What units name, file by file; a file of settings is looked into only for what it is.
named() {
  sed -n 's/^[[:space:]]*//; s/^ExecStart=//; p' "$R$1" | tr ' \\t' '\\n\\n' |
    sed -n 's/^--\\(config\\|kubeconfig\\|bootstrap-kubeconfig\\|token-auth-file\\|audit-policy-file\\|authentication-kubeconfig\\|authorization-kubeconfig\\|[a-z-]*-\\(ca\\|cert\\|key\\)-\\{0,1\\}file\\|etcd-cafile\\|etcd-certfile\\|etcd-keyfile\\|kubelet-client-certificate\\|kubelet-client-key\\|kubelet-certificate-authority\\)=["'\\'']\\{0,1\\}\\(\\/[^"'\\''\\\\]*\\).*$/\\1 \\3/p' |
    while read -r flag path; do
      if [ ! -e "$R$path" ]; then echo "N $flag $path"
      elif [ "$flag" = config ]; then
        text "$path"
        sed -n 's/^.*clientCAFile"\\{0,1\\}:[[:space:]]*["'\\'']\\{0,1\\}\\(\\/[^"'\\'',}[:space:]]*\\).*$/\\1/p' "$R$path" |
          while read -r ca; do [ -e "$R$ca" ] || echo "N clientCAFile $ca"; done
      fi
    done
}
for d in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
  # Where /lib is a link to /usr/lib, its files have been seen.
  [ "$d" = /lib/systemd/system ] && [ -L "$R/lib" ] && continue
  for u in kubelet kube-proxy kube-apiserver kube-controller-manager kube-scheduler; do
    [ -f "$R$d/$u.service" ] || continue
    text "$d/$u.service"; named "$d/$u.service"
    program=$(sed -n 's/^ExecStart=[-@:+!|]*\\(\\/[^ \\\\]*\\).*$/\\1/p' "$R$d/$u.service" | sed 1q)
    if [ -n "$program" ] && [ ! -e "$R$program" ]; then echo "N program $program"; fi
    [ $u = kubelet ] || continue
    work=$(sed -n 's/^.*--root-dir[= ]"\\{0,1\\}\\(\\/[^" \\\\]*\\).*$/\\1/p' "$R$d/$u.service" | sed 1q)
    work=\${work:-/var/lib/kubelet}
    if [ -d "$R$work" ]; then ls -ld "$R$work" | { read -r mode _ owner _; echo "D $mode $owner $work"; }; fi
  done
done
text /etc/containerd/config.toml
text /var/lib/kubelet/kubeadm-flags.env
[ -f "$R/etc/systemd/system/kubelet.service" ] || text /var/lib/kubelet/config.yaml
exit 0
`;

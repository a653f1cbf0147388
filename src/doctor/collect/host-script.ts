/**
 * What is run on a host, by `sh -s`, here or over SSH: prints what the doctor looks at, and of private keys nothing but who may read them.
 * Records begin with a letter; lines of a file follow its record, each behind a bar:
 *
 *     H name          the host's name
 *     Z seconds       its time, since the epoch
 *     B path          with what the kubelet is to join: `server URL`, `token ID` (never its secret half) and whom it trusts
 *     S device        an area of swap
 *     L path          a link that leads nowhere
 *     K mode owner path   a private key, or a kubeconfig with one
 *     C path          a file with certificates, or a kubeconfig with its user's; only these follow
 *     T path          a configuration or unit file, or a drop-in of a unit, whole
 *     V path          a file of variables that a unit names, those that hold flags; none where it is not there
 *     N flag path     a file that a unit names and that is not there; `program` for what it runs
 *     A component flag path   a key of service-account tokens; its public half follows
 *     D mode owner path   the directory in which the kubelet works
 *     P from to reserved   which ports the kernel gives to outgoing connections, and which of them it leaves out
 *
 * `ROOT` stands for `/` in tests. Nothing but the tools that every host has is used.
 */
export const HOST_SCRIPT = `
R=\${ROOT:-}
bars() { sed 's/^/|/'; }
echo "H $(uname -n)"
echo "Z $(date +%s)"
ports=$R/proc/sys/net/ipv4/ip_local_
if [ -r "\${ports}port_range" ]; then
  read -r from to < "\${ports}port_range"; echo "P $from $to $(cat "\${ports}reserved_ports" 2>/dev/null)"
fi
sed 1d "$R/proc/swaps" 2>/dev/null | while read -r device _; do echo "S $device"; done
key() { ls -ldL "$R$1" | { read -r mode _ owner _; echo "K $mode $owner $1"; }; }
# Of a kubeconfig its users' certificates are taken out, and of keys that stand in it nothing.
of_kubeconfig() {
  [ -f "$R$1" ] && [ -r "$R$1" ] && [ "$(wc -c < "$R$1")" -le 1048576 ] || return
  grep -q 'client-key-data"\\{0,1\\}:' "$R$1" || return
  key "$1"
  sed -n 's/^.*client-certificate-data"\\{0,1\\}:[[:space:]]*"\\{0,1\\}\\([A-Za-z0-9+/=]*\\).*$/\\1/p' "$R$1" | while read -r data || [ -n "$data" ]; do
    echo "C $1"
    echo "$data" | base64 -d 2>/dev/null | sed -n '/BEGIN CERTIFICATE-----/,/END CERTIFICATE-----/p' | bars
  done
}
of_keys_and_certificates() {
  case $1 in *.pem|*.crt|*.key) ;; *.conf|*.kubeconfig|*.config|*.yaml) of_kubeconfig "$1"; return;; *) return;; esac
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
look_into() {
  n=0
  for f in "$R$1"/*; do
    p=$1/\${f##*/}
    n=$((n + 1)); [ $n -le 500 ] || break
    if [ -L "$f" ] && [ ! -e "$f" ]; then echo "L $p"; continue; fi
    of_keys_and_certificates "$p"
  done
}
known='/etc/kubernetes/pki /etc/kubernetes/pki/etcd /etc/kubernetes/ssl /etc/kubernetes/cert /etc/etcd/ssl /var/lib/kubelet/pki /etc/kubernetes'
# Of distributions that have their own places.
for d in k3s rke2; do
  known="$known /var/lib/rancher/$d/server/tls /var/lib/rancher/$d/server/tls/etcd /var/lib/rancher/$d/server/cred"
  known="$known /var/lib/rancher/$d/agent /etc/rancher/$d"
done
known="$known /var/lib/k0s/pki /var/lib/k0s/pki/etcd /var/lib/k0s/kubelet/pki"
known="$known /var/snap/microk8s/current/certs /var/snap/microk8s/current/credentials"
for d in $known; do look_into "$d"; done
text() {
  [ -f "$R$1" ] && [ -r "$R$1" ] && [ "$(wc -c < "$R$1")" -le 1048576 ] || return
  echo "T $1"; bars < "$R$1"; echo
}
# Words of commands as systemd takes them apart, of variables that hold some, and of kubeadm's manifests; prints a flag and its value on a line.
flags_of() {
  awk '
  function word(w) {
    if (w ~ /^--[a-z0-9-]+=/) { i0 = index(w, "="); print substr(w, 3, i0 - 3) " " substr(w, i0 + 1); last = "" }
    else if (w ~ /^--/) last = substr(w, 3)
    else if (last != "") { print last " " w; last = "" }
  }
  { text = text $0
    if (sub(/\\\\$/, " ", text)) next
    if (text !~ /^[ \\t]*ExecStart=/) sub(/^[ \\t]*(Environment=)?["\\047]?[A-Za-z_][A-Za-z0-9_]*=["\\047]?/, "", text)
    sub(/^[ \\t]*(- +)?(ExecStart=[-@:+!|]*)?/, "", text)
    w = ""; quote = ""
    for (i = 1; i <= length(text); i++) {
      c = substr(text, i, 1)
      if (c == "\\\\") { if (substr(text, i + 1, 3) == "x20") { w = w " "; i += 3 } else { i++; w = w substr(text, i, 1) } }
      else if (quote != "") { if (c == quote) quote = ""; else w = w c }
      else if (c == "\\"" || c == "\\047") quote = c
      else if (c == " " || c == "\\t") { if (w != "") word(w); w = "" }
      else w = w c
    }
    if (w != "") word(w)
    text = ""; last = ""
  }' "$R$1"
}
public_half() {
  if grep -q 'PRIVATE KEY-----' "$R$1"; then openssl pkey -in "$R$1" -pubout 2>/dev/null
  else sed -n '/BEGIN .*\\(PUBLIC KEY\\|CERTIFICATE\\)-----/,/END .*-----/p' "$R$1"
  fi | bars
}
account_keys() {
  flags_of "$2" | while read -r flag path; do
    case $flag in service-account-key-file|service-account-signing-key-file|service-account-private-key-file) ;; *) continue;; esac
    [ -f "$R$path" ] && [ -r "$R$path" ] && [ "$(wc -c < "$R$path")" -le 1048576 ] || continue
    echo "A $1 $flag $path"; public_half "$path"
  done
}
# The word behind a key of a kubeconfig.
word_of() { sed -n 's/^.*'"$2"'"\\{0,1\\}:[[:space:]]*["'\\'']\\{0,1\\}\\([^"'\\'',}[:space:]]*\\).*$/\\1/p' "$R$1" | sed 1q; }
joining() {
  [ -f "$R$1" ] && [ -r "$R$1" ] && [ "$(wc -c < "$R$1")" -le 1048576 ] || return
  echo "B $1"
  echo "|server $(word_of "$1" server)"
  word_of "$1" token | sed -n 's/^\\([a-z0-9]\\{6\\}\\)\\.[a-z0-9]\\{16\\}$/|token \\1/p'
  ca=$(word_of "$1" certificate-authority)
  case $ca in /*) cat "$R$ca" 2>/dev/null;; *) word_of "$1" certificate-authority-data | base64 -d 2>/dev/null;; esac |
    sed -n '/BEGIN CERTIFICATE-----/,/END CERTIFICATE-----/p' | bars
}
# What units name, file by file; a file of settings is looked into only for what it is.
named() {
  flags_of "$1" | while read -r flag path; do
    case $flag in
      config|kubeconfig|bootstrap-kubeconfig|token-auth-file|audit-policy-file|authentication-kubeconfig|authorization-kubeconfig) ;;
      *-ca-file|*-cert-file|*-key-file|etcd-cafile|etcd-certfile|etcd-keyfile) ;;
      kubelet-client-certificate|kubelet-client-key|kubelet-certificate-authority) ;;
      *) continue;;
    esac
    case $path in /*) ;; *) continue;; esac
    if [ ! -e "$R$path" ]; then echo "N $flag $path"
    elif [ "$flag" = bootstrap-kubeconfig ]; then joining "$path"
    elif [ "$flag" = config ]; then
      text "$path"
      sed -n 's/^.*clientCAFile"\\{0,1\\}:[[:space:]]*["'\\'']\\{0,1\\}\\(\\/[^"'\\'',}[:space:]]*\\).*$/\\1/p' "$R$path" |
        while read -r ca; do [ -e "$R$ca" ] || echo "N clientCAFile $ca"; done
    fi
  done
}
# A unit's drop-ins as they count: by their names, and of one name the first directory's.
drop_ins() {
  for d in /etc/systemd/system /run/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
    for f in "$R$d/$1.service.d"/*.conf; do if [ -f "$f" ]; then echo "\${f##*/} $d/$1.service.d/\${f##*/}"; fi; done
  done | sort -s -k1,1 | awk '!seen[$1]++ { print $2 }'
}
# Lines that end in a backslash go on in the next.
joined() { sed -e :more -e '/\\\\$/N' -e 's/\\\\\\n/ /' -e tmore "$R$1"; }
variables() {
  sed -n 's/^EnvironmentFile=-\\{0,1\\}//p' "$R$1" | while read -r path || [ -n "$path" ]; do
    if [ ! -e "$R$path" ]; then echo "V $path"
    elif [ -f "$R$path" ] && [ -r "$R$path" ] && [ "$(wc -c < "$R$path")" -le 1048576 ]; then
      echo "V $path"; joined "$path" | sed -n '/=["'\\'']\\{0,1\\}[[:space:]]*--/p' | bars; named "$path"
    fi
  done
}
for u in kube-apiserver kube-controller-manager; do
  [ -f "$R/etc/kubernetes/manifests/$u.yaml" ] && account_keys $u /etc/kubernetes/manifests/$u.yaml
done
first=
for d in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
  # Where /lib is a link to /usr/lib, its files have been seen.
  [ "$d" = /lib/systemd/system ] && [ -L "$R/lib" ] && continue
  for u in kubelet kube-proxy kube-apiserver kube-controller-manager kube-scheduler; do
    [ -f "$R$d/$u.service" ] || continue
    text "$d/$u.service"; named "$d/$u.service"; account_keys $u "$d/$u.service"; variables "$d/$u.service"
    # Of several files of one unit only the first counts, and with it the drop-ins.
    case " $first " in *" $u "*) ;; *)
      first="$first $u"
      for more in $(drop_ins $u); do text "$more"; named "$more"; account_keys $u "$more"; variables "$more"; done;;
    esac
    program=$(sed -n 's/^ExecStart=[-@:+!|]*\\(\\/[^ \\\\]*\\).*$/\\1/p' "$R$d/$u.service" | sed 1q)
    if [ -n "$program" ] && [ ! -e "$R$program" ]; then echo "N program $program"; fi
    [ $u = kubelet ] || continue
    flags_of "$d/$u.service" | while read -r flag path; do
      case "$flag $path" in "cert-dir /"*) case " $known " in *" $path "*) ;; *) look_into "$path";; esac;; esac
    done
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

#!/bin/sh
# Makes kubelet-bootstrap-NODE.kubeconfig in the current directory for each node named: a new bootstrap token for that node alone,
# and the API server's address and authority. Needs kubeadm (muster link makes one), kubectl and an administrator's kubeconfig.
set -eu
umask 077 # the files hold tokens

program=$(basename -- "$0")
usage() {
  cat >&2 <<EOF
Usage: $program NODE...

From the environment:
  KUBE_APISERVER  address of the API server for the nodes, https://192.168.133.200:8443
  CA_FILE         its authority; default /etc/kubernetes/ssl/ca.pem
  ADMIN_KUBECONFIG  who makes the tokens; default \$KUBECONFIG, else ~/.kube/config
EOF
  exit 2
}

[ $# -gt 0 ] || usage
case $1 in -*) usage ;; esac
if [ -z "${KUBE_APISERVER:-}" ]; then
  echo "$program: KUBE_APISERVER is not set: it is the address of the API server, https://192.168.133.200:8443" >&2
  exit 2
fi
ca_file=${CA_FILE:-/etc/kubernetes/ssl/ca.pem}
admin=${ADMIN_KUBECONFIG:-${KUBECONFIG:-$HOME/.kube/config}}
if [ ! -r "$ca_file" ]; then
  echo "$program: CA_FILE: $ca_file cannot be read" >&2
  exit 1
fi

for node in "$@"; do
  file=kubelet-bootstrap-$node.kubeconfig
  token=$(kubeadm token create --description kubelet-bootstrap-token --groups "system:bootstrappers:$node" --kubeconfig "$admin")
  rm -f -- "$file"
  kubectl config set-cluster kubernetes --certificate-authority="$ca_file" --embed-certs=true --server="$KUBE_APISERVER" \
    --kubeconfig="$file" >/dev/null
  kubectl config set-credentials kubelet-bootstrap --token="$token" --kubeconfig="$file" >/dev/null
  kubectl config set-context default --cluster=kubernetes --user=kubelet-bootstrap --kubeconfig="$file" >/dev/null
  kubectl config use-context default --kubeconfig="$file" >/dev/null
  echo "$file"
done

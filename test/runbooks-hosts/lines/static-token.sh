# Lines of the runbook "2053 kubelet" (004). Most of them were lost; a heading names by its id in section 27 of ACCEPTANCE what is put there.
#: token (M-37: the here-document ends, and the file is only root's)
cd /etc/kubernetes
export BOOTSTRAP_TOKEN=$(head -c 16 /dev/urandom | od -An -t x | tr -d ' ')
cat > bootstrap-token.csv <<EOF
${BOOTSTRAP_TOKEN},kubelet-bootstrap,10001,"system:kubelet-bootstrap"
EOF
chmod 600 bootstrap-token.csv
cat bootstrap-token.csv
#: token-flag (M-37: with the file's directory)
sed -i 's#^ExecStart=[^ ]*kube-apiserver #&--token-auth-file=/etc/kubernetes/bootstrap-token.csv #' /etc/systemd/system/kube-apiserver.service
systemctl daemon-reload
systemctl restart kube-apiserver
#: kubeconfigs (G-01: as in 001; two of them, as the next step says)
cd /etc/kubernetes
BOOTSTRAP_TOKEN=$(cut -d, -f1 bootstrap-token.csv)
for name in bootstrap kube-proxy; do
  kubectl config set-cluster kubernetes \
    --certificate-authority=/etc/kubernetes/ssl/ca.pem \
    --embed-certs=true \
    --server=https://10.40.61.115:6443 \
    --kubeconfig=${name}.kubeconfig
done
kubectl config set-credentials kubelet-bootstrap \
  --token=${BOOTSTRAP_TOKEN} \
  --kubeconfig=bootstrap.kubeconfig
kubectl config set-credentials kube-proxy \
  --client-certificate=/etc/kubernetes/ssl/kube-proxy.pem \
  --client-key=/etc/kubernetes/ssl/kube-proxy.key \
  --embed-certs=true \
  --kubeconfig=kube-proxy.kubeconfig
kubectl config set-context default --cluster=kubernetes --user=kubelet-bootstrap --kubeconfig=bootstrap.kubeconfig
kubectl config set-context default --cluster=kubernetes --user=kube-proxy --kubeconfig=kube-proxy.kubeconfig
for name in bootstrap kube-proxy; do
  kubectl config use-context default --kubeconfig=${name}.kubeconfig
done
#: distribute (C-21: where the unit expects them)
cd /etc/kubernetes
for node_ip in 10.40.61.116 10.40.58.153 10.40.58.154; do
  ssh ${node_ip} mkdir -p /srv/kubernetes/kubeconfig
  scp bootstrap.kubeconfig kube-proxy.kubeconfig ${node_ip}:/srv/kubernetes/kubeconfig/
  scp bootstrap-token.csv ${node_ip}:/etc/kubernetes/
done
#: configuration (G-02: what the text explains, with the host's own address)
cat > /etc/kubernetes/kubelet-config.yaml <<EOF
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
address: ${NODE_IP}
healthzBindAddress: 127.0.0.1
readOnlyPort: 0
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/ssl/ca.pem
authorization:
  mode: Webhook
cgroupDriver: cgroupfs
rotateCertificates: true
EOF
#: unit (G-03: the flags that the text explains; QA-03: none for CNI)
cat > /etc/systemd/system/kubelet.service <<EOF
[Unit]
Description=Kubernetes Kubelet
After=docker.service
Requires=docker.service

[Service]
WorkingDirectory=/var/lib/kubelet
ExecStart=/usr/local/bin/kubelet \\
  --bootstrap-kubeconfig=/srv/kubernetes/kubeconfig/bootstrap.kubeconfig \\
  --kubeconfig=/srv/kubernetes/kubeconfig/kubelet.kubeconfig \\
  --cert-dir=/etc/kubernetes/ssl \\
  --config=/etc/kubernetes/kubelet-config.yaml \\
  --hostname-override=${NODE_NAME} \\
  --v=2
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
#: start (G-03)
systemctl daemon-reload
systemctl enable kubelet
systemctl start kubelet
#: stop (G-03)
systemctl stop kubelet
#: bootstrapper-binding (G-05)
kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --user=kubelet-bootstrap
#: service (G-04)
systemctl status kubelet
#: sockets (G-04)
netstat -lnpt | grep kubelet
#: requests (G-06)
kubectl get csr
#: kubeconfig-file (G-06)
ls -l /srv/kubernetes/kubeconfig/kubelet.kubeconfig
#: certificate-files (G-06)
ls -l /etc/kubernetes/ssl/ | grep kubelet
#: approval (G-07: with the names and groups that the text gives; M-40: two)
kubectl create clusterrolebinding auto-approve-csrs-for-group --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:kubelet-bootstrap
kubectl create clusterrolebinding auto-approve-renewals-for-nodes --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient --group=system:nodes
#: nodes
kubectl get nodes
#: kubelet-binding (G-08)
kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes

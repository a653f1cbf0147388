# Lines of the runbook "Kubelet" (003); what it leaves to a script and to other documents is the script of bin/ and the unit of 002.
#: bootstrap-kubeconfig (G-11: the script)
cd /etc/kubernetes
export KUBE_APISERVER=https://192.168.133.10:6443 CA_FILE=/etc/kubernetes/ssl/ca.pem
sh /opt/muster/generate-kubelet-bootstrap-kubeconfig.sh node1
mv kubelet-bootstrap-node1.kubeconfig kubelet-bootstrap.kubeconfig
#: configuration
cat > /etc/kubernetes/kubelet-config.yaml <<EOF
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
address: 192.168.133.10
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
serverTLSBootstrap: true
EOF
cat > /etc/systemd/system/kubelet.service <<EOF
[Unit]
Description=Kubernetes Kubelet
After=docker.service
Requires=docker.service

[Service]
WorkingDirectory=/var/lib/kubelet
ExecStart=/usr/local/bin/kubelet \\
  --bootstrap-kubeconfig=/etc/kubernetes/kubelet-bootstrap.kubeconfig \\
  --kubeconfig=/etc/kubernetes/kubelet.kubeconfig \\
  --cert-dir=/etc/kubernetes/ssl \\
  --config=/etc/kubernetes/kubelet-config.yaml \\
  --hostname-override=node1 \\
  --feature-gates=RotateKubeletClientCertificate=true \\
  --feature-gates=RotateKubeletServerCertificate=true \\
  --v=2
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
#: bindings
kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=system:bootstrappers
kubectl create clusterrolebinding auto-approve-csrs-for-group --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient --group=system:bootstrappers
kubectl create clusterrolebinding node-client-cert-renewal --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient --group=system:nodes
#: start
systemctl daemon-reload && systemctl enable kubelet && systemctl restart kubelet
#: requests
kubectl get csr
#: approve
kubectl certificate approve ${CSR_NAME}
#: describe
kubectl describe csr ${CSR_NAME}
#: certificate-files
ls -l /etc/kubernetes/ssl/ | grep kubelet
#: journal
journalctl -u kubelet -o cat --no-pager

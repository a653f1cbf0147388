# Lines of the runbook "Kubernetes" (001), as printed but for what a heading names by its id in section 27 of ACCEPTANCE. What differs from
# host to host (M-07, and C-14: each client of a master asks the API server of its own host) is put there by the test.
#: sysctl (M-24: what the kernel lacks is told and passed over)
cat > /etc/sysctl.conf <<'EOF'
# sysctl settings are defined through files in
# /usr/lib/sysctl.d/, /run/sysctl.d/, and /etc/sysctl.d/.
#
# Vendors settings live in /usr/lib/sysctl.d/.
# To override a whole file, create a new file with the same in
# /etc/sysctl.d/ and put new settings there. To override
# only specific settings, add a file with a lexically later
# name in /etc/sysctl.d/ and put new settings there.
#
# For more information, see sysctl.conf(5) and sysctl.d(5).

kernel.sysrq                        = 0
kernel.core_uses_pid                = 1
kernel.msgmnb                       = 65536
kernel.msgmax                       = 65536
kernel.shmmax                       = 68719476736
kernel.shmall                       = 4294967296

fs.file-max                         = 1000000

vm.max_map_count                    = 500000

net.bridge.bridge-nf-call-iptables  = 1
net.core.netdev_max_backlog         = 32768
net.core.somaxconn                  = 32768
net.core.wmem_default               = 8388608
net.core.rmem_default               = 8388608
net.core.wmem_max                   = 16777216
net.core.rmem_max                   = 16777216

net.ipv4.ip_forward                 = 1
net.ipv4.tcp_max_syn_backlog        = 65536
net.ipv4.tcp_syncookies             = 1
net.ipv4.tcp_timestamps             = 0
net.ipv4.tcp_synack_retries         = 2
net.ipv4.tcp_syn_retries            = 2
net.ipv4.tcp_tw_recycle             = 1
net.ipv4.tcp_tw_reuse               = 1
net.ipv4.tcp_max_tw_buckets         = 300000
net.ipv4.tcp_mem                    = 94500000 915000000 927000000
net.ipv4.tcp_max_orphans            = 3276800
net.ipv4.tcp_keepalive_time         = 1200
net.ipv4.tcp_keepalive_intvl        = 30
net.ipv4.tcp_keepalive_probes       = 3
net.ipv4.tcp_fin_timeout            = 30
net.ipv4.icmp_echo_ignore_all       = 0
net.ipv4.ip_local_port_range        = 1024 65535
net.ipv4.conf.all.rp_filter               = 0
net.ipv4.conf.default.rp_filter           = 0
net.ipv4.conf.default.accept_source_route = 0
net.ipv4.conf.lo.arp_announce             = 2
net.ipv4.conf.all.arp_announce            = 2

net.ipv6.conf.all.disable_ipv6      = 1
net.ipv6.conf.all.accept_redirects  = 1
EOF
sysctl -p 2>&1 || :
#: swap
swapoff -a
#: programs (M-22: kubectl, and nothing twice)
cd kubernetes/server/bin
cp -rf kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl /usr/bin
#: account
groupadd -g 200 kube
useradd -g kube kube -u 200 -d / -s /sbin/nologin -M
#: kubectl
kubectl config set-cluster kubernetes \
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \
        --server=https://192.168.20.31:6443
kubectl config set-credentials admin \
        --client-certificate=/etc/kubernetes/ssl/kubelet.pem \
        --client-key=/etc/kubernetes/ssl/kubelet.key
kubectl config set-context kubernetes \
        --cluster=kubernetes \
        --user=admin
kubectl config use-context kubernetes
#: api-server-owner
chown root:root /usr/bin/kube-apiserver
chmod 755 /usr/bin/kube-apiserver
#: api-server-configuration (M-19: a path for the audit log; M-33: token Secrets, as the document's version makes them)
cat > /etc/kubernetes/apiserver <<'EOF'
###
# kubernetes system config
#
# The following values are used to configure the kube-apiserver
#

KUBE_API_ARGS="\
      --allow-privileged=true      \
      --secure-port=6443           \
      --insecure-port=0            \
      --bind-address=192.168.20.31 \
      --etcd-cafile=/etc/kubernetes/ssl/ca.pem                       \
      --etcd-certfile=/etc/kubernetes/ssl/etcd.pem                   \
      --etcd-keyfile=/etc/kubernetes/ssl/etcd.key                    \
      --tls-cert-file=/etc/kubernetes/ssl/apiserver.pem              \
      --tls-private-key-file=/etc/kubernetes/ssl/apiserver.key       \
      --client-ca-file=/etc/kubernetes/ssl/ca.pem                    \
      --service-account-key-file=/etc/kubernetes/ssl/apiserver.key   \
      --kubelet-certificate-authority=/etc/kubernetes/ssl/ca.pem     \
      --kubelet-client-certificate=/etc/kubernetes/ssl/apiserver.pem \
      --kubelet-client-key=/etc/kubernetes/ssl/apiserver.key         \
      --authorization-mode=RBAC,Node   \
      --kubelet-https=true             \
      --anonymous-auth=false           \
      --apiserver-count=3              \
      --audit-log-path=/var/log/kubernetes/audit.log \
      --audit-log-maxage=30            \
      --audit-log-maxbackup=7          \
      --audit-log-maxsize=100          \
      --event-ttl=1h                   \
      --logtostderr=true               \
      --enable-bootstrap-token-auth    \
      --max-requests-inflight=3000     \
      --delete-collection-workers=3    \
      --service-cluster-ip-range=10.0.0.0/12       \
      --service-node-port-range=30000-35000        \
      --default-not-ready-toleration-seconds=10    \
      --default-unreachable-toleration-seconds=10  \
      --feature-gates=LegacyServiceAccountTokenNoAutoGeneration=false \
      --etcd-servers=https://192.168.20.31:2379,https://192.168.20.32:2379,https://192.168.20.33:2379 \
      --enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota,NodeRestriction"
EOF
#: api-server-unit (NotifyAccess: a child of the process tells systemd that it is ready)
cat > /etc/systemd/system/kube-apiserver.service <<'EOF'
[Unit]
Description=Kubernetes API Server
Documentation=https://github.com/kubernetes/kubernetes
After=network.target
After=etcd.service

[Service]
EnvironmentFile=-/etc/kubernetes/apiserver
User=kube
ExecStart=/usr/bin/kube-apiserver $KUBE_API_ARGS
Restart=on-failure
Type=notify
NotifyAccess=all
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
EOF
#: start-kube-apiserver
systemctl daemon-reload
systemctl start  kube-apiserver
systemctl enable kube-apiserver
systemctl status kube-apiserver
#: start-kube-controller-manager
systemctl daemon-reload
systemctl start  kube-controller-manager
systemctl enable kube-controller-manager
systemctl status kube-controller-manager
#: start-kube-scheduler
systemctl daemon-reload
systemctl start  kube-scheduler
systemctl enable kube-scheduler
systemctl status kube-scheduler
#: start-kubelet
systemctl daemon-reload
systemctl start  kubelet
systemctl enable kubelet
systemctl status kubelet
#: start-kube-proxy
systemctl daemon-reload
systemctl start  kube-proxy
systemctl enable kube-proxy
systemctl status kube-proxy
#: kubelet-apis (M-03: the name in the certificate)
kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes
#: kube-controller-manager-kubeconfig (M-16: where it is used from)
cd /etc/kubernetes
kubectl config set-cluster kubernetes \
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \
        --server=https://192.168.20.31:6443 \
        --kubeconfig=kube-controller-manager.kubeconfig
kubectl config set-credentials system:kube-controller-manager \
        --client-certificate=/etc/kubernetes/ssl/kube-controller-manager.pem \
        --client-key=/etc/kubernetes/ssl/kube-controller-manager.key \
        --kubeconfig=kube-controller-manager.kubeconfig
kubectl config set-context system:kube-controller-manager \
        --cluster=kubernetes \
        --user=system:kube-controller-manager \
        --kubeconfig=kube-controller-manager.kubeconfig
kubectl config use-context system:kube-controller-manager \
        --kubeconfig=kube-controller-manager.kubeconfig
#: kube-scheduler-kubeconfig (M-16: where it is used from)
cd /etc/kubernetes
kubectl config set-cluster kubernetes \
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \
        --server=https://192.168.20.31:6443 \
        --kubeconfig=kube-scheduler.kubeconfig
kubectl config set-credentials system:kube-scheduler \
        --client-certificate=/etc/kubernetes/ssl/kube-scheduler.pem \
        --client-key=/etc/kubernetes/ssl/kube-scheduler.key \
        --kubeconfig=kube-scheduler.kubeconfig
kubectl config set-context system:kube-scheduler \
        --cluster=kubernetes \
        --user=system:kube-scheduler \
        --kubeconfig=kube-scheduler.kubeconfig
kubectl config use-context system:kube-scheduler \
        --kubeconfig=kube-scheduler.kubeconfig
#: kube-controller-manager-configuration (M-01: signed by the authority; M-33: token Secrets)
cat > /etc/kubernetes/controller-manager <<'EOF'
###
# The following values are used to configure the kubernetes controller-manager

# defaults from config and apiserver should be adequate

# Add your own!
KUBE_CONTROLLER_MANAGER_ARGS="\
      --service-account-private-key-file=/etc/kubernetes/ssl/apiserver.key \
      --root-ca-file=/etc/kubernetes/ssl/ca.pem \
      --requestheader-client-ca-file=/etc/kubernetes/ssl/ca.pem \
      --allocate-node-cidrs=true \
      --cluster-name=kubernetes \
      --cluster-signing-cert-file=/etc/kubernetes/ssl/ca.pem \
      --cluster-signing-key-file=/etc/kubernetes/ssl/ca.key \
      --leader-elect=true \
      --service-cluster-ip-range=10.0.0.0/12 \
      --cluster-cidr=10.64.0.0/10 \
      --secure-port=10257 \
      --node-monitor-period=2s \
      --node-monitor-grace-period=16s \
      --pod-eviction-timeout=30s \
      --use-service-account-credentials=true \
      --controllers=*,bootstrapsigner,tokencleaner \
      --horizontal-pod-autoscaler-sync-period=10s \
      --kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
      --authentication-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
      --authorization-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig \
      --feature-gates=RotateKubeletServerCertificate=true,LegacyServiceAccountTokenNoAutoGeneration=false \
      --logtostderr=true \
      --v=4"
EOF
#: kube-controller-manager-unit
cat > /etc/systemd/system/kube-controller-manager.service <<'EOF'
[Unit]
Description=Kubernetes Controller Manager
Documentation=https://github.com/kubernetes/kubernetes
After=kube-apiserver.service
Requires=kube-apiserver.service

[Service]
EnvironmentFile=-/etc/kubernetes/controller-manager
User=kube
ExecStart=/usr/bin/kube-controller-manager $KUBE_CONTROLLER_MANAGER_ARGS
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
EOF
#: kube-controller-manager-acl
setfacl -m u:kube:r /etc/kubernetes/kube-controller-manager.kubeconfig
#: kube-scheduler-configuration
cat > /etc/kubernetes/scheduler <<'EOF'
###
# kubernetes scheduler config

# default config should be adequate

# Add your own!
KUBE_SCHEDULER_ARGS="\
      --address=127.0.0.1 \
      --leader-elect=true \
      --logtostderr=true \
      --v=4 \
      --kubeconfig=/etc/kubernetes/kube-scheduler.kubeconfig \
      --authorization-kubeconfig=/etc/kubernetes/kube-scheduler.kubeconfig \
      --authentication-kubeconfig=/etc/kubernetes/kube-scheduler.kubeconfig"
EOF
#: kube-scheduler-unit
cat > /etc/systemd/system/kube-scheduler.service <<'EOF'
[Unit]
Description=Kubernetes Scheduler Plugin
Documentation=https://github.com/kubernetes/kubernetes
After=kube-apiserver.service
Requires=kube-apiserver.service

[Service]
EnvironmentFile=-/etc/kubernetes/scheduler
User=kube
ExecStart=/usr/bin/kube-scheduler $KUBE_SCHEDULER_ARGS
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
EOF
#: kube-scheduler-acl
setfacl -m u:kube:r /etc/kubernetes/kube-scheduler.kubeconfig
#: key-access (M-20: whoever runs as kube reads the keys it needs)
cd /etc/kubernetes/ssl
setfacl -m u:kube:r ca.key apiserver.key etcd.key kube-controller-manager.key kube-scheduler.key
install -d -m 750 -o kube -g kube /var/log/kubernetes
#: token (M-16: where it is used from)
cd /etc/kubernetes
TOKEN_PUB=$(openssl rand -hex 3)
TOKEN_SECRET=$(openssl rand -hex 8)
BOOTSTRAP_TOKEN="${TOKEN_PUB}.${TOKEN_SECRET}"

kubectl -n kube-system create secret generic bootstrap-token-${TOKEN_PUB} \
      --type 'bootstrap.kubernetes.io/token' \
      --from-literal description="cluster bootstrap token" \
      --from-literal token-id=${TOKEN_PUB} \
      --from-literal token-secret=${TOKEN_SECRET} \
      --from-literal usage-bootstrap-authentication=true \
      --from-literal usage-bootstrap-signing=true
kubectl config set-cluster kubernetes \
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \
        --server=https://192.168.20.31:6443 \
        --kubeconfig=bootstrap.kubeconfig
kubectl config set-credentials kubelet-bootstrap \
        --token=$BOOTSTRAP_TOKEN \
        --kubeconfig=bootstrap.kubeconfig
kubectl config set-context default \
        --cluster=kubernetes \
        --user=kubelet-bootstrap \
        --kubeconfig=bootstrap.kubeconfig
kubectl config use-context default \
        --kubeconfig=bootstrap.kubeconfig
#: kubelet-configuration (C-13: the authority that is there; C-08: as containerd here)
cat > /etc/kubernetes/kubelet.yaml <<'EOF'
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
address: 0.0.0.0
cgroupDriver: cgroupfs
cgroupsPerQOS: true
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
    cacheTTL: 2m0s
  x509:
    clientCAFile: "/etc/kubernetes/ssl/ca.pem"
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 5m0s
    cacheUnauthorizedTTL: 30s
readOnlyPort: 0
port: 10250
clusterDomain: "cluster.local"
clusterDNS:
- "10.0.0.2"
configMapAndSecretChangeDetectionStrategy: Watch
containerLogMaxFiles: 5
containerLogMaxSize: 10Mi
contentType: application/vnd.kubernetes.protobuf
cpuCFSQuota: true
cpuCFSQuotaPeriod: 100ms
cpuManagerPolicy: none
cpuManagerReconcilePeriod: 10s
enableControllerAttachDetach: true
enableDebuggingHandlers: true
enableContentionProfiling: true
serverTLSBootstrap: true
enforceNodeAllocatable:
- pods
eventBurst: 10
eventRecordQPS: 5
evictionHard:
  imagefs.available: 15%
  memory.available: 100Mi
  nodefs.available: 10%
  nodefs.inodesFree: 5%
evictionPressureTransitionPeriod: 5m0s
failSwapOn: true
fileCheckFrequency: 20s
hairpinMode: promiscuous-bridge
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 20s
imageGCHighThresholdPercent: 85
imageGCLowThresholdPercent: 80
imageMinimumGCAge: 2m0s
iptablesDropBit: 15
iptablesMasqueradeBit: 14
kubeAPIBurst: 10
kubeAPIQPS: 5
makeIPTablesUtilChains: true
maxOpenFiles: 1000000
maxPods: 110
nodeLeaseDurationSeconds: 40
nodeStatusReportFrequency: 1m0s
nodeStatusUpdateFrequency: 10s
oomScoreAdj: -999
podPidsLimit: -1
registryBurst: 10
registryPullQPS: 5
resolvConf: /etc/resolv.conf
rotateCertificates: true
runtimeRequestTimeout: 2m0s
serializeImagePulls: true
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 4h0m0s
syncFrequency: 1m0s
topologyManagerPolicy: none
volumeStatsAggPeriod: 1m0s
EOF
cat > /etc/kubernetes/kubelet <<'EOF'
KUBELET_ARGS="\
      --hostname-override=k8s-node-1 \
      --config=/etc/kubernetes/kubelet.yaml \
      --cgroup-driver=cgroupfs \
      --pod-infra-container-image=gcr.azk8s.cn/google-containers/pause-amd64:3.1 \
      --bootstrap-kubeconfig=/etc/kubernetes/bootstrap.kubeconfig \
      --kubeconfig=/etc/kubernetes/kubelet.kubeconfig  \
      --cert-dir=/etc/kubernetes/pki \
      --root-dir=/data/kubelet \
      --network-plugin=cni \
      --rotate-certificates \
      --logtostderr=true \
      --v=4"
EOF
#: kubelet-directories (M-21: root's)
mkdir -p -m 700 /data/kubelet
chown root:root /data/kubelet
mkdir -p /etc/kubernetes/manifests
#: kubelet-unit
cat > /etc/systemd/system/kubelet.service <<'EOF'
[Unit]
Description=Kubernetes Kubelet Server
Documentation=https://github.com/kubernetes/kubernetes
After=docker.service
Requires=docker.service

[Service]
WorkingDirectory=/data/kubelet
EnvironmentFile=-/etc/kubernetes/kubelet
ExecStart=/usr/bin/kubelet $KUBELET_ARGS
Restart=on-failure

[Install]
WantedBy=multi-user.target
EOF
#: bindings (M-02: the group and the role that are meant)
kubectl create clusterrolebinding kubelet-bootstrap \
        --clusterrole=system:node-bootstrapper \
        --group=system:bootstrappers
kubectl create clusterrolebinding auto-approve-csrs-for-group \
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient \
        --group=system:bootstrappers
kubectl create clusterrolebinding node-client-cert-renewal \
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient \
        --group=system:nodes
kubectl create clusterrole approve-node-server-renewal-csr --verb=create \
        --resource=certificatesigningrequests.certificates.k8s.io/selfnodeserver
kubectl create clusterrolebinding node-server-cert-renewal --clusterrole=approve-node-server-renewal-csr --group=system:nodes
#: requests
kubectl get csr
#: role-bindings
kubectl get clusterrolebindings
#: kube-proxy-kubeconfig (M-16: where it is used from)
cd /etc/kubernetes
kubectl config set-cluster kubernetes \
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \
        --server=https://192.168.20.31:6443 \
        --kubeconfig=kube-proxy.kubeconfig
kubectl config set-credentials kube-proxy \
        --client-certificate=/etc/kubernetes/ssl/kube-proxy.pem \
        --client-key=/etc/kubernetes/ssl/kube-proxy.key \
        --kubeconfig=kube-proxy.kubeconfig
kubectl config set-context default \
        --cluster=kubernetes \
        --user=kube-proxy \
        --kubeconfig=kube-proxy.kubeconfig
kubectl config use-context default \
        --kubeconfig=kube-proxy.kubeconfig
#: kube-proxy-configuration (M-18: no stray #; C-12: the pod network; C-11: the name of the node)
cat > /etc/kubernetes/kube-proxy.yaml <<'EOF'
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
clientConnection:
  acceptContentTypes: ""
  burst: 10
  contentType: application/vnd.kubernetes.protobuf
  kubeconfig: /etc/kubernetes/kube-proxy.kubeconfig
  qps: 5
clusterCIDR: 10.64.0.0/10
configSyncPeriod: 15m0s
conntrack:
  maxPerCore: 32768
  min: 131072
  tcpCloseWaitTimeout: 1h0m0s
  tcpEstablishedTimeout: 24h0m0s
enableProfiling: false
healthzBindAddress: 0.0.0.0:10256
hostnameOverride: "k8s-node-1"
iptables:
  masqueradeAll: false
  masqueradeBit: 14
  minSyncPeriod: 0s
  syncPeriod: 30s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 2s
  scheduler: wlc
  strictARP: false
  syncPeriod: 30s
metricsBindAddress: 127.0.0.1:10249
mode: ipvs
nodePortAddresses: null
oomScoreAdj: -999
portRange: ""
udpIdleTimeout: 250ms
winkernel:
  enableDSR: false
  networkName: ""
  sourceVip: ""
EOF
#: kube-proxy-unit (M-23: what every host has)
cat > /etc/systemd/system/kube-proxy.service <<'EOF'
[Unit]
Description=Kubernetes Kube-Proxy Server
Documentation=https://github.com/kubernetes/kubernetes
After=network.target
Wants=network-online.target

[Service]
ExecStart=/usr/bin/kube-proxy --config=/etc/kubernetes/kube-proxy.yaml
Restart=on-failure
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
EOF
#: component-status
kubectl get cs
#: nodes
kubectl get nodes

/**
 * What the runbooks start components with, in their own words: their addresses, their paths. Where a runbook is wrong, the line is
 * the corrected one, with the correction's id. `RunbookHost.translate` puts addresses and paths into a test's own.
 */

/** `/etc/kubernetes/apiserver` of the binary installation (001, lines 315-347); etcd's place is taken by Muster's embedded store. */
export const APISERVER_FLAGS: readonly string[] = [
  '--allow-privileged=true',
  '--secure-port=6443',
  '--insecure-port=0',
  '--bind-address=192.168.20.31',
  '--store=sqlite',
  '--data-dir=/var/lib/muster/apiserver',
  '--tls-cert-file=/etc/kubernetes/ssl/apiserver.pem',
  '--tls-private-key-file=/etc/kubernetes/ssl/apiserver.key',
  '--client-ca-file=/etc/kubernetes/ssl/ca.pem',
  '--service-account-key-file=/etc/kubernetes/ssl/apiserver.key',
  '--kubelet-certificate-authority=/etc/kubernetes/ssl/ca.pem',
  '--kubelet-client-certificate=/etc/kubernetes/ssl/apiserver.pem',
  '--kubelet-client-key=/etc/kubernetes/ssl/apiserver.key',
  '--authorization-mode=RBAC,Node',
  '--kubelet-https=true',
  '--anonymous-auth=false',
  '--apiserver-count=3',
  '--audit-log-maxage=30',
  '--audit-log-maxbackup=7',
  '--audit-log-maxsize=100',
  '--event-ttl=1h',
  '--logtostderr=true',
  '--enable-bootstrap-token-auth',
  '--max-requests-inflight=3000',
  '--delete-collection-workers=3',
  '--service-cluster-ip-range=10.0.0.0/12',
  '--service-node-port-range=30000-35000',
  '--default-not-ready-toleration-seconds=10',
  '--default-unreachable-toleration-seconds=10',
  '--enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota,NodeRestriction',
];

/** `/etc/kubernetes/controller-manager` (001, lines 430-452), signing with the authority (M-01), and on its own host's address. */
export const CONTROLLER_MANAGER_FLAGS: readonly string[] = [
  '--service-account-private-key-file=/etc/kubernetes/ssl/apiserver.key',
  '--root-ca-file=/etc/kubernetes/ssl/ca.pem',
  '--requestheader-client-ca-file=/etc/kubernetes/ssl/ca.pem',
  '--allocate-node-cidrs=true',
  '--cluster-name=kubernetes',
  '--cluster-signing-cert-file=/etc/kubernetes/ssl/ca.pem',
  '--cluster-signing-key-file=/etc/kubernetes/ssl/ca.key',
  '--leader-elect=true',
  '--service-cluster-ip-range=10.0.0.0/12',
  '--cluster-cidr=10.64.0.0/10',
  '--bind-address=192.168.20.31',
  '--secure-port=10257',
  '--node-monitor-period=2s',
  '--node-monitor-grace-period=16s',
  '--pod-eviction-timeout=30s',
  '--use-service-account-credentials=true',
  '--controllers=*,bootstrapsigner,tokencleaner',
  '--horizontal-pod-autoscaler-sync-period=10s',
  '--kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
  '--authentication-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
  '--authorization-kubeconfig=/etc/kubernetes/kube-controller-manager.kubeconfig',
  '--feature-gates=RotateKubeletServerCertificate=true',
  '--logtostderr=true',
  '--v=4',
];

/** The kubelet of a runbook: its command line, its configuration file and where that lies. */
export interface KubeletDocument {
  readonly flags: readonly string[];
  readonly configPath: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the bootstrap kubeconfig is expected. */
  readonly bootstrapKubeconfig: string;
  readonly certificateDirectory: string;
}

const AUTHENTICATION = { webhook: { enabled: true, cacheTTL: '2m0s' }, anonymous: { enabled: false } };
const AUTHORIZATION = { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } };
const KIND = { kind: 'KubeletConfiguration', apiVersion: 'kubelet.config.k8s.io/v1beta1' };

/** 000, lines 80-114 and 148-164; the node's own name (M-04), the domain without its dot (C-09). No serving CSR: gates only (C-04). */
export const WORKER_KUBELET: KubeletDocument = {
  bootstrapKubeconfig: '/etc/kubernetes/kubelet-bootstrap.kubeconfig',
  certificateDirectory: '/etc/kubernetes/ssl',
  configPath: '/etc/kubernetes/kubelet.config.json',
  config: {
    ...KIND,
    authentication: { x509: { clientCAFile: '/etc/kubernetes/ssl/ca.pem' }, ...AUTHENTICATION },
    authorization: AUTHORIZATION,
    address: '##NODE_IP##',
    port: 10250,
    readOnlyPort: 0,
    cgroupDriver: 'cgroupfs',
    hairpinMode: 'promiscuous-bridge',
    serializeImagePulls: false,
    featureGates: { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true },
    clusterDomain: 'cluster.local',
    clusterDNS: ['10.254.0.2'],
  },
  flags: [
    '--bootstrap-kubeconfig=/etc/kubernetes/kubelet-bootstrap.kubeconfig',
    '--cert-dir=/etc/kubernetes/ssl',
    '--kubeconfig=/etc/kubernetes/kubelet.kubeconfig',
    '--config=/etc/kubernetes/kubelet.config.json',
    '--hostname-override=##NODE_NAME##',
    '--pod-infra-container-image=hexun/pause-amd64:3.1',
    '--network-plugin=cni',
    '--allow-privileged=true',
    '--alsologtostderr=true',
    '--logtostderr=false',
    '--log-dir=/var/log/kubernetes',
    '--fail-swap-on=false',
    '--hairpin-mode',
    'hairpin-veth',
    '--register-node=true',
    '--v=2',
  ],
};

/** 002, lines 105-129 and 173-187, whole (M-05): requests its serving certificate, rotates both. */
export const SERVING_KUBELET: KubeletDocument = {
  bootstrapKubeconfig: '/etc/kubernetes/kubelet-bootstrap.kubeconfig',
  certificateDirectory: '/etc/kubernetes/cert',
  configPath: '/etc/kubernetes/kubelet-config.yaml',
  config: {
    ...KIND,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/cert/ca.pem' },
    },
    authorization: { mode: 'Webhook' },
    clusterDomain: 'cluster.local',
    clusterDNS: ['10.254.0.2'],
    podCIDR: '172.30.0.0/16',
    maxPods: 220,
    serializeImagePulls: false,
    hairpinMode: 'promiscuous-bridge',
    cgroupDriver: 'cgroupfs',
    runtimeRequestTimeout: '15m',
    rotateCertificates: true,
    serverTLSBootstrap: true,
    readOnlyPort: 0,
    port: 10250,
    address: '##NODE_IP##',
  },
  flags: [
    '--root-dir=/data/k8s/kubelet',
    '--bootstrap-kubeconfig=/etc/kubernetes/kubelet-bootstrap.kubeconfig',
    '--cert-dir=/etc/kubernetes/cert',
    '--kubeconfig=/etc/kubernetes/kubelet.kubeconfig',
    '--config=/etc/kubernetes/kubelet-config.yaml',
    '--hostname-override=##NODE_NAME##',
    '--pod-infra-container-image=registry.cn-beijing.aliyuncs.com/k8s_images/pause-amd64:3.1',
    '--allow-privileged=true',
    '--event-qps=0',
    '--kube-api-qps=1000',
    '--kube-api-burst=2000',
    '--registry-qps=0',
    '--image-pull-progress-deadline=30m',
    '--logtostderr=true',
    '--v=2',
  ],
};

/** 001, lines 267-286: the administrator's kubeconfig, in the default place. */
export const ADMIN_KUBECONFIG_LINES = `
kubectl config set-cluster kubernetes \\
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \\
        --server=https://192.168.20.31:6443
kubectl config set-credentials admin \\
        --client-certificate=/etc/kubernetes/ssl/kubelet.pem \\
        --client-key=/etc/kubernetes/ssl/kubelet.key
kubectl config set-context kubernetes \\
        --cluster=kubernetes \\
        --user=admin
kubectl config use-context kubernetes
`;

/** 001, lines 393-418, 493-518 (and 861-888 for kube-proxy): a component's kubeconfig, in the current directory. */
export function componentKubeconfigLines(component: string, { user, context }: { user: string; context: string }): string {
  return `
kubectl config set-cluster kubernetes \\
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \\
        --server=https://192.168.20.31:6443 \\
        --kubeconfig=${component}.kubeconfig
kubectl config set-credentials ${user} \\
        --client-certificate=/etc/kubernetes/ssl/${component}.pem \\
        --client-key=/etc/kubernetes/ssl/${component}.key \\
        --kubeconfig=${component}.kubeconfig
kubectl config set-context ${context} \\
        --cluster=kubernetes \\
        --user=${user} \\
        --kubeconfig=${component}.kubeconfig
kubectl config use-context ${context} \\
        --kubeconfig=${component}.kubeconfig
`;
}

/** 000, lines 14-40: a token and a bootstrap kubeconfig for each node named in \$NODE_NAMES, in the current directory. */
export const BOOTSTRAP_KUBECONFIG_LOOP = `
export MASTER_VIP=192.168.133.200
export KUBE_APISERVER="https://\${MASTER_VIP}:8443"
for node_name in \${NODE_NAMES[@]}
  do
    echo ">>> \${node_name}"

    export BOOTSTRAP_TOKEN=$(kubeadm token create \\
      --description kubelet-bootstrap-token \\
      --groups system:bootstrappers:\${node_name} \\
      --kubeconfig ~/.kube/config)

    kubectl config set-cluster kubernetes \\
      --certificate-authority=/etc/kubernetes/ssl/ca.pem \\
      --embed-certs=true \\
      --server=\${KUBE_APISERVER} \\
      --kubeconfig=kubelet-bootstrap-\${node_name}.kubeconfig

    kubectl config set-credentials kubelet-bootstrap \\
      --token=\${BOOTSTRAP_TOKEN} \\
      --kubeconfig=kubelet-bootstrap-\${node_name}.kubeconfig

    kubectl config set-context default \\
      --cluster=kubernetes \\
      --user=kubelet-bootstrap \\
      --kubeconfig=kubelet-bootstrap-\${node_name}.kubeconfig

    kubectl config use-context default --kubeconfig=kubelet-bootstrap-\${node_name}.kubeconfig
  done
`;

/** 001, lines 581-593: a token made by hand. Sets \$TOKEN_PUB and \$BOOTSTRAP_TOKEN. */
export const TOKEN_BY_HAND_LINES = `
TOKEN_PUB=$(openssl rand -hex 3)
TOKEN_SECRET=$(openssl rand -hex 8)
BOOTSTRAP_TOKEN="\${TOKEN_PUB}.\${TOKEN_SECRET}"

kubectl -n kube-system create secret generic bootstrap-token-\${TOKEN_PUB} \\
      --type 'bootstrap.kubernetes.io/token' \\
      --from-literal description="cluster bootstrap token" \\
      --from-literal token-id=\${TOKEN_PUB} \\
      --from-literal token-secret=\${TOKEN_SECRET} \\
      --from-literal usage-bootstrap-authentication=true \\
      --from-literal usage-bootstrap-signing=true
`;

/** 001, lines 597-621: one shared bootstrap.kubeconfig, in the current directory. */
export const SHARED_BOOTSTRAP_LINES = `
kubectl config set-cluster kubernetes \\
        --certificate-authority=/etc/kubernetes/ssl/ca.pem \\
        --server=https://192.168.20.31:6443 \\
        --kubeconfig=bootstrap.kubeconfig

kubectl config set-credentials kubelet-bootstrap \\
        --token=$BOOTSTRAP_TOKEN \\
        --kubeconfig=bootstrap.kubeconfig

kubectl config set-context default \\
        --cluster=kubernetes \\
        --user=kubelet-bootstrap \\
        --kubeconfig=bootstrap.kubeconfig

kubectl config use-context default \\
        --kubeconfig=bootstrap.kubeconfig
`;

/** The remedy of 000, line 199, and the two bindings of 001, lines 809-819: kubelets then join by themselves. */
export const BOOTSTRAPPER_BINDING =
  'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=system:bootstrappers';
export const AUTO_APPROVE_BINDINGS = `
kubectl create clusterrolebinding auto-approve-csrs-for-group \\
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:nodeclient \\
        --group=system:bootstrappers
kubectl create clusterrolebinding node-client-cert-renewal \\
        --clusterrole=system:certificates.k8s.io:certificatesigningrequests:selfnodeclient \\
        --group=system:nodes
`;

/** 004, lines 22-25, the here-document closed (M-37): a token for the API server's file, in the current directory. */
export const STATIC_TOKEN_LINES = `
export BOOTSTRAP_TOKEN=$(head -c 16 /dev/urandom | od -An -t x | tr -d ' ')
cat > bootstrap-token.csv <<EOF
\${BOOTSTRAP_TOKEN},kubelet-bootstrap,10001,"system:kubelet-bootstrap"
EOF
`;

/** 004's rule for user `kubelet-bootstrap` (G-05). */
export const STATIC_BOOTSTRAPPER_BINDING =
  'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --user=kubelet-bootstrap';

import type { KubeletDocument } from './documents.ts';
import type { RunbookHost } from './runbook-host.ts';

/*
 * The lines by which the runbooks make a kubelet's configuration file, to be run on its host in /etc/kubernetes, with the host's
 * address in $NODE_IP.
 */

/** 000, lines 77-115 and 131-136: a JSON template, and the file of this host. */
export const JSON_FILE_LINES = `
export CLUSTER_DNS_DOMAIN="cluster.local."
export CLUSTER_DNS_SVC_IP="10.254.0.2"
cat > kubelet.config.json.template <<EOF
{
  "kind": "KubeletConfiguration",
  "apiVersion": "kubelet.config.k8s.io/v1beta1",
  "authentication": {
    "x509": {
      "clientCAFile": "/etc/kubernetes/ssl/ca.pem"
    },
    "webhook": {
      "enabled": true,
      "cacheTTL": "2m0s"
    },
    "anonymous": {
      "enabled": false
    }
  },
  "authorization": {
    "mode": "Webhook",
    "webhook": {
      "cacheAuthorizedTTL": "5m0s",
      "cacheUnauthorizedTTL": "30s"
    }
  },
  "address": "##NODE_IP##",
  "port": 10250,
  "readOnlyPort": 0,
  "cgroupDriver": "cgroupfs",
  "hairpinMode": "promiscuous-bridge",
  "serializeImagePulls": false,
  "featureGates": {
    "RotateKubeletClientCertificate": true,
    "RotateKubeletServerCertificate": true
  },
  "clusterDomain": "\${CLUSTER_DNS_DOMAIN}",
  "clusterDNS": ["\${CLUSTER_DNS_SVC_IP}"]
}
EOF
sed -e "s/##NODE_IP##/\${NODE_IP}/" kubelet.config.json.template > kubelet.config-\${NODE_IP}.json
cat kubelet.config-\${NODE_IP}.json
`;

/** 001, lines 634-710, and 004, line 43: `healthzBindAddress` is to be the host's own. */
export const EVERY_FIELD_LINES = `
cat > kubelet.yaml.template <<'EOF'
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
address: 0.0.0.0
cgroupDriver: systemd
cgroupsPerQOS: true
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
    cacheTTL: 2m0s
  x509:
    clientCAFile: "/etc/kubernetes/pki/ca.pem"
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
sed -e "s/^healthzBindAddress: .*/healthzBindAddress: \${NODE_IP}/" kubelet.yaml.template
`;

/** 002, lines 104-130 and 149-150: a YAML template, and the file of this host. */
export const YAML_TEMPLATE_LINES = `
export CLUSTER_DNS_DOMAIN="cluster.local" CLUSTER_DNS_SVC_IP="10.254.0.2" POD_CIDR="172.30.0.0/16"
cat <<EOF | tee kubelet-config.yaml.template >/dev/null
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: "/etc/kubernetes/cert/ca.pem"
authorization:
  mode: Webhook
clusterDomain: "\${CLUSTER_DNS_DOMAIN}"
clusterDNS:
  - "\${CLUSTER_DNS_SVC_IP}"
podCIDR: "\${POD_CIDR}"
maxPods: 220
serializeImagePulls: false
hairpinMode: promiscuous-bridge
cgroupDriver: cgroupfs
runtimeRequestTimeout: "15m"
rotateCertificates: true
serverTLSBootstrap: true
readOnlyPort: 0
port: 10250
address: "##NODE_IP##"
EOF
sed -e "s/##NODE_IP##/\${NODE_IP}/" kubelet-config.yaml.template > kubelet-config-\${NODE_IP}.yaml.template
cat kubelet-config-\${NODE_IP}.yaml.template
`;

/** 001, lines 714-726; its file is made by `EVERY_FIELD_LINES`. */
export const ENVIRONMENT_FILE_KUBELET: KubeletDocument = {
  bootstrapKubeconfig: '/etc/kubernetes/bootstrap.kubeconfig',
  certificateDirectory: '/etc/kubernetes/pki',
  configPath: '/etc/kubernetes/kubelet.yaml',
  config: {},
  flags: [
    '--hostname-override=##NODE_NAME##',
    '--config=/etc/kubernetes/kubelet.yaml',
    '--cgroup-driver=systemd',
    '--pod-infra-container-image=gcr.azk8s.cn/google-containers/pause-amd64:3.1',
    '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap.kubeconfig',
    '--kubeconfig=/etc/kubernetes/kubelet.kubeconfig',
    '--cert-dir=/etc/kubernetes/pki',
    '--root-dir=/data/kubelet',
    '--network-plugin=cni',
    '--rotate-certificates',
    '--logtostderr=true',
    '--v=4',
  ],
};

/**
 * 002, lines 557-640, in its order: configz, with what 002's own file and flags say (C-05) and today's default of events. Left out
 * are the gates, which its file has none of, and `evictionHard`, which has one more signal today.
 */
export function configzSample(host: RunbookHost): Readonly<Record<string, unknown>> {
  return {
    ...{ syncFrequency: '1m0s', fileCheckFrequency: '20s', httpCheckFrequency: '20s', address: host.address, port: 10250 },
    ...{ rotateCertificates: true, serverTLSBootstrap: true },
    authentication: {
      x509: { clientCAFile: host.path('/etc/kubernetes/cert/ca.pem') },
      webhook: { enabled: true, cacheTTL: '2m0s' },
      anonymous: { enabled: false },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    ...{ registryPullQPS: 0, registryBurst: 10, eventRecordQPS: 0, eventBurst: 100, enableDebuggingHandlers: true },
    ...{ healthzPort: 0, healthzBindAddress: '127.0.0.1', oomScoreAdj: -999 },
    ...{ clusterDomain: 'cluster.local', clusterDNS: ['10.254.0.2'], streamingConnectionIdleTimeout: '4h0m0s' },
    ...{ nodeStatusUpdateFrequency: '10s', imageMinimumGCAge: '2m0s' },
    ...{ imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 80, volumeStatsAggPeriod: '1m0s', cgroupsPerQOS: true },
    ...{ cgroupDriver: 'cgroupfs', cpuManagerPolicy: 'none', cpuManagerReconcilePeriod: '10s', runtimeRequestTimeout: '15m0s' },
    ...{ hairpinMode: 'promiscuous-bridge', maxPods: 220, podPidsLimit: -1, resolvConf: '/etc/resolv.conf', cpuCFSQuota: true },
    ...{ maxOpenFiles: 1_000_000, contentType: 'application/vnd.kubernetes.protobuf', kubeAPIQPS: 1000, kubeAPIBurst: 2000 },
    ...{ serializeImagePulls: false, evictionPressureTransitionPeriod: '5m0s', enableControllerAttachDetach: true },
    ...{ makeIPTablesUtilChains: true, iptablesMasqueradeBit: 14, iptablesDropBit: 15, failSwapOn: true },
    ...{ containerLogMaxSize: '10Mi', containerLogMaxFiles: 5, enforceNodeAllocatable: ['pods'] },
  };
}

import { until } from '../harness/until.ts';
import type { RunbookCluster } from './runbook-cluster.ts';
import type { RunbookHost } from './runbook-host.ts';
import { signingRequests } from './runbook-steps.ts';

/** What 002 says about the kubelet's API, in its own words but for `sudo`. Of its mixed addresses (C-31) all are the one node's. */
export const AS_NOBODY = 'curl -s --cacert /etc/kubernetes/cert/ca.pem https://172.27.128.149:10250/metrics';
export const WITH_UNKNOWN_TOKEN =
  'curl -s --cacert /etc/kubernetes/cert/ca.pem -H "Authorization: Bearer 123456" https://172.27.128.149:10250/metrics';
export const AS_CONTROLLER_MANAGER =
  'curl -s --cacert /etc/kubernetes/cert/ca.pem --cert /etc/kubernetes/cert/kube-controller-manager.pem --key /etc/kubernetes/cert/kube-controller-manager-key.pem https://172.27.128.149:10250/metrics';
export const AS_ADMIN =
  'curl -s --cacert /etc/kubernetes/cert/ca.pem --cert /opt/k8s/work/admin.pem --key /opt/k8s/work/admin-key.pem https://172.27.128.150:10250/metrics';
export const SERVICE_ACCOUNT_LINES = `
kubectl create sa kubelet-api-test
kubectl create clusterrolebinding kubelet-api-test --clusterrole=system:kubelet-api-admin --serviceaccount=default:kubelet-api-test
`;
export const SERVICE_ACCOUNT_TOKEN_LINES = `
SECRET=$(kubectl get secrets | grep kubelet-api-test | awk '{print $1}')
TOKEN=$(kubectl describe secret \${SECRET} | grep -E '^token' | awk '{print $2}')
echo \${TOKEN}
`;
export const WITH_TOKEN = WITH_UNKNOWN_TOKEN.replace('123456', '$' + '{TOKEN}');
export const CONFIGZ_LINES = `
curl -sSL --cacert /etc/kubernetes/cert/ca.pem --cert /opt/k8s/work/admin.pem --key /opt/k8s/work/admin-key.pem \${KUBE_APISERVER}/api/v1/nodes/m7-autocv-gpu01/proxy/configz | jq \\
  '.kubeletconfig|.kind="KubeletConfiguration"|.apiVersion="kubelet.config.k8s.io/v1beta1"'
`;
/** 004, line 93, with the user's whole name (M-03). */
export const KUBELET_APIS_BINDING =
  'kubectl create clusterrolebinding kube-apiserver:kubelet-apis --clusterrole=system:kubelet-api-admin --user kubernetes';

/** The nodes' names are in no DNS here. */
export const BY_ADDRESS = '--kubelet-preferred-address-types=InternalIP';

/** What 002 runs `kubectl exec` in. */
const EXEC_POD = 'nginx-ds-5rmws';

/** Puts the certificates on the master where 002 has them, under the names that it gives them. */
export function copyCertificates(cluster: RunbookCluster): Promise<string> {
  return cluster.sh(`
mkdir -p /etc/kubernetes/cert /opt/k8s/work
cd /etc/kubernetes/ssl
cp ca.pem kube-controller-manager.pem /etc/kubernetes/cert/
cp kube-controller-manager.key /etc/kubernetes/cert/kube-controller-manager-key.pem
cp admin.pem /opt/k8s/work/
cp admin.key /opt/k8s/work/admin-key.pem`);
}

/** A line of 002 that goes to this node. */
export function toNode(line: string, { address }: RunbookHost): string {
  return line.replace(/\b172\.27\.12[89]\.\d+\b/g, address);
}

/** The same with another path than the line's. */
export function atPath(line: string, path: string): string {
  return line.replace(/\/metrics$/, path);
}

/** The administrator approves what nodes ask for; resolves once a node serves with a certificate of the cluster's authority. */
export function serves(cluster: RunbookCluster, host: RunbookHost): Promise<unknown> {
  return until(`${host.name} serves with its certificate`, async () => {
    for (const { metadata, status } of await signingRequests(cluster))
      if (!status?.conditions?.length) await cluster.sh(`kubectl certificate approve ${metadata?.name}`);
    return (await cluster.trySh(toNode(AS_NOBODY, host))).stdout === 'Unauthorized';
  });
}

/** Creates a pod like the one of 002's `kubectl exec`, once its namespace has the account that it runs as. */
export function createPod(cluster: RunbookCluster, nodeName: string, name = EXEC_POD): Promise<string> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName, containers: [{ name: 'my-nginx', image: 'nginx:1.7.9' }] },
  };
  return until('the pod can be created', () => cluster.kubectl120.run('create -f -', { input: JSON.stringify(pod) }));
}

/** 002, lines 557-640: what `CONFIGZ_LINES` printed. */
export const CONFIGZ_LISTING = {
  syncFrequency: '1m0s',
  fileCheckFrequency: '20s',
  httpCheckFrequency: '20s',
  address: '172.27.128.150',
  port: 10250,
  rotateCertificates: true,
  serverTLSBootstrap: true,
  authentication: {
    x509: {
      clientCAFile: '/etc/kubernetes/cert/ca.pem',
    },
    webhook: {
      enabled: true,
      cacheTTL: '2m0s',
    },
    anonymous: {
      enabled: false,
    },
  },
  authorization: {
    mode: 'Webhook',
    webhook: {
      cacheAuthorizedTTL: '5m0s',
      cacheUnauthorizedTTL: '30s',
    },
  },
  registryPullQPS: 5,
  registryBurst: 10,
  eventRecordQPS: 5,
  eventBurst: 10,
  enableDebuggingHandlers: true,
  healthzPort: 10248,
  healthzBindAddress: '127.0.0.1',
  oomScoreAdj: -999,
  clusterDomain: 'cluster.local',
  clusterDNS: ['10.254.0.2'],
  streamingConnectionIdleTimeout: '4h0m0s',
  nodeStatusUpdateFrequency: '10s',
  imageMinimumGCAge: '2m0s',
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  volumeStatsAggPeriod: '1m0s',
  cgroupsPerQOS: true,
  cgroupDriver: 'cgroupfs',
  cpuManagerPolicy: 'none',
  cpuManagerReconcilePeriod: '10s',
  runtimeRequestTimeout: '2m0s',
  hairpinMode: 'promiscuous-bridge',
  maxPods: 2000,
  podPidsLimit: -1,
  resolvConf: '/etc/resolv.conf',
  cpuCFSQuota: true,
  maxOpenFiles: 1000000,
  contentType: 'application/vnd.kubernetes.protobuf',
  kubeAPIQPS: 5,
  kubeAPIBurst: 10,
  serializeImagePulls: false,
  evictionHard: {
    'imagefs.available': '15%',
    'memory.available': '100Mi',
    'nodefs.available': '10%',
    'nodefs.inodesFree': '5%',
  },
  evictionPressureTransitionPeriod: '5m0s',
  enableControllerAttachDetach: true,
  makeIPTablesUtilChains: true,
  iptablesMasqueradeBit: 14,
  iptablesDropBit: 15,
  featureGates: {
    RotateKubeletClientCertificate: true,
    RotateKubeletServerCertificate: true,
  },
  failSwapOn: true,
  containerLogMaxSize: '10Mi',
  containerLogMaxFiles: 5,
  enforceNodeAllocatable: ['pods'],
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
} as const;

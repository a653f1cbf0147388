import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration } from './defaults.ts';
import { parseConfiguration } from './parse.ts';
import { remarksOn } from './without-effect.ts';

/** Every field of the runbooks with a value that one of them has (ACCEPTANCE.md, KCF-07 to KCF-77), as far as they go together. */
const RUNBOOKS = {
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  authentication: {
    x509: { clientCAFile: '/etc/kubernetes/ssl/ca.pem' },
    webhook: { enabled: true, cacheTTL: '2m0s' },
    anonymous: { enabled: false },
  },
  authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
  address: '172.27.128.150',
  port: 10250,
  readOnlyPort: 0,
  cgroupDriver: 'cgroupfs',
  hairpinMode: 'promiscuous-bridge',
  serializeImagePulls: false,
  featureGates: { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true },
  clusterDomain: 'cluster.local.',
  clusterDNS: ['10.254.0.2'],
  cgroupsPerQOS: true,
  configMapAndSecretChangeDetectionStrategy: 'Watch',
  containerLogMaxFiles: 5,
  containerLogMaxSize: '10Mi',
  contentType: 'application/vnd.kubernetes.protobuf',
  cpuCFSQuota: true,
  cpuCFSQuotaPeriod: '100ms',
  cpuManagerPolicy: 'none',
  cpuManagerReconcilePeriod: '10s',
  enableControllerAttachDetach: true,
  enableDebuggingHandlers: true,
  enableContentionProfiling: true,
  serverTLSBootstrap: true,
  enforceNodeAllocatable: ['pods'],
  eventBurst: 10,
  eventRecordQPS: 5,
  evictionHard: { 'imagefs.available': '15%', 'memory.available': '100Mi', 'nodefs.available': '10%', 'nodefs.inodesFree': '5%' },
  evictionPressureTransitionPeriod: '5m0s',
  failSwapOn: true,
  fileCheckFrequency: '20s',
  healthzBindAddress: '127.0.0.1',
  healthzPort: 10248,
  httpCheckFrequency: '20s',
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAge: '2m0s',
  iptablesDropBit: 15,
  iptablesMasqueradeBit: 14,
  kubeAPIBurst: 10,
  kubeAPIQPS: 5,
  makeIPTablesUtilChains: true,
  maxOpenFiles: 1000000,
  maxPods: 2000,
  nodeLeaseDurationSeconds: 40,
  nodeStatusReportFrequency: '1m0s',
  nodeStatusUpdateFrequency: '10s',
  oomScoreAdj: -999,
  podPidsLimit: -1,
  registryBurst: 10,
  registryPullQPS: 5,
  resolvConf: '/etc/resolv.conf',
  rotateCertificates: true,
  runtimeRequestTimeout: '15m',
  staticPodPath: '/etc/kubernetes/manifests',
  streamingConnectionIdleTimeout: '4h0m0s',
  syncFrequency: '1m0s',
  topologyManagerPolicy: 'none',
  volumeStatsAggPeriod: '1m0s',
  podCIDR: '172.30.0.0/16',
};

const remarks = (settings: Record<string, unknown>) => remarksOn(completeConfiguration(settings), completeConfiguration());

test('a file with every field of the runbooks is taken, and what of it does nothing is told in one line', async () => {
  const { given, warnings } = await parseConfiguration(JSON.stringify(RUNBOOKS));
  assert.deepEqual(warnings, []);
  assert.deepEqual(remarks(given), [
    'fields of the configuration that have no effect in this kubelet: enableContentionProfiling',
  ]);
});

test('gates that switch nothing are told, and a field that says its default is not', () => {
  assert.deepEqual(
    remarks({ contentType: 'application/vnd.kubernetes.protobuf', volumePluginDir: '/x', kernelMemcgNotification: true }),
    ['fields of the configuration that have no effect in this kubelet: kernelMemcgNotification, volumePluginDir'],
  );
  assert.deepEqual(remarks({ featureGates: { Zeta: true, RotateKubeletServerCertificate: true, Alpha: false } }), [
    'feature gates that switch nothing in this kubelet: Alpha, Zeta',
  ]);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { configzDocument } from './configz.ts';
import { completeConfiguration } from './defaults.ts';
import { kubeletConfigurationFields } from './fields.ts';
import { requestsServingCertificate, rotatesClientCertificate } from './kubelet-configuration.ts';
import { parseConfiguration, readConfigurationFile } from './parse.ts';

const HEAD = 'kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n';

const RUNBOOK_YAML = `${HEAD}authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: "/etc/kubernetes/cert/ca.pem"
authorization:
  mode: Webhook
clusterDomain: "cluster.local"
clusterDNS:
  - "10.254.0.2"
podCIDR: "172.30.0.0/16"
maxPods: 220
serializeImagePulls: false
hairpinMode: promiscuous-bridge
cgroupDriver: cgroupfs
runtimeRequestTimeout: "15m"
rotateCertificates: true
serverTLSBootstrap: true
readOnlyPort: 0
port: 10250
address: "172.27.128.150"
`;

/** The keys of the runbook's configz sample, in its order. */
const SAMPLE_KEYS =
  `syncFrequency fileCheckFrequency httpCheckFrequency address port rotateCertificates serverTLSBootstrap authentication
authorization registryPullQPS registryBurst eventRecordQPS eventBurst enableDebuggingHandlers healthzPort healthzBindAddress oomScoreAdj
clusterDomain clusterDNS streamingConnectionIdleTimeout nodeStatusUpdateFrequency imageMinimumGCAge imageGCHighThresholdPercent
imageGCLowThresholdPercent volumeStatsAggPeriod cgroupsPerQOS cgroupDriver cpuManagerPolicy cpuManagerReconcilePeriod runtimeRequestTimeout
hairpinMode maxPods podPidsLimit resolvConf cpuCFSQuota maxOpenFiles contentType kubeAPIQPS kubeAPIBurst serializeImagePulls evictionHard
evictionPressureTransitionPeriod enableControllerAttachDetach makeIPTablesUtilChains iptablesMasqueradeBit iptablesDropBit featureGates
failSwapOn containerLogMaxSize containerLogMaxFiles enforceNodeAllocatable`.split(/\s+/);

test("configz shows the runbook's fields in the runbook's order, durations in Go's form, without kind and apiVersion", async () => {
  const { given, warnings } = await parseConfiguration(
    `${RUNBOOK_YAML}featureGates: {RotateKubeletServerCertificate: true, RotateKubeletClientCertificate: true}\n`,
  );
  assert.deepEqual(warnings, []);
  const { kubeletconfig } = configzDocument(completeConfiguration(given));
  const keys = Object.keys(kubeletconfig);
  assert.deepEqual(
    keys.filter((key) => SAMPLE_KEYS.includes(key)),
    SAMPLE_KEYS,
  );
  assert.ok(!keys.includes('kind') && !keys.includes('apiVersion') && !keys.includes('readOnlyPort'));
  assert.equal(kubeletconfig['runtimeRequestTimeout'], '15m0s');
  assert.equal(kubeletconfig['maxPods'], 220);
  assert.deepEqual(kubeletconfig['authorization'], {
    mode: 'Webhook',
    webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' },
  });
  assert.deepEqual(kubeletconfig['authentication'], {
    x509: { clientCAFile: '/etc/kubernetes/cert/ca.pem' },
    webhook: { enabled: true, cacheTTL: '2m0s' },
    anonymous: { enabled: false },
  });
  assert.deepEqual(Object.keys(kubeletconfig['featureGates'] as object), [
    'RotateKubeletClientCertificate',
    'RotateKubeletServerCertificate',
  ]);
});

test('every field of the runbooks is known', () => {
  const named =
    `authentication authorization address port readOnlyPort cgroupDriver hairpinMode serializeImagePulls featureGates clusterDomain
clusterDNS cgroupsPerQOS configMapAndSecretChangeDetectionStrategy containerLogMaxFiles containerLogMaxSize contentType cpuCFSQuota
cpuCFSQuotaPeriod cpuManagerPolicy cpuManagerReconcilePeriod enableControllerAttachDetach enableDebuggingHandlers enableContentionProfiling
serverTLSBootstrap enforceNodeAllocatable eventBurst eventRecordQPS evictionHard evictionPressureTransitionPeriod failSwapOn fileCheckFrequency
healthzBindAddress healthzPort httpCheckFrequency imageGCHighThresholdPercent imageGCLowThresholdPercent imageMinimumGCAge iptablesDropBit
iptablesMasqueradeBit kubeAPIBurst kubeAPIQPS makeIPTablesUtilChains maxOpenFiles maxPods nodeLeaseDurationSeconds nodeStatusReportFrequency
nodeStatusUpdateFrequency oomScoreAdj podPidsLimit registryBurst registryPullQPS resolvConf rotateCertificates runtimeRequestTimeout staticPodPath
streamingConnectionIdleTimeout syncFrequency topologyManagerPolicy volumeStatsAggPeriod podCIDR`.split(/\s+/);
  assert.deepEqual(
    named.filter((name) => !(name in kubeletConfigurationFields)),
    [],
  );
});

test('fields that nobody knows are refused by their paths, those of older releases are left out with a warning', async () => {
  await assert.rejects(
    parseConfiguration(
      `${HEAD}maxPods: 5\nfromTheFuture: 1\nauthentication: {x509: {oddity: 2}}\nregisterWithTaints: [{k: v}]\n`,
    ),
    {
      message:
        'failed to decode: strict decoding error: unknown field "fromTheFuture", unknown field "authentication.x509.oddity", unknown field "registerWithTaints[0].k"',
    },
  );
  const { given, warnings } = await parseConfiguration(`${HEAD}maxPods: 5\nconfigTrialDuration: 10m\n`);
  assert.deepEqual(given, { maxPods: 5 });
  assert.deepEqual(warnings, ['field "configTrialDuration" is ignored: dynamic kubelet configuration was removed in 1.24']);
});

test('fields that come twice are refused by name', async () => {
  await assert.rejects(
    parseConfiguration(
      '{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","evictionHard":{"a":"1","a":"2"},"port":1,"port":2}',
    ),
    /strict decoding error: duplicate field "evictionHard.a", duplicate field "port"/,
  );
  await assert.rejects(parseConfiguration(`${HEAD}port: 1\nport: 2\n`), /Map keys must be unique/);
});

for (const [line, message] of [
  ['maxPods: "many"', /field maxPods must be an integer, got "many"/],
  ['syncFrequency: 60', /field syncFrequency must be a duration like 2m0s, got 60/],
  ['authentication: {webhook: {enabled: "yes"}}', /field authentication.webhook.enabled must be true or false/],
  ['clusterDNS: 10.0.0.2', /field clusterDNS must be a list of strings/],
  ['clusterDNS: [1]', /field clusterDNS\[0\] must be a string, got 1/],
  ['featureGates: {A: "x"}', /field featureGates.A must be true or false/],
  ['evictionHard: {memory.available: 5}', /field evictionHard.memory.available must be a string/],
] as const)
  test(`a wrong type is refused by name: ${line}`, async () => {
    await assert.rejects(parseConfiguration(`${HEAD}${line}\n`), message);
  });

for (const [given, message] of [
  [{ healthzPort: 70000 }, /invalid configuration: healthzPort \(--healthz-port\) 70000 must be between 1 and 65535, inclusive/],
  [
    { hairpinMode: 'mirror' },
    /option "mirror" specified for hairpinMode \(--hairpin-mode\)\. Valid options are "none", "hairpin-veth" or "promiscuous-bridge"/,
  ],
  [{ imageGCLowThresholdPercent: 90 }, /imageGCLowThresholdPercent .* 90 must be less than imageGCHighThresholdPercent .* 85/],
  [{ address: 'localhost' }, /address "localhost" must be an IP address/],
  [{ authorization: { mode: 'Maybe' } }, /authorization.mode \(--authorization-mode\) "Maybe" must be one of/],
  [{ evictionHard: { 'memory.free': '1Gi' } }, /evictionHard .* has unknown eviction signal "memory.free"/],
  [{ kubeAPIQPS: -1 }, /kubeAPIQPS \(--kube-api-qps\) -1 must not be a negative number/],
  [{ tlsCertFile: '/a' }, /must be given together/],
  [{ port: 70000 }, /port \(--port\) 70000 must be between 1 and 65535, inclusive/],
  [{ readOnlyPort: -1 }, /readOnlyPort \(--read-only-port\) -1 must be between 0 and 65535, inclusive/],
  [{ nodeLeaseDurationSeconds: -1 }, /nodeLeaseDurationSeconds must be greater than 0/],
  [{ oomScoreAdj: 1001 }, /oomScoreAdj \(--oom-score-adj\) 1001 must be between -1000 and 1000, inclusive/],
  [{ systemCgroups: '/s' }, /systemCgroups .* was specified and cgroupRoot .* was not specified/],
  [{ cpuCFSQuotaPeriod: '50ms' }, /cpuCFSQuotaPeriod .* 50ms requires feature gate CustomCPUCFSQuotaPeriod/],
  [
    { cpuCFSQuotaPeriod: '2s', featureGates: { CustomCPUCFSQuotaPeriod: true } },
    /cpuCFSQuotaPeriod .* 2s must be between 1ms and 1sec, inclusive/,
  ],
  [{ imageMaximumGCAge: '1m0s' }, /imageMaximumGCAge 1m0s must be greater than imageMinimumGCAge 2m0s/],
  [{ maxParallelImagePulls: 0 }, /maxParallelImagePulls 0 must be a positive number/],
  [{ nodeStatusMaxImages: -2 }, /nodeStatusMaxImages \(--node-status-max-images\) -2 must be -1 or greater/],
  [{ serializeImagePulls: true, maxParallelImagePulls: 3 }, /maxParallelImagePulls cannot be larger than 1 unless/],
  [{ runOnce: true }, /runOnce \(--runOnce\) true, Runonce mode has been deprecated/],
  [{ cpuManagerPolicy: 'x' }, /unknown CPU Manager policy \(--cpu-manager-policy\): "x"/],
  [{ cpuManagerPolicyOptions: { 'full-pcpus-only': 'true' } }, /None policy: received unsupported options=/],
  [
    { cpuManagerPolicy: 'static', cpuManagerPolicyOptions: { 'align-by-socket': 'true' } },
    /cpuManagerPolicyOptions .*"align-by-socket" is not supported by this kubelet/,
  ],
  [{ cpuManagerPolicy: 'static', cpuManagerPolicyOptions: { x: 'true' } }, /unknown CPU Manager Policy option: "x"/],
  [
    { cpuManagerPolicy: 'static', cpuManagerPolicyOptions: { 'full-pcpus-only': 'yes' } },
    /bad value for option "full-pcpus-only": strconv.ParseBool: parsing "yes": invalid syntax/,
  ],
  [{ topologyManagerPolicyOptions: { 'prefer-closest-numa-nodes': 'true' } }, /"prefer-closest-numa-nodes" is not supported/],
  [{ topologyManagerPolicyOptions: { x: '1' } }, /unknown Topology Manager Policy option: "x"/],
  [{ memoryManagerPolicy: 'Static' }, /memoryManagerPolicy .* "Static" is not supported/],
  [{ topologyManagerPolicy: 'x' }, /"x" must be one of: \["none" "best-effort" "restricted" "single-numa-node"\]/],
  [{ topologyManagerScope: 'x' }, /topologyManagerScope .* "x" must be one of: "container", or "pod"/],
  [{ memorySwap: { swapBehavior: 'Much' } }, /memorySwap.swapBehavior "Much" must be one of: "", "LimitedSwap" or "NoSwap"/],
  [
    { shutdownGracePeriod: '10s', shutdownGracePeriodCriticalPods: '20s' },
    /shutdownGracePeriodCriticalPods 20s must be <= shutdownGracePeriod 10s/,
  ],
  [{ shutdownGracePeriod: '10ms' }, /shutdownGracePeriod 10ms must be either zero or otherwise >= 1 sec/],
  [
    { shutdownGracePeriod: '10s', shutdownGracePeriodByPodPriority: [{ priority: 1, shutdownGracePeriodSeconds: 2 }] },
    /Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time/,
  ],
  [{ enforceNodeAllocatable: ['pods', 'pods'] }, /duplicated enforcements "pods" in enforceNodeAllocatable/],
  [{ enforceNodeAllocatable: ['none', 'pods'] }, /may not contain additional enforcements when "none" is specified/],
  [
    { enforceNodeAllocatable: ['all'] },
    /option "all" specified for enforceNodeAllocatable .* Valid options are "pods", .* or "none"/,
  ],
  [{ enforceNodeAllocatable: ['system-reserved'] }, /systemReservedCgroup \(--system-reserved-cgroup\) must be specified when/],
  [{ cgroupsPerQOS: false }, /cgroupsPerQOS \(--cgroups-per-qos\) must be set to true when "pods" contained in/],
  [{ reservedSystemCPUs: 'a' }, /unable to parse reservedSystemCPUs/],
  [{ systemReserved: { gold: '1' } }, /cannot reserve "gold" resource/],
  [{ kubeReserved: { cpu: '-1' } }, /kubeReserved \(--kube-reserved\) cpu="-1" must be a quantity that is not negative/],
  [
    { evictionSoft: { 'memory.available': '1Gi' } },
    /grace period must be specified for the soft eviction threshold memory.available/,
  ],
  [{ evictionHard: { 'memory.available': '101%' } }, /must be a quantity or a percentage/],
  [{ crashLoopBackOff: { maxContainerRestartPeriod: '1h0m0s' } }, /\(got: 3600 seconds\) must be set between 1s and 300s/],
  [{ memoryThrottlingFactor: 0 }, /memoryThrottlingFactor 0 must be greater than 0/],
  [{ registerWithTaints: [{ key: 'a', effect: 'Never' }] }, /invalid taint: \{a {2}Never <nil>\}/],
  [{ containerLogMaxFiles: 1 }, /containerLogMaxFiles must be greater than 1/],
  [{ containerLogMaxSize: 'big' }, /failed to parse containerLogMaxSize/],
  [{ containerLogMonitorInterval: '2s' }, /greater than or equal to 3s/],
  [{ podLogsDir: 'logs' }, /pod logs path "logs" must be absolute path/],
  [{ podLogsDir: '/a/../b' }, /pod logs path "\/a\/..\/b" must be normalized/],
  [{ podLogsDir: '/ä' }, /mut contains ASCII characters only/],
  [{ enableSystemLogQuery: true, enableSystemLogHandler: false }, /enableSystemLogHandler is required/],
  [{ containerRuntimeEndpoint: 'tcp://x:1' }, /containerRuntimeEndpoint .* must be a unix socket/],
  [{ userNamespaces: { idsPerPod: 100 } }, /must be a multiple of 65536/],
] as const)
  test(`a value that is not legal is refused by name: ${JSON.stringify(given)}`, () => {
    assert.throws(() => completeConfiguration(given), message);
  });

test('a document of another kind is refused', async () => {
  await assert.rejects(parseConfiguration('maxPods: 5'), /Object 'Kind' is missing/);
  await assert.rejects(
    parseConfiguration('kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n'),
    /no kind "KubeProxyConfiguration" is registered/,
  );
});

test('a missing file is named', async () => {
  await assert.rejects(
    readConfigurationFile('/nowhere/kubelet.yaml'),
    /path: \/nowhere\/kubelet.yaml.*no such file or directory/,
  );
});

test('JSON is read as well as YAML', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-configuration-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'kubelet.json');
  await writeFile(
    path,
    '{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","port":10250,"address":"10.0.0.1"}',
  );
  assert.deepEqual((await readConfigurationFile(path)).given, { port: 10250, address: '10.0.0.1' });
});

test('defaults are upstream’s, and follow what was said', () => {
  const plain = completeConfiguration();
  assert.equal(plain.nodeStatusReportFrequency, '5m0s');
  assert.equal(plain.evictionHard['memory.available'], '100Mi');
  assert.equal(completeConfiguration({ nodeStatusUpdateFrequency: '20s' }).nodeStatusReportFrequency, '20s');
  assert.equal(completeConfiguration({ maxParallelImagePulls: 4 })['serializeImagePulls'], false);
  assert.deepEqual(completeConfiguration({ evictionHard: { 'nodefs.available': '1%' } }).evictionHard, {
    'nodefs.available': '1%',
  });
  assert.equal(completeConfiguration({ healthzPort: 0 }).healthzPort, 0);
  assert.equal(completeConfiguration({ kubeAPIBurst: 0 }).kubeAPIBurst, 100);
});

test('a gate permits and a field switches on', () => {
  const gates = { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true };
  const gatesAlone = completeConfiguration({ featureGates: gates });
  assert.deepEqual([rotatesClientCertificate(gatesAlone), requestsServingCertificate(gatesAlone)], [false, false]);
  const fieldsAlone = completeConfiguration({ rotateCertificates: true, serverTLSBootstrap: true });
  assert.deepEqual([rotatesClientCertificate(fieldsAlone), requestsServingCertificate(fieldsAlone)], [true, true]);
  assert.equal(
    rotatesClientCertificate(
      completeConfiguration({ rotateCertificates: true, featureGates: { RotateKubeletClientCertificate: false } }),
    ),
    false,
  );
});

test('any text is read or refused with a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
      try {
        await parseConfiguration(`${HEAD}${text}`);
        await parseConfiguration(text);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { verbose: 1, numRuns: 200 },
  );
});

test('what the kubelet shows of its configuration names the headers of its manifests’ URL, and not what they hold', () => {
  const staticPodURLHeader = { Authorization: ['Bearer abc'], 'X-Team': ['a', 'b'] };
  const text = JSON.stringify(configzDocument(completeConfiguration({ staticPodURLHeader })));
  assert.doesNotMatch(text, /abc/);
  assert.match(text, /"staticPodURLHeader":\{"Authorization":\["<masked>"\],"X-Team":\["<masked>"\]\}/);
});

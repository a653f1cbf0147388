/** Section 8 of ACCEPTANCE: the kubelet's configuration file, as JSON of 000 and as YAML of 001 and 002. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1Lease, V1Node } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { ADMIN_CURL, type RunbookNumber, type Settings, useDocumentKubelets } from './document-kubelets.ts';
import { configzSample } from './kubelet-documents.ts';
import { statusWithToken } from './runbook-steps.ts';

const runbook = useDocumentKubelets();
const NUMBERS: readonly RunbookNumber[] = ['000', '001', '002'];
const sh: typeof runbook.cluster.sh = (script, options) => runbook.cluster.sh(script, options);
const settings = (number: RunbookNumber) => runbook.of(number).settings;
/** A setting by its path, parts parted by spaces as some keys have dots. */
const setting = (all: Settings, path: string): unknown =>
  path.split(' ').reduce<unknown>((value, part) => (value as Settings | undefined)?.[part], all);
const node = (number: RunbookNumber) => runbook.cluster.kubectl120.json<V1Node>(['get', 'node', runbook.of(number).name]);
/** The status that a kubelet answers a path with, to whom curl's flags say. */
const status = async (number: RunbookNumber, path: string, flags = '') =>
  Number(await sh(`curl -sk -o /dev/null -w '%{http_code}' ${flags} https://${runbook.of(number).endpoint}${path}`));

/** Expected of all three kubelets, or of those of 000, 001 and 002. */
type Row =
  | readonly [title: string, path: string, everywhere: unknown]
  | readonly [title: string, path: string, first: unknown, second: unknown, third: unknown];

/** What the file says, else what upstream has today by default; flags of the command line win (C-05, C-06). */
const ROWS: readonly Row[] = [
  ['KCF-10: bearer tokens are checked with the API server', 'authentication webhook enabled', true],
  ['KCF-11: such a check is remembered for two minutes', 'authentication webhook cacheTTL', '2m0s'],
  ['KCF-12: anonymous requests are refused', 'authentication anonymous enabled', false],
  ['KCF-13: the API server is asked what callers may do', 'authorization mode', 'Webhook'],
  ['KCF-14: a yes is remembered for five minutes', 'authorization webhook cacheAuthorizedTTL', '5m0s'],
  ['KCF-15: a no is remembered for thirty seconds', 'authorization webhook cacheUnauthorizedTTL', '30s'],
  ['KCF-19: the cgroup driver is the one of the document', 'cgroupDriver', 'cgroupfs', 'systemd', 'cgroupfs'],
  [
    'KCF-20: the hairpin mode is of the file, unless a flag names another',
    'hairpinMode',
    'hairpin-veth',
    'promiscuous-bridge',
    'promiscuous-bridge',
  ],
  ['KCF-21: images are pulled in parallel, or one at a time', 'serializeImagePulls', false, true, false],
  [
    'KCF-24: the cluster’s domain is as written, with its dot or without',
    'clusterDomain',
    'cluster.local.',
    'cluster.local',
    'cluster.local',
  ],
  ['KCF-25: pods are given the DNS server of the document', 'clusterDNS', ['10.254.0.2'], ['10.0.0.2'], ['10.254.0.2']],
  ['KCF-26: there is a cgroup tree by QoS class', 'cgroupsPerQOS', true],
  ['KCF-27: ConfigMaps and Secrets are watched', 'configMapAndSecretChangeDetectionStrategy', 'Watch'],
  ['KCF-28: a container has five log files', 'containerLogMaxFiles', 5],
  ['KCF-29: a container’s log is rotated at 10Mi', 'containerLogMaxSize', '10Mi'],
  ['KCF-30: the encoding towards the API server is protobuf', 'contentType', 'application/vnd.kubernetes.protobuf'],
  ['KCF-31: CPU limits are enforced by quota', 'cpuCFSQuota', true],
  ['KCF-32: the period of the quota is a tenth of a second', 'cpuCFSQuotaPeriod', '100ms'],
  ['KCF-33: CPUs are given to nobody alone', 'cpuManagerPolicy', 'none'],
  ['KCF-34: the CPU manager looks every ten seconds', 'cpuManagerReconcilePeriod', '10s'],
  ['KCF-35: volumes are attached by the controller-manager', 'enableControllerAttachDetach', true],
  // Left out by configz where it is false.
  ['KCF-37: contention profiling is asked for by one document', 'enableContentionProfiling', undefined, true, undefined],
  ['KCF-39: node allocatable is enforced on pods', 'enforceNodeAllocatable', ['pods']],
  ['KCF-40: the burst of events is the file’s', 'eventBurst', 100, 10, 100],
  ['KCF-41: the events per second are the file’s, unless a flag says so', 'eventRecordQPS', 50, 5, 0],
  ['KCF-42: pods are evicted at 15% of the image file system', 'evictionHard imagefs.available', '15%'],
  ['KCF-43: pods are evicted at 100Mi of memory', 'evictionHard memory.available', '100Mi'],
  ['KCF-44: pods are evicted at 10% of the node’s file system', 'evictionHard nodefs.available', '10%'],
  ['KCF-45: pods are evicted at 5% of its inodes', 'evictionHard nodefs.inodesFree', '5%'],
  ['KCF-46: a pressure condition stays for five minutes', 'evictionPressureTransitionPeriod', '5m0s'],
  ['KCF-47: swap stops the kubelet, unless a flag says that it may be on', 'failSwapOn', false, true, true],
  ['KCF-48: static pods’ files are read every twenty seconds', 'fileCheckFrequency', '20s'],
  ['KCF-51: static pods’ URL is read every twenty seconds', 'httpCheckFrequency', '20s'],
  ['KCF-52: images are cleaned up from 85% on', 'imageGCHighThresholdPercent', 85],
  ['KCF-53: images are cleaned up down to 80%', 'imageGCLowThresholdPercent', 80],
  ['KCF-54: an image is safe for its first two minutes', 'imageMinimumGCAge', '2m0s'],
  ['KCF-55: the bit for dropping is 15', 'iptablesDropBit', 15],
  ['KCF-56: the bit for masquerading is 14', 'iptablesMasqueradeBit', 14],
  ['KCF-57: the burst towards the API server is the file’s, unless a flag names one', 'kubeAPIBurst', 100, 10, 2000],
  ['KCF-58: the requests per second are the file’s, unless a flag names them', 'kubeAPIQPS', 50, 5, 1000],
  ['KCF-59: the kubelet keeps the helper chains', 'makeIPTablesUtilChains', true],
  ['KCF-60: the kubelet may have a million files open', 'maxOpenFiles', 1_000_000],
  [
    'KCF-63: an unchanged status is reported every minute where the file says so',
    'nodeStatusReportFrequency',
    '5m0s',
    '1m0s',
    '5m0s',
  ],
  ['KCF-64: the status is computed every ten seconds', 'nodeStatusUpdateFrequency', '10s'],
  ['KCF-65: the kernel is to spare the kubelet', 'oomScoreAdj', -999],
  ['KCF-66: a pod has no limit of PIDs', 'podPidsLimit', -1],
  ['KCF-67: the burst of image pulls is ten', 'registryBurst', 10],
  ['KCF-68: five images are pulled in a second, unless a flag says otherwise', 'registryPullQPS', 5, 5, 0],
  ['KCF-69: pods get the node’s resolver file', 'resolvConf', '/etc/resolv.conf'],
  ['KCF-71: requests to the runtime have the time of the document', 'runtimeRequestTimeout', '2m0s', '2m0s', '15m0s'],
  ['KCF-73: a stream may be idle for four hours', 'streamingConnectionIdleTimeout', '4h0m0s'],
  ['KCF-74: pods are looked at every minute', 'syncFrequency', '1m0s'],
  ['KCF-75: no topology policy, in a field newer than the document’s kubelet (M-32)', 'topologyManagerPolicy', 'none'],
  ['KCF-76: volumes are measured every minute', 'volumeStatsAggPeriod', '1m0s'],
];

for (const [title, path, ...expected] of ROWS)
  test(title, () => {
    assert.deepEqual(
      NUMBERS.map((number) => setting(settings(number), path)),
      expected.length === 1 ? NUMBERS.map(() => expected[0]) : expected,
    );
  });

test('KCF-01, KCF-07, KCF-08: --config takes a KubeletConfiguration of v1beta1 as JSON and as YAML', () => {
  assert.equal(JSON.parse(runbook.of('000').file).kind, 'KubeletConfiguration');
  for (const number of NUMBERS) {
    const { file, service } = runbook.of(number);
    if (number !== '000') assert.throws(() => JSON.parse(file), SyntaxError);
    assert.match(file, /\bkind"?: "?KubeletConfiguration\b/);
    assert.match(file, /\bapiVersion"?: "?kubelet\.config\.k8s\.io\/v1beta1\b/);
    assert.equal(service.process.exitStatus, undefined);
  }
});

test('KCF-07, KCF-08: a file of another kind or version is refused by name', async () => {
  const refused = async (text: string) => {
    const end = await runbook.cluster.trySh('cat > other.yaml; kubelet --config=other.yaml --runtime=hollow', { input: text });
    assert.equal(end.status, 255);
    return end.stderr;
  };
  assert.match(
    await refused('kind: Kubelet\napiVersion: kubelet.config.k8s.io/v1beta1\n'),
    /no kind "Kubelet" is registered for version "kubelet\.config\.k8s\.io\/v1beta1"/,
  );
  assert.match(
    await refused('kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v9\n'),
    /kubelet\.config\.k8s\.io\/v9/,
  );
});

test('KCF-02: the help says of flags that they belong in the file', async () => {
  const help = await sh('kubelet --help');
  const sentence = "DEPRECATED: This parameter should be set via the config file specified by the Kubelet's --config flag";
  for (const flag of ['hairpin-mode', 'cgroup-driver', 'event-qps', 'fail-swap-on', 'rotate-certificates']) {
    const line = help.split('\n').find((text) => text.trim().startsWith(`--${flag} `));
    assert.ok(line?.includes(sentence), `${flag}: ${line}`);
  }
});

test('KCF-03, KCF-16, KCF-17: the template is filled in for each host, and its API listens on that address and port', async () => {
  for (const number of NUMBERS) assert.doesNotMatch(runbook.of(number).file, /##|\$/);
  const address = (number: RunbookNumber) => runbook.of(number).host.address;
  assert.deepEqual(
    NUMBERS.map((number) => [settings(number)['address'], settings(number)['port']].join(':')),
    [`${address('000')}:10250`, runbook.of('001').endpoint.replace(address('001'), '0.0.0.0'), `${address('002')}:10250`],
  );
});

/** Where a kubelet listens. */
async function listening(number: RunbookNumber): Promise<string[]> {
  const printed = await sh(`ss -lntpH | grep "pid=${runbook.of(number).service.pid},"`);
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3]!)
    .sort();
}

test('KCF-16, KCF-18, KCF-49, KCF-50: it listens for its API and for healthz, and the read-only port is closed', async () => {
  const [first, second, third] = NUMBERS.map((number) => runbook.of(number));
  assert.deepEqual(await listening('000'), [`${first!.host.address}:10248`, `${first!.host.address}:10250`]);
  const everywhere = second!.endpoint.replace(second!.host.address, '0.0.0.0');
  assert.deepEqual(await listening('001'), [everywhere, `${second!.host.address}:10248`].sort());
  assert.deepEqual(await listening('002'), [`${third!.host.address}:10250`], 'healthz is switched off by a flag');
  for (const { host } of [first!, second!])
    assert.equal(await sh(`curl -s http://${host.address}:10248/healthz`), 'ok', 'healthz');
  assert.equal(settings('002')['healthzBindAddress'], '127.0.0.1', 'where the file does not say');
  for (const number of NUMBERS) assert.equal(settings(number)['readOnlyPort'], undefined, 'as configz leaves out a 0');
});

test('KCF-04: of the address 127.0.0.1 the log says that nobody else reaches the kubelet there', async () => {
  const { file, document } = runbook.of('002');
  const end = await runbook.cluster.trySh(
    'cat > loopback.yaml; kubelet --config=loopback.yaml --address=127.0.0.1 --runtime=hollow --kubeconfig=nobody.kubeconfig',
    { input: file.replaceAll(document.certificateDirectory, '/etc/kubernetes/ssl') },
  );
  assert.match(end.stderr, /^W.*address is 127\.0\.0\.1: the API server and others on other machines cannot reach this kubelet/m);
});

test('KCF-05: a flag and a field of the same setting stand side by side, and the flag wins', () => {
  for (const [number, field, value, flag] of [
    ['000', 'hairpinMode', 'hairpin-veth', '--hairpin-mode'],
    ['000', 'failSwapOn', false, '--fail-swap-on'],
    ['001', 'cgroupDriver', 'systemd', '--cgroup-driver'],
    ['001', 'rotateCertificates', true, '--rotate-certificates'],
    ['002', 'eventRecordQPS', 0, '--event-qps'],
  ] as const) {
    const { service } = runbook.of(number);
    assert.ok(
      service.args.some((argument) => argument.split('=')[0] === flag),
      flag,
    );
    assert.equal(service.process.exitStatus, undefined);
    assert.deepEqual(settings(number)[field], value, flag);
  }
});

test('KCF-06, KCF-07, KCF-08: configz, asked through the API server, tells what the file does not say too, without kind and version', async () => {
  const { name, host } = runbook.of('002');
  await until('the API server may ask kubelets', () => sh('kubectl auth can-i get nodes/proxy --as=kubernetes'));
  const { kubeletconfig } = JSON.parse(await sh(`kubectl get --raw /api/v1/nodes/${name}/proxy/configz`));
  assert.deepEqual(kubeletconfig, settings('002'));
  assert.ok(!('kind' in kubeletconfig) && !('apiVersion' in kubeletconfig), 'jq adds both in the document');
  const sample = configzSample(host);
  const told = Object.entries(kubeletconfig as Settings).filter(([key]) => key in sample);
  assert.deepEqual(Object.fromEntries(told), sample);
  assert.deepEqual(
    told.map(([key]) => key),
    Object.keys(sample),
  );
});

test('KCF-09: a certificate of the authority of the file tells who the caller is, one of another’s does not', async () => {
  await sh(
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout own.key -out own.pem -subj /O=system:masters/CN=me 2>/dev/null',
  );
  for (const [number, directory] of [
    ['000', 'ssl'],
    ['001', 'pki'],
    ['002', 'cert'],
  ] as const) {
    assert.deepEqual(setting(settings(number), 'authentication x509'), {
      clientCAFile: runbook.of(number).host.path(`/etc/kubernetes/${directory}/ca.pem`),
    });
    assert.equal(await status(number, '/pods', ADMIN_CURL.replace(/^curl /, '')), 200);
    assert.equal(await status(number, '/pods', '--cert own.pem --key own.key'), 401);
  }
});

test('KCF-10, KCF-12, KCF-13: nobody is refused, a token is known to the API server, and the API server says what it may do', async () => {
  await sh('kubectl create serviceaccount nobody && kubectl create serviceaccount reader');
  await sh(
    'kubectl create clusterrolebinding kubelet-reader --clusterrole=system:kubelet-api-admin --serviceaccount=default:reader',
  );
  // 002, line 518: the token that the controller-manager makes for every account at the documents' versions.
  const tokenOf = (name: string) =>
    until(`${name} has a token that the API server knows`, async () => {
      const secret = await sh(`kubectl get secrets | grep ${name}-token | awk '{print $1}'`);
      const token = await sh(`kubectl get secret ${secret.trim()} -o jsonpath={.data.token} | base64 -d`);
      return (await statusWithToken(runbook.cluster, token)) === 200 && token;
    });
  const [nobody, reader] = (await Promise.all(['nobody', 'reader'].map(tokenOf))).map(
    (token) => `-H "Authorization: Bearer ${token}"`,
  );
  // A kubelet remembers a no for half a minute.
  await until('the binding counts', () => sh('kubectl auth can-i get nodes/proxy --as=system:serviceaccount:default:reader'));
  for (const number of NUMBERS) {
    assert.equal(await status(number, '/pods'), 401);
    assert.equal(await status(number, '/pods', '-H "Authorization: Bearer nonsense"'), 401);
    assert.equal(await status(number, '/pods', nobody), 403);
    assert.equal(await status(number, '/pods', reader), 200);
  }
});

test('KCF-22, KCF-23, KCF-38, KCF-70: gates permit and fields switch on: with gates alone the pair is of the kubelet’s own making', () => {
  const both = { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true };
  assert.deepEqual(settings('000')['featureGates'], both);
  for (const number of NUMBERS) {
    const { host, document } = runbook.of(number);
    const on = number === '000' ? undefined : true;
    assert.deepEqual([settings(number)['rotateCertificates'], settings(number)['serverTLSBootstrap']], [on, on]);
    const has = (name: string) => existsSync(join(host.path(document.certificateDirectory), name));
    assert.ok(has('kubelet-client-current.pem'), 'by the bootstrap');
    assert.deepEqual([has('kubelet-server-current.pem'), has('kubelet.crt')], on ? [true, false] : [false, true]);
  }
});

test('KCF-36: the debugging handlers are on', async () => {
  for (const number of NUMBERS) {
    assert.equal(settings(number)['enableDebuggingHandlers'], true);
    for (const path of ['/runningpods/', '/logs/'])
      assert.equal(await status(number, path, ADMIN_CURL.replace(/^curl /, '')), 200, path);
  }
});

test('KCF-37: what does nothing in this kubelet is said', () => {
  const line = /fields of the configuration that have no effect in this kubelet: (.*)$/m;
  assert.deepEqual(
    NUMBERS.map((number) => line.exec(runbook.of(number).service.journal)?.[1]),
    [undefined, 'enableContentionProfiling', undefined],
  );
});

test('KCF-61: the node has room for as many pods as the file says', async () => {
  for (const [number, most] of [
    ['000', 110],
    ['001', 110],
    ['002', 220],
  ] as const) {
    assert.equal(settings(number)['maxPods'], most);
    assert.equal((await node(number)).status?.capacity?.['pods'], String(most));
  }
});

test('KCF-62: the Lease of the node is valid for forty seconds', async () => {
  for (const number of NUMBERS) {
    assert.equal(settings(number)['nodeLeaseDurationSeconds'], 40);
    const lease = await until('there is a Lease', () =>
      runbook.cluster.kubectl120.json<V1Lease>(['get', 'lease', '-n', 'kube-node-lease', runbook.of(number).name]),
    );
    assert.equal(lease.spec?.leaseDurationSeconds, 40);
  }
});

test('KCF-72: static pods are read from the directory of the file, else from none', () => {
  const { host } = runbook.of('001');
  assert.deepEqual(
    NUMBERS.map((number) => settings(number)['staticPodPath']),
    [undefined, host.path('/etc/kubernetes/manifests'), undefined],
  );
});

test('KCF-77: the pod range of the file is told, and the node has its own from the controller-manager (M-31)', async () => {
  assert.deepEqual(
    NUMBERS.map((number) => settings(number)['podCIDR']),
    [undefined, undefined, '172.30.0.0/16'],
  );
  const range = await until('the node has a range', async () => (await node('002')).spec?.podCIDR);
  assert.match(range, /^10\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./);
});

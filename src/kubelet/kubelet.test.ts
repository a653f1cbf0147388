import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { podKind } from '../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../api/gen/types.ts';
import { formatKubeconfig } from '../pki/kubeconfig.ts';
import { VirtualClock } from '../std/clock.ts';
import type { CommandIo } from '../std/command.ts';
import { formatFlagHelp, parseFlags } from '../std/flags.ts';
import { kubeletCommand } from './command.ts';
import { completeConfiguration } from './configuration/defaults.ts';
import { BELONGS_IN_FILE, overrideByFlags } from './configuration/flag-table.ts';
import { overrideByStructuredFlags } from './flag-values.ts';
import { createKubelet, type Kubelet } from './kubelet.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { type Machine, readMachine } from './node/machine.ts';
import { createHollowRuntime } from './runtime/hollow/hollow-runtime.ts';
import { type ClusterOfOne, createClusterOfOne, recordingLogger, until } from './testing/cluster-of-one.ts';
import { refusal } from './testing/fake-api.ts';

const START_MS = Date.UTC(2026, 0, 1);
const machine: Machine = { ...(await readMachine()), activeSwaps: [] };

function setUp(
  cluster: ClusterOfOne,
  clock: VirtualClock,
  settings: Record<string, unknown> = {},
  extra: Partial<KubeletOptions> = {},
) {
  const { logger, lines } = recordingLogger();
  const kubelet = createKubelet({
    nodeName: 'node1',
    paths: cluster.paths,
    configuration: completeConfiguration({ healthzPort: 0, rotateCertificates: true, serverTLSBootstrap: true, ...settings }),
    runtime: createHollowRuntime({ clock, random: Math.random }),
    clock,
    logger,
    random: Math.random,
    nodeIps: ['127.0.0.1'],
    machine,
    listen: { address: '127.0.0.1', port: 0 },
    connect: cluster.connect,
    ...extra,
  });
  const life = new AbortController();
  const stop = async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await kubelet.done;
  };
  return { kubelet, lines, life, stop };
}

const files = async (cluster: ClusterOfOne) =>
  (await readdir(cluster.paths.certificateDirectory)).map((name) => name.replace(/\d{4}(-\d\d){5}/, 'TIME')).sort();

test('from token to Ready: node, lease, certificates, pods', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.issueAll();
  const { kubelet, life, stop, lines } = setUp(cluster, clock);
  await kubelet.start(life.signal);
  const node = cluster.api.find<V1Node>('nodes', 'node1')!;
  assert.equal(node.status!.daemonEndpoints!.kubeletEndpoint!.Port, kubelet.port);
  assert.ok(cluster.api.find('leases', 'node1', 'kube-node-lease'));
  await until(
    () => lines.some((line) => /csr-\S+ is issued signer=kubernetes.io\/kubelet-serving/.test(line)),
    'the serving certificate',
  );
  cluster.api.put(podKind, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u' },
    spec: { nodeName: 'node1', containers: [{ name: 'c' }] },
  } as V1Pod);
  await until(() => cluster.api.find<V1Pod>('pods', 'web', 'default')?.status?.phase === 'Running', 'the pod');
  const text = lines.join('\n');
  for (const said of [
    'feature gates: &{map[]}',
    'Version: v1.36.0',
    'No cloud provider specified.',
    'No cloud provider specified: "" from the config file: ""',
  ])
    assert.ok(text.includes(said), said);
  await stop();
});

test('the client certificate is renewed without a restart and the connections are made anew with it', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.issueAll({ lifetimeMs: 3_600_000 });
  const { kubelet, life, stop } = setUp(cluster, clock, { serverTLSBootstrap: false, nodeStatusUpdateFrequency: '10m' });
  await kubelet.start(life.signal);
  const asked = cluster.credentials.at(-1)!;
  const first = asked().certificatePem;
  assert.ok(first);
  await clock.advance(3_250_000);
  await until(() => cluster.reconnects === 1, 'the renewal');
  assert.notEqual(asked().certificatePem, first);
  assert.deepEqual(await files(cluster), [
    'kubelet-client-TIME.pem',
    'kubelet-client-TIME.pem',
    'kubelet-client-current.pem',
    'kubelet.crt',
    'kubelet.key',
  ]);
  await stop();
});

test('gates alone switch nothing on: no renewal, no serving request, a self-signed pair', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.issueAll({ lifetimeMs: 3_600_000 });
  const { kubelet, life, stop } = setUp(cluster, clock, {
    rotateCertificates: false,
    serverTLSBootstrap: false,
    featureGates: { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true },
  });
  await kubelet.start(life.signal);
  await clock.advance(3_400_000);
  assert.equal(cluster.api.count('create', 'certificatesigningrequests'), 1);
  assert.deepEqual(await files(cluster), ['kubelet-client-TIME.pem', 'kubelet-client-current.pem', 'kubelet.crt', 'kubelet.key']);
  await stop();
});

test('a certificate that came embedded in the kubeconfig is put into the store and replaced by one of our own', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.issueAll();
  const donor = setUp(cluster, clock, { serverTLSBootstrap: false, rotateCertificates: false });
  await donor.kubelet.start(donor.life.signal);
  await donor.stop();
  const { certificatePem = '', privateKeyPem = '' } = cluster.credentials.at(-1)!();
  await rm(cluster.paths.certificateDirectory, { recursive: true });
  const embed = (pem: string) => Buffer.from(pem).toString('base64');
  await writeFile(
    cluster.paths.kubeconfig,
    formatKubeconfig({
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
      users: [{ name: 'u', user: { 'client-certificate-data': embed(certificatePem), 'client-key-data': embed(privateKeyPem) } }],
    }),
  );
  const { kubelet, life, stop } = setUp(cluster, clock, { serverTLSBootstrap: false });
  await kubelet.start(life.signal);
  await until(() => cluster.reconnects === 1, 'our own certificate');
  assert.notEqual(cluster.credentials.at(-1)!().certificatePem, certificatePem);
  await stop();
});

test('a start that fails has stopped what it began, and says why', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.api.before = () => {
    throw refusal(403, 'Forbidden', 'no');
  };
  const refused = setUp(cluster, clock);
  await assert.rejects(refused.kubelet.start(refused.life.signal), /cannot create certificate signing request: no/);
  await refused.kubelet.done;
  const swapped = setUp(cluster, clock, {}, { machine: { ...machine, activeSwaps: ['/swap file 1 0 -2'] } });
  await assert.rejects(swapped.kubelet.start(swapped.life.signal), /running with swap on is not supported/);
  const blind = setUp(cluster, clock, { authentication: { x509: { clientCAFile: '/nowhere/ca.pem' } } });
  await assert.rejects(blind.kubelet.start(blind.life.signal), /unable to load client CA file \/nowhere\/ca.pem/);
  assert.equal(clock.pending, 0);
});

test('two kubelets of one name are one node, and the later is told', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  await using other = await createClusterOfOne(clock);
  cluster.issueAll();
  const first = setUp(cluster, clock, { serverTLSBootstrap: false });
  await first.kubelet.start(first.life.signal);
  const paths = { ...cluster.paths, kubeconfig: join(other.directory, 'k'), certificateDirectory: join(other.directory, 'pki') };
  const second = setUp(cluster, clock, { serverTLSBootstrap: false }, { paths });
  await second.kubelet.start(second.life.signal);
  assert.ok(second.lines.some((line) => line.includes('Node was previously registered')));
  await Promise.all([first.stop(), second.stop()]);
});

test('many kubelets live in one process and leave nothing behind', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  cluster.issueAll();
  const started: { kubelet: Kubelet; stop: () => Promise<void> }[] = [];
  for (let i = 0; i < 20; i++) {
    const paths = {
      ...cluster.paths,
      kubeconfig: join(cluster.directory, `k${i}`),
      certificateDirectory: join(cluster.directory, `pki${i}`),
    };
    const one = setUp(cluster, clock, { enableServer: false }, { nodeName: `n${i}`, paths, recordEvents: false });
    await one.kubelet.start(one.life.signal);
    started.push(one);
  }
  await clock.advance(60_000);
  assert.ok(clock.pending / 20 <= 5, `${clock.pending / 20} timers a kubelet`);
  for (const { stop } of started) await stop();
  await clock.advance(120_000);
  assert.equal(clock.pending, 0);
});

const parse = (...argv: string[]) => parseFlags('kubelet', kubeletCommand.flags, argv);

function commandIo(clock: VirtualClock, cwd: string): { io: CommandIo; out: () => string; err: () => string } {
  let out = '';
  let err = '';
  const io: CommandIo = {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    clock,
    signal: new AbortController().signal,
    random: Math.random,
    env: {},
    cwd,
    ready: () => undefined,
  };
  return { io, out: () => out, err: () => err };
}

test('a flag that was given goes before the file, and gates are merged', () => {
  const given = { hairpinMode: 'promiscuous-bridge', maxPods: 5, featureGates: { A: true, B: true } };
  const flags = parse(
    '--hairpin-mode',
    'hairpin-veth',
    '--kube-api-qps=1000',
    '--rotate-certificates',
    '--event-qps=0',
    '--feature-gates=B=false',
    '--eviction-hard=memory.available<1Gi',
    '--v=4',
  );
  const merged = completeConfiguration(overrideByFlags(given, flags));
  assert.equal(merged['hairpinMode'], 'hairpin-veth');
  assert.deepEqual([merged.maxPods, merged.kubeAPIQPS, merged.eventRecordQPS, merged.rotateCertificates], [5, 1000, 0, true]);
  assert.deepEqual(merged.featureGates, { A: true, B: false });
  assert.deepEqual(merged.evictionHard, { 'memory.available': '1Gi' });
  assert.equal(merged.logging.verbosity, 4);
});

test('every flag of the runbooks is accepted', () => {
  const line = `--bootstrap-kubeconfig=/b --cert-dir=/c --kubeconfig=/k --config=/f --hostname-override=h --pod-infra-container-image=p
--network-plugin=cni --allow-privileged=true --alsologtostderr=true --logtostderr=false --log-dir=/l --fail-swap-on=false --hairpin-mode hairpin-veth
--register-node=true --v=2 --cgroup-driver=systemd --root-dir=/r --rotate-certificates --event-qps=0 --kube-api-qps=1000 --kube-api-burst=2000
--registry-qps=0 --image-pull-progress-deadline=30m --feature-gates=RotateKubeletClientCertificate=true --container-runtime=docker`;
  const flags = parse(...line.split(/\s+/));
  assert.deepEqual(flags.args, []);
  assert.ok(flags.warnings.some((warning) => warning.includes('--network-plugin')));
});

test('flags of every release since 1.10 are accepted', () => {
  const flags = parse('--require-kubeconfig', '--docker-tls', '--storage-driver-user=root', '--housekeeping-interval=10s');
  assert.equal(flags.warnings.length, 4);
  assert.ok(flags.warnings.every((warning) => warning.includes('accepted but has no effect')));
});

test('flags whose values have a form of their own go before the file too', () => {
  const flags = parse(
    '--register-with-taints=a=b:NoSchedule,c:NoExecute',
    '--manifest-url-header=X:1,Y:2',
    '--manifest-url-header=X:3',
    '--reserved-memory=0:memory=1Gi,hugepages-2Mi=2Mi',
    '--reserved-memory=1:memory=2Gi',
  );
  assert.deepEqual(JSON.parse(JSON.stringify(overrideByStructuredFlags({ registerWithTaints: [], maxPods: 1 }, flags))), {
    maxPods: 1,
    registerWithTaints: [
      { key: 'a', value: 'b', effect: 'NoSchedule' },
      { key: 'c', effect: 'NoExecute' },
    ],
    staticPodURLHeader: { X: ['1', '3'], Y: ['2'] },
    reservedMemory: [
      { numaNode: 0, limits: { memory: '1Gi', 'hugepages-2Mi': '2Mi' } },
      { numaNode: 1, limits: { memory: '2Gi' } },
    ],
  });
});

test('help marks the flags that belong in the file, and has the words of --network-plugin', () => {
  const help = formatFlagHelp(kubeletCommand.flags);
  const deprecated = "DEPRECATED: This parameter should be set via the config file specified by the Kubelet's --config flag";
  assert.ok(BELONGS_IN_FILE.startsWith(deprecated.slice('DEPRECATED: '.length)));
  assert.match(help, new RegExp(`--max-pods int .*\\(${deprecated.replaceAll(/[.'-]/g, '\\$&')}`));
  assert.match(
    help,
    /--network-plugin string\s+<Warning: Alpha feature> The name of the network plugin to be invoked for various events in kubelet\/pod lifecycle\. This docker-specific flag only works when container-runtime is set to docker\./,
  );
  assert.match(help, /--container-runtime string .*\(default "docker"\)/);
});

/** Of a server that nobody is at. */
const TOKEN_KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`;

test('a node whose runtime has not started yet asks for its certificate all the same', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  await writeFile(join(cluster.directory, 'bootstrap.kubeconfig'), TOKEN_KUBECONFIG);
  const end = new AbortController();
  const { io, err } = commandIo(clock, cluster.directory);
  const runtime = ['--fail-swap-on=false', '--container-runtime-endpoint=unix:///nowhere/containerd.sock'];
  const files = ['--kubeconfig=k', '--bootstrap-kubeconfig=bootstrap.kubeconfig', '--cert-dir=pki'];
  const ended = kubeletCommand.run(parse(...files, ...runtime), { ...io, signal: end.signal });
  await until(() => err().includes('Failed to connect to apiserver'), 'it asks');
  assert.doesNotMatch(err(), /containerd\.sock/);
  end.abort(new DOMException('stopped', 'AbortError'));
  assert.equal(await ended, 0);
});

test('the command says in klog’s last line why it cannot run, with status 255', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  await writeFile(join(cluster.directory, 'token.kubeconfig'), TOKEN_KUBECONFIG);
  for (const [argv, why] of [
    [['--bootstrap-kubeconfig=/x'], /--bootstrap-kubeconfig needs --kubeconfig as well/],
    [['--kubeconfig=k', '--config=missing.yaml'], /failed to load kubelet config file, path: .*missing\.yaml/],
    [['--kubeconfig=k', '--hairpin-mode=odd'], /option "odd" specified for hairpinMode \(--hairpin-mode\)/],
    [['--kubeconfig=k', '--runtime=docker'], /--runtime \(\$MUSTER_RUNTIME\) "docker" is not supported/],
    [['--kubeconfig=k', '--exit-on-lock-contention'], /cannot exit on lock file contention: no lock file specified/],
    [['--kubeconfig=k', '--node-ip=here'], /bad --node-ip "here"/],
    [['--kubeconfig=k', '--hostname-override=a_b'], /node name "a_b" is not a valid DNS name/],
    [['--kubeconfig=k', '--node-labels=kubernetes.io/role=x'], /labels specified with --node-labels/],
    [['--kubeconfig=k', '--manifest-url-header=odd'], /malformed pair, expect string:string/],
    [['--kubeconfig=k', '--config-dir=missing'], /failed to walk through kubelet dropin directory ".*missing"/],
    [
      ['--kubeconfig=token.kubeconfig', '--fail-swap-on=false', '--container-runtime-endpoint=unix:///nowhere/containerd.sock'],
      /"unix:\/\/\/nowhere\/containerd\.sock": .*; a node that only keeps the state of its pods starts with --runtime=hollow/,
    ],
    [['--kubeconfig=k', '--register-with-taints=odd'], /invalid argument "odd" for "--register-with-taints" flag/],
    [
      ['--kubeconfig=k', '--fail-swap-on=false', '--healthz-port=0', '--runtime=hollow'],
      /unable to load kubeconfig: kubeconfig .*k: no such file/,
    ],
  ] as const) {
    const { io, err } = commandIo(clock, cluster.directory);
    assert.equal(await kubeletCommand.run(parse(...argv), io), 255);
    assert.match(err().split('\n').at(-2)!, /^F\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ kubelet\] failed to run Kubelet: /);
    assert.match(err(), why);
  }
});

test('$MUSTER_RUNTIME goes before the default of --runtime, and the flag before both', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const said = async (...argv: string[]) => {
    const { io, err } = commandIo(clock, cluster.directory);
    const env = { MUSTER_RUNTIME: 'docker' };
    const off = ['--kubeconfig=k', '--fail-swap-on=false', '--healthz-port=0'];
    assert.equal(await kubeletCommand.run(parse(...off, ...argv), { ...io, env }), 255);
    return err();
  };
  assert.match(await said(), /"docker" is not supported/);
  assert.match(await said('--runtime=hollow'), /unable to load kubeconfig/);
});

test('--version prints the release', async () => {
  const { io, out } = commandIo(new VirtualClock(START_MS), '/');
  assert.equal(await kubeletCommand.run(parse('--version'), io), 0);
  assert.equal(out(), 'Kubernetes v1.36.0\n');
});

test('with --logtostderr=false lines go to files named as klog names them, and errors to standard error too', async () => {
  const clock = new VirtualClock(START_MS);
  await using cluster = await createClusterOfOne(clock);
  const { io, err } = commandIo(clock, cluster.directory);
  const directory = join(cluster.directory, 'logs');
  await kubeletCommand.run(
    parse(
      '--kubeconfig=k',
      '--fail-swap-on=false',
      '--healthz-port=0',
      '--runtime=hollow',
      '--logtostderr=false',
      `--log-dir=${directory}`,
    ),
    io,
  );
  const names = await readdir(directory);
  assert.ok(names.includes('kubelet.INFO') && names.includes('kubelet.FATAL'), names.join(' '));
  assert.ok(
    names.some((name) => /^kubelet\..+\.log\.INFO\.\d{8}-\d{6}\.\d+$/.test(name)),
    names.join(' '),
  );
  assert.match(err(), /^F/);
  assert.ok(!err().includes('Version:'));
});

/** Section 9 of ACCEPTANCE: the flags of 000, 001 and 002 on their own kubelets, and those of 003 and 004. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { type RunbookNumber, settingsOf, useDocumentKubelets } from './document-kubelets.ts';
import { once } from './once.ts';
import { nodeJoined, nodeReady } from './runbook-steps.ts';

const runbook = useDocumentKubelets(['k8s-n01']);
const NUMBERS: readonly RunbookNumber[] = ['000', '001', '002'];
const sh: typeof runbook.cluster.sh = (script, options) => runbook.cluster.sh(script, options);
const settings = (field: string) => NUMBERS.map((number) => runbook.of(number).settings[field]);
/** What `/flagz` tells of a flag. */
const flags = (name: string) =>
  NUMBERS.map((number) =>
    runbook
      .of(number)
      .flags.find((line) => line.startsWith(`${name}=`))
      ?.slice(name.length + 1),
  );
const paths = (...documentPaths: string[]) =>
  NUMBERS.map((number, index) => runbook.of(number).host.path(documentPaths[index] ?? documentPaths[0]!));
const warned = (number: RunbookNumber, line: string) => runbook.of(number).service.journal.includes(`${line}\n`);
/** Of a kubelet that ends by itself. */
const refused = async (args: string) => {
  const end = await runbook.cluster.trySh(`kubelet --runtime=hollow ${args}`);
  assert.equal(end.status, 255, end.stderr);
  return end.stderr;
};

test('KFL-01: the bootstrap kubeconfig is used where there is no other', () => {
  assert.deepEqual(
    flags('bootstrap-kubeconfig'),
    paths(
      '/etc/kubernetes/kubelet-bootstrap.kubeconfig',
      '/etc/kubernetes/bootstrap.kubeconfig',
      '/etc/kubernetes/kubelet-bootstrap.kubeconfig',
    ),
  );
  for (const number of NUMBERS)
    assert.match(
      runbook.of(number).service.journal,
      /Using bootstrap kubeconfig to generate TLS client cert, key and kubeconfig file/,
    );
});

test('KFL-02: certificates and keys are made in the directory of the document', () => {
  const directories = paths('/etc/kubernetes/ssl', '/etc/kubernetes/pki', '/etc/kubernetes/cert');
  assert.deepEqual(flags('cert-dir'), directories);
  for (const directory of directories) {
    assert.ok(existsSync(join(directory, 'ca.pem')), 'the authority’s certificate is there too');
    assert.match(
      readlinkSync(join(directory, 'kubelet-client-current.pem')),
      new RegExp(`^${directory}/kubelet-client-.*\\.pem$`),
    );
  }
});

test('KFL-03: the kubeconfig that the bootstrap obtains is written where the flag says', () => {
  const files = paths('/etc/kubernetes/kubelet.kubeconfig');
  assert.deepEqual(flags('kubeconfig'), files);
  for (const [index, file] of files.entries()) {
    const { host, document } = runbook.of(NUMBERS[index]!);
    assert.ok(
      readFileSync(file, 'utf8').includes(`${host.path(document.certificateDirectory)}/kubelet-client-current.pem`),
      file,
    );
  }
});

test('KFL-03: it must be given beside the bootstrap kubeconfig (QA-01)', async () => {
  assert.match(
    await refused('--bootstrap-kubeconfig=/etc/kubernetes/bootstrap.kubeconfig'),
    /^F.* --bootstrap-kubeconfig needs --kubeconfig as well: /m,
  );
});

test('KFL-04: the configuration is read from the file', async () => {
  const files = paths(
    '/etc/kubernetes/kubelet.config.json',
    '/etc/kubernetes/kubelet.yaml',
    '/etc/kubernetes/kubelet-config.yaml',
  );
  assert.deepEqual(flags('config'), files);
  assert.deepEqual(settings('maxPods'), [110, 110, 220], 'of the files');
  assert.match(
    await refused('--config=/etc/kubernetes/nobody.yaml'),
    /^F.*failed to load kubelet config file, path: \S*\/nobody\.yaml, error: .*no such file or directory$/m,
  );
});

test('KFL-05: the node has the name of the flag', async () => {
  const names = ['k8sm01.ops.yws.bj2.yongche.com', 'k8s-node-1', 'm7-autocv-gpu01'];
  assert.deepEqual(flags('hostname-override'), names);
  const listed = (await sh("kubectl get nodes -o jsonpath='{.items[*].metadata.name}'")).split(' ');
  for (const name of names) assert.ok(listed.includes(name), name);
});

test('KFL-06: the sandbox image is taken from the flag', () => {
  assert.deepEqual(flags('pod-infra-container-image'), [
    'hexun/pause-amd64:3.1',
    'gcr.azk8s.cn/google-containers/pause-amd64:3.1',
    'registry.cn-beijing.aliyuncs.com/k8s_images/pause-amd64:3.1',
  ]);
});

test('KFL-07, KFL-08: what changes nothing here is accepted, and that is said', () => {
  const line = (flag: string) => `Flag --${flag} is accepted but has no effect in this kubelet`;
  for (const [flag, ...expected] of [
    ['network-plugin', true, true, false],
    ['allow-privileged', true, false, true],
  ] as const)
    assert.deepEqual(
      NUMBERS.map((number) => warned(number, line(flag))),
      expected,
      flag,
    );
});

test('KFL-08: privileged containers run', async () => {
  const { name } = runbook.of('000');
  const containers = [{ name: 'c', image: 'busybox', securityContext: { privileged: true } }];
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'privileged' }, spec: { nodeName: name, containers } };
  await until('the account of the namespace is there', () => sh('kubectl get serviceaccount default'));
  await sh('kubectl create -f -', { input: JSON.stringify(pod) });
  await until('the pod runs', async () => {
    const { status } = await runbook.cluster.kubectl120.json<V1Pod>('get pod privileged');
    return status?.phase === 'Running';
  });
});

const LOG = '/var/log/kubernetes';
const VERSION_LINE = /^I\d{4} .* kubelet\] Version: v/m;

test('KFL-09, KFL-10, KFL-11: 000 logs to files of the directory and to standard error as well, the others to standard error alone', () => {
  assert.deepEqual(
    [flags('alsologtostderr'), flags('logtostderr')],
    [
      ['true', 'false', 'false'],
      ['false', 'true', 'true'],
    ],
  );
  assert.deepEqual(flags('log-dir'), [runbook.of('000').host.path(LOG), '', '']);
  const directory = runbook.of('000').host.path(LOG);
  assert.match(readlinkSync(join(directory, 'kubelet.INFO')), /^kubelet\.[^.]+\.[^.]+\.log\.INFO\.\d{8}-\d{6}\.\d+$/);
  assert.match(readFileSync(join(directory, 'kubelet.INFO'), 'utf8'), VERSION_LINE);
  for (const number of NUMBERS) assert.match(runbook.of(number).service.journal, VERSION_LINE);
  for (const number of ['001', '002'] as const) assert.ok(!existsSync(runbook.of(number).host.path(LOG)), number);
});

test('KFL-10: with false alone, standard error is left with what ends the kubelet', async () => {
  const stderr = await refused('--config=nobody.yaml --logtostderr=false --log-dir=quiet');
  assert.match(stderr, /^F.*failed to load kubelet config file/);
  const quiet = join(runbook.cluster.master.home, 'quiet');
  assert.ok(readdirSync(quiet).includes('kubelet.FATAL'));
  assert.equal(readFileSync(join(quiet, 'kubelet.INFO'), 'utf8').match(/^[IWEF]\d{4} .*/gm)?.length, 1);
});

test('KFL-12: with false the kubelet may start with swap on, whatever the default', () => {
  assert.deepEqual(settings('failSwapOn'), [false, true, true]);
});

test('KFL-13: the value after a space is the flag’s, over that of the file (C-06)', () => {
  const { service, file } = runbook.of('000');
  assert.equal(service.args[service.args.indexOf('--hairpin-mode') + 1], 'hairpin-veth');
  assert.equal(JSON.parse(file).hairpinMode, 'promiscuous-bridge');
  assert.deepEqual(settings('hairpinMode'), ['hairpin-veth', 'promiscuous-bridge', 'promiscuous-bridge']);
});

test('KFL-14: the kubelet registers its node', async () => {
  assert.deepEqual(settings('registerNode'), [true, true, true]);
  const node = await nodeReady(runbook.cluster, runbook.of('000').name);
  assert.match((node as V1Node).status?.nodeInfo?.kubeletVersion ?? '', /^v\d/);
  await runbook.of('000').service.waitFor(/Successfully registered node/);
});

test('KFL-15: the log is as verbose as the flag says', () => {
  assert.deepEqual(
    settings('logging').map((logging) => (logging as { verbosity: number }).verbosity),
    [2, 4, 2],
  );
});

test('KFL-16: the cgroup driver is the flag’s', () => {
  assert.ok(runbook.of('001').service.args.includes('--cgroup-driver=systemd'));
  assert.deepEqual(settings('cgroupDriver'), ['cgroupfs', 'systemd', 'cgroupfs']);
});

test('KFL-17: the data directory is the flag’s', () => {
  assert.deepEqual(flags('root-dir'), paths('/var/lib/kubelet', '/data/kubelet', '/data/k8s/kubelet'));
});

test('KFL-19, KFL-20, KFL-21, KFL-22: 002 sets limits of rates, 0 for none', () => {
  assert.deepEqual(settings('eventRecordQPS'), [50, 5, 0]);
  assert.deepEqual(settings('kubeAPIQPS'), [50, 5, 1000]);
  assert.deepEqual(settings('kubeAPIBurst'), [100, 10, 2000]);
  assert.deepEqual(settings('registryPullQPS'), [5, 5, 0]);
});

test('KFL-19: without a limit events come through', async () => {
  const { name } = runbook.of('002');
  await until('its start is told', async () =>
    (await sh(`kubectl get events --field-selector involvedObject.name=${name}`)).includes('Starting kubelet.'),
  );
});

test('KFL-23: a pull may be without progress for half an hour', () => {
  assert.equal(flags('image-pull-progress-deadline')[2], '30m0s');
});

const ROTATION_GATES = '--feature-gates=RotateKubeletClientCertificate=true,RotateKubeletServerCertificate=true';

/** 000's kubelet without gates in its file, with the switch of 001 and the flags of 003 and 004. */
const switched = once(async () => {
  const { cluster } = runbook;
  const service = cluster.startKubelet('k8s-n01', {
    config: { featureGates: undefined },
    flags: ['--rotate-certificates', ROTATION_GATES, '--container-runtime=docker'],
  });
  await nodeJoined(cluster, 'k8s-n01');
  return { service, settings: await settingsOf(cluster, `${cluster.host('k8s-n01').address}:10250`) };
});

test('KFL-18: given without a value, the flag switches renewal of the client certificate on', async () => {
  const { service, settings: told } = await switched();
  assert.equal(told['rotateCertificates'], true);
  await service.waitFor(/Certificate rotation is enabled signer="kubernetes\.io\/kube-apiserver-client-kubelet"/);
  assert.deepEqual(settings('rotateCertificates'), [undefined, true, true], 'off without flag and field');
  assert.doesNotMatch(runbook.of('000').service.journal, /Certificate rotation is enabled/);
});

test('KFL-24: feature gates are taken from the flag', async () => {
  const { service, settings: told } = await switched();
  assert.deepEqual(told['featureGates'], { RotateKubeletClientCertificate: true, RotateKubeletServerCertificate: true });
  assert.match(
    service.journal,
    /feature gates: &\{map\[RotateKubeletClientCertificate:true RotateKubeletServerCertificate:true\]\}/,
  );
});

test('KFL-25: docker as container runtime, the default of the help, is accepted and changes nothing', async () => {
  const { service } = await switched();
  assert.match(service.journal, /^Flag --container-runtime is accepted but has no effect in this kubelet$/m);
  assert.match(await sh('kubelet --help'), /--container-runtime string .*'docker'.*\(default "docker"\)/);
});

test('KFL-26: the help says of the network plugin what 004 quotes', async () => {
  const help = (await sh('kubelet --help')).replaceAll(/ +/g, ' ');
  const quoted =
    '--network-plugin string <Warning: Alpha feature> The name of the network plugin to be invoked for various events in kubelet/pod lifecycle. This docker-specific flag only works when container-runtime is set to docker.';
  assert.ok(help.includes(quoted));
});

test('KFL-01, KFL-03: started again, the kubelet uses its own kubeconfig and misses no bootstrap kubeconfig', async () => {
  const { service, host, document, name } = runbook.of('000');
  rmSync(host.path(document.bootstrapKubeconfig));
  await service.restart();
  await service.waitFor(/Successfully registered node|Starting to listen/);
  await nodeReady(runbook.cluster, name);
  assert.doesNotMatch(service.process.output, /Using bootstrap kubeconfig/);
});

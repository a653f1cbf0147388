/** `muster doctor` and `muster explain` on a cluster that is well, and with faults that kubectl makes in it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClient } from '../../src/client/create-client.ts';
import { transportFromContext } from '../../src/client/kubeconfig-client.ts';
import type { Transport } from '../../src/client/transport/transport.ts';
import { bootstrapKubeconfig } from '../../src/cluster/kubeconfigs.ts';
import { findNodeEndpoint, firstNodeAddress } from '../../src/cluster/node-addresses.ts';
import { collectCluster } from '../../src/doctor/collect/collect-cluster.ts';
import type { DoctorReport } from '../../src/doctor/report.ts';
import { formatKubeconfig, readKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';
import { systemClock } from '../../src/std/clock.ts';
import { startComponent } from '../harness/component-process.ts';
import { expired } from '../harness/expired-certificate.ts';
import { until } from '../harness/until.ts';
import { useUpCluster } from './up-cluster.ts';

const PATIENCE = { timeoutMs: 90_000 };
const cluster = useUpCluster('--nodes', '2');
const kubectl = (...args: string[]) => cluster.current.kubectl('1.35').run(args);
const apply = (...objects: object[]) =>
  cluster.current
    .kubectl('1.35')
    .run(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) });
const muster = (...args: string[]) => cluster.current.home.try([...args, '--kubeconfig', cluster.current.home.kubeconfig]);
const report = async (...flags: string[]): Promise<{ status: number | null; report: DoctorReport }> => {
  const { status, stdout, stderr } = await muster('doctor', '-o', 'json', ...flags);
  assert.equal(stderr, '');
  return { status, report: JSON.parse(stdout) as DoctorReport };
};
const found = ({ findings }: DoctorReport) =>
  findings.filter(({ severity }) => severity !== 'info').map(({ code, subject }) => `${code} ${subject}`);
const binding = (name: string, role: string, group: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
});
const token = (id: string, data: object) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'bootstrap.kubernetes.io/token',
  metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
  stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...data },
});

test('a cluster that is well gives no alarm, and shows when its certificates end', async () => {
  const { status, report: healthy } = await report();
  assert.deepEqual(found(healthy), []);
  assert.equal(status, 0);
  assert.equal(healthy.nodes, 2);
  assert.deepEqual(healthy.notSeen, []);
  const where = healthy.calendar.map((entry) => entry.where);
  for (const place of ['node/node-1 :10250', 'node/node-2 :10250', 'API server', 'kubeconfig client', 'kubeconfig authority'])
    assert.ok(where.includes(place), `${place} in ${where.join(', ')}`);
  const days = healthy.calendar.map(({ daysLeft }) => daysLeft);
  assert.deepEqual(
    days,
    [...days].sort((a, b) => a - b),
  );
});

test('it reads and does nothing else, whatever it looks at', async () => {
  const context = await resolveContext(await readKubeconfig(cluster.current.home.kubeconfig));
  const transport = transportFromContext(context);
  const asked: string[] = [];
  const recorded: Transport = {
    close: (options) => transport.close(options),
    request(request) {
      asked.push(`${request.method} ${request.path}`);
      return transport.request(request);
    },
  };
  const client = createClient({ transport: recorded, userAgent: 'muster-doctor' });
  const { signal } = new AbortController();
  try {
    const seen = await collectCluster({ client, context, clock: systemClock, signal, timeoutMs: 60_000, nodes: true });
    assert.deepEqual(seen.notSeen, []);
  } finally {
    await transport.close({ final: true });
  }
  assert.ok(asked.length > 15, asked.join('\n'));
  assert.deepEqual(
    asked.filter((line) => !line.startsWith('GET ')),
    [],
  );
});

test('faults are found, and told as new and as gone', async () => {
  const before = join(cluster.current.home.path, 'before.json');
  writeFileSync(before, JSON.stringify((await report()).report));
  await apply(
    token('aaaaaa', { 'auth-extra-groups': 'system:bootstrappers:x' }),
    token('bbbbbb', { 'token-secret': 'short', expiration: '2999-01-01T00:00:00Z' }),
    binding('node-server-cert-renewal', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeserver', 'system:nodes'),
    binding('oops', 'cluster-admin', 'system:bootstrappers'),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'approve-node-server-renewal-csr' },
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['certificatesigningrequests/selfnodeserver'],
          resourceNames: ['certificates.k8s.io'],
          verbs: ['create'],
        },
      ],
    },
  );
  const faults = [
    'DOC-101 secret/kube-system/bootstrap-token-bbbbbb',
    'DOC-102 secret/kube-system/bootstrap-token-aaaaaa',
    'DOC-204 clusterrolebinding/node-server-cert-renewal',
    'DOC-205 clusterrolebinding/oops',
    'DOC-209 clusterrole/approve-node-server-renewal-csr',
  ];
  const ill = await report('--since', before);
  assert.deepEqual(found(ill.report).sort(), faults);
  assert.equal(ill.status, 4);
  for (const fault of faults) assert.ok(ill.report.since?.appeared.includes(fault), fault);
  const text = await muster('doctor');
  assert.match(
    text.stdout,
    /^ERROR DOC-205 clusterrolebinding\/oops\n {2}Whoever can join a node.*\n {2}seen: cluster-admin is bound to Group system:bootstrappers\n {2}mend: kubectl delete clusterrolebinding oops$/m,
  );
  assert.doesNotMatch(text.stdout, /0123456789abcdef/);
  // What it says is what mends it.
  await kubectl('delete', 'clusterrolebinding', 'oops', 'node-server-cert-renewal');
  await kubectl('delete', 'clusterrole', 'approve-node-server-renewal-csr');
  await kubectl('-n', 'kube-system', 'delete', 'secret', 'bootstrap-token-aaaaaa', 'bootstrap-token-bbbbbb');
  writeFileSync(before, JSON.stringify(ill.report));
  const well = await report('--since', before);
  assert.equal(well.status, 0);
  for (const fault of faults) assert.ok(well.report.since?.gone.includes(fault), fault);
});

test('who may see little is told what was not looked at, and it is not taken for health', async () => {
  await kubectl('create', 'serviceaccount', 'nobody');
  const { stdout } = await cluster.current.kubectl('1.35').try(['create', 'token', 'nobody']);
  const config = join(cluster.current.home.path, 'nobody.kubeconfig');
  const own = JSON.parse(await kubectl('config', 'view', '--raw', '-o', 'json')) as {
    clusters: unknown[];
    contexts: { context: { cluster: string } }[];
  };
  writeFileSync(
    config,
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'Config', clusters: own.clusters, 'current-context': 'x' },
      contexts: [{ name: 'x', context: { cluster: own.contexts[0]!.context.cluster, user: 'nobody' } }],
      users: [{ name: 'nobody', user: { token: stdout.trim() } }],
    }),
    { mode: 0o600 },
  );
  const result = await cluster.current.home.try(['doctor', '--kubeconfig', config]);
  assert.equal(result.status, 0, result.stderr);
  for (const what of ['nodes', 'bootstrap tokens', 'cluster roles', 'certificate requests'])
    assert.match(result.stdout, new RegExp(`^ {2}${what}: .*forbidden`, 'm'));
});

test('who acts as somebody else by the kubeconfig sees what that one may see', async () => {
  const { home } = cluster.current;
  const kubeconfig = await readKubeconfig(home.kubeconfig);
  const users = kubeconfig.users.map(({ name, user }) => ({
    name,
    user: { ...user, as: 'eve', 'as-groups': ['system:authenticated', 'guests'], 'as-user-extra': { 'example.com/Why': ['a'] } },
  }));
  const path = join(home.path, 'as.kubeconfig');
  writeFileSync(path, formatKubeconfig({ ...kubeconfig, users }), { mode: 0o600 });
  const { stdout } = await home.try(['doctor', '-o', 'json', '--kubeconfig', path]);
  const { notSeen } = JSON.parse(stdout) as DoctorReport;
  assert.match(JSON.stringify(notSeen), /nodes is forbidden: User \\"eve\\" cannot list resource/);
  // What another client says of the same file.
  assert.match(
    await cluster.current.kubectl('1.35').run(['--kubeconfig', path, 'auth', 'whoami']),
    /eve[\s\S]*guests[\s\S]*example\.com\/why/,
  );
});

test('a node, a token and a request are explained', async () => {
  const node = await muster('explain', 'node', 'node-1');
  assert.equal(node.status, 0, node.stdout + node.stderr);
  assert.match(node.stdout, /^✓ request for a client certificate: node-csr-\S+ by system:bootstrap:\w+$/m);
  assert.match(node.stdout, /^✓ :10250: serves a certificate until/m);
  const missing = await muster('explain', 'node', 'nowhere');
  assert.equal(missing.status, 1);
  assert.match(missing.stdout, /^✗ request for a client certificate: there is none\n {4}mend: /m);
  const created = await muster('token', 'create');
  const whole = created.stdout.trim();
  const good = await muster('explain', 'token', whole);
  assert.equal(good.status, 0, good.stdout);
  assert.doesNotMatch(good.stdout, new RegExp(whole.split('.')[1]!));
  assert.equal((await muster('explain', 'token', 'zzzzzz')).status, 1);
});

test('wrong usage and a server that is away are told in one line', async () => {
  for (const [args, said] of [
    [['doctor', '-o', 'yaml'], /--output: only text and json/],
    [['doctor', '--since', '/nonexistent'], /--since: cannot read \/nonexistent/],
    [['explain', 'node'], /exactly one name of a node is needed/],
    [['explain', 'csr', 'nowhere'], /There is no certificate request "nowhere"/],
  ] as const) {
    const result = await muster(...args);
    assert.notEqual(result.status, 0);
    assert.match(result.stderr, said);
  }
});

test('a node that is lost gets a plan, and with --yes the token that it needs', async () => {
  assert.match((await muster('rescue')).stdout, /nobody is to be rescued/);
  await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'lost' } });
  const out = join(cluster.current.home.path, 'bootstrap.kubeconfig');
  const plan = await muster('rescue', '--out', out);
  assert.match(plan.stdout, /^lost: it is silent/m);
  assert.equal(existsSync(out), false);
  const done = await muster('rescue', 'lost', '--yes', '--out', out);
  assert.equal(done.status, 0, done.stderr);
  assert.equal(statSync(out).mode & 0o777, 0o600);
  const asking = ['--kubeconfig', out, 'auth', 'can-i', 'create', 'certificatesigningrequests'];
  assert.equal((await cluster.current.kubectl('1.35').try(asking)).stdout, 'yes\n');
  await kubectl('delete', 'node', 'lost');
});

test('a kubelet whose certificate ran out while it was off ends and says so; with what rescue makes it is back', async (t) => {
  const name = 'sleeper';
  t.after(() => kubectl('delete', 'node', name, '--ignore-not-found'));
  const { home, up } = cluster.current;
  const file = (...words: string[]) => join(home.path, name, ...words);
  mkdirSync(file());
  const { address } = await findNodeEndpoint(firstNodeAddress(Math.random));
  writeFileSync(
    file('kubelet.json'),
    JSON.stringify({
      ...{ kind: 'KubeletConfiguration', apiVersion: 'kubelet.config.k8s.io/v1beta1', address, healthzPort: 0 },
      ...{ rotateCertificates: true, authentication: { x509: { clientCAFile: join(up.dataDir, 'pki/ca.crt') } } },
    }),
  );
  const start = () =>
    startComponent('kubelet', [
      ...['--runtime=hollow', `--hostname-override=${name}`, `--node-ip=${address}`, `--config=${file('kubelet.json')}`],
      ...[`--bootstrap-kubeconfig=${file('bootstrap')}`, `--kubeconfig=${file('kubeconfig')}`, `--cert-dir=${file('pki')}`],
      `--root-dir=${file()}`,
    ]);
  const ready = (status: string) =>
    until(
      `the node is Ready ${status}`,
      async () =>
        (await kubectl('get', 'node', name, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')) === status,
      PATIENCE,
    );
  await apply(token('cccccc', { 'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token' }));
  const server = await kubectl('config', 'view', '--raw', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}');
  const caPem = readFileSync(join(up.dataDir, 'pki/ca.crt'), 'utf8');
  writeFileSync(file('bootstrap'), bootstrapKubeconfig({ server, caPem, token: 'cccccc.0123456789abcdef' }), { mode: 0o600 });
  {
    await using _ = start();
    await ready('True');
  }
  await kubectl('-n', 'kube-system', 'delete', 'secret', 'bootstrap-token-cccccc');
  rmSync(file('bootstrap'));
  const certificate = file('pki/kubelet-client-current.pem');
  const authority = { certificatePem: caPem, privateKeyPem: readFileSync(join(up.dataDir, 'pki/ca.key'), 'utf8') };
  writeFileSync(certificate, await expired(readFileSync(certificate, 'utf8'), authority));
  {
    await using woken = start();
    assert.notEqual(await woken.exited, 0);
    assert.match(
      woken.output,
      /client certificate in .* is expired: .*\n.*failed to run Kubelet: unable to load bootstrap kubeconfig/,
    );
  }
  // What the controller says of it after 40 s; nobody else does.
  const condition = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' };
  const patch = JSON.stringify({ status: { conditions: [condition] } });
  await kubectl('patch', 'node', name, '--subresource=status', '--type=strategic', '-p', patch);
  const planned = await muster('rescue', name, '--out', file('bootstrap'));
  assert.match(planned.stdout, /^This is a plan: nothing has been done\.[\s\S]*^sleeper: it is silent, last heard of /m);
  assert.equal(existsSync(file('bootstrap')), false);
  const done = await muster('rescue', name, '--yes', '--out', file('bootstrap'));
  assert.equal(done.status, 0, done.stderr);
  {
    await using _ = start();
    await ready('True');
    const refused = await muster('rescue', name, '--yes', '--out', file('again'));
    assert.equal(refused.stdout, 'sleeper: nothing to rescue, it is Ready\n');
    assert.deepEqual([refused.status, existsSync(file('again'))], [1, false]);
  }
});

test('a node that went is told until it is back', async () => {
  const name = 'gone';
  await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
  await until('the node is told to be not Ready', async () => found((await report()).report).includes(`DOC-401 node/${name}`));
  await kubectl('delete', 'node', name);
  await until('all is well again', async () => (await report()).status === 0);
});

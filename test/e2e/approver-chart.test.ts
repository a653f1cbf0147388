/** The approver's chart, with real helm; two approvers with nothing but the rights of its account; sources and the metrics page. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import type { V1Node } from '../../src/api/gen/types.ts';
import { rbacObjects } from '../../src/approver/manifest.ts';
import { createAuthority } from '../../src/pki/authority.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { type ComponentProcess, PROGRAM, startProgram } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { startPrometheus } from '../harness/prometheus.ts';
import { runCommand } from '../harness/run-command.ts';
import { testTools } from '../harness/tools.ts';
import { until } from '../harness/until.ts';
import { strangerNodes } from './stranger-nodes.ts';
import { useUpCluster } from './up-cluster.ts';

const CHART = resolve(import.meta.dirname, '../../charts/muster-approver');
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/muster-approver';
const WAIT = { timeoutMs: 60_000 };
const cluster = useUpCluster('--nodes', '1');
const kubectl = (...args: string[]) => cluster.current.kubectl('1.35').run(args);
const object = async <T>(path: string) => JSON.parse(await kubectl('get', '--raw', path)) as T;
const started: ComponentProcess[] = [];
/** Of the last approver. */
const metricsPort = freePort();
after(() => Promise.all(started.map((process) => process.stop())));

async function helm(...args: string[]): Promise<string> {
  const { home } = cluster.current;
  const env = { KUBECONFIG: home.kubeconfig, HOME: home.path };
  const { status, stdout, stderr } = await runCommand(testTools().helm, args, { env });
  assert.equal(status, 0, `helm ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

const { kubeconfigOf, add: addStranger, ask, conditions, approved } = strangerNodes(cluster);

function startApprover(kubeconfig: string, ...flags: string[]): ComponentProcess {
  const process = startProgram(PROGRAM, ['approver', `--kubeconfig=${kubeconfig}`, '--bind-address=127.0.0.1', ...flags]);
  started.push(process);
  return process;
}

test('the chart is installed by helm, with the rights that --manifest prints and no others', async () => {
  await helm('install', 'muster-approver', CHART, '--namespace', 'kube-system', '--set', 'image=muster:test,replicas=0');
  const names = { names: { 'node-x': ['10.77.0.1', 'node-x.example.com'] } };
  const values = join(cluster.current.home.path, 'values.json');
  writeFileSync(values, JSON.stringify({ ...names, image: 'muster:test', replicas: 0 }));
  await helm('upgrade', 'muster-approver', CHART, '--namespace', 'kube-system', '--values', values);
  assert.equal(
    await kubectl('-n', 'kube-system', 'get', 'configmap', 'muster-approver-names', '-o', 'jsonpath={.data.node-x}'),
    '10.77.0.1,node-x.example.com',
  );
  for (const item of rbacObjects({ approveClient: false, configMap: 'kube-system/muster-approver-names' })) {
    const { kind, metadata, rules } = item as { kind: string; metadata: { name: string; namespace?: string }; rules?: object[] };
    const place = metadata.namespace ? ['-n', metadata.namespace] : [];
    const found = JSON.parse(await kubectl(...place, 'get', kind, metadata.name, '-o', 'json')) as { rules?: object[] };
    assert.deepEqual(found.rules, rules, `${kind} ${metadata.namespace ?? ''}`);
  }
  const lint = await helm('lint', CHART, '--set', 'image=muster:test,metrics.alerts=true,approveClient=true');
  assert.match(lint, /0 chart\(s\) failed/);
  // Kubernetes 1.20 refuses server-side apply, which is helm 4's way, of ports that leave it to the default.
  const rendered = await helm('template', CHART, '--set', 'image=muster:test');
  const ports = rendered.match(/^.*(?:port|containerPort): 10261.*$/gim) ?? [];
  assert.deepEqual([ports.length, ports.filter((port) => !port.includes('protocol: TCP'))], [2, []]);
});

test('with the rights of the account alone two approvers take turns, and tell their metrics', async () => {
  const token = (await kubectl('-n', 'kube-system', 'create', 'token', 'muster-approver', '--duration=1h')).trim();
  const account = await kubeconfigOf('account', { token });
  const node = await addStranger('node-x', '10.77.0.1');
  const ports = [await freePort(), await freePort()];
  const flags = [
    '--names-configmap=kube-system/muster-approver-names',
    '--authorization-always-allow-paths=/healthz,/metrics',
    ...['--leader-elect-lease-duration=6s', '--leader-elect-renew-deadline=4s', '--leader-elect-retry-period=1s'],
  ];
  const [one, two] = ports.map((port) => startApprover(account, `--secure-port=${port}`, ...flags));
  const holder = async () => (await object<{ spec: { holderIdentity: string } }>(LEASE)).spec.holderIdentity;
  await until('one of them leads', holder, WAIT);
  await ask(node, 'first', 'node-x', '10.77.0.1');
  await approved('first');
  await ask(node, 'unknown', 'node-x', '192.168.77.9');
  const pages = async () =>
    Promise.all(ports.map(async (port) => (await runCommand('curl', ['-sk', `https://127.0.0.1:${port}/metrics`])).stdout));
  const leading = await until(
    'the one that decides tells so',
    async () => {
      const at = (await pages()).findIndex((page) => /^muster_approver_pending_requests\{rule="APV-308"\} 1$/m.test(page));
      return at >= 0 && { at };
    },
    WAIT,
  );
  const page = (await pages())[leading.at]!;
  for (const line of [
    /^muster_approver_decisions_total\{outcome="approve",rule="",signer="kubernetes.io\/kubelet-serving"\} 1$/m,
    /^muster_approver_decision_duration_seconds_count\{outcome="approve"\} 1$/m,
    /^muster_approver_issued_differently_total 0$/m,
  ])
    assert.match(page, line);
  const before = await holder();
  await started[leading.at]!.stop();
  await until('the other one leads', async () => (await holder()) !== '' && (await holder()) !== before, WAIT);
  // Creation times have whole seconds: this request is to be the later one.
  const second = Math.floor(Date.now() / 1000);
  await until('the next second has begun', () => Math.floor(Date.now() / 1000) > second);
  await ask(node, 'second', 'node-x', '10.77.0.1');
  await approved('second');
  assert.deepEqual(
    (await conditions('second')).filter((type) => type === 'Approved'),
    ['Approved'],
  );
  await until('the request before it is told to be superseded', async () => (await conditions('unknown')).includes('Superseded'));
  await until('Events were written', async () => /AllRulesHold/.test(await kubectl('get', 'events', '-A')));
  for (const process of [one!, two!]) assert.doesNotMatch(process.output, /forbidden|Forbidden/);
  await started[1 - leading.at]!.stop();
});

test('a command and a service by https say whose names are whose, and while they fail requests wait', async () => {
  const node = await addStranger('node-y', '10.78.0.1');
  const authority = await createAuthority({
    commonName: 'hooks',
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + 3_600_000,
  });
  const key = await generatePrivateKey();
  const cert = await authority.issue({
    ...{
      publicKeyDer: key.publicKeyDer,
      commonName: 'hook',
      organizations: [],
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
    },
    ...{ usages: ['digital signature', 'server auth'], notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 },
  });
  const asked: { authorization?: string; node: string }[] = [];
  let answering = false;
  const server = createServer({ key: key.pem, cert }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const question = JSON.parse(body) as { node: string };
      asked.push({ authorization: request.headers.authorization, node: question.node });
      response.statusCode = answering ? 200 : 503;
      response.end(JSON.stringify({ answers: { '10.78.0.1': 'own', '10.78.0.2': 'node: node-z' } }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    const { path } = cluster.current.home;
    const [ca, tokenFile] = [join(path, 'hook-ca.pem'), join(path, 'hook-token')];
    writeFileSync(ca, authority.certificatePem);
    writeFileSync(tokenFile, 'open-sesame\n', { mode: 0o600 });
    const account = join(path, 'account.kubeconfig');
    const script = join(path, 'whose');
    const answer = '{"answers": {"10.78.0.5": "own"}}';
    writeFileSync(script, `#!/bin/sh\ngrep -q '"node":"node-y"' && echo '${answer}'\n`, { mode: 0o700 });
    const process = startApprover(
      account,
      ...[`--secure-port=${await metricsPort}`, '--authorization-always-allow-paths=/metrics'],
      ...['--leader-elect=false', `--names-command=${script}`],
      `--names-url=https://127.0.0.1:${(server.address() as AddressInfo).port}/names`,
      ...[`--names-url-ca-file=${ca}`, `--names-url-token-file=${tokenFile}`],
    );
    await ask(node, 'by-both', 'node-y', '10.78.0.1', '10.78.0.5');
    await process.waitForOutput(/request waits.*by-both.*it answers 503/);
    assert.deepEqual(await conditions('by-both'), ['']);
    answering = true;
    await kubectl('label', 'node', 'node-y', 'look=again');
    await approved('by-both');
    assert.ok(asked.every(({ authorization }) => authorization === 'Bearer open-sesame'));
    assert.ok(asked.some((question) => question.node === 'node-y'));
    await ask(node, 'of-another', 'node-y', '10.78.0.2');
    await until('what is another’s is denied', async () => (await conditions('of-another')).includes('Denied'), WAIT);
    assert.doesNotMatch(process.output, /open-sesame/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('a real Prometheus reads the pages of API server, kubelet and approver, and an alert tells of the denial', async () => {
  const { path } = cluster.current.home;
  const view = JSON.parse(await kubectl('config', 'view', '--raw', '--minify', '-o', 'json')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
  };
  const write = (name: string, base64: string) => {
    writeFileSync(join(path, name), Buffer.from(base64, 'base64'), { mode: 0o600 });
    return join(path, name);
  };
  const { user } = view.users[0];
  const own = {
    caFile: write('ca.pem', view.clusters[0].cluster['certificate-authority-data']),
    certFile: write('admin.pem', user['client-certificate-data']),
    keyFile: write('admin-key.pem', user['client-key-data']),
  };
  const { status } = await object<V1Node>('/api/v1/nodes/node-1');
  const kubelet = `${status!.addresses!.find(({ type }) => type === 'InternalIP')!.address}:${status!.daemonEndpoints!.kubeletEndpoint!.Port}`;
  await using prometheus = await startPrometheus(
    [
      { job: 'apiserver', address: new URL(view.clusters[0].cluster.server).host, ...own },
      { job: 'kubelet', address: kubelet, ...own },
      { job: 'approver', address: `127.0.0.1:${await metricsPort}` },
    ],
    [join(CHART, 'alerts.yaml')],
  );
  const value = async (query: string) =>
    (await prometheus.get<{ result: { value: [number, string] }[] }>(`query?query=${encodeURIComponent(query)}`)).result[0]
      ?.value[1];
  await until('all three are read', async () => (await value('count(up == 1)')) === '3', WAIT);
  for (const query of [
    'sum(apiserver_request_total{job="apiserver",verb="POST",resource="nodes"}) > 0',
    'kubelet_running_pods{job="kubelet"} >= 0',
    'muster_approver_decisions_total{job="approver",outcome="deny"} > 0',
  ])
    assert.notEqual(await value(query), undefined, query);
  const { groups } = await prometheus.get<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
  assert.ok(groups.flatMap(({ rules }) => rules).length >= 5);
  const { alerts } = await until('the alert fires', async () => {
    const told = await prometheus.get<{ alerts: { state: string; labels: Record<string, string> }[] }>('alerts');
    return told.alerts.some(({ state }) => state === 'firing') && told;
  });
  assert.deepEqual(
    alerts.filter(({ state }) => state === 'firing').map(({ labels }) => [labels['alertname'], labels['rule']]),
    [['KubeletCertificateDenied', 'APV-306']],
  );
  const checked = await runCommand('promtool', ['test', 'rules', join(CHART, 'alerts-test.yaml')]);
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
});

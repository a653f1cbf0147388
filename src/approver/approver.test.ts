/** The approver at work on an API server in memory: what is written, how often, and by what it is not taken in. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '../../test/harness/until.ts';
import { certificateSigningRequestKind as csrKind } from '../api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import { parseCidr } from '../api/machinery/ip.ts';
import { formatTime } from '../api/machinery/object.ts';
import { runController, TestingCluster } from '../controllers/framework/testing-client.test-support.ts';
import { createAuthority } from '../pki/authority.ts';
import { createCertificateRequest } from '../pki/certificate-request.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { type Logger, silentLogger } from '../std/logger.ts';
import { type ApproverOptions, createApprover } from './approver.ts';
import { ApproverMetrics } from './approver-metrics.ts';
import { servingFacts } from './facts.test-support.ts';
import type { NameSource } from './names/name-source.ts';
import { lookUp, readNameTable } from './names/name-table.ts';

const key = await generatePrivateKey();
const keys = new Map<string, typeof key>();
const cluster10 = {
  clusterDomain: 'cluster.local',
  serviceRanges: [parseCidr('10.96.0.0/12')!],
  serviceAddresses: new Set<string>(),
  apiServerNames: new Set<string>(),
  apiServerAddresses: new Set<string>(),
  moreNames: [],
  moreRanges: [],
};
const inventory = (table: object): NameSource => ({
  name: 'inventory',
  ask: (node, names) => Promise.resolve(lookUp(readNameTable(table), node, names)),
});

async function open(changes: Partial<ApproverOptions> = {}, cluster = new TestingCluster()) {
  const metrics = new ApproverMetrics();
  const run = await runController(
    ({ client, clock, logger, events }) =>
      createApprover({
        ...{ client, clock, logger, events, metrics, sources: [], allowedPrefixes: [], approveClient: false, dryRun: false },
        limits: servingFacts().limits,
        clusterNames: () => Promise.resolve(cluster10),
        servedCertificate: () => Promise.resolve(undefined),
        ...changes,
      }),
    cluster,
  );
  const find = (name: string) => cluster.get<V1CertificateSigningRequest>(csrKind, name);
  return {
    ...{ cluster, metrics, events: run.events },
    conditions: (name: string) => (find(name)?.status?.conditions ?? []).map(({ type }) => type),
    messageOf: (name: string) => find(name)?.status?.conditions?.at(-1)?.message ?? '',
    addNode(name: string, ...addresses: string[]) {
      cluster.put(nodeKind, {
        metadata: { name },
        status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
      });
    },
    /** Time goes on until it is so. */
    reach: (what: string, condition: () => boolean) =>
      until(what, async () => {
        await cluster.clock.advance(20);
        return condition();
      }),
    async pass(ms = 200) {
      for (let i = 0; i < 20; i++) await run.settle(ms / 20);
    },
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
}

interface Asked {
  readonly name?: string;
  readonly node?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly key?: typeof key;
}

/** A request as the API server has it, of a key of the node's own unless another is given. */
async function request(asked: Asked = {}, clock?: { now(): number }): Promise<V1CertificateSigningRequest> {
  const { name = 'csr-1', node = 'node-1', dnsNames = [], ipAddresses = [] } = asked;
  if (!keys.has(node)) keys.set(node, await generatePrivateKey());
  const text = await createCertificateRequest({
    ...{ key: asked.key ?? keys.get(node)!, commonName: `system:node:${node}`, organizations: ['system:nodes'] },
    ...{ dnsNames, ipAddresses },
  });
  return {
    metadata: { name, ...(clock && { creationTimestamp: formatTime(clock.now()) }) },
    spec: {
      request: Buffer.from(text).toString('base64'),
      signerName: 'kubernetes.io/kubelet-serving',
      username: `system:node:${node}`,
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'server auth'],
    },
  };
}

const OWN = { dnsNames: ['node-1'], ipAddresses: ['10.0.0.1'] };
const OURS = [inventory({ 'node-1': '10.0.0.1', 'node-2': '10.0.0.2' })];

test('a request whose names are proven is approved once, in one write that holds the version that was read', async () => {
  await using run = await open({ sources: OURS });
  run.addNode('node-1');
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('it is approved', () => run.conditions('csr-1').includes('Approved'));
  await run.pass();
  assert.deepEqual(run.conditions('csr-1'), ['Approved']);
  const writes = run.cluster.sent('update', 'certificatesigningrequests/approval');
  assert.equal(writes.length, 1);
  const { metadata } = writes[0]!.body as V1CertificateSigningRequest;
  assert.ok(metadata?.resourceVersion && metadata.uid);
  assert.deepEqual(run.events, ['csr-1 AllRulesHold']);
});

test('requests and Nodes that are there when it starts are looked at', async () => {
  const cluster = new TestingCluster();
  cluster.put(nodeKind, { metadata: { name: 'node-1' } });
  cluster.put(csrKind, await request(OWN));
  await using run = await open({ sources: OURS }, cluster);
  await run.reach('it is approved', () => run.conditions('csr-1').includes('Approved'));
});

test('after a conflict it decides on what is there then: never a second Approved, and nothing over another’s decision', async () => {
  await using run = await open({ sources: OURS });
  run.addNode('node-1');
  let meddled = false;
  run.cluster.beforeWrite = ({ subresource, name = '' }) => {
    if (subresource !== 'approval' || meddled) return;
    meddled = true;
    const there = run.cluster.get<V1CertificateSigningRequest>(csrKind, name)!;
    const by = name === 'csr-1' ? { annotations: { looked: 'at' } } : {};
    const status = name === 'csr-1' ? {} : { conditions: [{ type: 'Denied', status: 'True', reason: 'ByHand' }] };
    run.cluster.put(csrKind, { ...there, metadata: { ...there.metadata, ...by }, status });
  };
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('it is approved', () => run.conditions('csr-1').includes('Approved'));
  assert.deepEqual(run.conditions('csr-1'), ['Approved']);
  assert.equal(run.cluster.sent('update', 'certificatesigningrequests/approval').length, 2);
  meddled = false;
  run.cluster.put(csrKind, await request({ ...OWN, name: 'csr-2' }, run.cluster.clock));
  await run.reach('somebody has denied it', () => meddled);
  await run.pass();
  assert.deepEqual(run.conditions('csr-2'), ['Denied']);
});

test('a request that is replaced by another of its name while it is judged is judged anew', async () => {
  await using run = await open({ sources: OURS });
  run.addNode('node-1');
  const theft = await request({ dnsNames: ['kubernetes'] });
  run.cluster.beforeWrite = ({ subresource, name = '' }) => {
    if (subresource !== 'approval') return;
    run.cluster.beforeWrite = () => undefined;
    run.cluster.remove(csrKind, name);
    run.cluster.put(csrKind, theft);
  };
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('the other one is denied', () => run.conditions('csr-1').includes('Denied'));
  assert.match(run.messageOf('csr-1'), /APV-306/);
});

test('a Node that changes while a source is asked is looked at again', async () => {
  const asked: string[] = [];
  const slow: NameSource = {
    name: 'hook',
    async ask(node, names) {
      asked.push(node);
      // Meanwhile the Node goes, and another machine takes its name.
      if (asked.length === 1) {
        run.cluster.remove(nodeKind, 'node-1');
        await until('the copy has it', () => new Promise((resolve) => setImmediate(() => resolve(true))));
      }
      return names.map(() => 'own');
    },
  };
  const run = await open({ sources: [slow] });
  await using _ = run;
  run.addNode('node-1');
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('it was asked', () => asked.length > 0);
  await run.pass();
  assert.deepEqual(run.conditions('csr-1'), []);
  run.addNode('node-1');
  run.cluster.put(csrKind, await request({ ...OWN, name: 'csr-2' }));
  await run.reach('what the new one asks for is approved', () => run.conditions('csr-2').includes('Approved'));
  assert.equal(run.conditions('csr-1').includes('Approved'), false);
});

test('a Node that goes while the copy of the Nodes is behind is not approved by what it was', async () => {
  const cluster = new TestingCluster();
  const { client } = cluster;
  let behind = false;
  const resource = (kind: typeof nodeKind) => {
    const all = client.resource<V1Node>(kind);
    if (kind.resource !== 'nodes') return all;
    const watch: typeof all.watch = async function* (options) {
      for await (const event of all.watch(options)) if (!behind) yield event;
    };
    return { ...all, watch };
  };
  await using run = await open({ sources: OURS, client: { ...client, resource: resource as typeof client.resource } }, cluster);
  run.addNode('node-1');
  await run.pass();
  behind = true;
  cluster.remove(nodeKind, 'node-1');
  cluster.put(csrKind, await request(OWN));
  await run.pass(2000);
  assert.deepEqual(run.conditions('csr-1'), []);
  run.addNode('node-1');
  await run.pass(2000);
  assert.deepEqual(run.conditions('csr-1'), [], 'one of its name that came since is another one');
});

test('the ways past other approvers do not lead past this one', async () => {
  await using run = await open({ sources: OURS, allowedPrefixes: [parseCidr('10.1.0.0/16')!] });
  run.addNode('a', '10.1.0.1');
  run.addNode('node-2', '10.1.0.2');
  const ways: [name: string, asked: Asked, becomes: string, says: RegExp][] = [
    // alex1989hu/kubelet-serving-cert-approver and others look at DNS names alone.
    ['ip-only', { ipAddresses: ['10.9.9.9'] }, 'Pending', /NamesProven/],
    ['ip-of-another', { ipAddresses: ['10.0.0.2'] }, 'Denied', /APV-306.*node-2/],
    ['claimed-by-another', { ipAddresses: ['10.1.0.2'] }, 'Pending', /NameClaimedOnce/],
    // postfinance/kubelet-csr-approver#262
    ['prefix', { dnsNames: ['auth.example.com'] }, 'Pending', /NamesProven/],
    ['first-name', { dnsNames: ['node-2', 'a'] }, 'Denied', /APV-306.*another node/],
    ['no-names', {}, 'Denied', /APV-301/],
    ['upper-case', { dnsNames: ['Node-2'] }, 'Denied', /APV-304/],
    ['in-letters', { dnsNames: ['10.0.0.2'] }, 'Denied', /APV-304/],
    ['mapped', { ipAddresses: ['::ffff:10.0.0.2'] }, 'Denied', /APV-30[56]/],
    ['homograph', { dnsNames: ['xn--nde-2-jxa'] }, 'Pending', /NamesProven/],
  ];
  for (const [name, asked, becomes, says] of ways) {
    run.cluster.put(csrKind, await request({ ...asked, name, node: 'a' }));
    const known = run.events.length;
    await run.reach(`${name} is decided on or waits`, () => run.events.length > known);
    assert.deepEqual(run.conditions(name), becomes === 'Denied' ? ['Denied'] : [], name);
    assert.match(`${run.messageOf(name)} ${run.events.at(-1)}`, says, name);
    run.cluster.remove(csrKind, name);
  }
});

test('the code of the rule stands in the condition, the Event, the log and the metric’s label', async () => {
  const told: string[] = [];
  const logged: string[] = [];
  const note = (message: string, fields: object = {}) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, info: note, child: () => logger };
  const events = {
    event: (_object: unknown, _type: string, reason: string, message: string) => void told.push(`${reason}: ${message}`),
    flush: () => Promise.resolve(),
  };
  await using run = await open({ sources: OURS, events, logger });
  run.addNode('node-1');
  for (const [name, asked, outcome, code, reason] of [
    ['refused', { dnsNames: ['*.example.com'] }, 'deny', 'APV-304', 'DnsNamesLegal'],
    ['waiting', { ipAddresses: ['10.9.9.9'] }, 'wait', 'APV-308', 'NamesProven'],
  ] as const) {
    run.cluster.put(csrKind, await request({ ...asked, name }));
    await run.reach(`${name} is told of`, () => told.length > 0);
    const label = `muster_approver_decisions_total{outcome="${outcome}",rule="${code}",signer="kubernetes.io/kubelet-serving"} 1`;
    assert.ok(run.metrics.render().includes(label), run.metrics.render());
    assert.ok(told.splice(0)[0]!.startsWith(`${reason}: ${code} `));
    assert.match(logged.splice(0).join(), new RegExp(`"csr":"${name}".*"rule":"${code}"`));
    if (outcome === 'deny') assert.ok(run.messageOf(name).startsWith(`${code} `), run.messageOf(name));
    else assert.match(run.metrics.render(), new RegExp(`^muster_approver_pending_requests\\{rule="${code}"\\} 1$`, 'm'));
    run.cluster.remove(csrKind, name);
  }
});

test('the alert rules of the chart speak of metrics that the page has', () => {
  const alerts = readFileSync(new URL('../../charts/muster-approver/alerts.yaml', import.meta.url), 'utf8');
  const page = new ApproverMetrics().render();
  const named = new Set(alerts.match(/muster_approver_[a-z_]+/g));
  assert.ok(named.size >= 4, [...named].join());
  for (const name of named) assert.match(page, new RegExp(`^# TYPE ${name} `, 'm'));
});

test('a flood of one node holds up no other, asks no source again and again, and ends with its newest request', async () => {
  const asked: string[] = [];
  const [source] = OURS;
  const counting: NameSource = {
    name: 'inventory',
    ask(node, names, signal) {
      asked.push(node);
      return source!.ask(node, names, signal);
    },
  };
  const cluster = new TestingCluster();
  cluster.put(nodeKind, { metadata: { name: 'node-1' } });
  cluster.put(nodeKind, { metadata: { name: 'node-2' } });
  const one = await request({ ipAddresses: ['10.0.0.77'] });
  for (let i = 0; i < 300; i++) {
    const creationTimestamp = formatTime(cluster.clock.now() - (300 - i) * 1000);
    cluster.put(csrKind, { ...one, metadata: { name: `flood-${String(i).padStart(3, '0')}`, creationTimestamp } });
  }
  cluster.put(csrKind, await request({ name: 'quiet', node: 'node-2', ipAddresses: ['10.0.0.2'] }, cluster.clock));
  await using run = await open({ sources: [counting] }, cluster);
  await run.reach('the other node has its approval', () => run.conditions('quiet').includes('Approved'));
  await run.reach('the older ones are put aside', () => run.conditions('flood-000').length > 0);
  await run.pass();
  assert.deepEqual(run.conditions('flood-000'), ['Superseded']);
  assert.match(run.messageOf('flood-298'), /APV-501 flood-299 is a newer request/);
  assert.deepEqual(run.conditions('flood-299'), []);
  assert.ok(asked.filter((node) => node === 'node-1').length <= 10, `${asked.length} questions`);
});

test('a key that another node was issued a certificate for is refused, also when that happened while it ran', async () => {
  const authority = await createAuthority({ commonName: 'ca', notBeforeMs: 0, notAfterMs: Date.parse('2036-01-01T00:00:00Z') });
  await using run = await open({ sources: OURS });
  const now = run.cluster.clock.now();
  run.addNode('node-1');
  run.addNode('node-2');
  run.cluster.put(csrKind, await request({ ...OWN, key }));
  await run.reach('the first is approved', () => run.conditions('csr-1').includes('Approved'));
  const approved = run.cluster.get<V1CertificateSigningRequest>(csrKind, 'csr-1')!;
  const pem = await authority.issue({
    ...{ publicKeyDer: key.publicKeyDer, commonName: 'system:node:node-1', organizations: ['system:nodes'] },
    ...{ dnsNames: ['node-1'], ipAddresses: ['10.0.0.1', '10.5.0.1'], usages: ['digital signature', 'server auth'] },
    ...{ notBeforeMs: now, notAfterMs: now + 3_600_000 },
  });
  run.cluster.put(csrKind, { ...approved, status: { ...approved.status, certificate: Buffer.from(pem).toString('base64') } });
  await run.reach('what was issued is found to differ', () => run.events.includes('csr-1 IssuedDifferently'));
  run.cluster.put(csrKind, await request({ name: 'clone', node: 'node-2', ipAddresses: ['10.0.0.2'], key }));
  await run.reach('the second is denied', () => run.conditions('clone').includes('Denied'));
  assert.match(run.messageOf('clone'), /APV-204.*system:node:node-1/);
  // A client certificate, for which a token asked: the key is the node's, and its own use of it for serving is no clone's.
  const joined = await generatePrivateKey();
  const client = await authority.issue({
    ...{ publicKeyDer: joined.publicKeyDer, commonName: 'system:node:node-1', organizations: ['system:nodes'] },
    ...{ usages: ['digital signature', 'client auth'], notBeforeMs: now, notAfterMs: now + 3_600_000 },
  });
  run.cluster.put(csrKind, {
    metadata: { name: 'joined' },
    spec: { ...approved.spec, signerName: 'kubernetes.io/kube-apiserver-client-kubelet', username: 'system:bootstrap:abcdef' },
    status: { conditions: [{ type: 'Approved', status: 'True' }], certificate: Buffer.from(client).toString('base64') },
  });
  run.cluster.put(csrKind, await request({ name: 'other', node: 'node-2', ipAddresses: ['10.0.0.2'], key: joined }));
  await run.reach('the clone is denied', () => run.conditions('other').includes('Denied'));
  assert.match(run.messageOf('other'), /APV-204.*system:node:node-1/);
  run.cluster.put(csrKind, await request({ name: 'own', ...OWN, key: joined }));
  await run.reach('its own is approved', () => run.conditions('own').includes('Approved'));
});

test('a name in the certificate of another node is not free because its Node object does not tell it any more', async () => {
  const authority = await createAuthority({ commonName: 'ca', notBeforeMs: 0, notAfterMs: Date.parse('2036-01-01T00:00:00Z') });
  await using run = await open({ allowedPrefixes: [parseCidr('10.0.0.0/24')!] });
  const now = run.cluster.clock.now();
  run.addNode('node-1', '10.0.0.1');
  const first = await request(OWN);
  const pem = await authority.issue({
    ...{ publicKeyDer: keys.get('node-1')!.publicKeyDer, commonName: 'system:node:node-1', organizations: ['system:nodes'] },
    ...{ ...OWN, usages: ['digital signature', 'server auth'], notBeforeMs: now, notAfterMs: now + 3_600_000 },
  });
  const status = { conditions: [{ type: 'Approved', status: 'True' }], certificate: Buffer.from(pem).toString('base64') };
  run.cluster.put(csrKind, { ...first, status });
  run.addNode('node-1');
  run.addNode('node-2', '10.0.0.1');
  await run.pass();
  run.cluster.put(csrKind, await request({ name: 'heir', node: 'node-2', ipAddresses: ['10.0.0.1'] }));
  await run.reach('it waits', () => run.events.includes('heir NameClaimedOnce'));
  assert.deepEqual(run.conditions('heir'), []);
  run.cluster.remove(nodeKind, 'node-1');
  await run.pass();
  run.addNode('node-2', '10.0.0.1', '10.0.0.3');
  await run.reach('it is approved when the other Node is gone', () => run.conditions('heir').includes('Approved'));
});

test('a source that cannot be asked makes a request wait, never a refusal, and is asked again', async () => {
  let away = true;
  const dns: NameSource = {
    name: 'dns',
    ask: (_, names) => (away ? Promise.reject(new Error('SERVFAIL')) : Promise.resolve(names.map(() => 'own'))),
  };
  await using run = await open({ sources: [dns] });
  run.addNode('node-1');
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('it waits', () => run.events.includes('csr-1 NamesProven'));
  assert.match(run.metrics.render(), /muster_approver_source_failures_total\{source="dns"\} 1/);
  assert.match(run.metrics.render(), /muster_approver_pending_requests\{rule="APV-308"\} 1/);
  away = false;
  await run.pass(15_000);
  await run.reach('it is approved', () => run.conditions('csr-1').includes('Approved'));
  assert.match(run.metrics.render(), /muster_approver_decisions_total\{outcome="approve".*\} 1/);
});

test('a dry run decides and counts, and writes nothing', async () => {
  await using run = await open({ sources: OURS, dryRun: true });
  run.addNode('node-1');
  run.cluster.put(csrKind, await request(OWN));
  run.cluster.put(csrKind, await request({ name: 'csr-0', dnsNames: ['kubernetes'] }));
  await run.reach('both are decided on', () => /outcome="approve"[\s\S]*outcome="deny"/.test(run.metrics.render()));
  assert.deepEqual(run.cluster.requests, []);
  assert.deepEqual(run.events, []);
});

test('many nodes that join with one token at once are all decided on', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `new-${i}`);
  const source: NameSource = { ...OURS[0]!, expects: () => Promise.resolve(true) };
  await using run = await open({ sources: [source], approveClient: true });
  for (const node of names) {
    const { metadata, spec } = await request({ name: `csr-${node}`, node });
    run.cluster.put(csrKind, {
      metadata,
      spec: {
        ...spec,
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        username: 'system:bootstrap:abcdef',
        groups: ['system:bootstrappers', 'system:authenticated'],
        usages: ['digital signature', 'client auth'],
      },
    });
  }
  await run.reach('all are approved', () => names.every((node) => run.conditions(`csr-${node}`).includes('Approved')));
});

test('a request whose Node goes is not approved for the Node of that name that comes after it; that one’s own is', async () => {
  let known = false;
  const sources: NameSource[] = [
    { ...OURS[0]!, ask: (...asked) => (known ? OURS[0]!.ask(...asked) : Promise.resolve(['unknown', 'unknown'])) },
  ];
  await using run = await open({ sources });
  run.addNode('node-1');
  run.cluster.put(csrKind, await request(OWN));
  await run.reach('it waits for its names', () => run.events.includes('csr-1 NamesProven'));
  run.cluster.remove(nodeKind, 'node-1');
  await run.pass();
  known = true;
  run.addNode('node-1');
  await run.reach('it waits for another Node', () => run.events.includes('csr-1 RequestOfThisNode'));
  run.cluster.put(csrKind, await request({ ...OWN, name: 'csr-2' }));
  await run.reach('the new one is approved', () => run.conditions('csr-2').includes('Approved'));
  assert.deepEqual(run.conditions('csr-1').includes('Approved'), false);
});

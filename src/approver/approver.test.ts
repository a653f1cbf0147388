/** The approver at work on an API server in memory: what is written, how often, and by what it is not taken in. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { certificateSigningRequestKind as csrKind } from '../api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest } from '../api/gen/types.ts';
import { parseCidr } from '../api/machinery/ip.ts';
import { TestingCluster } from '../controllers/framework/testing-client.test-support.ts';
import { createAuthority } from '../pki/authority.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { type Logger, silentLogger } from '../std/logger.ts';
import { ApproverMetrics } from './approver-metrics.ts';
import { type Asked, key, keys, OURS, OWN, open, request } from './approver-run.test-support.ts';
import type { NameSource } from './names/name-source.ts';

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

/** What comes, goes and changes while the approver decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../test/harness/until.ts';
import { certificateSigningRequestKind as csrKind } from '../api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import { formatTime } from '../api/machinery/object.ts';
import { TestingCluster } from '../controllers/framework/testing-client.test-support.ts';
import { OURS, OWN, open, request } from './approver-run.test-support.ts';
import type { NameSource } from './names/name-source.ts';

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

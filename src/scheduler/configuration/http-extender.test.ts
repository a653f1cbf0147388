import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { decideWithExtenders } from '../decide.ts';
import { askExtenders } from '../preemption/ask-extenders.ts';
import { cluster, contextOf, node, pod } from '../scheduling.test-support.ts';
import { createHttpExtender, type WrittenExtender } from './http-extender.ts';

let server: Server;
let urlPrefix: string;
const asked: { url: string; body: Record<string, unknown> }[] = [];
let answers: Record<string, { status?: number; body: unknown }> = {};

before(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const url = request.url ?? '';
      asked.push({ url, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> });
      const { status = 200, body } = answers[url] ?? { status: 404, body: null };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  urlPrefix = `http://127.0.0.1:${(server.address() as AddressInfo).port}/e`;
});
after(() => server.close());

async function decideWith(written: WrittenExtender): Promise<string> {
  const extender = await createHttpExtender({ urlPrefix, ...written }, 'extenders[0]');
  const { signal } = new AbortController();
  const decision = await decideWithExtenders(contextOf(cluster([node('a'), node('b')]), pod()), [extender], signal);
  if ('node' in decision) return decision.node.name;
  return [...decision.diagnosis.refusals]
    .map(([{ name }, { reasons, unresolvable }]) => `${name}: ${reasons.join()} ${unresolvable}`)
    .join('; ');
}

test('a node that an extender leaves out is refused in its words', async () => {
  answers = { '/e/filter': { body: { NodeNames: ['b'], FailedNodes: { a: 'too old' } } } };
  assert.equal(await decideWith({ filterVerb: 'filter', nodeCacheCapable: true }), 'b');
  assert.deepEqual(asked.at(-1)?.body['NodeNames'], ['a', 'b']);
  answers = {
    '/e/filter': { body: { nodes: { items: [] }, failedNodes: { a: 'too old' }, failedAndUnresolvableNodes: { b: 'gone' } } },
  };
  assert.equal(await decideWith({ filterVerb: 'filter' }), 'a: too old false; b: gone true');
});

test('what an extender scores weighs in', async () => {
  answers = {
    '/e/prioritize': {
      body: [
        { Host: 'a', Score: 1 },
        { Host: 'b', Score: 9 },
      ],
    },
  };
  assert.equal(await decideWith({ prioritizeVerb: 'prioritize', weight: 2 }), 'b');
});

test('an extender that fails fails the attempt, unless it is ignorable', async () => {
  answers = { '/e/filter': { status: 500, body: null } };
  await assert.rejects(decideWith({ filterVerb: 'filter' }), /code 500/);
  answers = { '/e/filter': { body: { Error: 'out of order' } } };
  await assert.rejects(decideWith({ filterVerb: 'filter' }), /out of order/);
  assert.match(await decideWith({ filterVerb: 'filter', ignorable: true }), /^[ab]$/);
});

test('an extender that binds is told of pod and node', async () => {
  answers = { '/e/bind': { body: {} } };
  const extender = await createHttpExtender({ urlPrefix, bindVerb: 'bind' }, 'extenders[0]');
  const { cycle } = contextOf(cluster([]), pod());
  await extender.bind!(cycle.pod, 'a', new AbortController().signal);
  const { name, namespace, uid } = cycle.pod.pod.metadata!;
  assert.deepEqual(asked.at(-1)?.body, { PodName: name, PodNamespace: namespace, PodUID: uid, Node: 'a' });
});

test('a node that an extender says nothing about is out of the question, and one that it was not asked about is an error', async () => {
  answers = { '/e/filter': { body: { NodeNames: [], FailedNodes: { a: 'too old' } } } };
  assert.equal(await decideWith({ filterVerb: 'filter', nodeCacheCapable: true }), 'a: too old false; b:  true');
  answers = { '/e/filter': { body: { NodeNames: ['c'] } } };
  await assert.rejects(decideWith({ filterVerb: 'filter' }), {
    message: `extender "${urlPrefix}" claims a filtered node "c" which is not found in the input node list`,
  });
});

test('an extender takes part in who makes room: told of pods, or of uids where it knows them; it answers with uids', async () => {
  const victims = [pod({}, 'a'), pod({}, 'b')];
  const state = cluster([node('a'), node('b')], victims);
  const candidates = state.nodes().map((each) => ({ node: each, victims: [...each.pods.values()], violations: 1 }));
  const { cycle } = contextOf(state, pod());
  const ask = async (written: WrittenExtender, answer: object) => {
    answers = { '/e/preempt': { body: { NodeNameToMetaVictims: answer } } };
    const extender = await createHttpExtender({ urlPrefix, preemptVerb: 'preempt', ...written }, 'extenders[0]');
    const context = { extenders: [extender], nodeOf: (name: string) => state.node(name), signal: new AbortController().signal };
    const left = await askExtenders(candidates, cycle.pod, context);
    return left.map((each) => `${each.node.name}: ${each.victims.map(({ uid }) => uid).join()} ${each.violations}`).join('; ');
  };
  const [uid, other] = victims.map(({ metadata }) => metadata!.uid!);
  assert.equal(await ask({}, { b: { Pods: [{ UID: other }], NumPDBViolations: 0 } }), `b: ${other} 0`);
  const told = asked.at(-1)?.body['NodeNameToVictims'] as Record<string, { Pods: object[]; NumPDBViolations: number }>;
  assert.deepEqual(told['a'], { Pods: [victims[0]], NumPDBViolations: 1 });
  assert.equal(await ask({ nodeCacheCapable: true }, {}), '');
  assert.deepEqual(asked.at(-1)?.body['NodeNameToMetaVictims'], {
    a: { Pods: [{ UID: uid }], NumPDBViolations: 1 },
    b: { Pods: [{ UID: other }], NumPDBViolations: 1 },
  });
  const nobody = { a: { Pods: [] }, b: { Pods: [{ UID: other }] } };
  await assert.rejects(ask({}, nobody), { message: 'expected at least one victim pod on node "a"' });
  assert.equal(await ask({ ignorable: true }, nobody), `b: ${other} 0`);
  const strange = { a: { Pods: [{ UID: 'x' }] } };
  await assert.rejects(ask({}, strange), /claims to preempt pod \(UID: x\) on node: a, but the pod is not found on that node/);
  assert.match(await ask({ ignorable: true }, strange), /^a: .* 1; b: .* 1$/);
});

test('only pods that want a managed resource are its business', async () => {
  const extender = await createHttpExtender({ urlPrefix, managedResources: [{ name: 'example.com/x' }] }, 'extenders[0]');
  const wanting = pod({ containers: [{ name: 'c', resources: { requests: { 'example.com/x': '1' } } }] });
  const isInterested = (each: typeof wanting) => extender.isInterested(contextOf(cluster([]), each).cycle.pod);
  const limited = pod({ containers: [], initContainers: [{ name: 'i', resources: { limits: { 'example.com/x': '0' } } }] });
  assert.deepEqual([isInterested(wanting), isInterested(limited), isInterested(pod())], [true, true, false]);
});

/** Approvers that get in each other's way, one that only looks on, and a Node that is made anew, on a real API server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createApprover } from '../../src/approver/approver.ts';
import { ApproverMetrics } from '../../src/approver/approver-metrics.ts';
import { APPROVER_FLAGS } from '../../src/approver/flags.ts';
import { openParts } from '../../src/approver/open-parts.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createEventRecorder } from '../../src/client/events.ts';
import type { Transport } from '../../src/client/transport/transport.ts';
import { systemClock } from '../../src/std/clock.ts';
import type { CommandIo } from '../../src/std/command.ts';
import { parseFlags } from '../../src/std/flags.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { PROGRAM, startProgram } from '../harness/component-process.ts';
import { until } from '../harness/until.ts';
import { strangerNodes } from './stranger-nodes.ts';
import { useUpCluster } from './up-cluster.ts';

const AT_ONCE = 10;
const WAIT = { timeoutMs: 60_000 };
const cluster = useUpCluster('--nodes', '1');
const nodes = strangerNodes(cluster);
const kubectl = (...args: string[]) => cluster.current.kubectl('1.35').run(args);
const inventory = () => join(cluster.current.home.path, 'nodes.json');

function startApprover(...flags: string[]) {
  const { kubeconfig } = cluster.current.home;
  return startProgram(PROGRAM, [
    ...['approver', `--kubeconfig=${kubeconfig}`, '--secure-port=0', `--names-file=${inventory()}`, ...flags],
  ]);
}

/** Decisions are written only when so many are on their way, so that all but one come too late. */
function together(count: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const answers: { readonly path: string; readonly status: number }[] = [];
  let arrived = 0;
  const gated = (transport: Transport): Transport => ({
    close: (options) => transport.close(options),
    async request(request) {
      if (request.method !== 'PUT' || !/\/approval(\?|$)/.test(request.path)) return transport.request(request);
      if (++arrived === count) resolve();
      await promise;
      const response = await transport.request(request);
      answers.push({ path: request.path, status: response.status });
      return response;
    },
  });
  const statusesOf = (name: string) => answers.filter(({ path }) => path.includes(`/${name}/`)).map(({ status }) => status);
  return { gated, statusesOf };
}

test('ten approvers that decide in the same moment approve once; nine are told of a conflict and leave it at that', async () => {
  writeFileSync(inventory(), '{"node-x": "10.79.0.1"}');
  const node = await nodes.add('node-x', '10.79.0.1');
  const { gated, statusesOf } = together(AT_ONCE);
  const ending = new AbortController();
  const { signal } = ending;
  const { values } = parseFlags('approver', APPROVER_FLAGS, [
    ...[`--kubeconfig=${cluster.current.home.kubeconfig}`, `--names-file=${inventory()}`],
  ]);
  const io = { clock: systemClock, signal, env: {} } as CommandIo;
  const approvers = await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      const { client: own, parts, clusterNames, close } = await openParts(values, io);
      const client = createClient({ transport: gated(own.transport), userAgent: 'muster-approver' });
      const common = { client, clock: systemClock, logger: silentLogger };
      const approver = createApprover({
        ...{ ...common, ...parts, clusterNames, approveClient: false, dryRun: false, metrics: new ApproverMetrics() },
        events: createEventRecorder({ ...common, component: 'muster-approver', signal }),
      });
      await approver.start(signal);
      return { approver, close };
    }),
  );
  try {
    await nodes.ask(node, 'at-once', 'node-x', '10.79.0.1');
    await nodes.approved('at-once');
    await until('the others have heard', () => statusesOf('at-once').length >= AT_ONCE, WAIT);
    // What is asked for next shows that all have gone on, and that the first was not written again.
    await nodes.ask(node, 'afterwards', 'node-x', '10.79.0.1');
    await nodes.approved('afterwards');
  } finally {
    ending.abort();
    await Promise.allSettled(approvers.map(({ approver }) => approver.done));
    await Promise.all(approvers.map(({ close }) => close()));
  }
  for (const name of ['at-once', 'afterwards']) {
    const statuses = statusesOf(name);
    assert.equal(statuses.filter((status) => status === 200).length, 1, name);
    assert.ok(
      statuses.every((status) => status === 200 || status === 409),
      `${name}: ${statuses}`,
    );
  }
  assert.deepEqual(await nodes.conditions('at-once'), ['Approved']);
  assert.deepEqual(await nodes.conditions('afterwards'), ['Approved']);
});

test('one that only looks on says what it would do, and leaves no trace', async () => {
  writeFileSync(inventory(), '{"node-y": "10.79.0.2"}');
  const node = await nodes.add('node-y', '10.79.0.2');
  const version = () => kubectl('get', 'csr', 'looked-at', '-o', 'jsonpath={.metadata.resourceVersion}');
  await nodes.ask(node, 'looked-at', 'node-y', '10.79.0.2');
  const before = await version();
  await using process = startApprover('--dry-run');
  await process.waitForOutput(/Would have approved the certificate request.*looked-at/);
  await nodes.ask(node, 'unknown', 'node-y', '10.79.0.99');
  await process.waitForOutput(/request waits.*unknown.*APV-308/);
  await process.stop();
  assert.equal(await version(), before);
  assert.deepEqual(await nodes.conditions('unknown'), ['']);
  assert.doesNotMatch(await kubectl('get', 'events', '-A', '-o', 'name', '--field-selector', 'involvedObject.name=unknown'), /./);
  assert.equal(await kubectl('-n', 'kube-system', 'get', 'lease', 'muster-approver', '--ignore-not-found'), '');
});

test('what a Node asked for that was deleted is not for the one that takes its name; its own request is approved', async () => {
  writeFileSync(inventory(), '{}');
  const node = await nodes.add('node-z', '10.79.0.3');
  await nodes.ask(node, 'of-the-former', 'node-z', '10.79.0.3');
  await using process = startApprover('--leader-elect=false');
  await process.waitForOutput(/request waits.*of-the-former.*APV-308/);
  await kubectl('delete', 'node', 'node-z');
  await nodes.register('node-z', '10.79.0.3');
  writeFileSync(inventory(), '{"node-z": "10.79.0.3"}');
  await kubectl('label', 'node', 'node-z', 'look=again');
  await process.waitForOutput(/request waits.*of-the-former.*APV-113/);
  await nodes.ask(node, 'of-the-new-one', 'node-z', '10.79.0.3');
  await nodes.approved('of-the-new-one');
  assert.ok(!(await nodes.conditions('of-the-former')).includes('Approved'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import type { PodSandbox, RuntimeContainer } from '../runtime/runtime.ts';
import { asNeverStarted } from './container-kinds.ts';
import { type PodView, planPod } from './pod-plan.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { restartsAfter, restartsAll, restartsWhenKilled } from './restart-rules.ts';

const pod = (spec: Partial<V1PodSpec>, status: V1Pod['status'] = {}): V1Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u' },
  spec: { containers: [{ name: 'main', image: 'i' }], ...spec },
  status,
});

const sandbox = (attempt = 0, ready = true): PodSandbox => ({
  id: `s${attempt}`,
  podUid: 'u',
  podName: 'p',
  podNamespace: 'default',
  ready,
  createdAtMs: 0,
  ips: ['10.0.0.2'],
  attempt,
});

/** `main` of sandbox 0 that runs; `exit` makes it one that ended. */
function container(name: string, more: Partial<RuntimeContainer> & { exit?: number } = {}): RuntimeContainer {
  const { exit, ...fields } = more;
  const ended = exit === undefined ? {} : { phase: 'exited' as const, exitCode: exit, finishedAtMs: 1000 };
  return {
    id: `${name}-${fields.attempt ?? 0}`,
    sandboxId: 's0',
    podUid: 'u',
    name,
    attempt: 0,
    phase: 'running',
    image: 'i',
    imageId: '',
    createdAtMs: 0,
    startedAtMs: 0,
    ...ended,
    ...fields,
  };
}

const view = (more: Partial<PodView>): PodView => ({
  pod: pod({}),
  sandboxes: [sandbox()],
  containers: [],
  isStarted: () => true,
  unhealthy: new Set(),
  waitOf: () => undefined,
  nowMs: 1000,
  ...more,
});

/** A plan in words, without what it does not do. */
function planned(more: Partial<PodView>) {
  const plan = planPod(view(more));
  return {
    ...(plan.sandboxAttempt !== undefined && { sandbox: plan.sandboxAttempt }),
    ...(plan.start.length > 0 && { start: plan.start.map(({ container: { name }, attempt }) => `${name}:${attempt}`) }),
    ...(plan.stop.length > 0 && { stop: plan.stop.map(({ name, message }) => (message ? `${name}: ${message}` : name)) }),
    ...(plan.remove.length > 0 && { remove: plan.remove }),
    ...(plan.backoff.size > 0 && { backoff: Object.fromEntries(plan.backoff) }),
    ...(plan.restartAll && { restartAll: true }),
    ...(plan.over && { over: true }),
  };
}

const side: V1Container = { name: 'side', restartPolicy: 'Always' };
const init: V1Container = { name: 'init' };
const main: V1Container = { name: 'main' };

const CASES: readonly [title: string, more: Partial<PodView>, expected: ReturnType<typeof planned>][] = [
  ['a new pod gets a sandbox first', { sandboxes: [] }, { sandbox: 0 }],
  ['then its containers, all at once', { pod: pod({ containers: [main, { name: 'b' }] }) }, { start: ['main:0', 'b:0'] }],
  ['init containers go first', { pod: pod({ initContainers: [init, { name: 'b' }] }) }, { start: ['init:0'] }],
  [
    'the next one when the one before has succeeded',
    { pod: pod({ initContainers: [init, { name: 'b' }] }), containers: [container('init', { exit: 0 })] },
    { start: ['b:0'] },
  ],
  [
    'a failed init container again',
    { pod: pod({ initContainers: [init] }), containers: [container('init', { exit: 1 })] },
    { start: ['init:1'] },
  ],
  [
    'but not in a pod that is never restarted: it is over',
    { pod: pod({ restartPolicy: 'Never', initContainers: [init] }), containers: [container('init', { exit: 1 })] },
    { over: true },
  ],
  [
    'a sidecar holds up those behind it until it has started',
    { pod: pod({ initContainers: [side] }), containers: [container('side')], isStarted: () => false },
    {},
  ],
  ['and lets them go then', { pod: pod({ initContainers: [side] }), containers: [container('side')] }, { start: ['main:0'] }],
  [
    'a sidecar that ended starts again beside the running containers, whatever the policy',
    {
      pod: pod({ restartPolicy: 'Never', initContainers: [side] }),
      containers: [container('side', { exit: 0 }), container('main')],
    },
    { start: ['side:1'] },
  ],
  [
    'sidecars end when the others are done',
    {
      pod: pod({ restartPolicy: 'OnFailure', initContainers: [side] }),
      containers: [container('side'), container('main', { exit: 0 })],
    },
    { stop: ['side'], over: true },
  ],
  ['what ended is started again', { containers: [container('main', { exit: 0 })] }, { start: ['main:1'] }],
  [
    'after its back-off',
    { containers: [container('main', { exit: 1, attempt: 1 })], waitOf: () => ({ waitMs: 5000, delayMs: 10_000 }) },
    { backoff: { main: 10_000 } },
  ],
  [
    'a container that a killed kubelet had made and not started is made anew',
    { containers: [container('main', { phase: 'created', attempt: 2 })] },
    { start: ['main:2'], remove: ['main-2'] },
  ],
  [
    'containers before the last two are removed',
    { containers: [0, 1, 2].map((attempt) => container('main', { exit: 1, attempt })).concat(container('main', { attempt: 3 })) },
    { remove: ['main-0', 'main-1'] },
  ],
  [
    'restarts go on counting when the runtime has forgotten the containers',
    {
      pod: pod(
        {},
        {
          containerStatuses: [
            { name: 'main', image: 'i', imageID: '', ready: true, restartCount: 4, containerID: 'containerd://x' },
          ],
        },
      ),
    },
    { start: ['main:5'] },
  ],
  [
    'an ephemeral container starts at once and once only',
    {
      pod: pod({ ephemeralContainers: [{ name: 'debug' }, { name: 'done' }] }),
      containers: [container('main'), container('done', { exit: 0 })],
    },
    { start: ['debug:0'] },
  ],
  [
    'a lost sandbox ends what still runs',
    { sandboxes: [sandbox(0, false)], containers: [container('main')] },
    { stop: ['main'] },
  ],
  [
    'then another one is made',
    { sandboxes: [sandbox(0, false)], containers: [container('main', { exit: 137 })] },
    { sandbox: 1 },
  ],
  [
    'in which init containers run again, though they had succeeded',
    {
      pod: pod({ initContainers: [init] }),
      sandboxes: [sandbox(0, false), sandbox(1)],
      containers: [container('init', { exit: 0 }), container('main', { exit: 137 })],
    },
    { start: ['init:1'] },
  ],
  [
    'a pod that is never restarted gets no other sandbox',
    { pod: pod({ restartPolicy: 'Never' }), sandboxes: [sandbox(0, false)], containers: [container('main', { exit: 137 })] },
    { over: true },
  ],
  ['a sandbox without an address is no sandbox', { sandboxes: [{ ...sandbox(), ips: [] }] }, { sandbox: 1 }],
  [
    'unless it is on the host’s network',
    { pod: pod({ hostNetwork: true }), sandboxes: [{ ...sandbox(), ips: [] }] },
    { start: ['main:0'] },
  ],
  [
    'an unhealthy container is killed',
    {
      containers: [container('main')],
      unhealthy: new Set(['main-0']),
      failures: new Map([['main-0', { kind: 'liveness' as const }]]),
    },
    { stop: ['main: Container main failed liveness probe, will be restarted'] },
  ],
  [
    'in a pod that is never restarted for good',
    {
      pod: pod({ restartPolicy: 'Never' }),
      containers: [container('main')],
      unhealthy: new Set(['main-0']),
      failures: new Map([['main-0', { kind: 'startup' as const }]]),
    },
    { stop: ['main: Container main failed startup probe'] },
  ],
  [
    'and started again though it ended well when it was asked to',
    {
      pod: pod({ restartPolicy: 'OnFailure' }),
      containers: [container('main', { exit: 0 })],
      killed: new Map([['main-0', { restart: true }]]),
    },
    { start: ['main:1'] },
  ],
  [
    'a changed container is killed whatever the policy',
    {
      pod: pod({ restartPolicy: 'Never' }),
      containers: [container('main')],
      changed: () => 'Container main definition changed',
    },
    { stop: ['main: Container main definition changed, will be restarted'] },
  ],
  [
    'a rule may start all containers anew',
    {
      pod: pod({
        restartPolicy: 'Never',
        containers: [
          {
            name: 'main',
            restartPolicy: 'Never',
            restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }],
          },
          { name: 'b' },
        ],
      }),
      containers: [container('main', { exit: 88 }), container('b')],
    },
    { stop: ['b'], remove: ['main-0', 'b-0'], restartAll: true },
  ],
];

for (const [title, more, expected] of CASES)
  test(`plan: ${title}`, () => {
    assert.deepEqual(planned(more), expected);
  });

test('what the runtime has lost sight of is killed once before it starts again', () => {
  const lost = container('main', { exit: 137, reason: 'ContainerStatusUnknown', unknown: true });
  const why = 'main: Container is in "unknown" state, try killing it before restart';
  assert.deepEqual(planned({ containers: [lost] }), { start: ['main:1'], stop: [why] });
  assert.deepEqual(planned({ containers: [lost], killed: new Map([['main-0', { restart: true }]]) }), { start: ['main:1'] });
});

test('what begins after all, though its successor has been started, is stopped', () => {
  assert.deepEqual(planned({ containers: [container('main'), container('main', { attempt: 1 })] }), { stop: ['main'] });
});

test('a start that was cut short is one that never was', () => {
  const cut = container('main', {
    exit: 128,
    reason: 'StartError',
    message: 'failed to start containerd task "x": context canceled',
  });
  const never = pod({ restartPolicy: 'Never' });
  assert.deepEqual(planned({ pod: never, containers: [asNeverStarted(cut)] }), { start: ['main:0'], remove: ['main-0'] });
  const killed = container('main', {
    exit: 128,
    reason: 'StartError',
    message: 'failed to create containerd task: failed to start shim: start failed: : signal: killed',
  });
  assert.equal(asNeverStarted(killed).phase, 'created');
  const shown = container('main', { exit: 128, reason: 'StartError', message: 'exec: "context canceled": not found: unknown' });
  assert.equal(asNeverStarted(shown).phase, 'exited', 'the pod calls its program so');
  const failed = container('main', { exit: 128, reason: 'StartError', message: 'no such file or directory' });
  assert.deepEqual(planned({ pod: never, containers: [asNeverStarted(failed)] }), { over: true });
});

test('a container’s own policy and rules go before its pod’s', () => {
  const never = pod({ restartPolicy: 'Never' });
  const always = pod({ restartPolicy: 'Always' });
  const ruled: V1Container = {
    name: 'c',
    restartPolicy: 'Never',
    restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'NotIn', values: [0, 3] } }],
  };
  const cases: [V1Pod, V1Container, number, boolean][] = [
    [always, { name: 'c' }, 0, true],
    [never, { name: 'c' }, 1, false],
    [pod({ restartPolicy: 'OnFailure' }), { name: 'c' }, 0, false],
    [pod({ restartPolicy: 'OnFailure' }), { name: 'c' }, 1, true],
    [never, { name: 'c', restartPolicy: 'OnFailure' }, 1, true],
    [always, { name: 'c', restartPolicy: 'Never' }, 1, false],
    [never, ruled, 1, true],
    [never, ruled, 3, false],
  ];
  for (const [of, spec, code, expected] of cases)
    assert.equal(restartsAfter(of, spec, code), expected, `${of.spec?.restartPolicy} ${JSON.stringify(spec)} ${code}`);
  assert.equal(restartsAll(ruled, 1), false);
  assert.equal(restartsWhenKilled(never, ruled), true);
  assert.equal(restartsWhenKilled(never, { name: 'c' }), false);
});

test('the first restart is at once, later ones after delays that double to the longest and are forgotten after a long run', () => {
  const backoff = new RestartBackoff();
  const delays: number[] = [];
  let nowMs = 0;
  for (let restarts = 0; restarts < 8; restarts++) {
    const wait = backoff.waitOf('u', 'c', nowMs, nowMs);
    delays.push(wait?.delayMs ?? 0);
    const endedMs = nowMs;
    nowMs += wait?.waitMs ?? 0;
    backoff.restarted('u', 'c', endedMs, nowMs);
    nowMs += 1000;
  }
  assert.deepEqual(delays, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
  const afterLongRun = nowMs + 600_001;
  assert.equal(backoff.waitOf('u', 'c', afterLongRun, afterLongRun), undefined);
  backoff.restarted('u', 'c', afterLongRun, afterLongRun);
  assert.equal(backoff.waitOf('u', 'c', afterLongRun + 1, afterLongRun + 1)?.delayMs, 10_000);
  backoff.forget('u');
  assert.equal(backoff.waitOf('u', 'c', afterLongRun + 1, afterLongRun + 1), undefined);
});

test('the longest delay of the node counts from the first delay on', () => {
  const backoff = new RestartBackoff(2000);
  backoff.restarted('u', 'c', 0, 0);
  assert.equal(backoff.waitOf('u', 'c', 500, 500)?.delayMs, 2000);
  assert.equal(backoff.waitOf('u', 'c', 500, -3_600_000)?.waitMs, 2000, 'whoever set the clock back meanwhile');
});

import type { TestContext } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1PodStatus } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import { recordingLogger, until } from '../testing/cluster-of-one.ts';
import { detailedPods } from '../testing/detailed-pods.ts';
import { FakeApi } from '../testing/fake-api.ts';
import { createPodController } from './pod-controller.ts';
import type { NodeAdmission } from './pod-parts.ts';

export const pod = (name: string, extra: { metadata?: object; spec?: object } = {}): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, ...extra.metadata },
  spec: {
    nodeName: 'node1',
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    containers: [{ name: 'c', image: 'i' }],
    ...extra.spec,
  },
  status: { phase: 'Pending' },
});

/** Takes all pods; as a whole none may have more than eight CPUs. */
export const ROOMY: NodeAdmission = {
  admit: ({ spec }) =>
    Number(spec?.resources?.requests?.['cpu'] ?? 0) > 8
      ? { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu, requested: 9000, used: 0, capacity: 8000" }
      : undefined,
};

export async function setUp(t: TestContext, options: { admission?: NodeAdmission; before?: readonly V1Pod[] } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const api = new FakeApi(clock);
  for (const known of options.before ?? []) api.put(podKind, known);
  const runtime = createHollowRuntime({ clock, random: Math.random });
  const parts = detailedPods(runtime, options);
  const events: string[] = [];
  const controller = createPodController({
    client: api.client(),
    nodeName: 'node1',
    nodeIps: ['192.0.2.1'],
    runtime,
    podCidr: async () => '10.244.3.0/24',
    real: parts.real,
    events: {
      event: ({ metadata }, _type, reason, message) => void events.push(`${metadata?.name} ${reason} ${message}`),
      flush: async () => undefined,
    },
    clock,
    logger: recordingLogger().logger,
    random: () => 0,
  });
  const life = new AbortController();
  t.after(async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    await controller.done;
  });
  await controller.start(life.signal);
  const status = (name: string) => api.find<V1Pod>('pods', name, 'default')?.status as V1PodStatus | undefined;
  const run = async (...pods: V1Pod[]) => {
    for (const one of pods) api.put(podKind, one);
    await until(() => pods.every(({ metadata }) => status(metadata!.name!)?.phase === 'Running'), 'Running');
  };
  return { clock, api, runtime, controller, events, status, run, ...parts };
}

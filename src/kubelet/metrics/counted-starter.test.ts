import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import { createBareStarter } from '../pods/pod-starter.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import { countStarts } from './counted-starter.ts';
import { createKubeletMetrics } from './kubelet-metrics.ts';

const pod: V1Pod = {
  metadata: { name: 'p', namespace: 'default', uid: 'u', creationTimestamp: new Date(0).toISOString() as never },
  spec: {
    initContainers: [{ name: 'i', image: 'x' }],
    containers: [
      { name: 'a', image: 'x' },
      { name: 'b', image: 'x' },
    ],
  },
};

test('a pod’s start is measured from when it was seen to when its last container runs', async () => {
  const clock = new VirtualClock(1000);
  const metrics = createKubeletMetrics();
  const bare = createBareStarter(createHollowRuntime({ clock, random: () => 0.5 }));
  let refuse = true;
  const starter = countStarts(
    {
      ...bare,
      startContainer: async (request, signal) => {
        if (request.container.name === 'b' && refuse) throw new PodPartError('ErrImagePull', 'no such image');
        return bare.startContainer(request, signal);
      },
    },
    metrics,
    clock,
  );
  const { signal } = new AbortController();
  await starter.prepare(pod, signal);
  const sandbox = await starter.runSandbox(pod, 0, undefined, signal);
  const start = (name: string) =>
    starter.startContainer({ pod, sandbox, container: { name, image: 'x' }, attempt: 0, containers: [], podIps: [] }, signal);
  await start('i');
  await start('a');
  await assert.rejects(start('b'), /no such image/);
  await clock.advance(2000);
  await starter.prepare(pod, signal);
  refuse = false;
  await start('b');
  await start('b');
  const page = metrics.render('kubelet');
  const has = (name: string, line: string) => assert.ok(page.get(name)?.includes(`${line}\n`), page.get(name) ?? name);
  has('kubelet_started_pods_total', 'kubelet_started_pods_total 1');
  has('kubelet_started_containers_total', 'kubelet_started_containers_total{container_type="init_container"} 1');
  has('kubelet_started_containers_total', 'kubelet_started_containers_total{container_type="container"} 4');
  has(
    'kubelet_started_containers_errors_total',
    'kubelet_started_containers_errors_total{container_type="container",code="ErrImagePull"} 1',
  );
  has('kubelet_pod_start_duration_seconds', 'kubelet_pod_start_duration_seconds_sum 2');
  has('kubelet_pod_start_total_duration_seconds', 'kubelet_pod_start_total_duration_seconds_sum 3');
  has('kubelet_pod_start_duration_seconds', 'kubelet_pod_start_duration_seconds_count 1');
});

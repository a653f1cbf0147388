import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { horizontalPodAutoscalerKind } from '../../api/autoscaling/v2/horizontal-pod-autoscaler.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Deployment, V1Pod, V2HorizontalPodAutoscaler } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { type ControllerRun, runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createPodAutoscalerController } from './controller.ts';

const MINUTE = 60_000;

/** A cluster with a Deployment of three pods; `pages` are answers by path, without which metrics are not served. */
class Fixture {
  readonly cluster = new TestingCluster();
  readonly pages = new Map<string, () => object>();
  readonly asked: string[] = [];

  constructor(replicas = 3) {
    this.cluster.kinds = [deploymentKind];
    this.cluster.put(deploymentKind, { metadata: { name: 'web', namespace: 'a' }, spec: { replicas } } as V1Deployment);
    for (let i = 0; i < replicas; i++)
      this.cluster.put(podKind, {
        metadata: { name: `web-${i}`, namespace: 'a', labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', resources: { requests: { cpu: '1', memory: '1Gi' } } }] },
        status: {
          phase: 'Running',
          startTime: '2025-12-31T00:00:00Z',
          conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-12-31T00:00:10Z' }],
        },
      } as unknown as V1Pod);
  }

  use(cpu: string, pods = 3): void {
    const items = Array.from({ length: pods }, (_, i) => ({
      metadata: { name: `web-${i}`, namespace: 'a' },
      timestamp: new Date(this.cluster.clock.now()).toISOString(),
      window: '30s',
      containers: [{ name: 'main', usage: { cpu, memory: '1Gi' } }],
    }));
    this.pages.set('/apis/metrics.k8s.io/v1beta1/namespaces/a/pods', () => ({ items }));
  }

  autoscale(spec: object = {}, name = 'hpa'): void {
    this.cluster.put(horizontalPodAutoscalerKind, {
      metadata: { name, namespace: 'a' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        minReplicas: 1,
        maxReplicas: 10,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
        ...spec,
      },
    } as V2HorizontalPodAutoscaler);
  }

  run(): Promise<ControllerRun> {
    return runController(
      (context) => createPodAutoscalerController({ ...context, client: this.#client(context.client) }),
      this.cluster,
    );
  }

  get replicas(): number | undefined {
    return this.cluster.get<V1Deployment>(deploymentKind, 'web', 'a')?.spec?.replicas;
  }

  status(name = 'hpa') {
    const { status } = this.cluster.get<V2HorizontalPodAutoscaler>(horizontalPodAutoscalerKind, name, 'a')!;
    return { ...status, conditions: status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason}: ${c.message}`) };
  }

  /** Shows the Deployment's scale, and serves the pages. */
  #client(client: Client): Client {
    const { cluster, pages, asked } = this;
    const scaleOf = () => {
      const { metadata, spec } = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
      const replicas = spec?.replicas ?? 0;
      return { metadata, spec: { replicas }, status: { replicas, selector: 'app=web' } };
    };
    return {
      ...client,
      resource: (kind: { resource: string }, namespace?: string) => {
        const own = client.resource(kind as never, namespace);
        if (kind.resource !== 'deployments') return own;
        return {
          get: async (name: string) => ({ ...(await own.get(name)), ...scaleOf() }),
          update: async (scale: { spec: { replicas: number } }) => {
            const deployment = cluster.get<V1Deployment>(deploymentKind, 'web', 'a')!;
            cluster.put(deploymentKind, {
              ...deployment,
              spec: { ...deployment.spec, replicas: scale.spec.replicas },
            } as V1Deployment);
          },
        };
      },
      raw: async (request: { path: string }) => {
        const [path = ''] = request.path.split('?');
        asked.push(request.path);
        if (path.includes('metrics.k8s.io')) {
          const page = pages.get(path);
          if (!page) throw notFound({ group: '', resource: 'page' }, path);
          return { status: 200, text: JSON.stringify(page()) };
        }
        return client.raw(request);
      },
    } as unknown as Client;
  }
}

test('a busy workload grows, and everything is said about it', async () => {
  const fixture = new Fixture();
  fixture.use('800m');
  fixture.autoscale();
  await using run = await fixture.run();
  assert.equal(fixture.replicas, 5);
  const { conditions, ...status } = fixture.status();
  assert.deepEqual(conditions, [
    'AbleToScale True SucceededRescale: the HPA controller was able to update the target scale to 5',
    'ScalingActive True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
    'ScalingLimited False DesiredWithinRange: the desired count is within the acceptable range',
  ]);
  assert.deepEqual(status, {
    currentReplicas: 3,
    desiredReplicas: 5,
    lastScaleTime: '2026-01-01T00:00:00Z',
    currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 80, averageValue: '800m' } } }],
  });
  assert.deepEqual(run.events, ['hpa SuccessfulRescale']);
  assert.ok(fixture.asked.includes('/apis/metrics.k8s.io/v1beta1/namespaces/a/pods?labelSelector=app%3Dweb'));
});

test('an idle workload shrinks when the window is over', async () => {
  const fixture = new Fixture();
  fixture.use('100m');
  fixture.autoscale();
  await using run = await fixture.run();
  await run.settle(4 * MINUTE);
  assert.equal(fixture.replicas, 3);
  assert.match(
    fixture.status().conditions?.[0] ?? '',
    /^AbleToScale True ScaleDownStabilized: recent recommendations were higher/,
  );
  await run.settle(2 * MINUTE);
  assert.equal(fixture.replicas, 1);
});

test('without a metrics API nothing is done, and the reason is told in upstream’s words', async () => {
  const fixture = new Fixture();
  fixture.autoscale();
  await using run = await fixture.run();
  assert.equal(fixture.replicas, 3);
  const why =
    'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)';
  assert.deepEqual(fixture.status().conditions, [
    "AbleToScale True SucceededGetScale: the HPA controller was able to get the target's current scale",
    `ScalingActive False FailedGetResourceMetric: the HPA was unable to compute the replica count: ${why}`,
  ]);
  assert.deepEqual(run.events, ['hpa FailedGetResourceMetric', 'hpa FailedComputeMetricsReplicas']);
  const first = 'invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ';
  assert.equal(run.messages.at(-1), `${first}${why}`);
  fixture.use('800m');
  await run.settle(15_000);
  assert.equal(fixture.replicas, 5);
});

test('bounds count before metrics, and nothing is scaled that was switched off', async () => {
  for (const [replicas, expected, message] of [
    [12, 10, 'Current number of replicas above Spec.MaxReplicas'],
    [1, 2, 'Current number of replicas below Spec.MinReplicas'],
    [0, 0, undefined],
  ] as const) {
    const fixture = new Fixture(replicas);
    fixture.autoscale({ minReplicas: 2 });
    await using run = await fixture.run();
    assert.equal(fixture.replicas, expected);
    if (message) assert.deepEqual(run.events, ['hpa SuccessfulRescale']);
    else assert.match(fixture.status().conditions?.[1] ?? '', /^ScalingActive False ScalingDisabled: /);
  }
});

test('a target that is not there is told', async () => {
  const fixture = new Fixture();
  fixture.autoscale({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' } });
  fixture.autoscale({ scaleTargetRef: { apiVersion: 'x.io/v1', kind: 'Thing', name: 'web' } }, 'odd');
  await using run = await fixture.run();
  assert.deepEqual(run.events.toSorted(), ['hpa FailedGetScale', 'odd FailedGetScale']);
  const prefix = "AbleToScale False FailedGetScale: the HPA controller was unable to get the target's current scale: ";
  assert.deepEqual(fixture.status('odd').conditions, [`${prefix}no matches for kind "Thing" in group "x.io"`]);
  assert.deepEqual(fixture.status().conditions, [`${prefix}deployments.apps "gone" not found`]);
  const thing = { group: 'x.io', version: 'v1', kind: 'Thing', resource: 'things', namespaced: true };
  fixture.cluster.kinds = [deploymentKind, thing];
  await run.settle(45_000);
  assert.deepEqual(fixture.status('odd').conditions, [`${prefix}things.x.io "web" not found`], 'kinds that come later are found');
});

test('of several metrics the highest counts, and with one unknown nothing shrinks', async () => {
  const external = {
    metric: { name: 'queue', selector: { matchLabels: { q: 'x' } } },
    target: { type: 'AverageValue', averageValue: '10' },
  };
  const fixture = new Fixture();
  fixture.use('500m');
  fixture.autoscale({
    metrics: [
      { type: 'External', external },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ],
  });
  await using run = await fixture.run();
  assert.equal(fixture.replicas, 3);
  assert.equal(run.events[0], 'hpa FailedGetExternalMetric');
  assert.match(fixture.status().conditions?.[1] ?? '', /^ScalingActive True ValidMetricFound/);
  const current = (averageUtilization: number, averageValue: string) => ({
    type: 'Resource',
    resource: { name: 'cpu', current: { averageUtilization, averageValue } },
  });
  assert.deepEqual(fixture.status().currentMetrics, [{ type: '' }, current(50, '500m')], 'each at its place in the spec');
  fixture.use('100m');
  await run.settle(6 * MINUTE);
  assert.equal(fixture.replicas, 3);
  assert.match(fixture.status().conditions?.[1] ?? '', /^ScalingActive False FailedGetExternalMetric/);
  assert.deepEqual(fixture.status().currentMetrics, [{ type: '' }, current(10, '100m')]);
  fixture.pages.set('/apis/external.metrics.k8s.io/v1beta1/namespaces/a/queue', () => ({
    items: [{ value: '25' }, { value: '35' }],
  }));
  await run.settle(15_000);
  assert.equal(fixture.replicas, 6);
  assert.deepEqual(fixture.status().currentMetrics?.[0]?.external?.current, { averageValue: '20' });
  assert.ok(fixture.asked.some((path) => path.endsWith('/queue?labelSelector=q%3Dx')));
});

test('metrics of pods and of other objects come from the newest custom API that is served', async () => {
  const api = '/apis/custom.metrics.k8s.io';
  const fixture = new Fixture();
  const timestamp = '2026-01-01T00:00:00Z';
  const items = [0, 1, 2].map((i) => ({ describedObject: { name: `web-${i}` }, timestamp, value: '20' }));
  fixture.pages.set(api, () => ({ versions: [{ version: 'v1beta1' }, { version: 'v1beta2' }] }));
  fixture.pages.set(`${api}/v1beta2/namespaces/a/pods/*/hits`, () => ({ items }));
  fixture.pages.set(`${api}/v1beta2/namespaces/a/deployments.apps/web/errors`, () => ({ items: [{ value: '3', timestamp }] }));
  const describedObject = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  fixture.autoscale({
    metrics: [
      { type: 'Pods', pods: { metric: { name: 'hits' }, target: { type: 'AverageValue', averageValue: '10' } } },
      { type: 'Object', object: { describedObject, metric: { name: 'errors' }, target: { type: 'Value', value: '1' } } },
    ],
  });
  await using _run = await fixture.run();
  assert.equal(fixture.replicas, 6, 'at most double, of nine');
  assert.match(fixture.status().conditions?.[1] ?? '', /from Deployment metric errors$/);
  assert.match(fixture.status().conditions?.[2] ?? '', /^ScalingLimited True ScaleUpLimit/);
  assert.deepEqual(fixture.status().currentMetrics, [
    { type: 'Pods', pods: { metric: { name: 'hits' }, current: { averageValue: '20' } } },
    { type: 'Object', object: { describedObject, metric: { name: 'errors' }, current: { value: '3' } } },
  ]);
});

test('two autoscalers for the same pods keep each other from scaling', async () => {
  const fixture = new Fixture();
  fixture.use('800m');
  fixture.autoscale({ maxReplicas: 3 }, 'first');
  await using run = await fixture.run();
  fixture.autoscale({}, 'second');
  await run.settle();
  assert.equal(fixture.replicas, 3);
  assert.match(
    fixture.status('second').conditions?.[1] ?? '',
    /^ScalingActive False AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: \[a\/first a\/second\]$/,
  );
});

/** HorizontalPodAutoscalers and `kubectl top`, with a metrics API as metrics-server brings it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { V1Deployment, V2HorizontalPodAutoscaler } from '../../src/api/gen/types.ts';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import type { KubectlVersion } from '../harness/kubectl.ts';
import { type MetricsServer, startMetricsServer } from '../harness/metrics-server.ts';
import { until } from '../harness/until.ts';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');
const { run, json } = kubectlSession(cluster, '1.35', 'default');
let metrics: MetricsServer | undefined;

const replicas = async () => (await json<V1Deployment>('get deployment web')).spec?.replicas;
const autoscaler = () => json<V2HorizontalPodAutoscaler>('get hpa web');
const condition = async (type: string) => (await autoscaler()).status?.conditions?.find((one) => one.type === type);

const container = { name: 'main', image: 'nginx', resources: { requests: { cpu: '500m', memory: '64Mi' } } };
const labels = { app: 'web' };
const manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
};

describe('autoscaling', () => {
  before(async () => {
    await run('create -f -', manifest);
    await run('rollout status deployment/web --timeout=60s');
  });
  after(() => metrics?.[Symbol.asyncDispose]());

  test('without a metrics API says why it does nothing', async () => {
    await run('autoscale deployment web --min=1 --max=5 --cpu=50%');
    const active = await until('it has looked', () => condition('ScalingActive'));
    assert.deepEqual([active.status, active.reason], ['False', 'FailedGetResourceMetric']);
    assert.equal(
      active.message,
      'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)',
    );
    assert.match(await run('describe hpa web'), /FailedComputeMetricsReplicas .*invalid metrics \(1 invalid out of 1\)/);
    await run('delete hpa web');
  });

  test('ADD-08 follows what the pods use, as upstream tells it', async () => {
    metrics = await startMetricsServer(await clientFromKubeconfig(cluster.current.home.kubeconfig));
    metrics.usage = { cpu: '500m', memory: '64Mi' };
    const policies = [{ type: 'Percent', value: 100, periodSeconds: 15 }];
    const hpa = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        minReplicas: 1,
        maxReplicas: 5,
        metrics: [
          {
            type: 'ContainerResource',
            containerResource: { name: 'cpu', container: 'main', target: { type: 'Utilization', averageUtilization: 50 } },
          },
          { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '64Mi' } } },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0, policies } },
      },
    };
    // What a pod uses counts when it has been ready for a whole window of measuring; here it need not have been.
    const told = await runUntilScaled(hpa);
    assert.equal(told, 4);
    assert.match(
      await run('describe hpa web'),
      /SuccessfulRescale .*New size: 4; reason: cpu resource utilization .* above target/,
    );
    const { status } = await autoscaler();
    assert.deepEqual(status?.currentMetrics?.[1]?.resource?.current, { averageValue: '67108864' });
    assert.match(await run('get hpa web'), /cpu: 100%\/50%/);
  });

  test('is shown to programs of 2018 as autoscaling/v1', async () => {
    const old = await json<{ spec: { targetCPUUtilizationPercentage?: number; maxReplicas: number } }>(
      'get hpa.v1.autoscaling web',
    );
    assert.equal(old.spec.maxReplicas, 5);
  });

  for (const version of ['1.20', '1.35'] satisfies KubectlVersion[])
    test(`ADD-15 kubectl ${version} shows what nodes and pods use`, async () => {
      const { run: runOld } = kubectlSession(cluster, version, 'default');
      assert.match(await runOld('top nodes'), /^node-1 +250m +\d+% +512Mi +\d+%/m);
      assert.match(await runOld('top pods --containers'), /^web-\S+ +main +500m +64Mi/m);
    });

  async function runUntilScaled(hpa: object): Promise<number | undefined> {
    await run('create -f -', hpa);
    await until('it has grown', async () => ((await replicas()) ?? 0) > 2, { timeoutMs: 90_000 });
    return replicas();
  }
});

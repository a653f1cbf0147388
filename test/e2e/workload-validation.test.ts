import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubectlSession } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');
const { run, fails, try: attempt } = kubectlSession(cluster, '1.35', 'refusals');

test('a namespace to be refused in', async () => {
  await run('create namespace refusals');
  await run('wait --for=create serviceaccount/default --timeout=90s');
});

const c = { name: 'c', image: 'busybox' };
const pod = (spec: object, name = 'bad') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [c], ...spec },
});
const container = (more: object) => pod({ containers: [{ ...c, ...more }] });
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [c] } };
const workload = (kind: string, spec: object) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name: 'bad' },
  spec: { selector: { matchLabels: { app: 'x' } }, template, ...spec },
});
const job = (spec: object) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'bad' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [c] } }, ...spec },
});
const cronJob = (spec: object) => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'bad' },
  spec: { schedule: '@daily', jobTemplate: { spec: job({}).spec }, ...spec },
});

const REFUSED: readonly [string, { kind: string }, ...string[]][] = [
  ['a pod of no containers', pod({ containers: [] }), 'spec.containers: Required value'],
  ['a container without an image', container({ image: '' }), 'spec.containers[0].image: Required value'],
  ['two containers of a name', pod({ containers: [c, c] }), 'spec.containers[1].name: Duplicate value: "c"'],
  [
    'several faults at once',
    container({ ports: [{ containerPort: 0 }], imagePullPolicy: 'Often' }),
    '* spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
    '* spec.containers[0].ports[0].containerPort: Required value',
  ],
  [
    'a mount of no volume',
    container({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    'a request over its limit',
    container({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    'a probe of nothing',
    container({ livenessProbe: {} }),
    'spec.containers[0].livenessProbe: Required value: must specify a handler type',
  ],
  [
    'a volume of two sources',
    pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] }),
    'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
  ],
  [
    'a toleration of everything that equals something',
    pod({ tolerations: [{ operator: 'Equal', value: 'x' }] }),
    'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    'DNS of its own without a server',
    pod({ dnsPolicy: 'None' }),
    'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
  ],
  [
    'a gated pod that has a node',
    pod({ nodeName: 'node-1', schedulingGates: [{ name: 'wait' }] }),
    'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
  ],
  [
    'a debug container from the beginning',
    pod({ ephemeralContainers: [{ name: 'e', image: 'i' }] }),
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  ],
  ['a Deployment without a selector', workload('Deployment', { selector: undefined }), '* spec.selector: Required value'],
  [
    'a Deployment that does not select its pods',
    workload('Deployment', { selector: { matchLabels: { app: 'y' } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ],
  [
    'a Deployment of pods that end',
    workload('Deployment', { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    'a Deployment that cannot roll',
    workload('Deployment', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
  ],
  [
    'a DaemonSet that rolls both ways',
    workload('DaemonSet', { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
    'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
  ],
  [
    'a StatefulSet of an unknown order',
    workload('StatefulSet', { serviceName: 's', podManagementPolicy: 'Wild' }),
    `spec.podManagementPolicy: Invalid value: "Wild": must be 'OrderedReady' or 'Parallel'`,
  ],
  [
    'a ReplicaSet of fewer than none',
    workload('ReplicaSet', { replicas: -1 }),
    'spec.replicas: Invalid value: -1: must be greater',
  ],
  [
    'a Job that goes on forever',
    job({ template: { spec: { containers: [c] } } }),
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    'a Job that limits indexes it has not',
    job({ backoffLimitPerIndex: 1 }),
    'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
  ],
  [
    'a CronJob of no schedule',
    cronJob({ schedule: '* * * *' }),
    'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
  ],
  [
    'a CronJob in no time zone',
    cronJob({ timeZone: 'Middle/Earth' }),
    'spec.timeZone: Invalid value: "Middle/Earth": unknown time zone Middle/Earth',
  ],
];

for (const [what, object, ...lines] of REFUSED)
  test(`${what} is refused`, async () => {
    const said = await fails('create -f -', object);
    assert.ok(said.startsWith(`The ${object.kind} "bad" is invalid: `), said);
    for (const line of lines) assert.ok(said.includes(line), said);
  });

test('a running pod is not changed, but for little of it', async () => {
  await run('create -f -', pod({ schedulerName: 'nobody', tolerations: [{ key: 'own', operator: 'Exists' }] }, 'fixed'));
  const said = await fails(['patch', 'pod', 'fixed', '-p', '{"spec":{"restartPolicy":"Never"}}']);
  assert.match(
    said,
    /^The Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/,
  );
  assert.match(said, /^- "RestartPolicy": "Always",\n\+ "RestartPolicy": "Never",$/m);
  await run('set image pod/fixed c=busybox:2');
  const removed = await fails(['patch', 'pod', 'fixed', '--type=json', '-p', '[{"op":"remove","path":"/spec/tolerations/0"}]']);
  assert.match(removed, /spec\.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds/);
});

test('a pod gets a debug container and other resources by parts of its own', async () => {
  await run('create -f -', {
    ...pod({ schedulerName: 'nobody', containers: [{ ...c, resources: { requests: { cpu: '1' } } }] }, 'served'),
  });
  await run('debug served --image=busybox --container=shell -q --attach=false');
  assert.equal(await run(['get', 'pod', 'served', '-o', 'jsonpath={.spec.ephemeralContainers[*].name}']), 'shell');
  const resources = (requests: object) => JSON.stringify({ spec: { containers: [{ name: 'c', resources: { requests } }] } });
  const resize = (requests: object) => ['patch', 'pod', 'served', '--subresource=resize', '-p', resources(requests)];
  await run(resize({ cpu: '2' }));
  assert.equal(await run(['get', 'pod', 'served', '-o', 'jsonpath={.spec.containers[0].resources.requests.cpu}']), '2');
  assert.match(await fails(resize({ 'ephemeral-storage': '1Gi' })), /spec: Forbidden: only cpu and memory resources are mutable/);
  assert.match(
    await fails(['patch', 'pod', 'served', '-p', resources({ cpu: '3' })]),
    /spec: Forbidden: pod updates may not change/,
  );
});

test('what is fixed of a workload stays', async () => {
  await run('create deployment web --image=busybox --replicas=0');
  const selector = ['patch', 'deployment', 'web', '-p', '{"spec":{"selector":{"matchLabels":{"app":"x"}}}}'];
  assert.match(await fails(selector), /spec\.selector: Invalid value: .*: field is immutable/);
  await run('create job once --image=busybox');
  const image = [
    'patch',
    'job',
    'once',
    '--type=json',
    '-p',
    '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"j"}]',
  ];
  assert.match(await fails(image), /spec\.template: Invalid value: .*: field is immutable/);
  await run('create -f -', { ...workload('StatefulSet', { serviceName: 's', replicas: 0 }), metadata: { name: 'db' } });
  assert.match(
    await fails(['patch', 'statefulset', 'db', '-p', '{"spec":{"serviceName":"t"}}']),
    /spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template'/,
  );
});

test('what is questionable is let through with a warning', async () => {
  const { stdout, stderr } = await attempt('create -f -', {
    ...container({
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
    }),
    metadata: { name: 'doubtful' },
  });
  assert.equal(stdout, 'pod/doubtful created\n');
  assert.match(
    stderr,
    /^Warning: spec\.containers\[0\]\.env\[1\]: hides previous definition of "A", which may be dropped when using apply$/m,
  );
});

test('a pod that a budget guards is not evicted', async () => {
  const guarded = pod({ nodeName: 'node-1' }, 'guarded');
  await run('create -f -', { ...guarded, metadata: { name: 'guarded', labels: { app: 'guarded' } } });
  await run('wait --for=condition=Ready pod/guarded --timeout=60s');
  await run('create poddisruptionbudget guard --selector=app=guarded --min-available=1');
  // As the budget's controller would have it.
  const status = { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
  await run(['patch', 'pdb', 'guard', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  const said = await fails('drain node-1 --force --ignore-daemonsets --pod-selector=app=guarded --timeout=1s');
  assert.match(said, /error when evicting pods\/"guarded" .*Cannot evict pod as it would violate the pod's disruption budget\./);
  await run('uncordon node-1');
  await run('delete poddisruptionbudget guard');
});

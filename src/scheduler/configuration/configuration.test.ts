import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/create-client.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { AssumedClaims } from '../devices/assumed-claims.ts';
import { LazyObjects } from '../lazy-objects.ts';
import { SchedulerMetrics } from '../metrics.ts';
import { asking, cluster, labelled, node, owned, place, pod } from '../scheduling.test-support.ts';
import { filterTimeoutFrom } from './plugin-arguments.ts';
import { parseSchedulerConfiguration } from './scheduler-configuration.ts';

const HEAD = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' };
const parse = (settings: object) => parseSchedulerConfiguration(JSON.stringify({ ...HEAD, ...settings }));

async function profiles(settings: object) {
  const clock = new VirtualClock(0);
  const nowhere = { request: () => Promise.reject(new Error('nobody is asked here')), close: () => Promise.resolve() };
  const client = createClient({ transport: nowhere, userAgent: 'test' });
  const objects = new LazyObjects({ client, clock, logger: silentLogger, onChange: () => undefined });
  return (await parse(settings)).profiles({
    client,
    clock,
    objects,
    events: { event: () => undefined, flush: () => Promise.resolve() },
    assumedClaims: new AssumedClaims(),
    metrics: new SchedulerMetrics(),
  });
}

test("nothing said is upstream's default profile", async () => {
  const [profile, ...others] = await profiles({});
  assert.deepEqual(others, []);
  assert.equal(profile?.schedulerName, 'default-scheduler');
  assert.deepEqual(
    profile?.filters.map(({ name }) => name),
    [
      'NodeUnschedulable',
      'NodeName',
      'TaintToleration',
      'NodeAffinity',
      'NodePorts',
      'NodeResourcesFit',
      'VolumeRestrictions',
      'NodeVolumeLimits',
      'VolumeBinding',
      'VolumeZone',
      'PodTopologySpread',
      'InterPodAffinity',
      'DynamicResources',
      'NodeDeclaredFeatures',
    ],
  );
  assert.deepEqual(
    profile?.scores.map(({ plugin, weight }) => [plugin.name, weight]),
    [
      ['TaintToleration', 3],
      ['NodeAffinity', 2],
      ['NodeResourcesFit', 1],
      ['PodTopologySpread', 2],
      ['InterPodAffinity', 2],
      ['DynamicResources', 1],
      ['NodeResourcesBalancedAllocation', 1],
      ['ImageLocality', 1],
    ],
  );
  assert.deepEqual([profile?.preemption?.minCandidateNodesAbsolute, profile?.reserves.length], [100, 2]);
});

test('a pod that claims devices waits and is told why, unless the profile lets it pass', async () => {
  const claiming = pod({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'g' }] });
  const [profile] = await profiles({});
  assert.equal(
    place(cluster([node('a')]), claiming, { profile: profile! }),
    '0/1 nodes are available: resourceclaim.resource.k8s.io "g" not found.',
  );
  const plugins = { multiPoint: { disabled: [{ name: 'DynamicResources' }] } };
  const [lenient] = await profiles({ profiles: [{ plugins }] });
  assert.equal(place(cluster([node('a')]), claiming, { profile: lenient! }), 'a');
});

test('fields that change nothing here are told', async () => {
  const settings = {
    enableProfiling: true,
    delayCacheUntilActive: true,
    clientConnection: { contentType: 'application/vnd.kubernetes.protobuf', qps: 5 },
  };
  assert.deepEqual((await parse(settings)).withoutEffect, [
    'clientConnection.contentType',
    'delayCacheUntilActive',
    'enableProfiling',
  ]);
  assert.deepEqual((await parse({})).withoutEffect, []);
});

test('plugins are disabled and weighed anew, at one point or everywhere', async () => {
  const plugins = {
    score: { disabled: [{ name: '*' }], enabled: [{ name: 'ImageLocality', weight: 7 }] },
    multiPoint: { disabled: [{ name: 'NodePorts' }] },
    postFilter: { disabled: [{ name: 'DefaultPreemption' }] },
  };
  const [profile] = await profiles({ profiles: [{ plugins }] });
  assert.deepEqual(
    profile?.scores.map(({ plugin, weight }) => [plugin.name, weight]),
    [['ImageLocality', 7]],
  );
  assert.ok(!profile?.filters.some(({ name }) => name === 'NodePorts'));
  assert.equal(profile?.preemption, undefined);
});

const strategies: [string, object, string][] = [
  ['least allocated', { type: 'LeastAllocated' }, 'free'],
  ['most allocated', { type: 'MostAllocated' }, 'half'],
  [
    'a ratio',
    {
      type: 'RequestedToCapacityRatio',
      requestedToCapacityRatio: {
        shape: [
          { utilization: 0, score: 0 },
          { utilization: 100, score: 10 },
        ],
      },
    },
    'half',
  ],
];
for (const [title, scoringStrategy, expected] of strategies)
  test(`the strategy of fitting decides: ${title}`, async () => {
    const plugins = { score: { disabled: [{ name: '*' }], enabled: [{ name: 'NodeResourcesFit' }] } };
    const [profile] = await profiles({
      profiles: [{ plugins, pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy } }] }],
    });
    const state = cluster([node('free'), node('half')], [pod(asking('1'), 'half')]);
    assert.equal(place(state, pod(asking('500m')), { profile: profile! }), expected);
  });

const affinity = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }],
  },
};
test('a profile can keep its pods to some nodes', async () => {
  const [profile] = await profiles({
    profiles: [{ pluginConfig: [{ name: 'NodeAffinity', args: { addedAffinity: affinity } }] }],
  });
  assert.equal(place(cluster([node('a'), node('b')]), pod(), { profile: profile! }), 'a');
  assert.equal(
    place(cluster([node('b')]), pod(), { profile: profile! }),
    "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity.",
  );
});

test('times are kept, in seconds', async () => {
  const { queue } = await parse({ podInitialBackoffSeconds: 2, podMaxBackoffSeconds: 60 });
  assert.deepEqual(queue, { initialBackoffMs: 2000, maxBackoffMs: 60_000 });
});

test('an extender sees to its resources alone where it says so', async () => {
  const managedResources = [{ name: 'example.com/x', ignoredByScheduler: true }, { name: 'example.com/y' }];
  const [profile] = await profiles({
    extenders: [{ urlPrefix: 'http://127.0.0.1:1', managedResources }],
    profiles: [{ pluginConfig: [{ name: 'NodeResourcesFit', args: { ignoredResources: ['example.com/z'] } }] }],
  });
  const wanting = (name: string) => pod({ containers: [{ name: 'c', resources: { requests: { [name]: '1' } } }] });
  const says = (name: string) => place(cluster([node('a')]), wanting(name), { profile: profile! });
  assert.equal(says('example.com/x'), 'a');
  assert.equal(says('example.com/y'), '0/1 nodes are available: 1 Insufficient example.com/y.');
  assert.equal(says('example.com/z'), '0/1 nodes are available: 1 Insufficient example.com/z.');
});

test("a profile's own constraints spread pods that have none, and its own weight counts for affinity", async () => {
  const constraint = { topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' };
  const [profile] = await profiles({
    profiles: [
      {
        pluginConfig: [
          { name: 'PodTopologySpread', args: { defaultingType: 'List', defaultConstraints: [constraint] } },
          { name: 'InterPodAffinity', args: { hardPodAffinityWeight: 0, ignorePreferredTermsOfExistingPods: true } },
        ],
      },
    ],
  });
  const state = cluster([labelled('a', { rack: 'r1' }), labelled('b', { rack: 'r2' })], [pod({}, 'a', { app: 'web' })]);
  const given = owned({ app: 'web' });
  assert.equal(place(state, pod({}, undefined, { app: 'web' }), { profile: profile!, given }), 'b');
});

test('how long devices may be chosen and waited for has its effect', async () => {
  const pluginConfig = [{ name: 'DynamicResources', args: { filterTimeout: '5s', bindingTimeout: '10m' } }];
  assert.deepEqual((await parse({ profiles: [{ pluginConfig }] })).withoutEffect, []);
  assert.deepEqual([filterTimeoutFrom(pluginConfig[0]!.args), filterTimeoutFrom({})], [5000, 10_000]);
});

test('configz shows what holds by the names of upstream, and no key', async () => {
  const tlsConfig = { caFile: 'ca.pem', keyData: Buffer.from('secret').toString('base64'), certFile: 'none' };
  const { shown } = await parse({
    podMaxBackoffSeconds: 30,
    profiles: [
      {
        schedulerName: 'mine',
        plugins: {
          multiPoint: { disabled: [{ name: 'ImageLocality' }] },
          score: { enabled: [{ name: 'NodeAffinity', weight: 9 }] },
        },
        pluginConfig: [
          { name: 'NodeAffinity', args: { addedAffinity: affinity } },
          { name: 'InterPodAffinity', args: { hardPodAffinityWeight: 7 } },
        ],
      },
    ],
    extenders: [{ urlPrefix: 'http://a', tlsConfig, httpTimeout: '1s' }],
  });
  const leaderElection = { leaderElect: true, leaseDuration: '15s' };
  const page = shown({ kubeconfig: 'k', limit: undefined, leaderElection }) as Record<string, unknown>;
  const [profile] = page['Profiles'] as Record<string, unknown>[];
  const plugins = profile!['Plugins'] as Record<string, { Enabled: { Name: string; Weight: number }[] | null }>;
  const [shownExtender] = page['Extenders'] as object[];
  assert.deepEqual([page['Parallelism'], page['PodMaxBackoffSeconds'], profile!['SchedulerName']], [16, 30, 'mine']);
  assert.deepEqual(page['LeaderElection'], { LeaderElect: true, LeaseDuration: '15s' });
  assert.deepEqual(page['ClientConnection'], { Kubeconfig: 'k', QPS: -1, Burst: 0 });
  assert.deepEqual(plugins['Score']?.Enabled, [{ Name: 'NodeAffinity', Weight: 9 }]);
  assert.equal(plugins['Filter']?.Enabled, null);
  assert.ok(plugins['MultiPoint']!.Enabled!.some(({ Name, Weight }) => Name === 'TaintToleration' && Weight === 3));
  assert.ok(!plugins['MultiPoint']!.Enabled!.some(({ Name }) => Name === 'ImageLocality'));
  const argsOf = (name: string) =>
    (profile!['PluginConfig'] as { Name: string; Args: object }[]).find(({ Name }) => Name === name)?.Args;
  assert.deepEqual(argsOf('NodeAffinity'), { AddedAffinity: affinity });
  assert.deepEqual(argsOf('InterPodAffinity'), { HardPodAffinityWeight: 7, IgnorePreferredTermsOfExistingPods: false });
  assert.deepEqual(argsOf('VolumeBinding'), { BindTimeoutSeconds: 600 });
  assert.deepEqual(argsOf('DynamicResources'), { FilterTimeout: '10s', BindingTimeout: '10m0s' });
  assert.deepEqual(shownExtender, {
    URLPrefix: 'http://a',
    HTTPTimeout: '1s',
    TLSConfig: { CAFile: 'ca.pem', CertFile: 'none', KeyData: null },
  });
});

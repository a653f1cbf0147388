import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedulerConfiguration } from './scheduler-configuration.ts';

const HEAD = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' };
const parse = (settings: object) => parseSchedulerConfiguration(JSON.stringify({ ...HEAD, ...settings }));

const whole: [object, string][] = [
  [{ parallelism: -1 }, 'parallelism: Invalid value: -1: should be an integer value greater than zero'],
  [{ podInitialBackoffSeconds: 0 }, 'podInitialBackoffSeconds: Invalid value: 0: must be greater than 0'],
  [
    { podInitialBackoffSeconds: 20 },
    'podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds',
  ],
  [{ percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
  [
    { profiles: [{ percentageOfNodesToScore: -1 }] },
    'profiles[0].percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100]',
  ],
  [{ magic: true }, 'failed to decode: strict decoding error: unknown field "magic"'],
  [
    { profiles: [{ plugins: { filters: {} } }] },
    'failed to decode: strict decoding error: unknown field "profiles[0].plugins.filters"',
  ],
  [{ profiles: [{ schedulerName: 'a' }, {}] }, 'profiles[1].schedulerName: Required value'],
  [{ profiles: [{ schedulerName: '' }] }, 'profiles[0].schedulerName: Required value'],
  [{ profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] }, 'profiles[1].schedulerName: Duplicate value: "a"'],
  [{ clientConnection: { burst: -1 } }, 'clientConnection.burst: Invalid value: -1: must be non-negative'],
  [{ leaderElection: { retryPeriod: '-1s' } }, 'leaderElection.retryPeriod: Invalid value: "-1s": must be greater than zero'],
  [
    { leaderElection: { leaseDuration: '5s' } },
    'leaderElection.leaseDuration: Invalid value: "10s": LeaseDuration must be greater than RenewDeadline',
  ],
  [
    { parallelism: 0, percentageOfNodesToScore: -1 },
    '[parallelism: Invalid value: 0: should be an integer value greater than zero, percentageOfNodesToScore: Invalid value: -1: not in valid range [0-100]]',
  ],
];

const managing = (...names: string[]) => ({ urlPrefix: 'http://a', managedResources: names.map((name) => ({ name })) });
const extenders: [object[], string][] = [
  [[{ urlPrefix: 'file:///x' }], 'extenders[0].urlPrefix: Invalid value: "file:///x": must be an http or https URL'],
  [
    [{ urlPrefix: 'http://a', prioritizeVerb: 'p' }],
    'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it',
  ],
  [
    ['a', 'b'].map((name) => ({ urlPrefix: `http://${name}`, bindVerb: 'bind' })),
    'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
  ],
  [[managing('cpu')], 'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name'],
  [
    [managing('example.com/a'), managing('example.com/b', 'example.com/a')],
    'extenders[1].managedResources[1].name: Invalid value: "example.com/a": duplicate extender managed resource name',
  ],
];

const plugins: [object, string][] = [
  [{ bind: { disabled: [{ name: '*' }] } }, 'bind.disabled: Invalid value: "DefaultBinder": the plugin cannot be disabled'],
  [
    { preFilter: { disabled: [{ name: 'NodePorts' }] } },
    'preFilter.disabled: Invalid value: "NodePorts": the plugin cannot be disabled here alone: it is enabled for filter',
  ],
  [
    { filter: { enabled: [{ name: 'ImageLocality' }] } },
    'filter.enabled[0].name: Invalid value: "ImageLocality": plugin does not extend filter',
  ],
  [{ multiPoint: { enabled: [{ name: 'Magic' }] } }, 'multiPoint.enabled[0].name: Invalid value: "Magic": plugin is not known'],
  [
    { score: { enabled: [{ name: 'NodeAffinity' }, { name: 'NodeAffinity' }] } },
    'score.enabled[1].name: Invalid value: "NodeAffinity": plugin already registered',
  ],
];

const term = (requirement: object) => ({ nodeSelectorTerms: [{ matchExpressions: [requirement] }] });
const shape = (...points: [number, number][]) => ({
  scoringStrategy: {
    type: 'RequestedToCapacityRatio',
    requestedToCapacityRatio: { shape: points.map(([utilization, score]) => ({ utilization, score })) },
  },
});
const spread = (constraint: object) => ({ defaultingType: 'List', defaultConstraints: [constraint] });
const zones = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
const pluginArguments: [string, object, string][] = [
  ['InterPodAffinity', { hardPodAffinityWeight: 101 }, 'hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]'],
  [
    'DefaultPreemption',
    { minCandidateNodesPercentage: 101 },
    'minCandidateNodesPercentage: Invalid value: 101: not in valid range [0, 100]',
  ],
  [
    'DefaultPreemption',
    { minCandidateNodesAbsolute: -1 },
    'minCandidateNodesAbsolute: Invalid value: -1: not in valid range [0, inf)',
  ],
  [
    'NodeAffinity',
    { addedAffinity: { requiredDuringSchedulingIgnoredDuringExecution: term({ key: 'a', operator: 'In' }) } },
    "addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  [
    'NodeResourcesBalancedAllocation',
    { resources: [{ name: 'cpu', weight: 2 }] },
    'resources[0].weight: Invalid value: 2: must be 1',
  ],
  [
    'NodeResourcesBalancedAllocation',
    { resources: [{ name: 'cpu', weight: 1 }, { name: 'cpu' }] },
    'resources[1].name: Duplicate value: "cpu"',
  ],
  [
    'NodeResourcesFit',
    { ignoredResourceGroups: ['a/b'] },
    "ignoredResourceGroups[0]: Invalid value: \"a/b\": resource group name can't contain '/'",
  ],
  [
    'NodeResourcesFit',
    { scoringStrategy: { resources: [{ name: 'cpu' }] } },
    'scoringStrategy.type: Unsupported value: "": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
  ],
  [
    'NodeResourcesFit',
    { scoringStrategy: { type: 'MostAllocated', resources: [{ name: 'cpu', weight: 101 }] } },
    'scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]',
  ],
  [
    'NodeResourcesFit',
    { scoringStrategy: { type: 'RequestedToCapacityRatio' } },
    'scoringStrategy.shape: Required value: at least one point must be specified',
  ],
  ['NodeResourcesFit', shape([0, 11]), 'scoringStrategy.shape[0].score: Invalid value: 11: not in valid range [0, 10]'],
  ['NodeResourcesFit', shape([101, 1]), 'scoringStrategy.shape[0].utilization: Invalid value: 101: not in valid range [0, 100]'],
  [
    'NodeResourcesFit',
    shape([10, 1], [10, 2]),
    'scoringStrategy.shape[1].utilization: Invalid value: 10: values must be sorted in increasing order',
  ],
  [
    'PodTopologySpread',
    { defaultConstraints: [zones] },
    'defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
  ],
  [
    'PodTopologySpread',
    { defaultingType: 'Own' },
    'defaultingType: Unsupported value: "Own": supported values: "System", "List"',
  ],
  [
    'PodTopologySpread',
    spread({ ...zones, maxSkew: 0 }),
    'defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf)',
  ],
  [
    'PodTopologySpread',
    spread({ ...zones, topologyKey: '' }),
    'defaultConstraints[0].topologyKey: Required value: can not be empty',
  ],
  [
    'PodTopologySpread',
    spread({ ...zones, whenUnsatisfiable: 'Maybe' }),
    'defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
  ],
  [
    'PodTopologySpread',
    spread({ ...zones, labelSelector: {} }),
    'defaultConstraints[0].labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod',
  ],
  [
    'PodTopologySpread',
    { defaultingType: 'List', defaultConstraints: [zones, zones] },
    'defaultConstraints[1]: Duplicate value: "{zone, DoNotSchedule}"',
  ],
  [
    'VolumeBinding',
    { bindTimeoutSeconds: -1 },
    'bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value',
  ],
  ['DynamicResources', { filterTimeout: '-1s' }, 'filterTimeout: Invalid value: "-1s": must be zero or positive'],
];

const cases: [object, string][] = [
  ...whole,
  ...extenders.map(([written, message]): [object, string] => [{ extenders: written }, message]),
  ...plugins.map(([written, message]): [object, string] => [
    { profiles: [{ plugins: written }] },
    `profiles[0].plugins.${message}`,
  ]),
  ...pluginArguments.map(([name, args, message]): [object, string] => [
    { profiles: [{ pluginConfig: [{ name, args }] }] },
    `profiles[0].pluginConfig[0].args.${message}`,
  ]),
];
for (const [settings, message] of cases)
  test(`refused: ${JSON.stringify(settings)}`, async () => {
    await assert.rejects(parse(settings), { message });
  });

test('arguments are refused for plugins that are not known, have none, or have theirs already, and of another kind', async () => {
  const refuse = async (message: RegExp, ...pluginConfig: object[]) =>
    assert.rejects(parse({ profiles: [{ pluginConfig }] }), { message });
  await refuse(/^profiles\[0\]\.pluginConfig\[0\]\.name: Invalid value: "Magic": plugin is not known$/, { name: 'Magic' });
  await refuse(/: the plugin has no arguments$/, { name: 'NodePorts', args: {} });
  await refuse(/unknown field "profiles\[0\]\.pluginConfig\[0\]\.args\.weight"/, {
    name: 'InterPodAffinity',
    args: { weight: 1 },
  });
  await refuse(
    /^profiles\[0\]\.pluginConfig\[1\]: Duplicate value: "VolumeBinding"$/,
    { name: 'VolumeBinding' },
    { name: 'VolumeBinding' },
  );
  await refuse(/args\.kind: Invalid value: "FitArgs": expected NodeResourcesFitArgs$/, {
    name: 'NodeResourcesFit',
    args: { kind: 'FitArgs' },
  });
});

test('what is empty, zero or left out is the default', async () => {
  const resources = [{ name: 'cpu', weight: 0 }, { name: 'memory' }];
  await parse({ profiles: [] });
  await parse({ profiles: [{ pluginConfig: [{ name: 'NodeResourcesBalancedAllocation', args: { resources } }] }] });
  await parse({
    profiles: [{ pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated', resources } } }] }],
  });
  await parse({ leaderElection: { leaderElect: false, leaseDuration: '1s' } });
  await parse({ leaderElection: { leaseDuration: '0s', retryPeriod: '0s' } });
});

import { imageLocality } from '../plugins/image-locality.ts';
import { createInterPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { createNodeAffinity } from '../plugins/node-affinity.ts';
import { nodeDeclaredFeatures } from '../plugins/node-declared-features.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { createBalancedAllocation, createNodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { createTopologySpread } from '../plugins/topology-spread.ts';
import type { Plugin } from './plugin.ts';
import { DEFAULT_PREEMPTION, type Profile } from './profile.ts';

/** The points at which upstream's plugins act. */
export const EXTENSION_POINTS = [
  'queueSort',
  'preEnqueue',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;
export type ExtensionPoint = (typeof EXTENSION_POINTS)[number];

/** Upstream's plugins in its order and with its weights (apis/config/v1/default_plugins.go), and the points at which each acts. */
export const DEFAULT_PLUGINS: readonly {
  readonly name: string;
  readonly weight?: number;
  readonly points: readonly ExtensionPoint[];
}[] = [
  { name: 'SchedulingGates', points: ['preEnqueue'] },
  { name: 'PrioritySort', points: ['queueSort'] },
  { name: 'NodeUnschedulable', points: ['filter'] },
  { name: 'NodeName', points: ['filter'] },
  { name: 'TaintToleration', weight: 3, points: ['filter', 'preScore', 'score'] },
  { name: 'NodeAffinity', weight: 2, points: ['preFilter', 'filter', 'preScore', 'score'] },
  { name: 'NodePorts', points: ['preFilter', 'filter'] },
  { name: 'NodeResourcesFit', weight: 1, points: ['preFilter', 'filter', 'preScore', 'score'] },
  { name: 'VolumeRestrictions', points: ['preFilter', 'filter'] },
  { name: 'NodeVolumeLimits', points: ['preFilter', 'filter'] },
  { name: 'VolumeBinding', points: ['preFilter', 'filter', 'reserve', 'preBind', 'preScore', 'score'] },
  { name: 'VolumeZone', points: ['preFilter', 'filter'] },
  { name: 'PodTopologySpread', weight: 2, points: ['preFilter', 'filter', 'preScore', 'score'] },
  { name: 'InterPodAffinity', weight: 2, points: ['preFilter', 'filter', 'preScore', 'score'] },
  {
    name: 'DynamicResources',

    points: ['preEnqueue', 'preFilter', 'filter', 'postFilter', 'score', 'reserve', 'preBind'],
  },
  { name: 'DefaultPreemption', points: ['preEnqueue', 'postFilter'] },
  { name: 'NodeResourcesBalancedAllocation', weight: 1, points: ['preScore', 'score'] },
  { name: 'ImageLocality', weight: 1, points: ['score'] },
  { name: 'DefaultBinder', points: ['bind'] },
  { name: 'NodeDeclaredFeatures', points: ['preFilter', 'filter'] },
];

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

/** Upstream's default profile. `volumes` and `devices` are the rules about these, which are made with what they write through. */
export function createDefaultProfile(
  schedulerName: string = DEFAULT_SCHEDULER_NAME,
  volumes: readonly Plugin[] = [],
  devices: readonly Plugin[] = [],
): Profile {
  const affinity = createNodeAffinity();
  const fit = createNodeResourcesFit();
  const spread = createTopologySpread();
  const interPod = createInterPodAffinity();
  return {
    schedulerName,
    filters: [
      ...[nodeUnschedulable, nodeName, taintToleration, affinity, nodePorts, fit, ...volumes, spread, interPod, ...devices],
      nodeDeclaredFeatures,
    ],
    scores: [
      { plugin: taintToleration, weight: 3 },
      { plugin: affinity, weight: 2 },
      { plugin: fit, weight: 1 },
      { plugin: spread, weight: 2 },
      { plugin: interPod, weight: 2 },
      ...devices.map((plugin) => ({ plugin, weight: 1 })),
      { plugin: createBalancedAllocation(), weight: 1 },
      { plugin: imageLocality, weight: 1 },
    ],
    reserves: [...volumes, ...devices],
    preemption: DEFAULT_PREEMPTION,
    percentageOfNodesToScore: 0,
  };
}

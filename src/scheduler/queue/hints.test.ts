import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import type { Plugin } from '../framework/plugin.ts';
import { createInterPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { createNodeAffinity } from '../plugins/node-affinity.ts';
import { nodeDeclaredFeatures } from '../plugins/node-declared-features.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { createNodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { createTopologySpread } from '../plugins/topology-spread.ts';
import { podInfoOf } from '../pod-info.ts';
import { asking, labelled, node, objects, pod } from '../scheduling.test-support.ts';
import { nodeVolumeLimits } from '../volumes/node-volume-limits.ts';
import { createVolumeBinding } from '../volumes/volume-binding.ts';
import { volumeRestrictions } from '../volumes/volume-restrictions.ts';
import { volumeZone } from '../volumes/volume-zone.ts';
import type { ClusterEvent } from './cluster-event.ts';

const comes = (each: V1Node): ClusterEvent => ({ resource: 'Node', action: 'add', node: each });
const changes = (previous: V1Node, after: V1Node): ClusterEvent => ({
  resource: 'Node',
  action: 'update',
  node: after,
  previous,
});
const podComes = (each: V1Pod): ClusterEvent => ({ resource: 'Pod', action: 'add', pod: podInfoOf(each) });
const podGoes = (each: V1Pod): ClusterEvent => ({ resource: 'Pod', action: 'delete', pod: podInfoOf(each) });
const podChanges = (previous: V1Pod, after: V1Pod): ClusterEvent => ({
  resource: 'Pod',
  action: 'update',
  pod: podInfoOf(after),
  previous: podInfoOf(previous),
});
const claimed = (key: string): ClusterEvent => ({ resource: 'PersistentVolumeClaim', action: 'add', key });

const web = { app: 'web' };
const onPort = (hostPort: number): Partial<V1PodSpec> => ({
  containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort }] }],
});
const sized = (cpu: string) => node('n', { status: { allocatable: { cpu, memory: '4Gi', pods: '110' } } });
const tainted = node('n', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } });
const cordoned = node('n', { spec: { unschedulable: true } });
const term = { topologyKey: 'zone', labelSelector: { matchLabels: web } };
const affinity = (kind: 'podAffinity' | 'podAntiAffinity') =>
  pod({ affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
const spread = pod(
  {
    topologySpreadConstraints: [
      { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', labelSelector: term.labelSelector },
    ],
  },
  undefined,
  web,
);
const volumes = (claimName: string): Partial<V1PodSpec> => ({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] });
const other = (labels: Record<string, string>, namespace = 'default'): V1Pod => {
  const each = pod({}, 'n', labels);
  return { ...each, metadata: { ...each.metadata, namespace } };
};

const fit = createNodeResourcesFit();
const binding = createVolumeBinding({ bind: () => Promise.reject(new Error('nothing is bound here')) });
const declaring = (...declaredFeatures: string[]) => node('n', { status: { declaredFeatures } });
const restarting: Partial<V1PodSpec> = {
  containers: [
    { name: 'c', restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }] },
  ],
};
const RESTART_ALL = 'RestartAllContainersOnContainerExits';
const disk = (pdName: string): Partial<V1PodSpec> => ({ volumes: [{ name: 'd', gcePersistentDisk: { pdName } }] });
const cases: [Plugin, V1Pod, string, ClusterEvent, boolean][] = [
  [nodeName, pod({ nodeName: 'n' }), 'a node comes', comes(node('n')), true],
  [nodeName, pod({ nodeName: 'n' }), 'a node changes', changes(node('n'), tainted), false],
  [nodeUnschedulable, pod(), 'a node is opened', changes(cordoned, node('n')), true],
  [nodeUnschedulable, pod(), 'a closed node comes', comes(cordoned), false],
  [taintToleration, pod(), 'a taint goes', changes(tainted, node('n')), true],
  [taintToleration, pod(), 'a tainted node comes', comes(tainted), false],
  [taintToleration, pod({ tolerations: [{ operator: 'Exists' }] }), 'a tolerated node comes', comes(tainted), true],
  [
    createNodeAffinity(),
    pod({ nodeSelector: { a: 'b' } }),
    'a node gets the label',
    changes(node('n'), labelled('n', { a: 'b' })),
    true,
  ],
  [createNodeAffinity(), pod({ nodeSelector: { a: 'b' } }), 'a node gets another label', comes(labelled('n', { a: 'c' })), false],
  [nodeDeclaredFeatures, pod(restarting), 'a node that can do it comes', comes(declaring(RESTART_ALL)), true],
  [nodeDeclaredFeatures, pod(restarting), 'another node comes', comes(declaring('Other')), false],
  [nodeDeclaredFeatures, pod(restarting), 'a node learns it', changes(declaring(), declaring(RESTART_ALL)), true],
  [
    nodeDeclaredFeatures,
    pod(restarting),
    'a node that could do it changes otherwise',
    changes(declaring(RESTART_ALL), { ...declaring(RESTART_ALL), spec: tainted.spec! }),
    false,
  ],
  [nodePorts, pod(onPort(80)), 'a pod with the port goes', podGoes(pod(onPort(80), 'n')), true],
  [nodePorts, pod(onPort(80)), 'a pod with another port goes', podGoes(pod(onPort(81), 'n')), false],
  [nodePorts, pod(onPort(80)), 'a node comes', comes(node('n')), true],
  [fit, pod(asking('3')), 'a pod goes', podGoes(pod(asking('1'), 'n')), true],
  [fit, pod(asking('3')), 'a pod comes', podComes(pod(asking('1'), 'n')), false],
  [fit, pod(asking('3')), 'a pod shrinks', podChanges(pod(asking('2'), 'n'), pod(asking('1'), 'n')), true],
  [fit, pod(asking('3')), 'a pod gets a label', podChanges(pod(asking('1'), 'n'), pod(asking('1'), 'n', web)), false],
  [fit, pod(asking('3')), 'a node that is too small comes', comes(sized('2')), false],
  [fit, pod(asking('3')), 'a node grows enough', changes(sized('2'), sized('4')), true],
  [
    fit,
    pod(asking('3')),
    'a node that is large enough changes otherwise',
    changes(sized('4'), { ...sized('4'), spec: tainted.spec! }),
    false,
  ],
  [createInterPodAffinity(), affinity('podAffinity'), 'a pod that is wanted comes', podComes(other(web)), true],
  [createInterPodAffinity(), affinity('podAffinity'), 'a pod of another namespace comes', podComes(other(web, 'far')), false],
  [
    createInterPodAffinity(),
    affinity('podAffinity'),
    'a pod becomes one that is wanted',
    podChanges(other({}), other(web)),
    true,
  ],
  [createInterPodAffinity(), affinity('podAffinity'), 'a pod that is wanted goes', podGoes(other(web)), false],
  [createInterPodAffinity(), affinity('podAffinity'), 'a node with the label comes', comes(labelled('n', { zone: 'z' })), true],
  [createInterPodAffinity(), affinity('podAntiAffinity'), 'a pod that is in the way goes', podGoes(other(web)), true],
  [createInterPodAffinity(), affinity('podAntiAffinity'), 'a pod is in the way no more', podChanges(other(web), other({})), true],
  [createInterPodAffinity(), affinity('podAntiAffinity'), 'a pod that is in the way comes', podComes(other(web)), false],
  [createTopologySpread(), spread, 'a pod that counts comes', podComes(other(web)), true],
  [createTopologySpread(), spread, 'a pod that counted changes', podChanges(other(web), other({})), true],
  [createTopologySpread(), spread, 'a pod that does not count goes', podGoes(other({})), false],
  [createTopologySpread(), spread, 'a pod of another namespace goes', podGoes(other(web, 'far')), false],
  [createTopologySpread(), spread, 'a place goes', { resource: 'NodeGone', node: labelled('n', { zone: 'z' }) }, true],
  [createTopologySpread(), spread, 'a node that is no place comes', comes(node('n')), false],
  [binding, pod(volumes('data')), 'its claim comes', claimed('default/data'), true],
  [binding, pod(volumes('data')), "another's claim comes", claimed('default/other'), false],
  [binding, pod(volumes('data')), 'a volume comes', { resource: 'PersistentVolume', action: 'add' }, true],
  [binding, pod(volumes('data')), 'there is more room', { resource: 'CSIStorageCapacity', action: 'update' }, true],
  [binding, pod(volumes('data')), 'there is no room any more', { resource: 'CSIStorageCapacity', action: 'delete' }, false],
  [binding, pod(volumes('data')), 'a pod goes', podGoes(other(web)), false],
  [volumeZone, pod(volumes('data')), 'a node comes', comes(node('n')), true],
  [volumeZone, pod(volumes('data')), 'a pod goes', podGoes(other(web)), false],
  [volumeRestrictions, pod(disk('d')), 'a pod with a disk goes', podGoes(pod(disk('d'), 'n')), true],
  [volumeRestrictions, pod(disk('d')), 'a pod without goes', podGoes(other(web)), false],
  [volumeRestrictions, pod(volumes('data')), 'who has the claim goes', podGoes(pod(volumes('data'), 'n')), true],
  [nodeVolumeLimits, pod(volumes('data')), 'who has a claim goes', podGoes(pod(volumes('other'), 'n')), true],
  [nodeVolumeLimits, pod(volumes('data')), 'who has none goes', podGoes(other(web)), false],
  [nodeVolumeLimits, pod(volumes('data')), 'a node can attach more', { resource: 'CSINode', action: 'update' }, true],
];
for (const [plugin, waiting, title, event, expected] of cases)
  test(`${plugin.name} ${expected ? 'lets its pods try again' : 'stays with its word'} when ${title}`, () => {
    assert.equal(plugin.mayHelp!(event, podInfoOf(waiting), objects()), expected);
  });

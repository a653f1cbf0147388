import type { V1Pod } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { ActionSubresource, PartSubresource, Verb } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { mergeStatusKeeping, statusPart } from '../../machinery/status-part.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { podColumns, podRowConditions } from './pod-columns.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { podGracePeriodSeconds, preparePod } from './pod-lifecycle.ts';
import { validatePod, validatePodUpdate } from './pod-validation.ts';

/** Debug containers are added here and nowhere else. */
const ephemeralContainersPart: PartSubresource = {
  name: 'ephemeralcontainers',
  verbs: ['get', 'patch', 'update'],
  merge: (existing, requested) => ({
    ...existing,
    metadata: { ...existing.metadata, resourceVersion: requested.metadata.resourceVersion },
    spec: { containers: [], ...(existing as V1Pod).spec, ephemeralContainers: (requested as V1Pod).spec?.ephemeralContainers },
  }),
  validate: validatePod,
};

const STREAM: readonly Verb[] = ['create', 'get'];

const actions: readonly ActionSubresource[] = [
  { name: 'attach', kind: 'PodAttachOptions', verbs: STREAM },
  { name: 'binding', kind: 'Binding', verbs: ['create'] },
  { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  { name: 'exec', kind: 'PodExecOptions', verbs: STREAM },
  { name: 'log', kind: 'Pod', verbs: ['get'] },
  { name: 'portforward', kind: 'PodPortForwardOptions', verbs: STREAM },
  { name: 'proxy', kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
];

const of =
  (field: (pod: V1Pod) => string | boolean | undefined) =>
  (object: DynamicObject): string =>
    String(field(object as V1Pod) ?? '');

export const podKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  resource: 'pods',
  namespaced: true,
  shortNames: ['po'],
  categories: ['all'],
  hasGeneration: true,
  // Old kubelets garble owner references when they write status.
  parts: [
    ephemeralContainersPart,
    statusPart({ merge: mergeStatusKeeping('ownerReferences'), validate: validatePodAnnotationsUpdate }),
  ],
  actions,
  columns: podColumns,
  rowConditions: podRowConditions,
  selectableFields: {
    'spec.nodeName': of(({ spec }) => spec?.nodeName),
    'spec.restartPolicy': of(({ spec }) => spec?.restartPolicy),
    'spec.schedulerName': of(({ spec }) => spec?.schedulerName),
    'spec.serviceAccountName': of(({ spec }) => spec?.serviceAccountName),
    'spec.hostNetwork': of(({ spec }) => spec?.hostNetwork ?? false),
    'status.phase': of(({ status }) => status?.phase),
    'status.podIP': of(({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP),
    'status.podIPs': of(({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP),
    'status.nominatedNodeName': of(({ status }) => status?.nominatedNodeName),
  },
  setDefaults: setPodDefaults,
  prepareForCreate: preparePod,
  validate: validatePod,
  // Binding is the one write that puts a pod on a node.
  validateUpdate: (updated, existing, { subresource }) =>
    subresource === 'binding'
      ? []
      : [...validatePodAnnotationsUpdate(updated, existing), ...validatePodUpdate(updated, existing)],
  gracePeriodSeconds: podGracePeriodSeconds,
});

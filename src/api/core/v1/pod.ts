import type { V1Pod } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { ActionSubresource, Verb } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { podColumns, podRowConditions } from './pod-columns.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { podGracePeriodSeconds, preparePod } from './pod-lifecycle.ts';
import { ephemeralContainersPart, podStatusPart, resizePart } from './pod-parts.ts';
import { podRules } from './pod-rules.ts';
import { dropUnservedFields } from './unserved-pod-fields.ts';

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
  parts: [ephemeralContainersPart, resizePart, podStatusPart],
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
  prepareForUpdate: (updated, existing) => dropUnservedFields((updated as V1Pod).spec, (existing as V1Pod).spec),
  ...podRules.whole,
  gracePeriodSeconds: podGracePeriodSeconds,
});

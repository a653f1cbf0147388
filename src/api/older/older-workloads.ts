/** Workloads as extensions/v1beta1, apps/v1beta1 and apps/v1beta2 had them (pkg/apis/{extensions,apps}/v1beta*). */
import { controllerRevisionKind } from '../apps/v1/controller-revision.ts';
import { daemonSetKind } from '../apps/v1/daemon-set.ts';
import { deploymentKind } from '../apps/v1/deployment.ts';
import { replicaSetKind } from '../apps/v1/replica-set.ts';
import { statefulSetKind } from '../apps/v1/stateful-set.ts';
import type { V1DaemonSet, V1Deployment, V1StatefulSet } from '../gen/types.ts';
import type { ActionSubresource, KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { deprecationWarning } from './deprecation.ts';
import { rollbackConversion, templateGenerationConversion } from './moved-annotations.ts';
import { type Conversion, type OlderVersion, servedAs, setDefaultsOfToday } from './served-as.ts';

/** Upstream's way of saying «as many as you like». */
const NO_LIMIT = 2 ** 31 - 1;

const EXTENSIONS = { group: 'extensions', version: 'v1beta1' };
const V1BETA1 = { group: 'apps', version: 'v1beta1' };
const V1BETA2 = { group: 'apps', version: 'v1beta2' };

/** Went with its versions: later ones are undone by who asks for it. */
const rollbackAction: ActionSubresource = { name: 'rollback', kind: 'DeploymentRollback', verbs: ['create'] };

interface Workload {
  readonly metadata: DynamicObject['metadata'];
  readonly spec?: {
    selector?: { matchLabels?: Record<string, string> };
    template?: { metadata?: { labels?: Record<string, string> } };
  };
}

/** The template's labels are the workload's own and its selector, unless it has others. */
function selectByTemplate(object: DynamicObject): void {
  const { metadata, spec } = object as unknown as Workload;
  const labels = spec?.template?.metadata?.labels;
  if (!spec || !labels) return;
  spec.selector ??= { matchLabels: { ...labels } };
  if (!Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
}

/** Defaults that an older version sets before those of today fill in the rest. */
const before =
  (today: KindDefinition, conversion: Conversion | undefined, ...first: ((object: DynamicObject) => void)[]) =>
  (object: DynamicObject) => {
    for (const set of first) set(object);
    if (conversion) setDefaultsOfToday(today, conversion, object);
    else today.setDefaults?.(object);
  };

/** One pod at a time, and nothing is ever forgotten or given up. */
function setExtensionsDeploymentDefaults(object: DynamicObject): void {
  const { spec } = object as V1Deployment;
  if (!spec) return;
  spec.strategy ??= {};
  spec.strategy.type ||= 'RollingUpdate';
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= 1;
    spec.strategy.rollingUpdate.maxSurge ??= 1;
  }
  spec.progressDeadlineSeconds ??= NO_LIMIT;
  spec.revisionHistoryLimit ??= NO_LIMIT;
}

function keepTwoRevisions(object: DynamicObject): void {
  const { spec } = object as V1Deployment;
  if (spec) spec.revisionHistoryLimit ??= 2;
}

function updateOnDelete(object: DynamicObject): void {
  const { spec } = object as V1DaemonSet | V1StatefulSet;
  if (!spec) return;
  spec.updateStrategy ??= {};
  spec.updateStrategy.type ||= 'OnDelete';
}

function older(today: KindDefinition, place: typeof V1BETA1, schema: string, more: Partial<OlderVersion> = {}): KindDefinition {
  const groupVersion = `${place.group}/${place.version}`;
  return servedAs(today, {
    ...place,
    schema,
    // What a workload made was left alone when it went.
    ...(today.kind !== 'ControllerRevision' && { defaultPropagation: 'orphan' as const }),
    deprecation: deprecationWarning(groupVersion, today.kind, {
      deprecated: place === V1BETA2 ? 9 : 8,
      removed: 16,
      replacement: 'apps/v1',
    }),
    ...more,
  });
}

export const olderWorkloads: readonly KindDefinition[] = [
  older(daemonSetKind, EXTENSIONS, 'ExtensionsV1beta1DaemonSet', {
    setDefaults: before(daemonSetKind, templateGenerationConversion, selectByTemplate, updateOnDelete),
    conversion: templateGenerationConversion,
  }),
  older(deploymentKind, EXTENSIONS, 'ExtensionsV1beta1Deployment', {
    setDefaults: before(deploymentKind, rollbackConversion, selectByTemplate, setExtensionsDeploymentDefaults),
    conversion: rollbackConversion,
    actions: [...deploymentKind.actions, rollbackAction],
  }),
  older(replicaSetKind, EXTENSIONS, 'ExtensionsV1beta1ReplicaSet', {
    setDefaults: before(replicaSetKind, undefined, selectByTemplate),
  }),
  older(controllerRevisionKind, V1BETA1, 'AppsV1beta1ControllerRevision'),
  older(deploymentKind, V1BETA1, 'AppsV1beta1Deployment', {
    setDefaults: before(deploymentKind, rollbackConversion, selectByTemplate, keepTwoRevisions),
    conversion: rollbackConversion,
    actions: [...deploymentKind.actions, rollbackAction],
  }),
  older(statefulSetKind, V1BETA1, 'AppsV1beta1StatefulSet', {
    setDefaults: before(statefulSetKind, undefined, selectByTemplate, updateOnDelete),
  }),
  older(controllerRevisionKind, V1BETA2, 'AppsV1beta2ControllerRevision'),
  older(daemonSetKind, V1BETA2, 'AppsV1beta2DaemonSet'),
  older(deploymentKind, V1BETA2, 'AppsV1beta2Deployment'),
  older(replicaSetKind, V1BETA2, 'AppsV1beta2ReplicaSet'),
  older(statefulSetKind, V1BETA2, 'AppsV1beta2StatefulSet'),
];

import { selectsNode } from '../../api/core/v1/node-selection.ts';
import { untoleratedTaint } from '../../api/core/v1/taint-toleration.ts';
import type { V1Pod, V1TopologySpreadConstraint } from '../../api/gen/types.ts';
import {
  createSelector,
  type LabelSelectorObject,
  type Selector,
  selectorFromLabelSelector,
  selectorFromLabels,
} from '../../api/machinery/label-selector.ts';
import { remembered } from '../../std/remembered.ts';
import type { Cycle } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodQuery } from '../pod-counts.ts';
import type { PodInfo } from '../pod-info.ts';
import { hasNodeSelection } from './node-affinity.ts';

export const HOSTNAME = 'kubernetes.io/hostname';

/** A constraint of a pod, read. */
export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: Selector;
  /** Whether a node is a place to spread over, by nodeAffinityPolicy and nodeTaintsPolicy. */
  readonly includes: (node: NodeInfo) => boolean;
  /** Counts the pods that are spread: those that are going do not count. */
  readonly query: PodQuery;
}

export interface SpreadDefaults {
  /** For pods that have no constraints of their own. */
  readonly constraints: readonly V1TopologySpreadConstraint[];
  /** They are upstream's, which nodes need not have all the labels for. */
  readonly isSystem: boolean;
}

/** podtopologyspread/plugin.go: systemDefaultConstraints. */
export const SYSTEM_DEFAULTS: SpreadDefaults = {
  isSystem: true,
  constraints: [
    { topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
    { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
  ],
};

type Action = 'DoNotSchedule' | 'ScheduleAnyway';

/** The constraints of an action that hold for a pod: its own or, when it has none, the defaults for pods of its services and controller. */
export function constraintsFor(
  { pod, objects }: Pick<Cycle, 'pod' | 'objects'>,
  action: Action,
  defaults: SpreadDefaults,
): readonly SpreadConstraint[] {
  if (pod.pod.spec?.topologySpreadConstraints?.length) return ownConstraints(pod)[action];
  const written = defaults.constraints.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
  if (written.length === 0) return [];
  const selector = defaultSelector(pod, objects);
  return selector ? written.map((constraint) => read(pod, constraint, selector)) : [];
}

/** Read once: they are asked of with each event while the pod waits. */
const ownConstraints = remembered((pod: PodInfo): Readonly<Record<Action, readonly SpreadConstraint[]>> => {
  const of = (action: Action) =>
    (pod.pod.spec?.topologySpreadConstraints ?? [])
      .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
      .map((constraint) => read(pod, constraint, ownSelector(pod.pod, constraint)));
  return { DoNotSchedule: of('DoNotSchedule'), ScheduleAnyway: of('ScheduleAnyway') };
});

function read(pod: PodInfo, constraint: V1TopologySpreadConstraint, selector: Selector): SpreadConstraint {
  const { topologyKey, maxSkew, minDomains = 1 } = constraint;
  return {
    topologyKey,
    maxSkew,
    minDomains,
    selector,
    includes: inclusionOf(pod.pod, constraint),
    query: {
      key: `spread ${pod.namespace}|${selector.empty ? '*' : selector.requirements.length ? selector.toString() : '-'}`,
      namespace: pod.namespace,
      // An empty selector counts nobody, though it matches the pod itself (podtopologyspread, countPodsMatchSelector).
      matches: ({ pod: other }) =>
        !selector.empty && !other.metadata?.deletionTimestamp && selector.matches(other.metadata?.labels),
    },
  };
}

function ownSelector({ metadata }: V1Pod, { labelSelector, matchLabelKeys = [] }: V1TopologySpreadConstraint): Selector {
  const selector = selectorFromLabelSelector(labelSelector as LabelSelectorObject | undefined);
  const labels = metadata?.labels ?? {};
  // API servers before 1.34 do not put them into the selector; twice does no harm.
  const more = matchLabelKeys.filter((key) => Object.hasOwn(labels, key));
  if (more.length === 0 || !labelSelector) return selector;
  return createSelector([
    ...selector.requirements,
    ...more.map((key) => ({ key, operator: 'in' as const, values: [labels[key]!] })),
  ]);
}

const KEEPS_PODS_AWAY = new Set(['NoSchedule', 'NoExecute']);

function inclusionOf(
  pod: V1Pod,
  { nodeAffinityPolicy, nodeTaintsPolicy }: V1TopologySpreadConstraint,
): (node: NodeInfo) => boolean {
  const byAffinity = nodeAffinityPolicy !== 'Ignore' && hasNodeSelection(pod);
  const byTaints = nodeTaintsPolicy === 'Honor';
  return ({ node }) =>
    (!byAffinity || selectsNode(pod, node)) &&
    (!byTaints || !untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, KEEPS_PODS_AWAY));
}

/** What the pod's services and its controller select together; undefined when there are none (plugins/helper/spread.go). */
function defaultSelector(pod: PodInfo, objects: Cycle['objects']): Selector | undefined {
  const labels = pod.pod.metadata?.labels;
  if (!labels) return undefined;
  const merged: Record<string, string> = {};
  for (const { spec } of objects.services(pod.namespace))
    if (spec?.selector && Object.keys(spec.selector).length && selectorFromLabels(spec.selector).matches(labels))
      Object.assign(merged, spec.selector);
  const requirements = [...selectorFromLabels(merged).requirements, ...(objects.ownerSelector(pod)?.requirements ?? [])];
  return requirements.length ? createSelector(requirements) : undefined;
}

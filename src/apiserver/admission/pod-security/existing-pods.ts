import type { V1Pod } from '../../../api/gen/types.ts';
import { describeReasons, evaluatePod } from './evaluate.ts';
import { formatLevel, type LevelVersion } from './level.ts';

/** More are not looked at, so that labelling a namespace is quick. */
const MOST_PODS = 3000;
const MOST_MS = 1000;
/** So many at a time, so that nobody else waits long. */
const CHUNK = 250;

export interface ExistingPodsOptions {
  readonly namespace: string;
  readonly level: LevelVersion;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly yieldToOthers: () => Promise<void>;
}

/** The warnings about pods that a namespace's new level would not let in (pod-security-admission, EvaluatePodsInNamespace). */
export async function warningsAboutPods(
  pods: readonly V1Pod[],
  { namespace, level, now, yieldToOthers }: ExistingPodsOptions,
): Promise<string[]> {
  const first = firstOfEachController(pods);
  const endMs = now() + MOST_MS;
  const found = new Map<string, { name: string; count: number }>();
  let checked = 0;
  for (const pod of first.slice(0, MOST_PODS)) {
    if (checked % CHUNK === CHUNK - 1) await yieldToOthers();
    checked++;
    const violations = pod.spec ? evaluatePod({ annotations: pod.metadata?.annotations ?? {}, spec: pod.spec }, level) : [];
    if (violations.length) {
      const warning = describeReasons(violations);
      const name = pod.metadata?.name ?? '';
      const known = found.get(warning);
      found.set(warning, { name: known && known.name < name ? known.name : name, count: (known?.count ?? 0) + 1 });
    }
    if (now() > endMs) break;
  }
  const about = [...found].map(([warning, { name, count }]) => `${name}${others(count - 1)}: ${warning}`).sort();
  return [
    ...(checked < first.length
      ? [`new PodSecurity enforce level only checked against the first ${checked} of ${first.length} existing pods`]
      : []),
    ...(about.length
      ? [
          `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(level))}`,
        ]
      : []),
    ...about,
  ];
}

const others = (count: number) => (count === 0 ? '' : ` (and ${count} other ${count === 1 ? 'pod' : 'pods'})`);

/** Pods of one controller are alike: the others come last. */
function firstOfEachController(pods: readonly V1Pod[]): V1Pod[] {
  const seen = new Set<string>();
  const later: V1Pod[] = [];
  const first = pods.filter((pod) => {
    const uid = pod.metadata?.ownerReferences?.find(({ controller }) => controller)?.uid;
    if (uid === undefined) return true;
    if (seen.has(uid)) {
      later.push(pod);
      return false;
    }
    seen.add(uid);
    return true;
  });
  return [...first, ...later];
}

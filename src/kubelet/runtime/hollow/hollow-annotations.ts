import type { V1Pod } from '../../../api/gen/types.ts';
import { parseGoDuration } from '../../../std/go-duration.ts';

/** How a pod asks its hollow containers to behave. Durations as Go writes them. Documented in README.md. */
export const HOLLOW_ANNOTATIONS = {
  /** How long a container takes to start, as pulling an image would. Default 0s. */
  startAfter: 'muster.dev/start-after',
  /** How long a container runs before it ends by itself. Default: for ever; 1s for pods of a Job. */
  runFor: 'muster.dev/run-for',
  /** The exit code of a container that ends by itself. Default 0. */
  exitCode: 'muster.dev/exit-code',
  /** How long a container takes to end when it is asked to. Default 0s; the grace period is the limit. */
  stopAfter: 'muster.dev/stop-after',
} as const;

export interface HollowBehaviour {
  readonly startAfterMs: number;
  /** Undefined: for ever. */
  readonly runForMs: number | undefined;
  readonly exitCode: number;
  readonly stopAfterMs: number;
}

const JOB_RUN_MS = 1000;
const INIT_RUN_MS = 0;

/**
 * How one container of the pod behaves. Init containers always end; those of restartPolicy Always (sidecars) never do.
 *
 * @throws Error naming the annotation that cannot be read
 */
export function hollowBehaviour(pod: V1Pod, containerName: string): HollowBehaviour {
  const annotations = pod.metadata?.annotations ?? {};
  const duration = (annotation: string): number | undefined => {
    const text = annotations[annotation];
    if (text === undefined) return undefined;
    try {
      return Math.max(0, parseGoDuration(text));
    } catch {
      throw new Error(`annotation ${annotation}: ${JSON.stringify(text)} is not a duration like 1m30s`);
    }
  };
  const exitText = annotations[HOLLOW_ANNOTATIONS.exitCode] ?? '0';
  const exitCode = Number(exitText);
  if (!/^\d{1,3}$/.test(exitText) || exitCode > 255)
    throw new Error(`annotation ${HOLLOW_ANNOTATIONS.exitCode}: ${JSON.stringify(exitText)} is not a number from 0 to 255`);
  const init = pod.spec?.initContainers?.find(({ name }) => name === containerName);
  const ofJob = pod.metadata?.ownerReferences?.some(({ kind, controller }) => kind === 'Job' && controller) ?? false;
  const runForMs = init
    ? init.restartPolicy === 'Always'
      ? undefined
      : INIT_RUN_MS
    : (duration(HOLLOW_ANNOTATIONS.runFor) ?? (ofJob ? JOB_RUN_MS : undefined));
  return {
    startAfterMs: duration(HOLLOW_ANNOTATIONS.startAfter) ?? 0,
    runForMs,
    exitCode: init ? 0 : exitCode,
    stopAfterMs: duration(HOLLOW_ANNOTATIONS.stopAfter) ?? 0,
  };
}

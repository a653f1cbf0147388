import type { V1Probe } from '../../api/gen/types.ts';
import type { ProbeKind } from '../runtime/runtime.ts';

/** What the tries of one probe on one container have come to. */
export interface ProbeProgress {
  /** `unknown` only for a startup probe that has come to nothing yet. */
  readonly verdict: 'success' | 'failure' | 'unknown';
  /** How the last try went, and how many before it went the same way. */
  readonly last?: boolean;
  readonly run: number;
  /** The container is to be killed: no more tries. */
  readonly onHold: boolean;
}

/** Before the first try: not ready, alive, and nothing known of the start. */
export function initialProgress(kind: ProbeKind): ProbeProgress {
  const verdict = kind === 'readiness' ? 'failure' : kind === 'liveness' ? 'success' : 'unknown';
  return { verdict, run: 0, onHold: false };
}

/** After one more try. A result below its threshold leaves the verdict as it was (upstream's pkg/kubelet/prober/worker.go). */
export function progressAfter(before: ProbeProgress, kind: ProbeKind, probe: V1Probe, success: boolean): ProbeProgress {
  const run = before.last === success ? before.run + 1 : 1;
  const needed = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  if (run < needed) return { ...before, last: success, run };
  const ends = !success && kind !== 'readiness';
  return { verdict: success ? 'success' : 'failure', last: success, run: ends ? 0 : run, onHold: ends };
}

export interface ProbeMoment {
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly initialDelaySeconds: number;
  readonly periodSeconds: number;
  readonly kubeletStartedAtMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * How long until a probe of a container that was just seen is first tried. Shortly after the kubelet's own start, when it finds
 * many at once, they are spread over a period.
 */
export function firstTryDelayMs(moment: ProbeMoment): number {
  const { nowMs, startedAtMs, initialDelaySeconds, periodSeconds, kubeletStartedAtMs, random } = moment;
  // No longer than that, though the clock has gone back since the start.
  const initialMs = initialDelaySeconds * 1000;
  const delayMs = Math.min(initialMs, Math.max(0, startedAtMs + initialMs - nowMs));
  const adopted = startedAtMs < kubeletStartedAtMs && nowMs - kubeletStartedAtMs < periodSeconds * 1000;
  return Math.max(delayMs, adopted ? random * periodSeconds * 1000 : 0);
}

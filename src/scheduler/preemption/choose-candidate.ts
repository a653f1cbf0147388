import type { PodInfo } from '../pod-info.ts';
import { type Candidate, startOf } from './victims.ts';

/** Every pod weighs something, whatever its priority. */
const PRIORITY_OFFSET = 2 ** 31;

/**
 * Where making room hurts least: the fewest broken budgets, then the lowest of the highest priorities, then the smallest sum of
 * priorities, then the fewest pods, then the one whose most important pods started last; then the first (preemption.go,
 * pickOneNodeForPreemption). Undefined for none.
 */
export function chooseCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  const criteria: readonly ((candidate: Candidate) => number)[] = [
    ({ violations }) => violations,
    ({ victims }) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
    ({ victims }) => victims.reduce((sum, { priority }) => sum + priority + PRIORITY_OFFSET, 0),
    ({ victims }) => victims.length,
    ({ victims }) => -earliestStart(victims),
  ];
  let left = candidates;
  for (const criterion of criteria) {
    if (left.length < 2) break;
    const values = left.map(criterion);
    const smallest = values.reduce((a, b) => Math.min(a, b));
    left = left.filter((_, i) => values[i] === smallest);
  }
  return left[0];
}

/** Of the victims of the highest priority. */
function earliestStart(victims: readonly PodInfo[]): number {
  const highest = victims[0]?.priority;
  return victims
    .filter(({ priority }) => priority === highest)
    .reduce((earliest, victim) => Math.min(earliest, startOf(victim)), Number.MAX_SAFE_INTEGER);
}

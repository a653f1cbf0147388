/** How long a kubelet may trust its copy of Secrets and ConfigMaps, by size of the cluster (pkg/controller/ttl). */
const STEPS = [
  { atLeast: 0, atMost: 100, ttlSeconds: 0 },
  { atLeast: 90, atMost: 500, ttlSeconds: 15 },
  { atLeast: 450, atMost: 1000, ttlSeconds: 30 },
  { atLeast: 900, atMost: 2000, ttlSeconds: 60 },
  { atLeast: 1800, atMost: Number.POSITIVE_INFINITY, ttlSeconds: 300 },
] as const;

/** The step for a number of nodes, moving from the one before only when its range is left, so that a node more or less changes nothing. */
export function planTtlStep(nodes: number, currentStep: number): number {
  let step = currentStep;
  while (nodes > STEPS[step]!.atMost) step++;
  while (nodes < STEPS[step]!.atLeast) step--;
  return step;
}

export function ttlSecondsOf(step: number): number {
  return STEPS[step]!.ttlSeconds;
}

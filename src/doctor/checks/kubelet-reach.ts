import type { SeenNode } from '../observations.ts';

/**
 * Whether the API server reaches a kubelet, by what came of it: its settings, its metrics, or its own refusal. Whoever runs the doctor may
 * have no way to nodes at all, and that says nothing about them.
 */
export const isReachedByServer = ({ configz, clientTtlSeconds, refusal }: SeenNode): boolean =>
  configz !== undefined || clientTtlSeconds !== undefined || refusal !== undefined;

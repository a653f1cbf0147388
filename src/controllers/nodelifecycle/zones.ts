import type { V1Node } from '../../api/gen/types.ts';

/** How much of a zone is down. `full`: nothing is Ready; `partial`: more than two nodes and a large share are not. */
export type ZoneState = 'normal' | 'partial' | 'full';

export interface ZoneOptions {
  /** NoExecute taints a second. */
  evictionRate: number;
  /** The same in a large zone that is partially disrupted; in a small one there are none then. */
  secondaryEvictionRate: number;
  largeClusterThreshold: number;
  unhealthyZoneThreshold: number;
}

/** Region and zone of a node; empty when it has neither. */
export function zoneOf(node: V1Node): string {
  const labels = node.metadata?.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region || zone ? `${region}:\u0000:${zone}` : '';
}

/** Nodes with this label say nothing about their zone: they may come and go as they like. */
const EXCLUDED = 'node.kubernetes.io/exclude-disruption';

/** Whether a node counts when it is judged how much of its zone is down. */
export const countsForZone = ({ metadata }: V1Node): boolean => !Object.hasOwn(metadata?.labels ?? {}, EXCLUDED);

/** The state of a zone with so many nodes Ready and not. */
export function zoneState(count: { ready: number; notReady: number }, unhealthyZoneThreshold: number): ZoneState {
  const { ready, notReady } = count;
  if (ready === 0 && notReady > 0) return 'full';
  return notReady > 2 && notReady / (notReady + ready) >= unhealthyZoneThreshold ? 'partial' : 'normal';
}

/** Nodes a second that may be tainted in a zone of that size and state; a zone that is down whole while others are not counts as normal. */
export function evictionRate(state: ZoneState, zoneSize: number, options: ZoneOptions): number {
  if (state !== 'partial') return options.evictionRate;
  return zoneSize > options.largeClusterThreshold ? options.secondaryEvictionRate : 0;
}

/**
 * Lets one through, and the next after 1/rate seconds. A rate of 0 lets none through.
 */
export class ZoneLimiter {
  #nextMs = 0;

  take(ratePerSecond: number, nowMs: number): boolean {
    if (ratePerSecond <= 0 || nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + 1000 / ratePerSecond;
    return true;
  }
}

import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../std/clock.ts';
import type { AssumedClaims } from '../devices/assumed-claims.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { LazyObjects } from '../lazy-objects.ts';
import type { SchedulerMetrics } from '../metrics.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { VolumeBinder } from './volume-binder.ts';
import { createVolumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

/** What the rules about volumes and devices read and write through. */
export interface VolumePluginContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: LazyObjects;
  readonly events: EventRecorder;
  /** Of devices, of all profiles. */
  readonly assumedClaims: AssumedClaims;
  readonly metrics: SchedulerMetrics;
}

/** Upstream's bindTimeoutSeconds. */
export const BIND_TIMEOUT_MS = 600_000;

/** The rules about volumes, in upstream's order. */
export function createVolumePlugins(context: VolumePluginContext, timeoutMs: number = BIND_TIMEOUT_MS): readonly Plugin[] {
  const binding = createVolumeBinding(new VolumeBinder({ ...context, timeoutMs }));
  return [volumeRestrictions, nodeVolumeLimits, binding, volumeZone];
}

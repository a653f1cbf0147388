import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { LazyObjects } from '../lazy-objects.ts';

/** What the rules about volumes read and write through. */
export interface VolumePluginContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly objects: LazyObjects;
}

export function createVolumePlugins(_context: VolumePluginContext): readonly Plugin[] {
  return [];
}

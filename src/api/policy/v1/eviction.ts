import { defineKind } from '../../machinery/define-kind.ts';
import type { KindDefinition } from '../../machinery/kind.ts';

/** The wish that a pod goes; sent to the pod's `eviction`, and nothing is kept of it. */
export const evictionKind = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  resource: 'evictions',
  namespaced: true,
  storage: 'review',
});

/** In the words of older clients, which are the same. */
export const olderEvictionKind: KindDefinition = { ...evictionKind, version: 'v1beta1' };

import type { ActionSubresource } from './kind.ts';

/** The `scale` subresource of workloads. */
export const scaleAction: ActionSubresource = {
  name: 'scale',
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  verbs: ['get', 'patch', 'update'],
};

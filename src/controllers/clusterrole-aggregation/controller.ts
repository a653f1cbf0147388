import type { V1ClusterRole } from '../../api/gen/types.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { planAggregatedRules } from './plan.ts';

/** Fills the rules of cluster roles that are made of others (`admin`, `edit`, `view`). */
export function createClusterRoleAggregationController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const roles = informers.of<V1ClusterRole>(clusterRoleKind);

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const role = roles.get(name);
    const rules = role && planAggregatedRules(role, roles.list());
    if (!rules) return;
    await unlessReason(client.resource<V1ClusterRole>(clusterRoleKind).update({ ...role, rules }, { signal }), 'NotFound');
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics });
  return createController(context, {
    sources: [
      source(roles, () => {
        // Which roles a changed one is part of, or was, only their selectors know.
        for (const role of roles.list()) if (role.aggregationRule) loop.add(keyOf(role));
      }),
    ],
    loops: [loop],
  });
}

import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Namespace, V1ServiceAccount } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { createdOrUnneeded } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { DEFAULT_SERVICE_ACCOUNT, needsDefaultAccount } from './plan.ts';

/** Keeps a ServiceAccount named `default` in every namespace. */
export function createServiceAccountController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const namespaces = informers.of<V1Namespace>(namespaceKind);
  const accounts = informers.of<V1ServiceAccount>(serviceAccountKind);

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const namespace = namespaces.get(name);
    if (!namespace || !needsDefaultAccount(namespace, accounts.get(DEFAULT_SERVICE_ACCOUNT, name))) return;
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: DEFAULT_SERVICE_ACCOUNT, namespace: name },
    };
    await createdOrUnneeded(client.resource<V1ServiceAccount>(serviceAccountKind, name).create(account, { signal }));
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics, workers: 5 });
  return createController(context, {
    sources: [
      source(namespaces, (namespace, change) => {
        if (change.type !== 'deleted') loop.add(keyOf(namespace));
      }),
      source(accounts, (account, change) => {
        if (change.type === 'deleted' && account.metadata?.name === DEFAULT_SERVICE_ACCOUNT)
          loop.add(account.metadata.namespace ?? '');
      }),
    ],
    loops: [loop],
  });
}

import { configMapKind } from '../../api/core/v1/config-map.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { V1ConfigMap, V1Namespace } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { createdOrUnneeded, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { planRootCaConfigMap, ROOT_CA_CONFIG_MAP } from './plan.ts';

/** Keeps the cluster's root certificate in ConfigMap kube-root-ca.crt of every namespace, where pods find it. */
export function createRootCaCertPublisher(context: ControllerContext, options: { rootCaPem: string }): Component {
  const { client, informers, clock, logger } = context;
  const namespaces = informers.of<V1Namespace>(namespaceKind);
  const configMaps = informers.of<V1ConfigMap>(configMapKind, { fieldSelector: `metadata.name=${ROOT_CA_CONFIG_MAP}` });

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const namespace = namespaces.get(name);
    if (!namespace) return;
    const plan = planRootCaConfigMap(namespace, configMaps.get(ROOT_CA_CONFIG_MAP, name), options.rootCaPem);
    const resource = client.resource<V1ConfigMap>(configMapKind, name);
    if (plan.action === 'create') await createdOrUnneeded(resource.create(plan.configMap, { signal }));
    else if (plan.action === 'update') await unlessReason(resource.update(plan.configMap, { signal }), 'NotFound');
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics, workers: 5 });
  return createController(context, {
    sources: [
      source(namespaces, (namespace, change) => {
        if (change.type !== 'deleted') loop.add(keyOf(namespace));
      }),
      source(configMaps, (configMap) => loop.add(configMap.metadata?.namespace ?? '')),
    ],
    loops: [loop],
  });
}

import { configMapKind } from '../../api/core/v1/config-map.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1ConfigMap, V1Secret } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { BOOTSTRAP_TOKENS } from '../bootstrap-token/bootstrap-token-secret.ts';
import { type ControllerContext, createController, source } from '../framework/controller.ts';
import { planClusterInfo, signingTokens } from './plan.ts';

const NAMESPACE = 'kube-public';
const NAME = 'cluster-info';
const KEY = `${NAMESPACE}/${NAME}`;

/** Signs the kubeconfig in kube-public/cluster-info with each bootstrap token that is meant for signing. */
export function createBootstrapSignerController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const tokens = informers.of<V1Secret>(secretKind, BOOTSTRAP_TOKENS);
  const configMaps = informers.of<V1ConfigMap>(configMapKind, { namespace: NAMESPACE, fieldSelector: `metadata.name=${NAME}` });

  const reconcile = async (_key: string, signal: AbortSignal): Promise<Outcome> => {
    const configMap = configMaps.get(NAME, NAMESPACE);
    if (!configMap) return;
    const signing = signingTokens(tokens.list(), clock.now());
    const data = planClusterInfo(configMap, signing.tokens);
    if (data) {
      const resource = client.resource<V1ConfigMap>(configMapKind, NAMESPACE);
      await unlessReason(resource.update({ ...configMap, data }, { signal }), 'NotFound');
    }
    if (Number.isFinite(signing.endsMs)) return { requeueAtMs: signing.endsMs };
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics, workers: 1 });
  return createController(context, {
    sources: [source(tokens, () => loop.add(KEY)), source(configMaps, () => loop.add(KEY))],
    loops: [loop],
  });
}

import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { BOOTSTRAP_TOKENS } from '../bootstrap-token/bootstrap-token-secret.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { planTokenCleaning } from './plan.ts';

/** Deletes bootstrap token Secrets when they expire. Those without an expiration stay until somebody deletes them. */
export function createTokenCleanerController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const tokens = informers.of<V1Secret>(secretKind, BOOTSTRAP_TOKENS);

  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const secret = tokens.get(name, namespace);
    const plan = secret ? planTokenCleaning(secret, clock.now()) : 'keep';
    if (!secret || plan === 'keep') return;
    if (plan !== 'delete') return { requeueAtMs: plan.againAtMs };
    logger.debug(3, 'Deleting expired bootstrap token', { secretName: key });
    // Of this very version: somebody may have made it longer-lived since we read it.
    const preconditions = { uid: secret.metadata?.uid, resourceVersion: secret.metadata?.resourceVersion };
    await unlessReason(client.resource(secretKind, namespace).delete(name, { signal, preconditions }), 'NotFound');
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics, workers: 1 });
  return createController(context, {
    sources: [
      source(tokens, (secret, change) => {
        if (change.type !== 'deleted') loop.add(keyOf(secret));
      }),
    ],
    loops: [loop],
  });
}

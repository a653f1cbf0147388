import { configMapKind } from '../../api/core/v1/config-map.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1ConfigMap, V1Pod, V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type Component, isAbort } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { accountNameOf, TOKEN_SECRET_TYPE } from '../serviceaccount-token/plan.ts';
import { dateOf, INVALID_SINCE_LABEL, knownFromMs, planToken } from './plan.ts';

/** Kept by API servers that note when such tokens are used. */
const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';
const PASS_MS = 86_400_000;
const DEFAULT_PERIOD_MS = 8760 * 3_600_000;

/**
 * Takes tokens away that were made by themselves for ServiceAccounts and that nobody has used for a year (upstream's
 * legacy_serviceaccount_token_cleaner.go). Beside an API server that does not note the use of tokens it does nothing.
 */
export function createLegacyTokenCleaner(context: ControllerContext, options: { readonly periodMs?: number } = {}): Component {
  const { client, informers, clock, logger } = context;
  const { periodMs = DEFAULT_PERIOD_MS } = options;
  const secrets = informers.of<V1Secret>(secretKind, { fieldSelector: `type=${TOKEN_SECRET_TYPE}` });
  const accounts = informers.of<V1ServiceAccount>(serviceAccountKind);
  const pods = informers.of<V1Pod>(podKind);

  const clean = async (secret: V1Secret, signal: AbortSignal): Promise<void> => {
    const { namespace, name = '', uid, resourceVersion } = secret.metadata ?? {};
    const account = accounts.get(accountNameOf(secret), namespace);
    const neighbours = pods.list(namespace);
    const nowMs = clock.now();
    const plan = planToken({ secret, account, pods: neighbours, nowMs, periodMs });
    if (plan === 'keep') return;
    const resource = client.resource<V1Secret>(secretKind, namespace);
    logger.info(plan === 'mark' ? 'Marking an unused token as invalid' : 'Deleting an unused token', { secret: keyOf(secret) });
    if (plan === 'delete')
      await unlessReason(resource.delete(name, { preconditions: { resourceVersion }, signal }), 'NotFound', 'Conflict');
    else {
      const patch = { metadata: { uid, labels: { [INVALID_SINCE_LABEL]: dateOf(nowMs) } } };
      await unlessReason(resource.patch(name, patch, { type: 'merge', signal }), 'NotFound', 'Conflict');
    }
  };

  const pass = async (signal: AbortSignal): Promise<void> => {
    const tracking = client.resource<V1ConfigMap>(configMapKind, 'kube-system').get(TRACKING, { signal });
    const fromMs = knownFromMs((await unlessReason(tracking, 'NotFound'))?.data?.['since'], periodMs);
    if (fromMs === undefined || clock.now() < fromMs) return;
    for (const secret of secrets.list()) {
      await clean(secret, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // The next pass tries again; one token must not keep us from the others.
        logger.error('Cannot clean up a token', { secret: keyOf(secret), err: error });
      });
    }
  };

  const background = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await pass(signal).catch((error: unknown) => {
        if (!isAbort(error, signal)) logger.error('Cannot look for unused tokens', { err: error });
      });
      await clock.sleep(PASS_MS, signal).catch(() => undefined); // the loop's condition says why
    }
  };

  const sources = [secrets, accounts, pods].map((informer) => source(informer as typeof secrets, () => undefined));
  return createController(context, { sources, loops: [], background });
}

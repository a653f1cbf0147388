import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';
import { generateName } from '../../api/machinery/names.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { createdOrUnneeded, unlessReason } from '../../client/unless-reason.ts';
import { createTokenSigner, legacyTokenClaims } from '../../pki/service-account-token.ts';
import type { Component } from '../../std/lifecycle.ts';
import { givesTokensOnRequest } from '../credentials/token-requests.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import {
  accountNameOf,
  belongsTo,
  needsToken,
  newTokenSecret,
  planTokenSecret,
  TOKEN_SECRET_TYPE,
  UID_ANNOTATION,
} from './plan.ts';

export interface ServiceAccountTokenOptions {
  /** The key that tokens are signed with. */
  privateKeyPem: string;
  /** Put beside each token. */
  rootCaPem?: string;
  /** Whether every account gets a token Secret by itself, as before 1.24. `where-needed`: where the API server gives no tokens on request. */
  autoGenerate: boolean | 'where-needed';
  /** Default 1. */
  workers?: number;
}

/**
 * Fills Secrets of type kubernetes.io/service-account-token, deletes those whose account is gone, takes those that are gone from their accounts,
 * and, as it used to be, makes one for every account when told to.
 */
export function createServiceAccountTokenController(context: ControllerContext, options: ServiceAccountTokenOptions): Component {
  const { client, informers, clock, logger, random } = context;
  const accounts = informers.of<V1ServiceAccount>(serviceAccountKind);
  const secrets = informers.of<V1Secret>(secretKind, { fieldSelector: `type=${TOKEN_SECRET_TYPE}` });
  const signer = createTokenSigner(options.privateKeyPem);
  let generates = options.autoGenerate;

  const fill = (secret: V1Secret, account: V1ServiceAccount) => {
    const { namespace = '', name = '', uid = '' } = account.metadata ?? {};
    const mint = (secretName: string) => signer.sign(legacyTokenClaims({ namespace, name, uid, secretName }));
    return planTokenSecret(secret, { account, rootCaPem: options.rootCaPem, mint });
  };
  /** Asks the server: a cache that is behind must not cost a Secret its life. */
  const liveAccount = (namespace: string, name: string, signal: AbortSignal) =>
    unlessReason(client.resource<V1ServiceAccount>(serviceAccountKind, namespace).get(name, { signal }), 'NotFound');

  /** Token Secrets that are gone: their accounts still refer to them. */
  const gone = new Map<string, V1Secret>();
  const dropReference = async (secret: V1Secret, signal: AbortSignal): Promise<void> => {
    const { namespace = '', name } = secret.metadata ?? {};
    const refers = (account: V1ServiceAccount | undefined) => account?.secrets?.some((one) => one.name === name) ?? false;
    if (!refers(accounts.get(accountNameOf(secret), namespace))) return;
    const account = await liveAccount(namespace, accountNameOf(secret), signal);
    if (!account || !belongsTo(secret, account) || !refers(account)) return;
    const left = { ...account, secrets: account.secrets?.filter((one) => one.name !== name) };
    await unlessReason(client.resource<V1ServiceAccount>(serviceAccountKind, namespace).update(left, { signal }), 'NotFound');
  };

  const reconcileSecret = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const secret = secrets.get(name, namespace);
    const former = gone.get(key);
    if (!secret && former) await dropReference(former, signal);
    gone.delete(key);
    const accountName = secret ? accountNameOf(secret) : '';
    if (!secret || !accountName || secret.metadata?.deletionTimestamp) return;
    let account = accounts.get(accountName, namespace);
    if (!account || !belongsTo(secret, account)) account = await liveAccount(namespace, accountName, signal);
    const resource = client.resource<V1Secret>(secretKind, namespace);
    if (!account || !belongsTo(secret, account)) {
      logger.debug(4, 'Deleting token Secret of a ServiceAccount that is gone', { secretName: key, account: accountName });
      await unlessReason(resource.delete(name, { signal, preconditions: { uid: secret.metadata?.uid } }), 'NotFound', 'Conflict');
      return;
    }
    const filled = fill(secret, account);
    if (filled) await unlessReason(resource.update(filled, { signal }), 'NotFound');
  };

  /** Made here, and not shown by the informer yet: by the account's uid. */
  const made = new Map<string, V1Secret>();
  const needsOne = (account: V1ServiceAccount): boolean => {
    const own = made.get(account.metadata?.uid ?? '');
    return needsToken(account, [...secrets.list(account.metadata?.namespace), ...(own ? [own] : [])]);
  };

  const reconcileAccount = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const cached = accounts.get(name, namespace);
    if (!cached || !needsOne(cached)) return;
    if (generates === 'where-needed') {
      generates = !(await givesTokensOnRequest(client, signal));
      if (generates) logger.info('The API server gives no tokens on request: every ServiceAccount gets a token Secret');
    }
    if (!generates) return;
    const account = await liveAccount(namespace, name, signal);
    if (!account || account.metadata?.uid !== cached.metadata?.uid || !needsOne(account)) return;
    // Newer than our cache: what it refers to may be there without our having seen it. Its next change comes to us.
    if (account.metadata?.resourceVersion !== cached.metadata?.resourceVersion) return 'retry';
    const secret = newTokenSecret(account, generateName(`${name}-token-`, random));
    const resource = client.resource<V1Secret>(secretKind, namespace);
    const created = await createdOrUnneeded(resource.create(fill(secret, account) ?? secret, { signal }));
    if (!created) return 'retry';
    const secretName = created.metadata?.name ?? '';
    made.set(account.metadata?.uid ?? '', created);
    try {
      const referring = { ...account, secrets: [...(account.secrets ?? []), { name: secretName }] };
      await client.resource<V1ServiceAccount>(serviceAccountKind, namespace).update(referring, { signal });
    } catch (error) {
      made.delete(account.metadata?.uid ?? '');
      // Nobody refers to it, and the next attempt makes another.
      await unlessReason(resource.delete(secretName, { preconditions: { uid: created.metadata?.uid } }), 'NotFound');
      throw error;
    }
  };

  const common = { clock, logger, metrics: context.metrics, workers: options.workers };
  const secretLoop = new Reconciler({ name: `${context.name}-secrets`, reconcile: reconcileSecret, ...common });
  const accountLoop = new Reconciler({ name: `${context.name}-accounts`, reconcile: reconcileAccount, ...common });
  const addSecretsOf = (account: V1ServiceAccount) => {
    for (const secret of secrets.list(account.metadata?.namespace))
      if (accountNameOf(secret) === account.metadata?.name) secretLoop.add(keyOf(secret));
  };
  return createController(context, {
    sources: [
      source(secrets, (secret, change) => {
        const uid = secret.metadata?.annotations?.[UID_ANNOTATION] ?? '';
        if (made.get(uid)?.metadata?.uid === secret.metadata?.uid) made.delete(uid);
        if (change.type === 'deleted') gone.set(keyOf(secret), secret);
        secretLoop.add(keyOf(secret));
        // An account that loses its token gets another.
        if (change.type === 'deleted' && generates) accountLoop.add(`${secret.metadata?.namespace}/${accountNameOf(secret)}`);
      }),
      source(accounts, (account, change) => {
        if (change.type === 'added' || change.type === 'deleted') addSecretsOf(account);
        if (change.type === 'deleted') made.delete(account.metadata?.uid ?? '');
        else if (generates) accountLoop.add(keyOf(account));
      }),
    ],
    loops: options.autoGenerate !== false ? [secretLoop, accountLoop] : [secretLoop],
  });
}

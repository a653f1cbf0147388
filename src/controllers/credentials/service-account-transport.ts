import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Transport, TransportResponse } from '../../client/transport/transport.ts';
import { hasReason, unlessReason } from '../../client/unless-reason.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';

export interface ServiceAccountTransportOptions {
  /** Reaches the API server without credentials. Several accounts may share it. */
  anonymous: Transport;
  /** May make ServiceAccounts and their tokens. */
  root: Client;
  namespace: string;
  /** The account's name. */
  account: string;
  clock: Clock;
  logger: Logger;
}

const LIFETIME_SECONDS = 3600;
const SECRET_POLL_MS = 1000;

/**
 * Acts as a ServiceAccount: makes it when it is not there, asks for a token when there is none or the one there is has used up four fifths
 * of its life, and once more when the server refuses it. Where the API server gives no tokens on request, as old ones do not, the
 * account's token Secret is waited for.
 */
export function createServiceAccountTransport(options: ServiceAccountTransportOptions): Transport {
  const { anonymous, clock } = options;
  let current: { token: string; renewMs: number } | undefined;
  let pending: Promise<string> | undefined;

  const token = (): Promise<string> => {
    if (current && clock.now() < current.renewMs) return Promise.resolve(current.token);
    pending ??= obtainToken(options)
      .then((obtained) => {
        current = obtained;
        return obtained.token;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };

  return {
    async request(request): Promise<TransportResponse> {
      const send = async (bearer: string) =>
        anonymous.request({ ...request, headers: { ...request.headers, authorization: `Bearer ${bearer}` } });
      const used = await token();
      const response = await send(used);
      if (response.status !== 401) return response;
      // The account or the server's keys were made anew.
      if (current?.token === used) current = undefined;
      for await (const _ of response.body) void _; // frees the connection
      return send(await token());
    },
    close: (closing) => anonymous.close(closing),
  };
}

async function obtainToken(options: ServiceAccountTransportOptions): Promise<{ token: string; renewMs: number }> {
  const { clock, account, namespace, logger } = options;
  let answer = await requestToken(options);
  if (!answer) {
    await ensureServiceAccount(options.root, options);
    answer = await requestToken(options);
  }
  if (answer) {
    const ms = Date.parse(answer.expiresAt) - clock.now();
    return { token: answer.token, renewMs: clock.now() + Math.max(0, ms * 0.8) };
  }
  logger.debug(2, 'The API server gives no tokens on request, waiting for the token Secret of the account', {
    account,
    namespace,
  });
  return { token: await waitForTokenSecret(options), renewMs: Number.POSITIVE_INFINITY };
}

interface TokenRequest {
  apiVersion: string;
  kind: string;
  spec: { audiences: string[]; expirationSeconds: number };
  status?: { token: string; expirationTimestamp: string };
}

/** Undefined when there is no such account, or no such request. */
async function requestToken({ root, namespace, account }: ServiceAccountTransportOptions) {
  const request: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: LIFETIME_SECONDS },
  };
  const accounts = root.resource(serviceAccountKind, namespace);
  const created = accounts.create<TokenRequest>(request, { name: account, subresource: 'token' });
  const { status } = (await unlessReason(created, 'NotFound', 'MethodNotAllowed')) ?? {};
  return status && { token: status.token, expiresAt: status.expirationTimestamp };
}

/** Makes a ServiceAccount, and its namespace, where they are not there. */
export async function ensureServiceAccount(
  root: Client,
  { namespace, account }: { namespace: string; account: string },
): Promise<void> {
  const create = () => {
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } };
    return unlessReason(root.resource(serviceAccountKind, namespace).create(object), 'AlreadyExists');
  };
  try {
    await create();
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
    // The API server has just begun and has not made its namespaces yet.
    const { namespaceKind } = await import('../../api/core/v1/namespace.ts');
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await unlessReason(root.resource(namespaceKind).create(object), 'AlreadyExists');
    await create();
  }
}

async function waitForTokenSecret({ root, namespace, account, clock }: ServiceAccountTransportOptions): Promise<string> {
  for (;;) {
    const secrets = await root
      .resource<V1Secret>(secretKind, namespace)
      .list({ fieldSelector: 'type=kubernetes.io/service-account-token' });
    const own = secrets.items.find(
      ({ metadata, data }) => metadata?.annotations?.['kubernetes.io/service-account.name'] === account && data?.['token'],
    );
    if (own) return Buffer.from(own.data?.['token'] ?? '', 'base64').toString();
    await clock.sleep(SECRET_POLL_MS);
  }
}

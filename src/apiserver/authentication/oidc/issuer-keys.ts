import { createHttpsTransport } from '../../../client/transport/https.ts';
import { type Clock, steadyMs } from '../../../std/clock.ts';
import { readText } from '../../outgoing/webhook-client.ts';
import { readKeySet, type VerificationKey } from './json-web-key.ts';

export interface IssuerOptions {
  readonly url: string;
  /** Where the discovery document is, when not below the issuer's address. */
  readonly discoveryUrl?: string;
  /** Whom to trust; the system's authorities when not given. */
  readonly caPem?: string;
}

/** The keys of an issuer of tokens. */
export interface IssuerKeys {
  /** Those that may have signed a token with this key id; asks the issuer again when it is not known. Rejects when nothing can be had. */
  candidates(keyId: string | undefined): Promise<readonly VerificationKey[]>;
  /** The same when none of those has signed it: a key may have been replaced under its name, or have none. None where the issuer has not been asked again. */
  newer(keyId: string | undefined): Promise<readonly VerificationKey[]>;
}

const TIMEOUT_MS = 10_000;
const LIMIT_BYTES = 1024 * 1024;
/** Tokens with made-up key ids or signatures must not make us ask more often than this. */
const LEAST_BETWEEN_MS = 10_000;

/** Reads the issuer's discovery document and keys when they are first needed, and the keys again when one is missing (rotation). */
export function createIssuerKeys(issuer: IssuerOptions, clock: Pick<Clock, 'now' | 'steady'>): IssuerKeys {
  let keys: readonly VerificationKey[] | undefined;
  let keysUrl: string | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let problem: unknown;

  const refresh = async () => {
    try {
      keysUrl ??= await discover(issuer);
      keys = readKeySet(await getJson(keysUrl, issuer.caPem));
      problem = undefined;
    } catch (error) {
      problem = error;
    }
  };
  /** Answers whether the issuer was asked. */
  const refreshOnce = async (): Promise<boolean> => {
    if (!asking && steadyMs(clock) - askedMs < LEAST_BETWEEN_MS) return false;
    askedMs = steadyMs(clock);
    asking ??= refresh().finally(() => {
      asking = undefined;
    });
    await asking;
    return true;
  };
  const find = (keyId: string | undefined) => (keys ?? []).filter((key) => keyId === undefined || key.keyId === keyId);
  return {
    async candidates(keyId) {
      const known = find(keyId);
      if (known.length) return known;
      await refreshOnce();
      if (!keys)
        throw new Error(`oidc: authenticator not initialized: ${(problem as Error | undefined)?.message ?? 'asked too often'}`);
      return find(keyId);
    },
    newer: async (keyId) => ((await refreshOnce()) ? find(keyId) : []),
  };
}

async function discover({ url, discoveryUrl, caPem }: IssuerOptions): Promise<string> {
  const from = discoveryUrl ?? `${url.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const { issuer, jwks_uri: keysUrl } = (await getJson(from, caPem)) as Record<string, unknown>;
  if (issuer !== url)
    throw new Error(
      `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(issuer)}`,
    );
  if (typeof keysUrl !== 'string' || !keysUrl.startsWith('https://'))
    throw new Error('oidc: the provider names no https jwks_uri');
  return keysUrl;
}

async function getJson(url: string, caPem: string | undefined): Promise<unknown> {
  return JSON.parse(await getText(url, { caPem, accept: 'application/json' }));
}

export interface GetOptions {
  /** Whom to trust; the system's authorities when not given. */
  readonly caPem: string | undefined;
  readonly accept: string;
  readonly token?: string;
}

/** What is at an `https://` address. Rejects for anything but a success. */
export async function getText(url: string, { caPem, accept, token }: GetOptions): Promise<string> {
  const { origin, pathname, search } = new URL(url);
  const transport = createHttpsTransport({ server: origin, connectTimeoutMs: TIMEOUT_MS, ...(caPem !== undefined && { caPem }) });
  try {
    const answer = await transport.request({
      method: 'GET',
      path: `${pathname}${search}`,
      headers: { accept, ...(token && { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await readText(answer, LIMIT_BYTES);
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
    return text;
  } finally {
    await transport.close({ final: true });
  }
}

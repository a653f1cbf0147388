/** Tokens of service accounts, bound to their pods and renewed in time (upstream's pkg/kubelet/token). */
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { AuthenticationV1TokenRequest, V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { type Clock, setAlarm, type Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';

export interface TokenWish {
  /** None: the API server's own. */
  readonly audience?: string;
  readonly expirationSeconds?: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expirationTimestamp: string;
}

export interface ServiceAccountTokens {
  /** The token as it is, or a new one when it is time. An old one that still holds is good enough when no new one is to be had. */
  token(pod: V1Pod, wish: TokenWish): Promise<IssuedToken>;
  forget(podUid: string): void;
  /** `listener` hears of each pod that has a token which should be renewed. */
  subscribe(listener: (podUid: string) => void): () => void;
  close(): void;
}

export interface ServiceAccountTokensOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

interface Kept extends IssuedToken {
  readonly expiresAtMs: number;
  readonly dueAtMs: number;
  timer: Timer;
}

const LONGEST_AGE_MS = 24 * 3_600_000;
const LARGEST_JITTER_MS = 10_000;
const RETRY_MS = 10_000;
const DEFAULT_SECONDS = 3600;

/**
 * When a token should be renewed: after 80 % of its life, at the latest after a day; `jitter` (0 to 1) spreads it by up to 10 s.
 */
export function renewalDueMs(expiresAtMs: number, lifetimeMs: number, jitter: number): number {
  const issuedAtMs = expiresAtMs - lifetimeMs;
  return Math.min(issuedAtMs + LONGEST_AGE_MS, expiresAtMs - lifetimeMs * 0.2) - jitter * LARGEST_JITTER_MS;
}

export function createServiceAccountTokens(options: ServiceAccountTokensOptions): ServiceAccountTokens {
  const { client, clock, logger, random } = options;
  const kept = new Map<string, Map<string, Kept>>();
  const listeners = new Set<(podUid: string) => void>();
  const tell = (podUid: string) => {
    for (const listener of listeners) listener(podUid);
  };

  async function request(pod: V1Pod, { audience, expirationSeconds = DEFAULT_SECONDS }: TokenWish) {
    const { name, namespace, uid = '' } = pod.metadata ?? {};
    const issued = await client.resource(serviceAccountKind, namespace).create<AuthenticationV1TokenRequest>(
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
      { name: pod.spec?.serviceAccountName || 'default', subresource: 'token' },
    );
    const { token, expirationTimestamp } = issued.status ?? {};
    if (!token || !expirationTimestamp) throw new Error('the answer to a TokenRequest has no token');
    const expiresAtMs = Date.parse(expirationTimestamp);
    const lifetimeMs = (issued.spec?.expirationSeconds ?? expirationSeconds) * 1000;
    const dueAtMs = renewalDueMs(expiresAtMs, lifetimeMs, random());
    // A clock that is far ahead of the server's makes each token due at once: no reason to ask as fast as the server answers.
    const timer = setAlarm(clock, Math.max(dueAtMs, clock.now() + RETRY_MS), () => tell(uid));
    return { token, expirationTimestamp, expiresAtMs, dueAtMs, timer };
  }

  function keep(podUid: string, key: string, token: Kept): void {
    const tokens = kept.get(podUid) ?? new Map<string, Kept>();
    kept.set(podUid, tokens);
    tokens.get(key)?.timer.cancel();
    tokens.set(key, token);
  }

  return {
    async token(pod, wish) {
      const uid = pod.metadata?.uid ?? '';
      const key = JSON.stringify([pod.spec?.serviceAccountName, wish.audience, wish.expirationSeconds]);
      const old = kept.get(uid)?.get(key);
      if (old && clock.now() < old.dueAtMs) return old;
      try {
        const issued = await request(pod, wish);
        keep(uid, key, issued);
        return issued;
      } catch (error) {
        const { message } = error as Error;
        if (!old) throw new Error(`failed to fetch token: ${message}`, { cause: error });
        if (clock.now() >= old.expiresAtMs) throw new Error(`token expired and refresh failed: ${message}`, { cause: error });
        logger.error("Couldn't update token", { podUID: uid, error });
        old.timer.cancel();
        old.timer = clock.setTimer(RETRY_MS, () => tell(uid));
        return old;
      }
    },
    forget(podUid) {
      for (const { timer } of kept.get(podUid)?.values() ?? []) timer.cancel();
      kept.delete(podUid);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const uid of [...kept.keys()]) this.forget(uid);
    },
  };
}

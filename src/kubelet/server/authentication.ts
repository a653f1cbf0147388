import { createHash } from 'node:crypto';
import { tokenReviewKind } from '../../api/authentication/v1/token-review.ts';
import type { V1TokenReview } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { ExpiringCache } from './expiring-cache.ts';

/** Who sends a request. */
export interface RequestUser {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a request carries to say who sends it. */
export interface Presented {
  /** Of a client certificate that one of `clientCAFile`'s authorities vouches for. */
  readonly certificate?: { readonly commonName: string; readonly organizations: readonly string[] };
  /** The Authorization header. */
  readonly authorization?: string;
  /** `Sec-WebSocket-Protocol` of a WebSocket: browsers can send a token nowhere else. */
  readonly webSocketProtocols?: string;
}

export type Authenticate = (presented: Presented) => Promise<RequestUser | undefined>;

const CACHE_CAPACITY = 4096;
const LONGEST_TOKEN = 16 * 1024;
/** Of a WebSocket protocol that is a token: base64url of it follows. */
export const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';
const ANONYMOUS: RequestUser = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/**
 * Authentication by client certificate, then by TokenReview, then as nobody where that is allowed. Resolves to undefined
 * for a request that is to be refused; rejects when the API server could not be asked.
 */
export function createAuthentication(options: {
  configuration: KubeletConfiguration;
  client: Client;
  clock: Clock;
}): Authenticate {
  const { webhook, anonymous } = options.configuration.authentication;
  const reviews = options.client.resource<V1TokenReview>(tokenReviewKind);
  const ttlMs = parseGoDuration(webhook.cacheTTL);
  const cache = new ExpiringCache<RequestUser | undefined>({
    clock: options.clock,
    capacity: CACHE_CAPACITY,
    ttlMs: () => ttlMs,
  });

  async function review(token: string): Promise<RequestUser | undefined> {
    const { status } = await reviews.create<V1TokenReview>({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token },
    });
    const user = status?.authenticated ? status.user : undefined;
    if (!user?.username) return undefined;
    return { name: user.username, uid: user.uid, groups: user.groups ?? [], extra: user.extra };
  }

  return async ({ certificate, authorization, webSocketProtocols }) => {
    if (certificate?.commonName) {
      return { name: certificate.commonName, groups: [...certificate.organizations, 'system:authenticated'] };
    }
    const token = bearerToken(authorization) ?? protocolToken(webSocketProtocols);
    if (token && webhook.enabled) {
      // By its digest, so that no token stays in memory.
      return cache.get(createHash('sha256').update(token).digest('base64'), () => review(token));
    }
    // A credential that we cannot check does not make its bearer nobody.
    return anonymous.enabled && !authorization && !token ? ANONYMOUS : undefined;
  };
}

function bearerToken(header: string | undefined): string | undefined {
  const token = /^Bearer +([^\s]+)\s*$/i.exec(header ?? '')?.[1];
  return token && token.length <= LONGEST_TOKEN ? token : undefined;
}

/** Upstream's way in for browsers (apiserver, authentication/request/websocket): one protocol is the token, another the one to speak. */
function protocolToken(header: string | undefined): string | undefined {
  const protocols = (header ?? '').split(',').map((protocol) => protocol.trim());
  const carriers = protocols.filter((protocol) => protocol.startsWith(TOKEN_PROTOCOL));
  if (carriers.length !== 1 || protocols.length < 2) return undefined;
  const encoded = carriers[0]!.slice(TOKEN_PROTOCOL.length);
  if (!/^[A-Za-z0-9_-]+$/.test(encoded) || encoded.length > LONGEST_TOKEN) return undefined;
  return Buffer.from(encoded, 'base64url').toString('utf8') || undefined;
}

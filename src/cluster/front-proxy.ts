import type { FrontProxyConfig } from '../api/authentication/front-proxy-user.ts';
import { createAuthority } from '../pki/authority.ts';
import type { Clock } from '../std/clock.ts';
import { issueLeaf, type Pair } from './authorities.ts';

const COMMON_NAME = 'front-proxy-client';
const BACKDATE_MS = 5 * 60_000;
const LIFETIME_MS = 3650 * 86_400_000;

/** How the cluster's API server says to extension servers for whom it asks, as kubeadm sets it up. */
export interface FrontProxy {
  /** What they, and the API server itself, are to believe. */
  readonly trust: FrontProxyConfig;
  /** The certificate to show them. */
  readonly client: () => Pair;
  renew(): Promise<void>;
}

/**
 * An authority for front proxies alone: whoever can have a client certificate signed by the cluster's must not be able to become one.
 * It is made anew with each start, and extension servers learn of it from a ConfigMap, so no file needs to be kept secret.
 */
export async function createFrontProxy(clock: Clock): Promise<FrontProxy> {
  const authority = await createAuthority({
    commonName: 'front-proxy-ca',
    notBeforeMs: clock.now() - BACKDATE_MS,
    notAfterMs: clock.now() + LIFETIME_MS,
  });
  const issue = () => issueLeaf(authority, clock, { use: 'client auth', commonName: COMMON_NAME });
  let pair = await issue();
  return {
    trust: {
      caPem: authority.certificatePem,
      allowedNames: [COMMON_NAME],
      usernameHeaders: ['X-Remote-User'],
      groupHeaders: ['X-Remote-Group'],
      uidHeaders: ['X-Remote-Uid'],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    },
    client: () => pair,
    async renew() {
      pair = await issue();
    },
  };
}

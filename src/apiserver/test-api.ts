/** What the tests of this folder share: an API server on a memory store where everybody may do everything. */
import { allKinds } from '../api/all-kinds.ts';
import type { KubeList, KubeObject } from '../api/machinery/object.ts';
import type { Transport } from '../client/transport/transport.ts';
import { createAuthority } from '../pki/authority.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import type { Clock } from '../std/clock.ts';
import { systemClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { startApiServer } from './apiserver.ts';
import type { ApiServer, ApiServerConfig } from './configuration.ts';

export type { CertificatePair } from './configuration.ts';

import type { Filter } from './contracts.ts';
import type { Security } from './security.ts';

const pass: Filter = (next) => (context, response) => next(context, response);

/** Names everyone by certificate, or anonymous, and forbids nothing. */
export function allowAll(): Security {
  const identify: Filter = (next) => (context, response) => {
    const { peerCertificate } = context.request;
    context.user = peerCertificate
      ? { name: peerCertificate.commonName, groups: peerCertificate.organizations }
      : { name: 'system:anonymous', groups: ['system:unauthenticated'] };
    return next(context, response);
  };
  return {
    authenticator: { authenticate: async () => undefined },
    tokenAuthenticator: { authenticateToken: async () => undefined },
    authorizer: { authorize: async () => ({ decision: 'allow', reason: '' }) },
    admission: { admit: async () => undefined, validate: async () => undefined },
    actionHandlers: [],
    filters: { authentication: identify, impersonation: pass, authorization: pass },
    paths: new Map(),
    postStart: async () => undefined,
    close: () => undefined,
  };
}

export interface TestPki {
  readonly caPem: string;
  readonly serving: { certificatePem: string; privateKeyPem: string };
  clientPair(commonName: string, organizations?: readonly string[]): Promise<{ certificatePem: string; privateKeyPem: string }>;
}

export async function createTestPki(): Promise<TestPki> {
  const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const authority = await createAuthority({ commonName: 'test', ...span });
  const issue = async (commonName: string, organizations: readonly string[], usage: string) => {
    const key = await generatePrivateKey();
    const certificatePem = await authority.issue({
      publicKeyDer: key.publicKeyDer,
      commonName,
      organizations,
      dnsNames: usage === 'server auth' ? ['localhost'] : [],
      ipAddresses: usage === 'server auth' ? ['127.0.0.1'] : [],
      usages: ['digital signature', usage],
      ...span,
    });
    return { certificatePem, privateKeyPem: key.pem };
  };
  return {
    caPem: authority.certificatePem,
    serving: await issue('kubernetes', [], 'server auth'),
    clientPair: (commonName, organizations = []) => issue(commonName, organizations, 'client auth'),
  };
}

export interface TestApi {
  readonly server: ApiServer;
  readonly transport: Transport;
  readonly pki: TestPki;
  call<T = KubeObject & Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  stop(): Promise<void>;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: T;
}

export type List = KubeList<KubeObject & Record<string, unknown>>;

export async function startTestApi(options: Partial<ApiServerConfig> & { clock?: Clock } = {}): Promise<TestApi> {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? createMemoryStore({ clock });
  const pki = await createTestPki();
  const server = await startApiServer({
    kinds: allKinds,
    clock,
    logger: silentLogger,
    random: Math.random,
    bindAddress: '127.0.0.1',
    advertiseAddress: '10.1.2.3',
    port: 0,
    tls: pki.serving,
    clientCaPem: pki.caPem,
    serviceClusterIpRange: '10.0.0.0/12',
    security: {},
    composeSecurity: allowAll,
    shutdownTimeoutMs: 1_000,
    ...options,
    store,
  });
  const transport = server.transport({ name: 'admin', groups: ['system:masters'] });
  return {
    server,
    transport,
    pki,
    async call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
      const answer = await transport.request({
        method,
        path,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      const json = answer.headers['content-type']?.startsWith('application/json') && text.trim() !== '';
      return { status: answer.status, headers: answer.headers, text, body: (json ? JSON.parse(text) : {}) as T };
    },
    async stop() {
      await server.stop();
      await store.close();
    },
  };
}

export const pod = (name: string, more: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...(more['metadata'] as object) },
  spec: { containers: [{ name: 'c', image: 'busybox' }], ...(more['spec'] as object) },
});

export const configMap = (name: string, data: Record<string, string> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { V1Pod } from '../../api/gen/types.ts';
import type { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { type Clock, systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { type KeyPair, readPair } from '../certificates/certificate-store.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { createHollowRuntime } from '../runtime/hollow/hollow-runtime.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { FakeApi } from '../testing/fake-api.ts';
import { createKubeletServer, type KubeletServer } from './kubelet-server.ts';
import type { KubeletView } from './kubelet-view.ts';

/* What tests of the kubelet's API share: an authority, a view of a kubelet with one pod, a server that lets only `admin` in. */

const HOUR_MS = 3_600_000;
export const validSpan = () => ({ notBeforeMs: Date.now() - HOUR_MS, notAfterMs: Date.now() + 24 * HOUR_MS });

export type TestAuthority = Awaited<ReturnType<typeof createAuthority>>;

export async function issuePair(
  authority: TestAuthority,
  commonName: string,
  usage: 'client auth' | 'server auth',
  organizations: string[] = [],
): Promise<KeyPair> {
  const key = await generatePrivateKey();
  const pem = await authority.issue({
    publicKeyDer: key.publicKeyDer,
    commonName,
    organizations,
    ipAddresses: usage === 'server auth' ? ['127.0.0.1'] : [],
    usages: ['digital signature', usage],
    ...validSpan(),
  });
  return readPair(pem, key.pem, 'test');
}

/** Knows the token `good` as a service account, and lets only admin and that account in. */
export function reviewingApi(clock: Clock = systemClock): FakeApi {
  const api = new FakeApi(clock);
  api.review = (object) => {
    const spec = object['spec'] as { token?: string; user?: string };
    const status =
      object.kind === 'TokenReview'
        ? {
            authenticated: spec.token === 'good',
            user: { username: 'system:serviceaccount:default:kubelet-api-test', groups: ['system:serviceaccounts'] },
          }
        : { allowed: spec.user === 'admin' || spec.user === 'system:serviceaccount:default:kubelet-api-test' };
    return { ...object, status };
  };
  return api;
}

export const webPod: V1Pod = {
  metadata: { name: 'web', namespace: 'default', uid: 'u' },
  spec: {
    containers: [
      { name: 'c', image: 'web:1' },
      { name: 'idle', image: 'web:1' },
    ],
  },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'c',
        image: 'web:1',
        imageID: '',
        ready: true,
        restartCount: 0,
        containerID: 'containerd://c1',
        state: { running: {} },
      },
      {
        name: 'idle',
        image: 'web:1',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'ContainerCreating' } },
      },
    ],
  },
};

/** A kubelet with the pod `default/web` (uid `u`) whose container `c` runs with the id `c1` in the sandbox `s1`. */
export function viewOf(settings: Readonly<Record<string, unknown>> = {}, more: Partial<KubeletView> = {}): KubeletView {
  const running = { phase: 'running' as const, image: 'web:1', imageId: '', createdAtMs: 0, attempt: 0 };
  return {
    nodeName: 'node1',
    startedAtMs: 0,
    configuration: completeConfiguration(settings),
    runtime: createHollowRuntime({ clock: systemClock, random: Math.random }),
    logDirectory: '/nowhere',
    pods: () => [webPod],
    pod: (namespace, name) => (namespace === 'default' && name === 'web' ? webPod : undefined),
    container: async (podUid, name) =>
      podUid === 'u' && name === 'c' ? { ...running, id: 'c1', sandboxId: 's1', podUid, name } : undefined,
    sandbox: async (podUid) =>
      podUid === 'u'
        ? { id: 's1', podUid, podName: 'web', podNamespace: 'default', ready: true, createdAtMs: 0, ips: [], attempt: 0 }
        : undefined,
    unhealthy: () => undefined,
    certificateEnds: () => ({}),
    renewFailures: () => ({ client: 0, server: 0 }),
    metrics: createKubeletMetrics(),
    ...more,
  };
}

/** The hollow runtime with some of what only real ones can do. */
export function runtimeWith(abilities: Partial<Runtime>): Runtime {
  const hollow = createHollowRuntime({ clock: systemClock, random: Math.random });
  return new Proxy(hollow as Runtime, {
    get: (target, key) => {
      if (key in abilities) return abilities[key as keyof Runtime];
      const value = target[key as keyof Runtime];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export interface Fetched {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export interface TestServer {
  readonly server: KubeletServer;
  readonly api: FakeApi;
  readonly view: KubeletView;
  readonly admin: KeyPair;
  get(path: string, options?: FetchOptions): Promise<Fetched>;
}

export interface FetchOptions {
  /** Default: admin's; null: none. */
  readonly pair?: KeyPair | null;
  readonly token?: string;
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server that ends with `signal`. */
export async function startTestServer(
  authority: TestAuthority,
  signal: AbortSignal,
  view: KubeletView = viewOf(),
  clock: Clock = systemClock,
): Promise<TestServer> {
  const api = reviewingApi();
  const [certificate, admin] = await Promise.all([
    issuePair(authority, 'node1', 'server auth'),
    issuePair(authority, 'admin', 'client auth', ['system:masters']),
  ]);
  const server = createKubeletServer({
    address: '127.0.0.1',
    port: 0,
    view,
    client: api.client(),
    clientCaPem: authority.certificatePem,
    certificate,
    clock,
    logger: silentLogger,
  });
  await server.start(signal);
  const get = (path: string, { pair = admin, token, method = 'GET', body, headers = {} }: FetchOptions = {}) =>
    new Promise<Fetched>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: server.port,
          path,
          method,
          ca: authority.certificatePem,
          agent: false,
          ...(pair && { cert: pair.certificatePem, key: pair.privateKeyPem }),
          headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  return { server, api, view, admin, get };
}

/**
 * What a real etcd makes of it: plain puts over gRPC (the floor), the store driver, and the API, beside sqlite on the same disk.
 *
 *     node bench/etcd.ts [SECONDS]
 *
 * Prints one JSON line a measurement. One member with TLS, 32 writers, values of 2.5 KB; etcd, the client and the API server share the
 * machine's processors.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { systemClock } from '../src/std/clock.ts';
import { createGrpcChannel } from '../src/std/grpc/grpc-channel.ts';
import { silentLogger } from '../src/std/logger.ts';
import { etcdCodec } from '../src/store/etcd/messages.ts';
import { openStore, type StoreSpec } from '../src/store/open-store.ts';
import { startEtcd } from '../test/harness/etcd.ts';
import { createApi } from '../test/harness/write-load.ts';
import { cpuMs, quantile, report, startBenchCluster } from './bench-cluster.ts';

const seconds = Number(process.argv[2] ?? 4);
const WRITERS = 32;
const value = Buffer.alloc(2500, 'a');

await using etcd = await startEtcd();
const tls = {
  caPem: readFileSync(etcd.caFile, 'utf8'),
  client: { certificatePem: readFileSync(etcd.certificateFile, 'utf8'), privateKeyPem: readFileSync(etcd.keyFile, 'utf8') },
};

/** Does something over and over, so many at a time, and reports how often and how long it took. */
async function measure(
  measurement: string,
  atOnce: number,
  once: (i: number) => Promise<unknown>,
  more = () => ({}),
): Promise<void> {
  const samples: number[] = [];
  const startMs = performance.now();
  let next = 0;
  const worker = async () => {
    while (performance.now() - startMs < seconds * 1000) {
      const beginMs = performance.now();
      await once(next++);
      samples.push(performance.now() - beginMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const perSecond = Math.round(samples.length / ((performance.now() - startMs) / 1000));
  const at = (share: number) => Math.round(quantile(samples, share) * 100) / 100;
  report({ measurement, atOnce, perSecond, p50Ms: at(0.5), p99Ms: at(0.99), ...more() });
}

const channel = createGrpcChannel({ target: new URL(etcd.servers).host, tls });
for (const atOnce of [1, WRITERS])
  await measure('plain put over gRPC', atOnce, (i) =>
    channel.unary('/etcdserverpb.KV/Put', etcdCodec.encode('PutRequest', { key: `/floor/${i % 10_000}`, value })),
  );
await measure('plain get over gRPC', WRITERS, (i) =>
  channel.unary('/etcdserverpb.KV/Range', etcdCodec.encode('RangeRequest', { key: `/floor/${i % 100}` })),
);
channel.close();

const directory = await mkdtemp(join(tmpdir(), 'muster-bench-'));
const specs: readonly StoreSpec[] = ['sqlite', `etcd=${etcd.servers}`];
try {
  for (const spec of specs) {
    const store = await openStore(spec, { directory, clock: systemClock, logger: silentLogger, etcd: { tls: () => tls } });
    const driver = spec === 'sqlite' ? spec : 'etcd';
    for (const atOnce of [1, WRITERS])
      await measure(`store, create by compare-and-set, ${driver}`, atOnce, (i) => {
        const key = `/bench/${driver}/${atOnce}/${i}`;
        return store.transact([{ key, modRevision: 0 }], [{ type: 'put', key, value }]);
      });
    await store.close();
  }
} finally {
  await rm(directory, { recursive: true });
}

const files = [`--etcd-cafile=${etcd.caFile}`, `--etcd-certfile=${etcd.certificateFile}`, `--etcd-keyfile=${etcd.keyFile}`];
for (const spec of specs) {
  await using cluster = await startBenchCluster(`--store=${spec}`, ...(spec === 'sqlite' ? [] : files));
  const driver = spec === 'sqlite' ? spec : 'etcd';
  const identity = await resolveContext(await readKubeconfig(cluster.kubeconfig));
  const api = createApi({
    server: cluster.server,
    caPem: identity.caPem!,
    certificatePem: identity.clientCertificatePem!,
    privateKeyPem: identity.clientKeyPem!,
  });
  const path = '/api/v1/namespaces/default/configmaps';
  const call = async (method: string, to: string, body?: object) => {
    const answer = await api.send(method, to, body);
    if (answer.status >= 300) throw new Error(answer.text);
  };
  let beforeMs = cpuMs(cluster.pid);
  const serverCpu = () => {
    const tookMs = cpuMs(cluster.pid) - beforeMs;
    beforeMs = cpuMs(cluster.pid);
    return { serverCpuMs: Math.round(tookMs) };
  };
  const object = (i: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `c${i}` },
    data: { d: 'v'.repeat(2000) },
  });
  await measure(`API, create, ${driver}`, WRITERS, (i) => call('POST', path, object(i)), serverCpu);
  await measure(`API, get, ${driver}`, WRITERS, (i) => call('GET', `${path}/c${i % 100}`), serverCpu);
  api.close();
}

/**
 * What the cluster DNS server answers in a second, and how long the slowest answers take: names of Services, denials, and names of another
 * server that are in the cache, asked over UDP by 64 askers at once; the server in a process of its own, and what 1,000 Services cost it in memory.
 *
 *     node bench/dns.ts [RUNS] [SERVICES]
 *
 * Prints one JSON line a measurement. The askers take the other processor of a machine with two.
 */
import { createSocket } from 'node:dgram';
import { writeFile } from 'node:fs/promises';
import { serviceKind } from '../src/api/core/v1/service.ts';
import type { V1Service } from '../src/api/gen/types.ts';
import { clientFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { CLASS, RCODE, TYPE } from '../src/dns/message/constants.ts';
import { readMessage } from '../src/dns/message/read-message.ts';
import { MessageWriter } from '../src/dns/message/write-message.ts';
import { startComponent } from '../test/harness/component-process.ts';
import { freePort } from '../test/harness/free-port.ts';
import { temporaryDirectory } from '../test/harness/temporary-directory.ts';
import { until } from '../test/harness/until.ts';
import { cpuMs, quantile, report, residentMb, startBenchCluster, summary } from './bench-cluster.ts';
import { forMany } from './for-many.ts';

const runs = Number(process.argv[2] ?? 5);
const services = Number(process.argv[3] ?? 1000);
const QUERIES = 20_000;
const ASKERS = 64;
const IDLE_ROUNDS = 20;

await using directory = await temporaryDirectory();
await using cluster = await startBenchCluster();
const [port, upstreamPort] = [await freePort(), await freePort()];
const [upstreamFile, corefile] = [directory.file('Upstream'), directory.file('Corefile')];
const kubernetes = '  kubernetes cluster.local in-addr.arpa {\n    pods insecure\n    ttl 30\n  }\n';
await writeFile(upstreamFile, `.:${upstreamPort} {\n  bind 127.0.0.1\n  hosts {\n    192.0.2.1 www.example.test\n  }\n}\n`);
await writeFile(
  corefile,
  `.:${port} {\n  bind 127.0.0.1\n  errors\n${kubernetes}  forward . 127.0.0.1:${upstreamPort}\n  cache 30\n  loadbalance\n}\n`,
);
await using upstream = startComponent('dns', ['-conf', upstreamFile]);
await using server = startComponent('dns', ['-conf', corefile, '--kubeconfig', cluster.kubeconfig]);
await Promise.all([upstream.waitForOutput(/listens/), server.waitForOutput(/listens/)]);

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpuUs: number;
}

/** Each asker has a socket of its own and asks again when it was answered. */
async function round(nameOf: (i: number) => string, rcode: number, count: number): Promise<Round> {
  const writer = new MessageWriter();
  const latencies: number[] = [];
  let next = 0;
  const before = cpuMs(server.pid);
  const startMs = performance.now();
  const asker = () =>
    new Promise<void>((resolve, reject) => {
      const socket = createSocket('udp4');
      let askedMs = 0;
      const ask = () => {
        if (next >= count) {
          socket.close(resolve);
          return;
        }
        const question = { name: nameOf(next), type: TYPE.A, class: CLASS.IN };
        const flags = {
          response: false,
          opcode: 0,
          authoritative: false,
          truncated: false,
          recursionDesired: true,
          recursionAvailable: false,
        };
        const rest = {
          authenticData: false,
          checkingDisabled: false,
          rcode: 0,
          answers: [],
          authorities: [],
          additionals: [],
          edns: undefined,
        };
        askedMs = performance.now();
        socket.send(writer.write({ id: next++ & 0xffff, ...flags, ...rest, question }, 512));
      };
      socket.on('message', (bytes) => {
        latencies.push(performance.now() - askedMs);
        if ((bytes[3]! & 0xf) !== rcode) reject(new Error(`unexpected answer: ${JSON.stringify(readMessage(bytes))}`));
        else ask();
      });
      socket.on('error', reject);
      socket.connect(port, '127.0.0.1', ask);
    });
  await Promise.all(Array.from({ length: ASKERS }, asker));
  const seconds = (performance.now() - startMs) / 1000;
  const at = (share: number) => Number(quantile(latencies, share).toFixed(2));
  return {
    perSecond: Math.round(count / seconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    serverCpuUs: Number((((cpuMs(server.pid) - before) * 1000) / count).toFixed(1)),
  };
}

/** After a while in which nothing was asked, for what is garbage is not needed. */
async function settledMb(): Promise<number> {
  let least = residentMb(server.pid);
  for (let i = 0; i < IDLE_ROUNDS; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    least = Math.min(least, residentMb(server.pid));
  }
  return least;
}

const emptyMb = await settledMb();
const client = await clientFromKubeconfig(cluster.kubeconfig);
const resource = client.resource<V1Service>(serviceKind, 'default');
await forMany(services, (i) =>
  resource.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `svc-${i}`, namespace: 'default' },
    spec: { selector: { app: `svc-${i}` }, ports: [{ name: 'http', port: 80 }] },
  }),
);
await until('the last Service is known', () =>
  round(() => `svc-${services - 1}.default.svc.cluster.local.`, RCODE.NOERROR, ASKERS).then(() => true),
);
report({ bench: 'dns memory', services, emptyMb, residentMb: await settledMb() });

const kinds: Readonly<Record<string, readonly [(i: number) => string, number]>> = {
  'dns service names': [(i) => `svc-${i % services}.default.svc.cluster.local.`, RCODE.NOERROR],
  'dns denials': [(i) => `svc-${i % services}.default.svc.cluster.local.default.svc.cluster.local.`, RCODE.NXDOMAIN],
  'dns cached forwards': [() => 'www.example.test.', RCODE.NOERROR],
};
for (const [bench, [nameOf, rcode]] of Object.entries(kinds)) {
  await round(nameOf, rcode, QUERIES);
  const rounds: Round[] = [];
  for (let run = 0; run < runs; run++) rounds.push(await round(nameOf, rcode, QUERIES));
  const of = (figure: keyof Round, worst: 'highest' | 'lowest') =>
    summary(
      rounds.map((each) => each[figure]),
      worst,
    );
  report({
    ...{ bench, runs, queries: QUERIES, askers: ASKERS, perSecond: of('perSecond', 'lowest') },
    ...{ p50Ms: of('p50Ms', 'highest'), p99Ms: of('p99Ms', 'highest'), serverCpuUs: of('serverCpuUs', 'highest') },
  });
}

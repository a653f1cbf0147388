/**
 * How long objects with 100,000 keys hold up everybody else: the longest turn of the control plane's event loop while a verb works on
 * one, in milliseconds of processor time.
 *
 *     node bench/stall.ts [KEYS]
 *
 * Prints one JSON line.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { report, startBenchCluster } from './bench-cluster.ts';

const keys = Number(process.argv[2] ?? 100_000);
/** After which what a write has set off is over. */
const SETTLES_MS = 500;

await using stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'muster-bench-turns-'));
stack.defer(() => rm(directory, { recursive: true }));
const turnsFile = join(directory, 'turns');
process.env['MUSTER_BENCH_TURNS'] = turnsFile;
process.env['NODE_OPTIONS'] = `--import ${pathToFileURL(join(import.meta.dirname, 'turn-monitor.ts'))}`;
const cluster = stack.use(await startBenchCluster());
delete process.env['NODE_OPTIONS'];
const identity = await resolveContext(await readKubeconfig(cluster.kubeconfig));
const tls = { ca: identity.caPem, cert: identity.clientCertificatePem, key: identity.clientKeyPem };

function send(method: string, path: string, body?: string, type = 'application/json'): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    request(`${cluster.server}/api/v1/namespaces/default/configmaps${path}`, { method, headers, ...tls }, (answer) => {
      answer.resume().on('end', () => {
        if ((answer.statusCode ?? 0) < 300) resolve();
        else reject(new Error(`${method} ${path}: ${answer.statusCode}`));
      });
    })
      .on('error', reject)
      .end(body);
  });
}

function longestTurnMs(sinceMs: number): number {
  let text = '';
  try {
    text = readFileSync(turnsFile, 'utf8');
  } catch {
    // not one long turn so far
  }
  const lines = text.split('\n').filter((line) => line !== '');
  const turns = lines.map((line) => JSON.parse(line) as { pid: number; atMs: number; cpuMs: number });
  const ours = turns.filter(({ pid, atMs }) => pid === cluster.pid && atMs >= sinceMs);
  return Math.round(Math.max(0, ...ours.map(({ cpuMs }) => cpuMs)));
}

const many = Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 'v']));
const configMap = (name: string, fields: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...fields });
const data = configMap('data', { data: many });
const applied = configMap('applied', { data: many });
const steps: Record<string, () => Promise<void>> = {
  createLabels: () => send('POST', '', configMap('labels', {}, { labels: many })),
  createData: () => send('POST', '', data),
  get: () => send('GET', '/data'),
  update: () => send('PUT', '/data', configMap('data', { data: { ...many, k1: 'w' } })),
  mergePatch: () => send('PATCH', '/data', '{"data":{"k2":"x"}}', 'application/merge-patch+json'),
  strategicPatch: () => send('PATCH', '/data', '{"data":{"k3":"x"}}', 'application/strategic-merge-patch+json'),
  jsonPatch: () => send('PATCH', '/data', '[{"op":"replace","path":"/data/k4","value":"x"}]', 'application/json-patch+json'),
  apply: () => send('PATCH', '/applied?fieldManager=a', applied, 'application/apply-patch+yaml'),
  applyByAnother: () => send('PATCH', '/applied?fieldManager=b', applied, 'application/apply-patch+yaml'),
  delete: () => send('DELETE', '/data'),
};
const longestTurn: Record<string, number> = {};
for (const [name, step] of Object.entries(steps)) {
  await sleep(SETTLES_MS);
  const startMs = Date.now();
  await step();
  await sleep(SETTLES_MS);
  longestTurn[name] = longestTurnMs(startMs);
}
report({ bench: 'stall', keys, longestTurnCpuMs: longestTurn });

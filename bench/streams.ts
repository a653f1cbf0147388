/**
 * Bytes through exec and logs, and how long a command that does nothing takes: kubectl, API server, kubelet, containerd and back.
 *
 *     node bench/streams.ts [MEGABYTES] [RUNS]
 *
 * Prints one JSON line: megabytes a second, median and lowest, with kubectl 1.20 (SPDY, passed through) and 1.35 (WebSocket, translated);
 * milliseconds of `exec -- true`, median and highest, beside those of `kubectl version`, which asks the API server alone; processor time of
 * control plane and kubelet for a megabyte.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BUSYBOX } from '../test/harness/images.ts';
import { KUBECTL_VERSIONS, type KubectlVersion, kubectlPath } from '../test/harness/kubectl.ts';
import { startRealCluster } from '../test/harness/real-cluster.ts';
import { cpuMs, report, summary } from './bench-cluster.ts';

const megabytes = Number(process.argv[2] ?? 100);
const runs = Number(process.argv[3] ?? 5);
const bytes = megabytes * 1_000_000;

await using cluster = await startRealCluster();
const admin = cluster.kubectl('1.35');
/** 8 MB in lines of 4 kB: a log that is not yet rotated. */
const LOG = `awk 'BEGIN { s = sprintf("%4000s", ""); for (i = 0; i < 2000; i++) print s }'; sleep 10000`;
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'bench' },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'c',
        image: BUSYBOX,
        command: ['sh', '-c', LOG],
      },
    ],
  },
};
await admin.run('create -f -', { input: JSON.stringify(pod) });
await admin.run('wait --for=condition=Ready pod/bench --timeout=60s');

/** Runs kubectl, gives it bytes and counts those that come. Milliseconds. */
async function time(version: KubectlVersion, args: readonly string[], input = 0): Promise<{ ms: number; heard: number }> {
  const startMs = performance.now();
  const env = { ...process.env, KUBECONFIG: cluster.home.kubeconfig, HOME: cluster.home.path };
  const child = spawn(kubectlPath(version), args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let heard = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.length;
  });
  child.stdin.on('error', () => undefined); // a command that has ended reads no more
  const closed = once(child, 'close') as Promise<[number]>;
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let left = input; left > 0; left -= piece.length)
    if (!child.stdin.write(left < piece.length ? piece.subarray(0, left) : piece))
      await Promise.race([once(child.stdin, 'drain'), closed]);
  child.stdin.end();
  const [code] = await closed;
  if (code !== 0) throw new Error(`kubectl ${version} ${args.join(' ')} ended with ${code}`);
  return { ms: performance.now() - startMs, heard };
}

const exec = (...command: string[]) => ['exec', '-i', 'bench', '--', ...command];
const quiet = (...command: string[]) => ['exec', 'bench', '--', ...command];
const rate = async (version: KubectlVersion, args: readonly string[], input: number, expected: number) => {
  const { ms, heard } = await time(version, args, input);
  if (heard < expected) throw new Error(`${heard} of ${expected} bytes came`);
  return Math.round((Math.max(input, heard) / 1e6 / ms) * 1e4) / 10;
};
const several = async (measure: () => Promise<number>): Promise<number[]> => {
  const values: number[] = [];
  for (let run = 0; run < runs; run++) values.push(await measure());
  return values;
};

const result: Record<string, unknown> = { megabytes, runs };
const cpu = () => cpuMs(cluster.up.pid) + cpuMs(cluster.kubelet.pid);
for (const version of KUBECTL_VERSIONS) {
  const before = cpu();
  const out = summary(await several(() => rate(version, quiet('head', '-c', String(bytes), '/dev/zero'), 0, bytes)), 'lowest');
  const outCpuMsPerMb = Math.round(((cpu() - before) / (runs * megabytes)) * 10) / 10;
  const into = summary(await several(() => rate(version, exec('wc', '-c'), bytes, 0)), 'lowest');
  const both = summary(await several(() => rate(version, exec('cat'), bytes, bytes)), 'lowest');
  const logs = summary(await several(() => rate(version, ['logs', 'bench'], 0, 8_002_000)), 'lowest');
  const execMs = summary(await several(async () => Math.round((await time(version, quiet('true'))).ms)), 'highest');
  const versionMs = summary(await several(async () => Math.round((await time(version, ['version'])).ms)), 'highest');
  result[version] = { outMbPerS: out, outCpuMsPerMb, inMbPerS: into, bothMbPerS: both, logsMbPerS: logs, execMs, versionMs };
}
report(result);

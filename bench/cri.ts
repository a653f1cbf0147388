/**
 * What a container runtime needs to start a pod, asked as crictl asks it: sandbox, container, start, with the image there. A containerd of
 * its own, nothing else.
 *
 *     node bench/cri.ts [PODS] [AT_ONCE]
 *
 * Prints one JSON line: milliseconds, median and 99th percentile, one pod at a time and many at once.
 */
import { startContainerd } from '../test/harness/containerd.ts';
import { createBarePods, latencies } from './bare-pods.ts';
import { report } from './bench-cluster.ts';

const count = Number(process.argv[2] ?? 30);
const atOnce = Number(process.argv[3] ?? 50);

await using containerd = await startContainerd();
using bare = await createBarePods(containerd);
const single = [];
for (let i = 0; i < count; i++) {
  const started = await bare.start(`one-${i}`);
  single.push(started);
  await bare.remove(started);
}
const beganMs = performance.now();
const many = await Promise.all(Array.from({ length: atOnce }, (_, i) => bare.start(`many-${i}`)));
const allMs = Math.round(performance.now() - beganMs);
await Promise.all(many.map((pod) => bare.remove(pod)));
report({
  bench: 'cri',
  oneAtATime: {
    pods: count,
    startMs: latencies(single.map(({ totalMs }) => totalMs)),
    sandboxMs: latencies(single.map(({ sandboxMs }) => sandboxMs)),
  },
  atOnce: { pods: atOnce, startMs: latencies(many.map(({ totalMs }) => totalMs)), allMs },
});

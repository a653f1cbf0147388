/**
 * What holds up everybody else: the longest turn of the control plane's event loop while it works on something large or made to be slow,
 * in milliseconds of its main thread's processor time.
 *
 *     node bench/stalls.ts [WORD…]      only what has one of the words in its name
 *     MUSTER_BENCH_PROFILE=1 node bench/stalls.ts WORD      and where each long turn was
 *
 * Prints one JSON line. Takes some minutes, and a gigabyte.
 */
import { Agent } from 'node:https';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { report, startBenchCluster } from './bench-cluster.ts';
import { controllerSteps } from './stall-steps/controllers.ts';
import { customResourceSteps } from './stall-steps/custom-resources.ts';
import { expressionSteps } from './stall-steps/expressions.ts';
import { largeObjectSteps } from './stall-steps/large-objects.ts';
import { manyObjectSteps } from './stall-steps/many-objects.ts';
import { patchSteps } from './stall-steps/patches.ts';
import type { StallStep } from './stall-steps/step.ts';
import { watchFormSteps } from './stall-steps/watch-forms.ts';
import { openTurns, sender } from './turns.ts';

const words = process.argv.slice(2);

await using stack = new AsyncDisposableStack();
const turns = stack.use(await openTurns());
const cluster = stack.use(await turns.watched(() => startBenchCluster()));
const identity = await resolveContext(await readKubeconfig(cluster.kubeconfig));
const agent = new Agent({ keepAlive: true, ca: identity.caPem, cert: identity.clientCertificatePem, key: identity.clientKeyPem });
stack.defer(() => agent.destroy());
const send = sender(cluster.server, () => agent);

const steps: readonly StallStep[] = [
  ...largeObjectSteps(),
  ...patchSteps(),
  ...expressionSteps(),
  ...customResourceSteps(),
  ...manyObjectSteps(),
  ...watchFormSteps(),
  ...controllerSteps(),
];
for (const { name, prepare, run, expected } of steps) {
  if (words.length && !words.some((word) => name.includes(word))) continue;
  await prepare?.(send);
  await turns.measure(cluster.pid, name, async () => (await run(send)) ?? undefined, expected);
}
report({ bench: 'stalls', longestTurnCpuMs: turns.longest });

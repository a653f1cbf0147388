import type { Inventory } from '../../api/config/v1/inventory.ts';
import { atMost } from '../../std/at-most.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { quote } from '../../std/shell-word.ts';
import type { Material } from '../assets/material.ts';
import { asksForServing, bootstrapFile, KUBELET_KUBECONFIG, kubeletPair } from '../desired/node.ts';
import { bridgeFile } from '../desired/pod-network.ts';
import { PHASES, type Phase, type Step } from '../desired/step.ts';
import type { HostFacts } from '../facts/facts.ts';
import { HOSTS_AT_ONCE } from '../facts/survey.ts';
import { type HostPlan, isEmpty } from '../plan/plan.ts';
import type { Transport } from '../transport/transport.ts';
import { agentInput, agentScript } from './agent-script.ts';
import { type Ailing, ailingOf, messageOf, said } from './ailing.ts';
import { awaitApi } from './await-api.ts';
import type { Cluster, NodeState } from './cluster.ts';
import { requireSteadyUnits } from './steady-units.ts';
import type { UnitReport } from './unit-report.ts';

export interface ApplyOptions {
  readonly inventory: Inventory;
  readonly plans: readonly HostPlan[];
  readonly facts: ReadonlyMap<string, HostFacts>;
  readonly transports: ReadonlyMap<string, Transport>;
  readonly material: Material;
  /** Opens the way to the API; asked when an API server runs. */
  readonly openCluster: () => Promise<Cluster>;
  readonly progress: (line: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Services of which a running majority must stay: one host at a time restarts them. */
const ROLLING: ReadonlySet<Phase> = new Set(['etcd', 'api-server', 'controllers']);
const WITHOUT_CLUSTER = PHASES.filter((phase) => phase !== 'node');
const NODE_READY_MS = 600_000;
const POLL_MS = 500;
const REMIND_MS = 20_000;
const FIRST_NODE_MS = 180_000;
/** From when its node is Ready. */
const ASKING_MS = 60_000;
const KUBELET_UNIT = 'kubelet.service';
/** Of a kubelet that ends each time: what it waits for at first, as its container runtime, is there by then. */
const HOPELESS_RESTARTS = 8;

/** What is to be done on a host. */
type Work = readonly [host: string, steps: readonly Step[]];

/**
 * Makes hosts what the plan says, phase by phase. What is done is seen by the next survey, so that the same call goes on after any end.
 *
 * @throws CodedError APPLY_FAILED naming each host that failed in the phase, with the others done; the abort reason
 */
export async function applyPlans(options: ApplyOptions): Promise<void> {
  const { inventory, plans, progress, signal } = options;
  const byHost = new Map(plans.map((plan) => [plan.host, plan]));
  await applyPhases(options, WITHOUT_CLUSTER);
  // Of hosts that lack nothing, too: what ended before may have left the cluster without its objects, and kubelets that wait.
  const cluster = await options.openCluster();
  try {
    await awaitApi(options, cluster);
    for (const made of await cluster.prepare(signal)) progress(`cluster: created ${made}`);
    const unserved = withoutServing(options);
    const isDone = plans.every(isEmpty);
    if (isDone && unserved.size === 0) return;
    await runNodes(
      options,
      cluster,
      await Promise.all(plans.map(async (plan) => [plan.host, await joinSteps(options, plan, cluster)] as const)),
    );
    const workers = inventory.hosts
      .filter(({ name, roles }) => roles.includes('worker') && byHost.has(name))
      .map(({ name }) => name);
    await awaitNodes(options, cluster, isDone ? [...unserved] : workers, unserved);
    await requireSteadyUnits(options);
  } finally {
    await cluster.close();
  }
}

/** What of the plans belongs to these phases, in their order. The cluster itself is not asked. @throws CodedError as `applyPlans` does */
export async function applyPhases(options: Omit<ApplyOptions, 'openCluster'>, phases: readonly Phase[]): Promise<void> {
  for (const phase of phases)
    await runPhase(
      options,
      phase,
      options.plans.map((plan) => [plan.host, stepsOf(plan, phase)]),
    );
}

const stepsOf = (plan: HostPlan, phase: Phase): Step[] =>
  plan.changes.filter(({ step }) => step.phase === phase).map(({ step }) => step);

/** The hosts of the plans whose kubelets have yet to be given a serving certificate, and ask for one. */
function withoutServing({ inventory, plans, facts }: ApplyOptions): ReadonlySet<string> {
  const asking = new Set(inventory.hosts.filter((host) => asksForServing(inventory, host)).map(({ name }) => name));
  const path = kubeletPair(inventory, 'server');
  const unserved = plans.filter(({ host, rejoins }) => asking.has(host) && (rejoins || !facts.get(host)?.certificates.has(path)));
  return new Set(unserved.map(({ host }) => host));
}

/** Whether the kubelet has its serving certificate: a request that is approved may be one of before. */
async function isServed({ inventory, transports, signal }: ApplyOptions, host: string): Promise<boolean> {
  const script = `[ ! -e ${quote(kubeletPair(inventory, 'server'))} ] || echo served`;
  return (await transports.get(host)!.run(script, { signal })).stdout.includes('served');
}

/** The steps of the last phase, with what makes the node join where it has not. */
async function joinSteps({ inventory, signal }: ApplyOptions, plan: HostPlan, cluster: Cluster): Promise<Step[]> {
  const steps = stepsOf(plan, 'node');
  if (!plan.joins && !plan.rejoins) return steps;
  const file = bootstrapFile(inventory, await cluster.createToken(plan.host, signal));
  const kubelet: Step = steps.find((step) => step.type === 'unit' && step.name === KUBELET_UNIT) ?? restartOf(KUBELET_UNIT);
  return [
    { ...file, phase: 'node' },
    ...steps.filter((step) => step !== kubelet),
    ...(plan.rejoins ? [forgottenIdentity(inventory)] : []),
    kubelet,
  ];
}

/** What a kubelet has of an authority before. Its serving certificate is asked for again, too, unless it is of its own making. */
function forgottenIdentity({ pki, kubelet }: Inventory): Step {
  const serving = kubelet.servingCertificate === 'self-signed' ? [] : [`${pki.directory}/kubelet-server-*`];
  return { type: 'forgotten', paths: [KUBELET_KUBECONFIG, `${pki.directory}/kubelet-client-*`, ...serving], phase: 'node' };
}

/** A kubelet that runs and has not joined: its token may have ended. */
const restartOf = (name: string): Step => ({ type: 'restarted', name, phase: 'node' });

async function runPhase(
  { transports, facts, progress, signal }: Omit<ApplyOptions, 'openCluster'>,
  phase: Phase,
  work: readonly Work[],
): Promise<void> {
  const due = work.filter(([, steps]) => steps.length > 0);
  if (due.length === 0) return;
  signal.throwIfAborted();
  const run = async ([host, steps]: Work) => {
    const beganMs = performance.now();
    const transport = transports.get(host)!;
    const { stdout } = await transport.run(agentScript(), { input: agentInput(steps), signal });
    if (!stdout.endsWith('end\n'))
      throw new CodedError('the connection ended too early', { code: 'HOST_UNREACHABLE', retryable: true });
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
    progress(`${host}: ${phase}: ${steps.length} ${steps.length === 1 ? 'step' : 'steps'} in ${seconds} s`);
  };
  const restarts = ([host, steps]: (typeof due)[number]) =>
    steps.some((step) => step.type === 'unit' && facts.get(host)?.units.get(step.name)?.active === 'active');
  // What does not run yet is started at once: members of etcd wait for each other.
  const isRolling = ROLLING.has(phase) && due.some(restarts);
  const results = isRolling ? await oneByOne(due, run) : await atMost(HOSTS_AT_ONCE, due, run);
  signal.throwIfAborted();
  const failures = results.flatMap((result, i) =>
    result.status === 'rejected' ? [`${due[i]![0]}: ${messageOf(result.reason)}`] : [],
  );
  if (failures.length > 0)
    throw new CodedError(
      `${phase} failed on ${failures.length} of ${due.length} hosts: ${failures.join('; ')}; the same command goes on from here`,
      {
        code: 'APPLY_FAILED',
        retryable: true,
      },
    );
}

/**
 * The last phase. Where kubelets that run are restarted on several hosts one goes first, and the others follow when it has told its state:
 * what no kubelet can run with ends one of them.
 */
async function runNodes(options: ApplyOptions, cluster: Cluster, work: readonly Work[]): Promise<void> {
  const { facts, clock, signal, progress } = options;
  const restarted = work.filter(
    ([host, steps]) =>
      steps.some((step) => (step.type === 'unit' || step.type === 'restarted') && step.name === KUBELET_UNIT) &&
      facts.get(host)?.units.get(KUBELET_UNIT)?.active === 'active',
  );
  const [first] = restarted;
  if (!first || restarted.length === 1) return runPhase(options, 'node', work);
  const [host] = first;
  const before = (await cluster.nodes(signal)).get(host);
  await runPhase(options, 'node', [first]);
  const endMs = clock.now() + FIRST_NODE_MS;
  // A node that was not Ready before need not be now.
  for (let isDone = before?.ready !== true; !isDone; ) {
    const now = (await cluster.nodes(signal)).get(host);
    isDone = now?.ready === true && now.heartbeat !== before?.heartbeat;
    if (isDone) break;
    if (clock.now() > endMs)
      throw new CodedError(
        `${host}: its kubelet does not serve with what is new: ${now?.ready ? 'it tells nothing' : (now?.message ?? 'it has no node')}${said(await ailingKubelets(options, new Set([host])))}; those of the other hosts still run as they did, and the same command goes on from here`,
        { code: 'APPLY_FAILED', retryable: true },
      );
    await clock.sleep(POLL_MS, signal);
  }
  progress(`${host}: its kubelet serves, the others follow`);
  await runPhase(
    options,
    'node',
    work.filter((one) => one !== first),
  );
}

/** Ends with the first that fails: the others still serve. */
async function oneByOne<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<PromiseSettledResult<void>[]> {
  const results: PromiseSettledResult<void>[] = [];
  for (const item of items) {
    const [result] = await Promise.allSettled([work(item)]);
    results.push(result);
    if (result.status === 'rejected') break;
  }
  return results;
}

/**
 * Until all nodes are Ready: approves what they ask for, and gives them their network.
 *
 * @param unserved those that are to ask for a serving certificate. A kubelet may be Ready before it asks, and one whose flags say so never asks
 */
async function awaitNodes(
  options: ApplyOptions,
  cluster: Cluster,
  workers: readonly string[],
  unserved: ReadonlySet<string>,
): Promise<void> {
  const { inventory, plans, clock, signal, progress } = options;
  const addresses = new Map(inventory.hosts.map(({ name, address }) => [name, [address]] as const));
  const withoutNetwork = new Set(plans.filter(({ needsNetwork }) => needsNetwork).map(({ host }) => host));
  const waiting = new Set(workers);
  const askingUntilMs = new Map<string, number>();
  const endMs = clock.now() + NODE_READY_MS;
  let why = '';
  let remindMs = clock.now() + REMIND_MS;
  while (waiting.size > 0) {
    signal.throwIfAborted();
    if (clock.now() > endMs)
      throw new CodedError(
        `not all nodes are Ready: ${why}${said(await ailingKubelets(options, waiting))}; "journalctl -u kubelet" on the host says more`,
        {
          code: 'NODES_NOT_READY',
          retryable: true,
        },
      );
    if (inventory.kubelet.servingCertificate === 'approved') await cluster.approveServing(addresses, signal);
    const nodes = await cluster.nodes(signal);
    const ranged = [...withoutNetwork].filter((host) => (nodes.get(host)?.podCidrs.length ?? 0) > 0);
    await runPhase(
      options,
      'node',
      ranged.map((host) => [host, [{ ...bridgeFile(inventory, nodes.get(host)!.podCidrs), phase: 'node' }]]),
    );
    for (const host of ranged) withoutNetwork.delete(host);
    for (const host of [...waiting]) {
      if (!nodes.get(host)?.ready) continue;
      if (unserved.has(host) && !(await isServed(options, host))) {
        const untilMs = askingUntilMs.get(host) ?? clock.now() + ASKING_MS;
        askingUntilMs.set(host, untilMs);
        if (clock.now() < untilMs) continue;
        progress(
          `${host}: its kubelet has no serving certificate: it asked for none, or for names that are not the inventory's, or nobody signs ("muster explain node ${host}")`,
        );
      }
      waiting.delete(host);
      progress(`${host}: Ready`);
    }
    why = [...waiting].map((host) => `${host}: ${waitedFor(nodes.get(host))}`).join('; ');
    if (waiting.size > 0 && clock.now() > remindMs) {
      const ailing = await ailingKubelets(options, waiting);
      progress(`waiting for ${waiting.size} of ${workers.length} nodes: ${why}${said(ailing)}`);
      if ([...waiting].every((host) => isHopeless(ailing.get(host))))
        throw new CodedError(`no kubelet that is waited for stays up${said(ailing)}; the same command goes on from here`, {
          code: 'APPLY_FAILED',
          retryable: true,
        });
      remindMs = clock.now() + REMIND_MS;
    }
    if (waiting.size > 0) await clock.sleep(POLL_MS, signal);
  }
}

const waitedFor = (node: NodeState | undefined): string =>
  node?.ready ? 'is to get its serving certificate' : (node?.message ?? 'has not joined');

/** How the kubelets of these hosts fare that do not work, or why one cannot be asked. */
const ailingKubelets = (options: ApplyOptions, hosts: ReadonlySet<string>): Promise<Ailing> =>
  ailingOf(options, new Map([...hosts].map((host) => [host, [KUBELET_UNIT]])));

const isHopeless = (found: readonly UnitReport[] | string | undefined) =>
  typeof found === 'object' && found.every(({ state, restarts }) => state !== 'active' && restarts >= HOPELESS_RESTARTS);

import { KUBELET_KUBECONFIG } from '../../deploy/desired/node.ts';
import type { Span } from '../../deploy/facts/clocks.ts';
import { HOSTS_AT_ONCE } from '../../deploy/facts/survey.ts';
import { planCluster } from '../../deploy/plan/plan.ts';
import {
  type Check,
  checkClocks,
  checkCluster,
  checkHost,
  checkPlan,
  formatChecks,
  parseHostState,
  unitsOf,
} from '../../deploy/verify/checks.ts';
import { verifyScript } from '../../deploy/verify/verify-script.ts';
import { atMost } from '../../std/at-most.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { DEPLOY_FLAGS, OUTPUT_FLAG, wantsJson } from '../deploy/deploy-flags.ts';
import { openSession, type Session } from '../deploy/session.ts';
import { describeError } from '../describe-error.ts';

/** `muster deploy verify`: exit status 1 unless everything holds. */
export const deployVerifyCommand: ComponentCommand = {
  name: 'deploy verify',
  summary:
    'Checks a deployed cluster as the runbooks do by hand: services, certificates, sockets, requests, nodes, and whether the hosts are as the inventory says.',
  flags: [...DEPLOY_FLAGS, OUTPUT_FLAG],
  async run(flags, io) {
    const json = wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true });
    const checks = [...(await verifyCluster(session, io)), ...(await verifyHosts(session, io)), ...(await verifyPlan(session))];
    io.stdout(json ? `${JSON.stringify({ checks })}\n` : formatChecks(checks));
    return checks.every(({ holds }) => holds) ? 0 : 1;
  },
};

async function verifyHosts({ inventory, transports }: Session, { clock, signal }: CommandIo): Promise<Check[]> {
  const times = new Map<string, number>();
  const askedAt = new Map<string, Span>();
  const results = await atMost(HOSTS_AT_ONCE, inventory.hosts, async (host) => {
    const units = unitsOf(inventory, host).map((name) => `${name}.service`);
    const script = verifyScript(units, KUBELET_KUBECONFIG, inventory.pki.directory);
    const from = clock.now() / 1000;
    const state = parseHostState((await transports.get(host.name)!.run(script, { signal })).stdout);
    times.set(host.name, state.time);
    askedAt.set(host.name, { from, to: clock.now() / 1000 });
    return state;
  });
  signal.throwIfAborted();
  const checks = inventory.hosts.flatMap((host, i) => {
    const result = results[i]!;
    if (result.status === 'fulfilled') return checkHost(inventory, host, result.value);
    return checkHost(inventory, host, undefined).map((check) => ({ ...check, found: describeError(result.reason) }));
  });
  return [...checks, ...checkClocks(times, askedAt)];
}

/** Of hosts that answer; of the others it is told already. */
async function verifyPlan(session: Session): Promise<Check[]> {
  const { inventory, material } = session;
  const survey = await session.survey();
  const signer = material.authority.certificate;
  const plans = planCluster({ inventory, desired: session.desired(survey), signer }, survey.facts);
  return plans.map((plan) => checkPlan(inventory, plan));
}

async function verifyCluster({ inventory, openCluster }: Session, io: CommandIo): Promise<Check[]> {
  const cluster = await openCluster();
  try {
    return checkCluster(inventory, await cluster.state(io.signal));
  } catch (error) {
    io.signal.throwIfAborted();
    return [{ title: 'the API answers', holds: false, found: describeError(error) }];
  } finally {
    await cluster.close();
  }
}

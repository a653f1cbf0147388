import { certificatesOf } from '../../deploy/assets/certificates.ts';
import { readRenewal } from '../../deploy/assets/renewal.ts';
import { planCluster } from '../../deploy/plan/plan.ts';
import { clusterStatus, formatStatus, isWell } from '../../deploy/status/status.ts';
import type { ClusterState } from '../../deploy/verify/checks.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { DEPLOY_FLAGS, OUTPUT_FLAG, wantsJson } from '../deploy/deploy-flags.ts';
import { openSession, type Session } from '../deploy/session.ts';
import { describeError } from '../describe-error.ts';

/** `muster deploy status`: exit status 1 when somebody should see to something. */
export const deployStatusCommand: ComponentCommand = {
  name: 'deploy status',
  summary: 'Shows the hosts of an inventory: services, programs, certificates, nodes, and what is unfinished.',
  flags: [...DEPLOY_FLAGS, OUTPUT_FLAG],
  async run(flags, io) {
    const json = wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true });
    const { inventory, material, files } = session;
    const [survey, state] = await Promise.all([session.survey(), readState(session, io)]);
    io.signal.throwIfAborted();
    const own = Object.values(certificatesOf(inventory)).flat();
    const status = clusterStatus({
      ...{ inventory, material, state, facts: survey.facts, askedAt: survey.askedAt },
      failures: new Map([...survey.failures].map(([host, error]) => [host, describeError(error)])),
      plans: planCluster({ inventory, desired: session.desired(survey), signer: material.authority.certificate }, survey.facts),
      certificatesOf: (host) =>
        own.flatMap(({ name }) => (name.startsWith(`hosts/${host}/`) ? [name.slice(`hosts/${host}/`.length)] : [])),
      renews: (await readRenewal(files)) !== undefined,
    });
    io.stdout(json ? `${JSON.stringify(status)}\n` : formatStatus(status, io.clock.now()));
    return isWell(status) ? 0 : 1;
  },
};

/** Undefined when the API does not answer, which the status says. */
async function readState(session: Session, io: CommandIo): Promise<ClusterState | undefined> {
  const cluster = await session.openCluster();
  try {
    return await cluster.state(io.signal);
  } catch {
    io.signal.throwIfAborted();
    return undefined;
  } finally {
    await cluster.close();
  }
}

import { asksForServing, kubeletPair } from '../../deploy/desired/node.ts';
import type { HostFacts } from '../../deploy/facts/facts.ts';
import { isEmpty, isSignedBy } from '../../deploy/plan/plan.ts';
import { checkCluster } from '../../deploy/verify/checks.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { writeAdminKubeconfig } from './admin-kubeconfig.ts';
import { carryOut } from './carry-out.ts';
import { lookAt } from './look.ts';
import type { Session } from './session.ts';

const CERTIFICATES_MS = 300_000;
const POLL_MS = 1_000;

/**
 * Makes all hosts what the assets say now, and resolves when their kubelets have certificates of who signs now.
 *
 * @throws CodedError as `apply` does; CERTIFICATES_MISSING naming the hosts whose kubelets got none in time
 */
export async function distribute(session: Session, io: CommandIo): Promise<void> {
  const current = await session.reopened();
  // What cannot be mended is told once, by whoever began.
  const quiet = { ...io, stderr: () => undefined };
  await writeAdminKubeconfig(current);
  await carryOut(current, io, await lookAt(current, quiet), (line) =>
    io.stderr(`${line}
`),
  );
  await awaitCertificates(current, quiet);
}

/** Kubelets ask for certificates by themselves. */
async function awaitCertificates(session: Session, io: CommandIo): Promise<void> {
  const { inventory } = session;
  const addresses = new Map(inventory.hosts.map(({ name, address }) => [name, [address]] as const));
  const endMs = io.clock.now() + CERTIFICATES_MS;
  for (;;) {
    const { facts, plans } = await lookAt(session, io);
    const waiting = plans.flatMap(({ host, joins, rejoins }) =>
      joins || rejoins || lacksServing(session, host, facts.get(host)) ? [host] : [],
    );
    if (waiting.length === 0) return;
    if (io.clock.now() > endMs)
      throw new CodedError(
        `kubelets have no certificate of the authority that signs now: ${waiting.join(', ')}; the same command goes on from here`,
        { code: 'CERTIFICATES_MISSING', retryable: true },
      );
    const cluster = await session.openCluster();
    try {
      if (inventory.kubelet.servingCertificate === 'approved') await cluster.approveServing(addresses, io.signal);
    } finally {
      await cluster.close();
    }
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

function lacksServing({ inventory, material }: Session, name: string, fact: HostFacts | undefined): boolean {
  if (!inventory.hosts.some((host) => host.name === name && asksForServing(inventory, host))) return false;
  const pem = fact?.certificates.get(kubeletPair(inventory, 'server'));
  return pem === undefined || !isSignedBy(pem, material.authority.certificate);
}

/**
 * What has to hold before something of a cluster is replaced: it is as the inventory says, and well.
 *
 * @throws CodedError PREFLIGHT_FAILED
 */
export async function requireSound(session: Session, io: CommandIo): Promise<void> {
  const { plans } = await lookAt(session, io);
  const behind = plans.filter((plan) => !isEmpty(plan)).map(({ host }) => host);
  if (behind.length > 0)
    throw new CodedError(
      `nothing was done: ${behind.join(', ')} ${behind.length === 1 ? 'is' : 'are'} not what the inventory says ("muster deploy plan" shows how); "apply" first`,
      { code: 'PREFLIGHT_FAILED' },
    );
  await requireWell(session, io);
}

/** @throws CodedError PREFLIGHT_FAILED when a component or a node is not well */
export async function requireWell(session: Session, io: CommandIo): Promise<void> {
  const cluster = await session.openCluster();
  try {
    const failed = checkCluster(session.inventory, await cluster.state(io.signal)).filter(({ holds }) => !holds);
    if (failed.length > 0)
      throw new CodedError(
        `nothing was done: the cluster is not well: ${failed.map(({ title, found }) => `${title}: ${found}`).join('; ')}`,
        { code: 'PREFLIGHT_FAILED' },
      );
  } finally {
    await cluster.close();
  }
}

import { encryptionPath, hostsWithOtherKeys } from '../../deploy/desired/encryption.ts';
import type { EtcdBeginning } from '../../deploy/desired/etcd.ts';
import type { HostFacts } from '../../deploy/facts/facts.ts';
import { changedParts } from '../../deploy/plan/lasting-parts.ts';
import { type HostPlan, planCluster } from '../../deploy/plan/plan.ts';
import { checkHosts, type Remark } from '../../deploy/plan/preflight.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { visibleLine } from '../../std/visible-text.ts';
import { describeError } from '../describe-error.ts';
import type { Session } from './session.ts';

export interface Look {
  readonly facts: ReadonlyMap<string, HostFacts>;
  readonly plans: readonly HostPlan[];
}

export interface LookOptions {
  /** The hosts that are looked at; default all. */
  readonly names?: ReadonlySet<string>;
  /** Hosts that become members of an etcd that runs. */
  readonly adding?: ReadonlySet<string>;
  /** With what of these a member of etcd is to begin. */
  readonly joining?: ReadonlyMap<string, EtcdBeginning>;
}

/**
 * Looks at hosts and says what would be done. Warnings are printed.
 *
 * @throws CodedError HOSTS_UNREACHABLE, PREFLIGHT_FAILED, each naming every host and what is wrong with it
 */
export async function lookAt(session: Session, io: CommandIo, { names, adding, joining }: LookOptions = {}): Promise<Look> {
  const { inventory } = session;
  const survey = await session.survey(names);
  io.signal.throwIfAborted();
  if (survey.failures.size > 0) {
    const failures = inventory.hosts.flatMap(({ name }) =>
      survey.failures.has(name) ? [`${name}: ${describeError(survey.failures.get(name))}`] : [],
    );
    throw new CodedError(
      `${failures.length} of ${names?.size ?? inventory.hosts.length} hosts cannot be looked at: ${failures.join('; ')}`,
      {
        code: 'HOSTS_UNREACHABLE',
        retryable: true,
      },
    );
  }
  const { problems, warnings } = checkHosts(
    inventory,
    survey.facts,
    process.arch,
    survey.askedAt,
    session.bundledPackages,
    adding,
  );
  const unknown = hostsWithOtherKeys(inventory, session.material, survey.facts);
  if (unknown.length > 0)
    throw new CodedError(
      `${unknown.join(', ')}: Secrets are kept by keys (${encryptionPath(inventory)}) of which the assets know nothing: put encryption.json of the assets back`,
      { code: 'PREFLIGHT_FAILED' },
    );
  for (const line of gathered(warnings)) io.stderr(`warning: ${visibleLine(line)}\n`);
  if (problems.length > 0)
    throw new CodedError(`the hosts are not fit for this cluster: ${gathered(problems).join('; ')}`, {
      code: 'PREFLIGHT_FAILED',
    });
  const wanted = { inventory, desired: session.desired(survey, joining), signer: session.material.authority.certificate };
  const plans = planCluster(wanted, survey.facts);
  const changed = gathered(changedParts(inventory, plans, survey.facts));
  if (changed.length > 0) throw new CodedError(`nothing was done: ${changed.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
  return { facts: survey.facts, plans };
}

/** What holds of several hosts is told once. */
function gathered(remarks: readonly Remark[]): string[] {
  const hosts = new Map<string, string[]>();
  for (const { host, message } of remarks) hosts.set(message, [...(hosts.get(message) ?? []), host]);
  return [...hosts].map(([message, names]) => `${names.join(', ')}: ${message}`);
}

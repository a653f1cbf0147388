import type { InventoryHost } from '../../api/config/v1/inventory.ts';
import { applyPhases } from '../../deploy/apply/apply.ts';
import { isMember, membersOf, peerUrl } from '../../deploy/desired/etcd.ts';
import { addMember } from '../../deploy/etcd-members/add-member.ts';
import { type AdditionStep, type Candidate, planMember, planMembers } from '../../deploy/etcd-members/addition-plan.ts';
import { leaveScript, returnScript } from '../../deploy/etcd-members/leave-script.ts';
import { memberOf } from '../../deploy/etcd-members/member-facts.ts';
import { serves } from '../../deploy/etcd-members/member-plan.ts';
import type { HostFacts } from '../../deploy/facts/facts.ts';
import type { Outline } from '../../deploy/plan/outline.ts';
import { isEmpty } from '../../deploy/plan/plan.ts';
import { hostsToUpgrade } from '../../deploy/upgrade/upgrade-plan.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { applyOptions, carryOut } from '../deploy/carry-out.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, namedHosts, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { type EtcdMembers, openEtcdMembers } from '../deploy/etcd-members.ts';
import { lookAt } from '../deploy/look.ts';
import { openSession, type Session } from '../deploy/session.ts';

/** `muster deploy etcd add HOST…`. */
export const deployEtcdAddCommand: ComponentCommand = {
  name: 'deploy etcd add',
  arguments: 'HOST...',
  summary:
    'Makes hosts members of the etcd that runs, one at a time: each learns before it votes. One that lost its data is replaced. Then API servers use them.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, {
      readOnly: dryRun,
      takesArguments: true,
      ...(!dryRun && { locksAs: 'etcd add' }),
    });
    const { inventory } = session;
    const hosts = namedHosts(flags, inventory);
    const other = hosts.find((host) => !isMember(host));
    if (other) throw new FlagError('HOST', `${other.name} has no role etcd in the inventory`);
    await using etcd = await openEtcdMembers(session, io);
    // Others that are no members yet are left as they are: they come with a command of their own.
    const { facts, plans } = await lookAt(session, io, { adding: new Set(membersOf(inventory).map(({ name }) => name)) });
    const older = hostsToUpgrade(inventory, plans, facts);
    if (older.length > 0) throw refused([`${older.join(', ')} would get another program: "muster deploy upgrade" first`]);
    const planned = planMembers(
      await etcd.read(),
      hosts.map((host) => candidateOf(session, host, facts)),
    );
    const problems = planned.flatMap((one) => one.problems);
    if (problems.length > 0) throw refused(problems);
    if (dryRun || wantsJson(flags))
      printOutline(
        flags,
        io,
        planned.map(({ steps }, i) => outlineOf(hosts[i]!.name, steps)),
      );
    if (dryRun) return 0;
    for (const host of hosts) await add(host, session, etcd, io);
    await tellApiServers(session, etcd, io);
    return 0;
  },
};

const refused = (problems: readonly string[]) =>
  new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });

const candidateOf = ({ inventory }: Session, host: InventoryHost, facts: ReadonlyMap<string, HostFacts>): Candidate => {
  const fact = facts.get(host.name);
  return { name: host.name, peerUrl: peerUrl(host), hasData: fact !== undefined && memberOf(inventory, host, fact).hasBegun };
};

const SHOWN: Readonly<Record<AdditionStep, Outline['changes'][number]>> = {
  remove: { action: 'remove', title: 'member of etcd', lines: ['- of which the data is gone'] },
  clear: { action: 'stop', title: 'service etcd.service', lines: [] },
  add: { action: 'create', title: 'member of etcd', lines: ['+ learns'] },
  start: { action: 'start', title: 'service etcd.service', lines: ['+ with the members that are there'] },
  promote: { action: 'change', title: 'member of etcd', lines: ['- learns', '+ votes'] },
};

const outlineOf = (target: string, steps: readonly AdditionStep[]): Outline => ({
  target,
  changes: steps.map((step) => SHOWN[step]),
});

async function add(host: InventoryHost, session: Session, etcd: EtcdMembers, io: CommandIo): Promise<void> {
  const { name } = host;
  const { inventory, transports } = session;
  const transport = transports.get(name)!;
  const own = new Set([name]);
  const progress = (line: string) => io.stderr(`${line}\n`);
  // What the members before it changed is seen.
  const { facts } = await lookAt(session, { ...io, stderr: () => undefined }, { names: own, adding: own });
  const candidate = candidateOf(session, host, facts);
  const plan = planMember(await etcd.read(), candidate);
  if (plan.problems.length > 0) throw refused(plan.problems);
  if (plan.steps.length === 0) progress(`${name}: a member of etcd that serves`);
  await addMember(plan, candidate, {
    read: () => etcd.read(),
    client(members) {
      const by = members.find((member) => member.name !== name && serves(member) && etcd.clients.has(member.name));
      if (!by) throw new CodedError('no other member of etcd serves', { code: 'ETCD_FAILED', retryable: true });
      return etcd.clients.get(by.name)!;
    },
    clear: async () => void (await transport.run(leaveScript(inventory.etcd.dataDirectory), { signal: io.signal })),
    async start(beginning) {
      const joining = new Map(beginning && [[name, beginning]]);
      const look = await lookAt(session, { ...io, stderr: () => undefined }, { names: own, adding: own, joining });
      await applyPhases(applyOptions(session, io, look, progress), ['prepare', 'install', 'etcd']);
      await transport.run(returnScript, { signal: io.signal });
    },
    progress,
    clock: io.clock,
    signal: io.signal,
  });
}

/** One API server at a time gets to know the members, when all that the inventory names are there. */
async function tellApiServers(session: Session, etcd: EtcdMembers, io: CommandIo): Promise<void> {
  const { inventory } = session;
  const members = await etcd.read();
  const missing = membersOf(inventory).filter(({ name }) => !members.some((member) => member.name === name && serves(member)));
  const names = missing.map(({ name }) => name);
  if (names.length > 0) {
    io.stderr(`API servers use the others until ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} added, too\n`);
    return;
  }
  const { facts, plans } = await lookAt(session, { ...io, stderr: () => undefined });
  const runs = (host: string) => (facts.get(host)?.units.get('kube-apiserver.service')?.fingerprint ?? '') !== '';
  const progress = (line: string) => io.stderr(`${line}\n`);
  await carryOut(session, io, { facts, plans: plans.filter(({ host }) => runs(host)) }, progress);
  const left = plans.filter((plan) => !runs(plan.host) && !isEmpty(plan)).map(({ host }) => host);
  if (left.length > 0) io.stderr(`"muster deploy apply" makes ${left.join(', ')} what else the inventory says\n`);
}

import { leaveScript } from '../../deploy/etcd-members/leave-script.ts';
import type { MemberClient } from '../../deploy/etcd-members/member-client.ts';
import { checkRemoval } from '../../deploy/etcd-members/member-plan.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, namedHosts, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { openEtcdMembers } from '../deploy/etcd-members.ts';
import { openSession } from '../deploy/session.ts';

const TAKEN_MS = 30_000;
const POLL_MS = 1_000;

/** `muster deploy etcd remove HOST`. */
export const deployEtcdRemoveCommand: ComponentCommand = {
  name: 'deploy etcd remove',
  summary: 'Takes one member out of etcd, if a majority of those that stay serves, and deletes its data on its host.',
  flags: [
    ...DEPLOY_FLAGS,
    { name: 'gone', type: 'bool', description: 'the host is no more: nothing is done on it' },
    DRY_RUN_FLAG,
    OUTPUT_FLAG,
  ],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    const isGone = flags.values.bool('gone');
    wantsJson(flags);
    await using session = await openSession(flags, io, {
      readOnly: true,
      takesArguments: true,
      ...(!dryRun && { locksAs: 'etcd remove' }),
    });
    const { inventory, transports } = session;
    const [host, ...others] = namedHosts(flags, inventory);
    if (others.length > 0) throw new FlagError('HOST', 'members go one at a time');
    const { name, roles } = host!;
    if (!roles.includes('etcd')) throw new FlagError('HOST', `${name} has no role etcd in the inventory`);
    await using etcd = await openEtcdMembers(session, io);
    const members = await etcd.read();
    const problems = checkRemoval(members, name);
    if (problems.length > 0) throw new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
    const member = members.find((one) => one.name === name);
    const by = members.find((one) => one.name !== name && one.status && etcd.clients.has(one.name));
    if (member && !by) throw new CodedError('nothing was done: no other member answers', { code: 'PREFLIGHT_FAILED' });
    if (dryRun || wantsJson(flags))
      printOutline(flags, io, [
        {
          target: name,
          changes: [
            ...(member
              ? [
                  {
                    action: 'remove' as const,
                    title: `member ${name} of etcd`,
                    lines: [`- id ${BigInt(member.id).toString(16)}`],
                  },
                ]
              : []),
            ...(isGone
              ? []
              : [
                  {
                    action: 'stop' as const,
                    title: 'service etcd.service',
                    lines: [`- data in ${inventory.etcd.dataDirectory}`],
                  },
                ]),
          ],
        },
      ]);
    if (dryRun) return 0;
    if (member) {
      await removeMember(etcd.clients.get(by!.name)!, member.id, io);
      io.stderr(`${name}: no member of etcd any more\n`);
    }
    if (!isGone) {
      await transports.get(name)!.run(leaveScript(inventory.etcd.dataDirectory), { signal: io.signal });
      io.stderr(`${name}: etcd is off, its data is deleted\n`);
    }
    io.stderr(`take the role etcd of ${name} out of the inventory; API servers that still name it use the others\n`);
    return 0;
  },
};

/** As long as members have not been connected for five seconds etcd takes no change, and says so. */
async function removeMember(client: MemberClient, id: string, { clock, signal }: CommandIo): Promise<void> {
  const endMs = clock.now() + TAKEN_MS;
  for (;;) {
    try {
      await client.remove(id);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!/unhealthy cluster/.test((error as Error).message) || clock.now() > endMs) throw error;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

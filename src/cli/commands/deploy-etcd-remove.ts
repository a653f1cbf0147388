import { peerUrl } from '../../deploy/desired/etcd.ts';
import { memberFor } from '../../deploy/etcd-members/addition-plan.ts';
import { leaveScript } from '../../deploy/etcd-members/leave-script.ts';
import { checkRemoval, serves } from '../../deploy/etcd-members/member-plan.ts';
import { untilTaken } from '../../deploy/etcd-members/until-taken.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, namedHosts, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { openEtcdMembers } from '../deploy/etcd-members.ts';
import { openSession } from '../deploy/session.ts';

/** `muster deploy etcd remove HOST`. */
export const deployEtcdRemoveCommand: ComponentCommand = {
  name: 'deploy etcd remove',
  arguments: 'HOST',
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
    // One that has not begun yet has no name.
    const member = memberFor(members, { name, peerUrl: peerUrl(host!) });
    const problems = member ? checkRemoval(members, member) : [];
    if (problems.length > 0) throw new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
    const by = members.find((one) => one !== member && serves(one) && etcd.clients.has(one.name));
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
      await untilTaken(() => etcd.clients.get(by!.name)!.remove(member.id), io);
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

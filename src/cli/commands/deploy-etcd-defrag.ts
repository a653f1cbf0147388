import { planDefragmentation, type SeenMember } from '../../deploy/etcd-members/member-plan.ts';
import type { Outline } from '../../deploy/plan/outline.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { type EtcdMembers, openEtcdMembers } from '../deploy/etcd-members.ts';
import { openSession } from '../deploy/session.ts';

const SERVES_MS = 120_000;
const POLL_MS = 1_000;

/** `muster deploy etcd defrag`. */
export const deployEtcdDefragCommand: ComponentCommand = {
  name: 'deploy etcd defrag',
  summary: "Gives the file system back what etcd's databases do not use, one member at a time, who leads as the last.",
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true, ...(!dryRun && { locksAs: 'etcd defrag' }) });
    await using etcd = await openEtcdMembers(session, io);
    const { order, problems } = planDefragmentation(await etcd.read());
    if (problems.length > 0) throw new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
    if (dryRun || wantsJson(flags)) printOutline(flags, io, order.map(outlineOf));
    if (dryRun) return 0;
    for (const { name, status } of order) {
      await clientOf(etcd, name).defragment();
      const now = await awaitServing(etcd, io, name);
      io.stderr(`${name}: ${status?.dbSizeBytes} bytes, now ${now.status?.dbSizeBytes}\n`);
    }
    return 0;
  },
};

const outlineOf = ({ name, status }: SeenMember): Outline => ({
  target: name,
  changes: [
    {
      action: 'change',
      title: "etcd's database",
      lines: [`- ${status?.dbSizeBytes} bytes`, `+ about ${status?.dbSizeInUseBytes} bytes`],
    },
  ],
});

function clientOf({ clients }: EtcdMembers, name: string) {
  const client = clients.get(name);
  if (!client) throw new CodedError(`member ${name} of etcd is no host of the inventory`, { code: 'PREFLIGHT_FAILED' });
  return client;
}

/** Before the next one pauses, this one serves again. */
async function awaitServing(etcd: EtcdMembers, io: CommandIo, name: string): Promise<SeenMember> {
  const endMs = io.clock.now() + SERVES_MS;
  for (;;) {
    const members = await etcd.read();
    const own = members.find((member) => member.name === name);
    if (own && planDefragmentation(members).problems.length === 0) return own;
    if (io.clock.now() > endMs)
      throw new CodedError(`member ${name} of etcd does not serve again`, { code: 'ETCD_FAILED', retryable: true });
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

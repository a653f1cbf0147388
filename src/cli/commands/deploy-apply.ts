import { isEmpty } from '../../deploy/plan/plan.ts';
import { hostsToUpgrade } from '../../deploy/upgrade/upgrade-plan.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { writeAdminKubeconfig } from '../deploy/admin-kubeconfig.ts';
import { carryOut } from '../deploy/carry-out.ts';
import { DEPLOY_FLAGS } from '../deploy/deploy-flags.ts';
import { settleEncryption } from '../deploy/encryption.ts';
import { lookAt } from '../deploy/look.ts';
import { openSession } from '../deploy/session.ts';

/** `muster deploy apply`. */
export const deployApplyCommand: ComponentCommand = {
  name: 'deploy apply',
  summary: 'Makes the hosts of an inventory a cluster; goes on where it was ended.',
  flags: [...DEPLOY_FLAGS],
  async run(flags, io) {
    const beganMs = io.clock.now();
    await using opened = await openSession(flags, io, { readOnly: false, locksAs: 'apply' });
    const { inventory } = opened;
    const kubeconfig = await writeAdminKubeconfig(opened);
    const first = await lookAt(opened, io);
    const isSaidAnew = await settleEncryption(opened, first.facts);
    const session = isSaidAnew ? await opened.reopened() : opened;
    const { facts, plans } = isSaidAnew ? await lookAt(session, { ...io, stderr: () => undefined }) : first;
    const older = hostsToUpgrade(inventory, plans, facts);
    if (older.length > 0)
      throw new CodedError(
        `nothing was done: ${older.join(', ')} ${older.length === 1 ? 'runs' : 'run'} another program than the one that is to be installed; "muster deploy upgrade" replaces it, one host at a time`,
        { code: 'UPGRADE_NEEDED' },
      );
    let isIdle = plans.every(isEmpty);
    await carryOut(session, io, { facts, plans }, (line) => {
      isIdle = false;
      io.stdout(`${line}\n`);
    });
    const seconds = ((io.clock.now() - beganMs) / 1000).toFixed(1);
    const what = isIdle ? 'nothing to do' : 'done';
    io.stdout(`${inventory.name}: ${inventory.hosts.length} hosts, ${what} in ${seconds} s\n`);
    io.stdout(`kubectl --kubeconfig ${kubeconfig} get nodes\n`);
    return 0;
  },
};

import { formatPlan, planJson } from '../../deploy/plan/plan.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { DEPLOY_FLAGS, OUTPUT_FLAG, wantsJson } from '../deploy/deploy-flags.ts';
import { lookAt } from '../deploy/look.ts';
import { openSession } from '../deploy/session.ts';

/** `muster deploy plan`: changes nothing, here or there. */
export const deployPlanCommand: ComponentCommand = {
  name: 'deploy plan',
  summary: 'Looks at the hosts of an inventory and prints what "deploy apply" would change.',
  flags: [...DEPLOY_FLAGS, OUTPUT_FLAG],
  async run(flags, io) {
    const json = wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true });
    const { plans } = await lookAt(session, io);
    io.stdout(json ? `${JSON.stringify(planJson(plans))}\n` : formatPlan(plans));
    return 0;
  },
};

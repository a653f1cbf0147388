import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { resetScript } from '../reset/reset-script.ts';
import type { Transport } from '../transport/transport.ts';
import { cordon, drain } from './drain.ts';
import { deleteMembership, readMembership } from './membership.ts';
import type { RemovalChoices, RemovalPlan } from './removal-plan.ts';

export interface RemovalRun {
  readonly inventory: Inventory;
  readonly client: Client;
  readonly transport: Transport;
  readonly choices: RemovalChoices;
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** Carries a removal out. What is done is seen by the next plan: ended anywhere, the same command goes on. */
export async function removeNode(plan: RemovalPlan, run: RemovalRun): Promise<void> {
  const { inventory, client, transport, choices, drainTimeoutMs, clock, signal, progress } = run;
  const { host, membership } = plan;
  if (membership.node && !choices.isGone) {
    await cordon(client, membership.node, 'node-remove', signal);
    await drain(plan.drain, { client, clock, signal, timeoutMs: drainTimeoutMs });
    progress(`${host}: drained, ${plan.drain.evicted.length} pods are gone`);
  }
  // Before its Node is deleted: a kubelet that runs would make it again.
  if (plan.resets) {
    await transport.run(resetScript(inventory), { signal });
    progress(`${host}: reset`);
  }
  // What came meanwhile goes, too.
  await deleteMembership(client, host, await readMembership(client, host, signal), signal);
  progress(`${host}: no node of the cluster any more`);
}

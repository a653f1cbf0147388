import type { Inventory } from '../../api/config/v1/inventory.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Phase } from '../desired/step.ts';
import type { HostPlan } from '../plan/plan.ts';
import { type Asking, ailingOf, said } from './ailing.ts';
import type { Cluster } from './cluster.ts';

export interface AwaitOptions extends Asking {
  readonly inventory: Inventory;
  readonly plans: readonly HostPlan[];
  readonly progress: (line: string) => void;
}

/** What the API stands on. */
const FOUNDATIONS: ReadonlySet<Phase> = new Set(['etcd', 'api-server']);
const STARTING_MS = 180_000;
/** Nothing of it was started: all that can be waited for is an election, or a start that systemd tries again. */
const RUNNING_MS = 30_000;

/**
 * Resolves when the API answers; says what is waited for.
 *
 * @throws CodedError API_SERVER_NOT_READY with what etcd and API servers that do not work said last
 */
export async function awaitApi({ inventory, plans, progress, ...asking }: AwaitOptions, cluster: Cluster): Promise<void> {
  const isStarted = plans.some(({ changes }) => changes.some(({ step }) => step.type === 'unit' && FOUNDATIONS.has(step.phase)));
  try {
    await cluster.waitReady(asking.signal, {
      patienceMs: isStarted ? STARTING_MS : RUNNING_MS,
      waiting: (why) => progress(`waiting for the API server: ${why}`),
    });
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'API_SERVER_NOT_READY') throw error;
    const units = inventory.hosts.map(({ name, roles }): [string, string[]] => [
      name,
      [...(roles.includes('etcd') ? ['etcd.service'] : []), ...(roles.includes('master') ? ['kube-apiserver.service'] : [])],
    ]);
    const ailing = said(await ailingOf(asking, new Map(units.filter(([, names]) => names.length > 0))));
    throw new CodedError(
      `${error.message}${ailing || '; services of etcd and API servers run: "journalctl -u kube-apiserver -u etcd" on the masters says more'}; the same command goes on from here`,
      { code: error.code, retryable: true, cause: error },
    );
  }
}

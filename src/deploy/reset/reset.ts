import type { Inventory } from '../../api/config/v1/inventory.ts';
import { atMost } from '../../std/at-most.ts';
import { HOSTS_AT_ONCE } from '../facts/survey.ts';
import type { Transport } from '../transport/transport.ts';
import { resetScript } from './reset-script.ts';

/** Resets all hosts; one that fails does not end the others. Answers the failures by host. */
export async function resetHosts(
  inventory: Inventory,
  transports: ReadonlyMap<string, Transport>,
  { progress, signal }: { readonly progress: (line: string) => void; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  // Workers first: what their services ask the masters for on their way out is still there.
  const ordered = [...inventory.hosts].sort((a, b) => Number(a.roles.includes('master')) - Number(b.roles.includes('master')));
  await atMost(HOSTS_AT_ONCE, ordered, async ({ name }) => {
    try {
      await transports.get(name)!.run(resetScript(inventory), { signal });
      progress(`${name}: reset`);
    } catch (error) {
      failures.set(name, error);
    }
  });
  return failures;
}

import type { RuleBackend } from '../rule-backend.ts';
import { renderIptables } from './render.ts';
import { createIptablesTables, type IptablesOptions } from './tables.ts';

/** Services as chains of iptables(8), in the tables filter and nat. */
export function createIptablesBackend(options: IptablesOptions): RuleBackend {
  const tables = createIptablesTables(options);
  return {
    name: 'iptables',
    sync: (plan, how) => tables.write(renderIptables(plan), how),
    isIntact: () => tables.areIntact(),
    cleanUp: () => tables.cleanUp(),
  };
}

import { createNftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { RuleBackend } from '../rule-backend.ts';
import { renderNftables, TABLE } from './render.ts';

export interface NftablesOptions {
  readonly family: 4 | 6;
  readonly run: RunProgram;
  readonly logger: Logger;
}

/** Services as a table `kube-proxy` of nftables. */
export function createNftablesBackend({ family, run, logger }: NftablesOptions): RuleBackend {
  const table = createNftTable({ family: family === 4 ? 'ip' : 'ip6', table: TABLE, run, logger });
  return {
    name: 'nftables',
    async sync(plan, options) {
      const { full, rules, written } = await table.write(renderNftables(plan), options);
      return { full, tables: { [TABLE]: { rules, written } } };
    },
    isIntact: () => table.holds('nat-prerouting', 'jump services'),
    cleanUp: () => table.remove(),
  };
}

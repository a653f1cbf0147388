import { createNftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { RuleBackend } from '../rule-backend.ts';
import { renderNftables } from './render.ts';
import { type TrafficScope, WHOLE_MACHINE } from './traffic-scope.ts';

export interface NftablesOptions {
  readonly family: 4 | 6;
  readonly run: RunProgram;
  readonly logger: Logger;
  /** Default: all traffic, by a table `kube-proxy`. */
  readonly scope?: TrafficScope;
}

/** Services as a table of nftables. */
export function createNftablesBackend({ family, run, logger, scope = WHOLE_MACHINE }: NftablesOptions): RuleBackend {
  const table = createNftTable({ family: family === 4 ? 'ip' : 'ip6', table: scope.table, run, logger });
  return {
    name: 'nftables',
    async sync(plan, options) {
      const { full, rules, written } = await table.write(renderNftables(plan, scope), options);
      return { full, tables: { [scope.table]: { rules, written } } };
    },
    isIntact: () => table.holds('nat-prerouting', 'jump services'),
    cleanUp: () => table.remove(),
  };
}

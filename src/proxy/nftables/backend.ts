import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { RuleBackend, SyncResult } from '../rule-backend.ts';
import { renderNftables } from './render.ts';
import {
  fullTransaction,
  type NftInventory,
  type NftRuleset,
  partialTransaction,
  replacingTransaction,
  TABLE,
} from './ruleset.ts';

export interface NftablesOptions {
  readonly family: 4 | 6;
  readonly run: RunProgram;
  readonly logger: Logger;
}

/** Services as a table `kube-proxy` of nftables, by the program nft(8), 1.0.1 or newer. */
export function createNftablesBackend({ family, run, logger }: NftablesOptions): RuleBackend {
  const ip = family === 4 ? 'ip' : 'ip6';
  let last: NftRuleset | undefined;

  const apply = (transaction: string, signal?: AbortSignal) => run('nft', ['-f', '-'], { input: transaction, signal });

  async function writeAll(ruleset: NftRuleset, signal?: AbortSignal): Promise<void> {
    const transaction = fullTransaction(ruleset, (await readInventory(run, ip)) ?? { chains: [], sets: [] });
    try {
      await apply(transaction, signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      logger.warn('The table of nftables is of another version and is replaced', { family: ip, error });
      await apply(replacingTransaction(ruleset), signal);
    }
  }

  return {
    name: 'nftables',
    async sync(plan, { full, signal }): Promise<SyncResult> {
      const next = renderNftables(plan);
      const previous = full ? undefined : last;
      // After a failure nobody knows what the kernel has, until everything was written once more.
      last = undefined;
      let transaction = '';
      if (previous) {
        transaction = partialTransaction(previous, next);
        if (transaction) await apply(transaction, signal);
      } else await writeAll(next, signal);
      last = next;
      const rules = countRules(next);
      return {
        full: !previous,
        tables: { [TABLE]: { rules, written: previous ? (transaction.match(/^add rule /gm)?.length ?? 0) : rules } },
      };
    },
    async isIntact() {
      try {
        const { stdout } = await run('nft', ['list', 'chain', ip, TABLE, 'nat-prerouting']);
        return stdout.includes('jump services');
      } catch (error) {
        if (isRefused(error)) return false;
        throw error;
      }
    },
    async cleanUp() {
      last = undefined;
      if (await readInventory(run, ip)) await apply(`delete table ${ip} ${TABLE}\n`);
    },
  };
}

const countRules = ({ chains }: NftRuleset) => {
  let count = 0;
  for (const { rules } of chains.values()) count += rules.length;
  return count;
};

/** nft ran and said no. */
const isRefused = (error: unknown): boolean => error instanceof ProgramError && error.exitCode !== null && error.exitCode > 0;

/** What our table holds; undefined when there is none. */
async function readInventory(run: RunProgram, ip: 'ip' | 'ip6'): Promise<NftInventory | undefined> {
  let stdout: string;
  try {
    ({ stdout } = await run('nft', ['--json', '--terse', 'list', 'table', ip, TABLE]));
  } catch (error) {
    if (error instanceof ProgramError && /No such file or directory/.test(error.stderr)) return undefined;
    throw error;
  }
  const { nftables } = JSON.parse(stdout) as { nftables: readonly NftObject[] };
  return {
    chains: nftables.flatMap(({ chain }) => chain?.name ?? []),
    sets: nftables.flatMap(({ set, map }) => {
      if (set) return { name: set.name, kind: 'set' as const };
      return map ? { name: map.name, kind: 'map' as const } : [];
    }),
  };
}

interface NftObject {
  readonly chain?: { readonly name: string };
  readonly set?: { readonly name: string };
  readonly map?: { readonly name: string };
}

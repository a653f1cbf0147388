import type { Logger } from '../std/logger.ts';
import { fullTransaction, type NftInventory, type NftRuleset, partialTransaction, replacingTransaction } from './nft-ruleset.ts';
import { ProgramError, type RunProgram } from './run-program.ts';

export interface NftTableOptions extends Pick<NftRuleset, 'family' | 'table'> {
  readonly run: RunProgram;
  readonly logger: Logger;
}

export interface NftWritten {
  /** Whether everything was written, and not only what had changed. */
  readonly full: boolean;
  /** In the table, and in the transaction. */
  readonly rules: number;
  readonly written: number;
}

/** A table of nftables of our own, kept by the program nft(8), 1.0.1 or newer: each write is one transaction. */
export interface NftTable {
  /** Everything anew when `full`, at the first time and after a failure; else the way from what was written last. */
  write(ruleset: NftRuleset, options: { readonly full: boolean; readonly signal?: AbortSignal }): Promise<NftWritten>;
  /** Whether a chain is still there and has this in its rules. */
  holds(chain: string, text: string): Promise<boolean>;
  /** The table goes; no failure when there is none. */
  remove(): Promise<void>;
}

export function createNftTable({ family, table, run, logger }: NftTableOptions): NftTable {
  let last: NftRuleset | undefined;

  const apply = (transaction: string, signal?: AbortSignal) => run('nft', ['-f', '-'], { input: transaction, signal });

  async function writeAll(ruleset: NftRuleset, signal?: AbortSignal): Promise<void> {
    const inventory = (await readInventory(run, { family, table })) ?? { chains: [], sets: [] };
    try {
      await apply(fullTransaction(ruleset, inventory), signal);
    } catch (error) {
      if (!isRefused(error)) throw error;
      logger.warn('The table of nftables is of another version and is replaced', { family, table, error });
      await apply(replacingTransaction(ruleset), signal);
    }
  }

  return {
    async write(next, { full, signal }) {
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
      return { full: !previous, rules, written: previous ? (transaction.match(/^add rule /gm)?.length ?? 0) : rules };
    },
    async holds(chain, text) {
      try {
        return (await run('nft', ['list', 'chain', family, table, chain])).stdout.includes(text);
      } catch (error) {
        if (isRefused(error)) return false;
        throw error;
      }
    },
    async remove() {
      last = undefined;
      if (await readInventory(run, { family, table })) await apply(`delete table ${family} ${table}\n`);
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

/** What the table holds; undefined when there is none. */
async function readInventory(
  run: RunProgram,
  { family, table }: Pick<NftRuleset, 'family' | 'table'>,
): Promise<NftInventory | undefined> {
  let stdout: string;
  try {
    ({ stdout } = await run('nft', ['--json', '--terse', 'list', 'table', family, table]));
  } catch (error) {
    // A kernel without the family has no tables of it either.
    if (error instanceof ProgramError && /No such file or directory|not supported/.test(error.stderr)) return undefined;
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

import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { SyncResult } from '../rule-backend.ts';
import {
  CANARY,
  cleanUpRestore,
  fullRestore,
  type IptablesRuleset,
  parseSave,
  partialRestore,
  TABLES,
  type TableInventory,
  type TableName,
} from './ruleset.ts';

export interface IptablesOptions {
  readonly family: 4 | 6;
  readonly run: RunProgram;
}

/** Our chains in the tables filter and nat, as iptables(8) writes them. */
export interface IptablesTables {
  /** In one transaction: everything at first, after a failure and when `full` is asked for; else what changed since the last time. */
  write(
    ruleset: IptablesRuleset,
    options: { readonly full: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<SyncResult>;
  /** False when somebody has flushed a table. */
  areIntact(): Promise<boolean>;
  /** Removes the chains of any run of ours, and the ways into them. */
  cleanUp(): Promise<void>;
}

/** Others hold the lock of iptables for moments only. */
const LOCK_SECONDS = '5';

/** The tables of a family. */
export function createIptablesTables({ family, run }: IptablesOptions): IptablesTables {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  let last: IptablesRuleset | undefined;

  const restore = (input: string, signal?: AbortSignal) =>
    run(`${program}-restore`, ['-w', LOCK_SECONDS, '--noflush', '--counters'], { input, ...(signal && { signal }) });
  const readTable = async (table: TableName): Promise<TableInventory> =>
    parseSave((await run(`${program}-save`, ['-t', table])).stdout);
  const readTables = async () => ({ filter: await readTable('filter'), nat: await readTable('nat') });

  return {
    async write(next, { full, signal }) {
      const previous = full ? undefined : last;
      // After a failure nobody knows what the kernel has, until everything was written once more.
      last = undefined;
      const input = previous ? partialRestore(previous, next) : fullRestore(next, await readTables());
      if (input) await restore(input, signal);
      last = next;
      return { full: !previous, tables: countRules(next, input) };
    },
    async areIntact() {
      try {
        for (const table of TABLES) await run(program, ['-w', LOCK_SECONDS, '-t', table, '-S', CANARY]);
        return true;
      } catch (error) {
        if (error instanceof ProgramError && error.exitCode === 1) return false;
        throw error;
      }
    },
    async cleanUp() {
      last = undefined;
      const input = cleanUpRestore(await readTables());
      if (input) await restore(input);
    },
  };
}

function countRules({ tables }: IptablesRuleset, input: string): SyncResult['tables'] {
  const written = (table: TableName) => {
    const [, part = ''] = new RegExp(`^\\*${table}\\n([^*]*?)^COMMIT`, 'm').exec(input) ?? [];
    return part.match(/^-A /gm)?.length ?? 0;
  };
  return Object.fromEntries(
    TABLES.map((table) => {
      let rules = 0;
      for (const chain of tables[table].values()) rules += chain.length;
      return [table, { rules, written: written(table) }];
    }),
  );
}

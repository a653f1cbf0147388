import type { ComponentCommand } from '../std/command.ts';
import type { FlagDefinition } from '../std/flags.ts';

/** A command, whose code is loaded only when it is used. */
export interface LeafEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<ComponentCommand>;
}

/** A word that takes another command behind it: `token` of `token create`. */
export interface GroupEntry {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandEntry[];
  /** Flags of the commands in it that may also be given before their names. */
  readonly flags?: readonly FlagDefinition[];
}

export type CommandEntry = LeafEntry | GroupEntry;

export type Resolution =
  | { readonly type: 'command'; readonly path: readonly string[]; readonly entry: LeafEntry; readonly rest: readonly string[] }
  | { readonly type: 'help'; readonly path: readonly string[]; readonly commands: readonly CommandEntry[] }
  | {
      readonly type: 'unknown';
      readonly path: readonly string[];
      readonly word: string;
      readonly commands: readonly CommandEntry[];
    };

/**
 * Follows the words of a command line through the table, up to the command that takes the rest. Before its name only help and the
 * flags of a group are part of the language.
 */
export function resolveCommand(table: readonly CommandEntry[], program: string, argv: readonly string[]): Resolution {
  const path = [program];
  const before: string[] = [];
  let commands = table;
  let flags: readonly FlagDefinition[] = [];
  for (let at = 0; ; at++) {
    const word = argv[at];
    if (word === undefined || word === '--help' || word === '-h') return { type: 'help', path, commands };
    if (word === 'help') return resolveCommand(table, program, [...path.slice(1), ...argv.slice(at + 1), '--help']);
    const words = flagWords(flags, argv.slice(at));
    if (words.length > 0) {
      before.push(...words);
      at += words.length - 1;
      continue;
    }
    const entry = commands.find((c) => c.name === word);
    if (!entry) return { type: 'unknown', path, word, commands };
    path.push(word);
    if ('load' in entry) return { type: 'command', path, entry, rest: [...before, ...argv.slice(at + 1)] };
    commands = entry.commands;
    flags = entry.flags ?? flags;
  }
}

/** The words that one of these flags takes up at the beginning of a command line; none when none of them is there. */
function flagWords(flags: readonly FlagDefinition[], argv: readonly string[]): readonly string[] {
  const [, name, value] = /^--?([a-z-]+)(=.*)?$/s.exec(argv[0] ?? '') ?? [];
  const flag = name && flags.find((one) => one.name === name || one.shorthand === name);
  if (!flag) return [];
  return argv.slice(0, value === undefined && flag.type !== 'bool' ? 2 : 1);
}

/** The command whose name is nearest to a mistyped word, when one is near enough to be meant. */
export function nearestCommand(word: string, commands: readonly CommandEntry[]): string | undefined {
  const ranked = commands
    .map(({ name }) => ({ name, distance: editDistance(word, name) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The list of commands of a help text. */
export function formatCommands(commands: readonly CommandEntry[]): string {
  const width = Math.max(0, ...commands.map((c) => c.name.length));
  return commands.map((c) => `  ${c.name.padEnd(width)}   ${c.summary}\n`).join('');
}

import type { ComponentName, Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { fitFlags, type UpstreamPrograms } from '../distribution/program-flags.ts';
import { textFile, UNIT_DIRECTORY } from './files.ts';
import type { FileStep } from './step.ts';

/** A component's command line: flags by name, without dashes. */
export type Flags = Readonly<Record<string, string>>;

export interface UnitText {
  readonly name: string;
  readonly description: string;
  readonly after: readonly string[];
  readonly requires?: readonly string[];
  readonly service: readonly string[];
}

/**
 * `defaults`, then what the inventory says for all hosts, then what it says for this one.
 *
 * @param programs of another distribution: defaults that its program does not know are left out
 */
export function flagsOf(
  component: ComponentName,
  defaults: Flags,
  inventory: Inventory,
  host: InventoryHost,
  programs: UpstreamPrograms = new Map(),
): Flags {
  return { ...fitFlags(defaults, programs.get(component)), ...inventory.flags[component], ...host.flags[component] };
}

/** The words of a command line. */
export const flagWords = (flags: Flags): string[] => Object.entries(flags).map(([name, value]) => `--${name}=${value}`);

/** An environment file with one variable that systemd cuts into words, a flag a line. */
export function environmentFile(path: string, variable: string, flags: Flags): FileStep {
  const lines = flagWords(flags).map((word) => `      ${word}`);
  return textFile(path, `# Made by muster deploy.\n${variable}="\\\n${lines.join(' \\\n')}"\n`);
}

/** A unit of systemd.unit(5). */
export function unitFile({ name, description, after, requires = [], service }: UnitText, directory = UNIT_DIRECTORY): FileStep {
  const text = [
    '[Unit]',
    `Description=${description}`,
    'Documentation=https://kubernetes.io/docs/',
    ...after.map((unit) => `After=${unit}`),
    ...requires.map((unit) => `Requires=${unit}`),
    '',
    '[Service]',
    ...service,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ];
  return textFile(`${directory}/${name}.service`, text.join('\n'));
}

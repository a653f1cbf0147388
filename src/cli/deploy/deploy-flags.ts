import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { formatOutline, type Outline, outlineJson } from '../../deploy/plan/outline.ts';
import type { CommandIo } from '../../std/command.ts';
import { type FlagDefinition, FlagError, type ParsedFlags } from '../../std/flags.ts';

/** Flags that all commands of `muster deploy` share. */
export const DEPLOY_FLAGS: readonly FlagDefinition[] = [
  { name: 'filename', shorthand: 'f', type: 'string', description: 'the inventory: which hosts, and what they are to be' },
  {
    name: 'assets-dir',
    type: 'string',
    description: "the cluster's keys and certificates, kept by whoever deploys it; default: NAME.assets beside the inventory",
  },
  {
    name: 'bundle',
    type: 'string',
    description: 'what "deploy bundle" made: hosts get Muster, and the packages that they lack, from it alone',
  },
];

export const OUTPUT_FLAG: FlagDefinition = { name: 'output', shorthand: 'o', type: 'string', description: 'json for one object' };

export const DRY_RUN_FLAG: FlagDefinition = {
  name: 'dry-run',
  type: 'bool',
  description: 'print what would be done, and do nothing',
};

/** As kubectl drain's. */
export const DRAIN_FLAGS: readonly FlagDefinition[] = [
  { name: 'force', type: 'bool', description: 'let pods go that nobody makes again' },
  { name: 'delete-emptydir-data', type: 'bool', description: 'let pods go with what they keep in an emptyDir' },
  { name: 'drain-timeout', type: 'duration', default: '10m0s', description: 'how long the pods of a node get to go' },
];

/** What a command that drains was told. */
export const drainChoicesOf = ({ values }: ParsedFlags) => ({
  force: values.bool('force'),
  deleteEmptyDirData: values.bool('delete-emptydir-data'),
});

/**
 * The hosts of an inventory that a command names.
 *
 * @throws FlagError when it names none, or one that is not there
 */
export function namedHosts({ args }: ParsedFlags, { hosts }: Inventory): InventoryHost[] {
  if (args.length === 0) throw new FlagError('HOST', 'no host is named');
  return [...new Set(args)].map((name) => {
    const host = hosts.find((one) => one.name === name);
    if (!host)
      throw new FlagError(
        'HOST',
        `the inventory has no host ${JSON.stringify(name)}: it has ${hosts.map((one) => one.name).join(', ')}`,
      );
    return host;
  });
}

/** Prints what a command would do. */
export function printOutline(flags: ParsedFlags, io: CommandIo, outlines: readonly Outline[]): void {
  io.stdout(wantsJson(flags) ? `${JSON.stringify(outlineJson(outlines))}\n` : formatOutline(outlines));
}

/** Whether one JSON object was asked for. */
export function wantsJson({ values }: ParsedFlags): boolean {
  const output = values.string('output');
  if (output !== '' && output !== 'json')
    throw new FlagError('--output', `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be json`);
  return output === 'json';
}

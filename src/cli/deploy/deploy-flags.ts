import { type FlagDefinition, FlagError, type ParsedFlags } from '../../std/flags.ts';

/** Flags that all commands of `muster deploy` share. */
export const DEPLOY_FLAGS: readonly FlagDefinition[] = [
  { name: 'filename', shorthand: 'f', type: 'string', description: 'the inventory: which hosts, and what they are to be' },
  {
    name: 'assets-dir',
    type: 'string',
    description: "the cluster's keys and certificates, kept by whoever deploys it; default: NAME.assets beside the inventory",
  },
];

export const OUTPUT_FLAG: FlagDefinition = { name: 'output', shorthand: 'o', type: 'string', description: 'json for one object' };

/** Whether one JSON object was asked for. */
export function wantsJson({ values }: ParsedFlags): boolean {
  const output = values.string('output');
  if (output !== '' && output !== 'json')
    throw new FlagError('--output', `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be json`);
  return output === 'json';
}

import { FlagError, type FlagValues } from '../std/flags.ts';

/** What `--output` and `--timeout` say. @throws FlagError */
export function readReportFlags(values: FlagValues): { readonly output: 'text' | 'json'; readonly timeoutMs: number } {
  const output = values.string('output');
  if (output !== 'text' && output !== 'json') throw new FlagError('--output', '--output: only text and json there are');
  const timeoutMs = values.durationMs('timeout');
  if (timeoutMs <= 0) throw new FlagError('--timeout', '--timeout: must be more than 0');
  return { output, timeoutMs };
}

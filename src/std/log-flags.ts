import { FlagError, type FlagValues } from './flags.ts';
import type { LogFormat } from './logger.ts';

/** What `--logging-format` says. */
export function readLogFormat(values: FlagValues): LogFormat {
  const format = values.string('logging-format');
  if (format === 'text' || format === 'json') return format;
  throw new FlagError(
    '--logging-format',
    `--logging-format: ${JSON.stringify(format)}: Unsupported log format, use text or json`,
  );
}

import type { FlagDefinition, FlagValues } from './flags.ts';
import { formatGoDuration } from './go-duration.ts';

/** What `/flagz` shows: every flag that has an effect, as text. Flags name files with secrets and hold none. */
export function flagTexts(definitions: readonly FlagDefinition[], values: FlagValues): ReadonlyMap<string, string> {
  const text = ({ name, type }: FlagDefinition): string => {
    if (type === 'bool') return String(values.bool(name));
    if (type === 'int') return String(values.int(name));
    if (type === 'float') return String(values.float(name));
    if (type === 'duration') return formatGoDuration(values.durationMs(name));
    if (type === 'strings') return values.strings(name).join(',');
    if (type === 'array') return values.array(name).join(';');
    if (type === 'map')
      return Object.entries(values.map(name))
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
    return values.string(name);
  };
  return new Map(definitions.filter(({ noEffect }) => !noEffect).map((flag) => [flag.name, text(flag)]));
}

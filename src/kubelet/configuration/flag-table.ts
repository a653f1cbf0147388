import type { FlagDefinition, FlagType, ParsedFlags } from '../../std/flags.ts';
import { FlagError } from '../../std/flags.ts';
import { formatGoDuration } from '../../std/go-duration.ts';
import type { Field, FieldTable } from './field-schema.ts';
import { kubeletConfigurationFields } from './fields.ts';

type Fields = Record<string, unknown>;

/** Upstream's sentence for flags whose home is the file now; `--help` and the warning print it behind `DEPRECATED: `. */
export const BELONGS_IN_FILE =
  "This parameter should be set via the config file specified by the Kubelet's --config flag. See https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/ for more information.";

/** Upstream keeps these as flags for good. */
const NOT_DEPRECATED = new Set(['v', 'log-flush-frequency', 'provider-id', 'register-node']);
/** Written `memory.available<100Mi,nodefs.available<10%`. */
const THRESHOLDS = new Set(['eviction-hard', 'eviction-soft']);

interface Setting {
  readonly path: readonly string[];
  readonly field: Field;
  readonly flag: string;
}

function settings(table: FieldTable, path: readonly string[] = []): Setting[] {
  return Object.entries(table).flatMap(([name, field]) => {
    const here = [...path, name];
    if (typeof field.type === 'object' && 'object' in field.type) return settings(field.type.object, here);
    return field.flag ? [{ path: here, field, flag: field.flag }] : [];
  });
}

function flagType({ field, flag }: Setting): FlagType {
  if (THRESHOLDS.has(flag)) return 'string';
  switch (field.type) {
    case 'bool':
      return 'bool';
    case 'integer':
      return 'int';
    case 'number':
      return 'float';
    case 'duration':
      return 'duration';
    case 'strings':
      return 'strings';
    case 'string-map':
    case 'bool-map':
      return 'map';
    default:
      return 'string';
  }
}

/** The flags that set fields of the configuration, each saying which. */
export function configurationFlags(): FlagDefinition[] {
  return settings(kubeletConfigurationFields).map((setting) => {
    const { flag, path, field } = setting;
    const range = field.oneOf
      ? ` Possible values: ${field.oneOf
          .filter((choice) => choice !== '')
          .map((choice) => `'${choice}'`)
          .join(', ')}.`
      : '';
    return {
      name: flag,
      type: flagType(setting),
      ...(flag === 'v' && { shorthand: 'v' }),
      ...(field.default !== undefined && { default: field.default as FlagDefinition['default'] }),
      description:
        flag === 'v' ? 'number for the log level verbosity' : `The setting ${path.join('.')} of the configuration file.${range}`,
      ...(!NOT_DEPRECATED.has(flag) && { deprecated: BELONGS_IN_FILE }),
    };
  });
}

/**
 * What the file gave, with what flags that were given say in its place; feature gates are merged, flag over file.
 *
 * @throws FlagError naming the flag
 */
export function overrideByFlags(given: Readonly<Fields>, flags: ParsedFlags): Fields {
  const result = structuredClone(given) as Fields;
  for (const setting of settings(kubeletConfigurationFields)) {
    if (!flags.isSet(setting.flag)) continue;
    let holder = result;
    for (const name of setting.path.slice(0, -1)) {
      holder[name] ??= {};
      holder = holder[name] as Fields;
    }
    const name = setting.path.at(-1)!;
    const value = flagValue(setting, flags);
    holder[name] = setting.field.type === 'bool-map' ? { ...(holder[name] as Fields | undefined), ...(value as Fields) } : value;
  }
  return result;
}

function flagValue(setting: Setting, { values }: ParsedFlags): unknown {
  const { flag, field } = setting;
  switch (flagType(setting)) {
    case 'bool':
      return values.bool(flag);
    case 'int':
      return values.int(flag);
    case 'float':
      return values.float(flag);
    case 'duration':
      return formatGoDuration(values.durationMs(flag));
    case 'strings':
      return values.strings(flag);
    case 'map':
      return field.type === 'bool-map' ? booleans(flag, values.map(flag)) : values.map(flag);
    case 'string':
      return THRESHOLDS.has(flag) ? thresholds(flag, values.string(flag)) : values.string(flag);
  }
}

function booleans(flag: string, map: Record<string, string>): Record<string, boolean> {
  return Object.fromEntries(
    Object.entries(map).map(([name, text]) => {
      if (!/^(true|false)$/i.test(text))
        throw new FlagError(
          `--${flag}`,
          `invalid argument "${name}=${text}" for "--${flag}" flag: invalid value of ${name}: ${text}, must be true or false`,
        );
      return [name, text.toLowerCase() === 'true'];
    }),
  );
}

function thresholds(flag: string, text: string): Record<string, string> {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.indexOf('<');
      if (at < 0)
        throw new FlagError(
          `--${flag}`,
          `invalid argument ${JSON.stringify(text)} for "--${flag}" flag: malformed pair, expect string<string`,
        );
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    }),
  );
}

import type { FlagType, ParsedFlags } from '../../std/flags.ts';
import { FlagError } from '../../std/flags.ts';
import { formatGoDuration } from '../../std/go-duration.ts';
import type { Field, FieldTable } from './field-schema.ts';

type Fields = Record<string, unknown>;

/** A field that has a flag. */
export interface Setting {
  readonly path: readonly string[];
  readonly field: Field;
  readonly flag: string;
}

/** All fields of a table that have flags, those of nested objects too. */
export function settings(table: FieldTable, path: readonly string[] = []): Setting[] {
  return Object.entries(table).flatMap(([name, field]) => {
    const here = [...path, name];
    if (typeof field.type === 'object' && 'object' in field.type) return settings(field.type.object, here);
    return field.flag ? [{ path: here, field, flag: field.flag }] : [];
  });
}

/** The type of a field's flag. */
export function flagType({ field }: Pick<Setting, 'field'>): FlagType {
  if (field.thresholds) return 'string';
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

/**
 * What the file gave, with what flags that were given say in its place; feature gates are merged, flag over file.
 *
 * @throws FlagError naming the flag
 */
export function overrideByFlags(table: FieldTable, given: Readonly<Fields>, flags: ParsedFlags): Fields {
  const result = structuredClone(given) as Fields;
  for (const setting of settings(table)) {
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
      return field.thresholds ? thresholds(flag, values.string(flag)) : values.string(flag);
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

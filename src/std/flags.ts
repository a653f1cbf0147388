import { CodedError } from './coded-error.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

export type FlagType = 'string' | 'bool' | 'int' | 'float' | 'duration' | 'strings' | 'array' | 'map';

export interface FlagDefinition {
  /** Without the dashes: `node-ip`. */
  name: string;
  /** One letter: `n` for `-n`. */
  shorthand?: string;
  type: FlagType;
  /** May be written with one dash as well, as Go's own flags are: `-conf`. */
  singleDash?: boolean;
  /** A duration is given as Go writes it, `2m0s`. Without one: '', false, 0, [] or {}. */
  default?: string | number | boolean | readonly string[] | Readonly<Record<string, string>>;
  description: string;
  /** What to do instead; printed as a warning when the flag is used. */
  deprecated?: string;
  /** Accepted because upstream has (or had) it, but changes nothing here; says so in a warning when used. */
  noEffect?: boolean;
  /** Left out of `--help`. */
  hidden?: boolean;
}

/** Values by flag name. Asking for a name that is not defined, or as another type, is a mistake in the program and throws. */
export interface FlagValues {
  string(name: string): string;
  bool(name: string): boolean;
  int(name: string): number;
  float(name: string): number;
  durationMs(name: string): number;
  strings(name: string): string[];
  /** Of a flag that is given once for each value: commas are part of it. */
  array(name: string): string[];
  map(name: string): Record<string, string>;
}

export interface ParsedFlags {
  values: FlagValues;
  /** Whether the flag was given, even with its default. */
  isSet(name: string): boolean;
  /** What is not a flag, in order; everything after `--`. */
  args: string[];
  /** One line for each deprecated flag, and each without effect, that was given. */
  warnings: string[];
  /** `--help` or `-h` was given (and is not defined by the command itself). */
  help: boolean;
}

/** A command line that cannot be understood: exit status 2. */
export class FlagError extends CodedError {
  /** The flag as written: `--port`. */
  readonly flag: string;

  constructor(flag: string, message: string) {
    super(message, { code: 'FLAG_INVALID' });
    this.name = 'FlagError';
    this.flag = flag;
  }
}

type Value = string | boolean | number | string[] | Record<string, string>;

/**
 * Reads a command line as Go's pflag does (https://pkg.go.dev/github.com/spf13/pflag): `--name=value`, `--name value`, `-n value`,
 * `-nvalue`, grouped shorthands, flags between arguments, `--` as their end; a bool takes a value only with `=`; lists and maps
 * grow with each use, everything else keeps the last. `_` in a name is read as `-`, as in Kubernetes' components.
 *
 * @throws FlagError naming the flag
 */
export function parseFlags(command: string, definitions: readonly FlagDefinition[], argv: readonly string[]): ParsedFlags {
  const byName = new Map(definitions.map((d) => [d.name, d]));
  const byShorthand = new Map(definitions.flatMap((d) => (d.shorthand ? [[d.shorthand, d] as const] : [])));
  const given = new Map<string, Value>();
  const warnings = new Map<string, string>();
  const args: string[] = [];
  let help = false;

  const take = (definition: FlagDefinition, text: string, written: string) => {
    const label = definition.shorthand ? `-${definition.shorthand}, --${definition.name}` : `--${definition.name}`;
    given.set(definition.name, readValue(definition, text, given.get(definition.name), label, written));
    const flag = `--${definition.name}`;
    if (definition.deprecated) warnings.set(`${flag} deprecated`, `Flag ${flag} has been deprecated, ${definition.deprecated}`);
    if (definition.noEffect) warnings.set(flag, `Flag ${flag} is accepted but has no effect in this ${command}`);
  };

  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      args.push(...argv.slice(at + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      args.push(word);
      continue;
    }
    const isSingle = byName.get(splitOnce(word.slice(1))[0])?.singleDash ?? false;
    if (word.startsWith('--') || isSingle) {
      const [name, inline] = splitOnce(word.slice(isSingle ? 1 : 2));
      if (name === '' || name.startsWith('-')) throw new FlagError(word, `bad flag syntax: ${word}`);
      const definition = byName.get(name.replaceAll('_', '-'));
      if (!definition && name === 'help') help = true;
      else if (!definition) throw new FlagError(`--${name}`, `unknown flag: --${name}`);
      else if (inline !== undefined) take(definition, inline, `--${name}`);
      else if (definition.type === 'bool') take(definition, 'true', `--${name}`);
      else if (at + 1 < argv.length) take(definition, argv[++at]!, `--${name}`);
      else throw new FlagError(`--${name}`, `flag needs an argument: --${name}`);
      continue;
    }
    for (let rest = word.slice(1); rest !== ''; ) {
      const letter = rest[0]!;
      rest = rest.slice(1);
      const definition = byShorthand.get(letter);
      const written = `-${letter}`;
      if (!definition && letter === 'h') help = true;
      else if (!definition) throw new FlagError(written, `unknown shorthand flag: '${letter}' in ${word}`);
      else if (rest.startsWith('=')) {
        take(definition, rest.slice(1), written);
        rest = '';
      } else if (definition.type === 'bool') take(definition, 'true', written);
      else if (rest !== '') {
        take(definition, rest, written);
        rest = '';
      } else if (at + 1 < argv.length) take(definition, argv[++at]!, written);
      else throw new FlagError(written, `flag needs an argument: '${letter}' in ${word}`);
    }
  }
  return { values: flagValues(byName, given), isSet: (name) => given.has(name), args, warnings: [...warnings.values()], help };
}

function flagValues(byName: ReadonlyMap<string, FlagDefinition>, given: ReadonlyMap<string, Value>): FlagValues {
  const read = (name: string, type: FlagType): Value => {
    const definition = byName.get(name);
    if (definition?.type !== type)
      throw new TypeError(`flag --${name} is ${definition ? `a ${definition.type}` : 'not defined'}, not a ${type}`);
    return given.get(name) ?? defaultValue(definition);
  };
  return {
    string: (name) => read(name, 'string') as string,
    bool: (name) => read(name, 'bool') as boolean,
    int: (name) => read(name, 'int') as number,
    float: (name) => read(name, 'float') as number,
    durationMs: (name) => read(name, 'duration') as number,
    strings: (name) => [...(read(name, 'strings') as string[])],
    array: (name) => [...(read(name, 'array') as string[])],
    map: (name) => ({ ...(read(name, 'map') as Record<string, string>) }),
  };
}

function defaultValue({ type, default: value }: FlagDefinition): Value {
  switch (type) {
    case 'string':
      return value === undefined ? '' : String(value);
    case 'bool':
      return value === true;
    case 'int':
    case 'float':
      return Number(value ?? 0);
    case 'duration':
      return parseGoDuration(String(value ?? '0s'));
    case 'strings':
    case 'array':
      return Array.isArray(value) ? [...value] : [];
    case 'map':
      return { ...(value as Record<string, string> | undefined) };
  }
}

function readValue(definition: FlagDefinition, text: string, previous: Value | undefined, label: string, written: string): Value {
  const invalid = (why: string) => new FlagError(written, `invalid argument ${JSON.stringify(text)} for "${label}" flag: ${why}`);
  switch (definition.type) {
    case 'string':
      return text;
    case 'bool':
      if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
      if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
      throw invalid('must be true or false');
    case 'int': {
      const number = /^[+-]?(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : Number.NaN;
      if (!Number.isSafeInteger(number)) throw invalid('must be a whole number');
      return number;
    }
    case 'float': {
      const number = text.trim() === '' ? Number.NaN : Number(text);
      if (!Number.isFinite(number)) throw invalid('must be a number');
      return number;
    }
    case 'duration':
      try {
        return parseGoDuration(text);
      } catch (error) {
        throw invalid((error as Error).message);
      }
    case 'strings':
      return [...((previous as string[] | undefined) ?? []), ...splitList(text, invalid)];
    case 'array':
      return [...((previous as string[] | undefined) ?? []), text];
    case 'map': {
      const pairs = splitList(text, invalid).map((pair): [string, string] => {
        const [key, value] = splitOnce(pair);
        if (value === undefined) throw invalid(`${JSON.stringify(pair)} must be formatted as key=value`);
        return [key.trim(), value.trim()];
      });
      return { ...(previous as Record<string, string> | undefined), ...Object.fromEntries(pairs) };
    }
  }
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Splits at commas as a CSV line: `a,"b,c"` is a and b,c. */
function splitList(text: string, invalid: (why: string) => FlagError): string[] {
  if (text === '') return [];
  const parts: string[] = [];
  const part = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy;
  for (;;) {
    const match = part.exec(text);
    if (!match) throw invalid('a double quote is open, or stands inside an unquoted part');
    parts.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'));
    if (match[3] === '') return parts;
  }
}

const TYPE_NAMES: Record<FlagType, string> = {
  string: ' string',
  bool: '',
  int: ' int',
  float: ' float',
  duration: ' duration',
  strings: ' strings',
  array: ' stringArray',
  map: ' mapStringString',
};

/** The flags' part of a help text, one a line as pflag prints them, in the order given. */
export function formatFlagHelp(definitions: readonly FlagDefinition[]): string {
  const rows = definitions
    .filter((d) => !d.hidden)
    .map((d) => ({
      left: `${d.shorthand ? `  -${d.shorthand}, ` : '      '}--${d.name}${TYPE_NAMES[d.type]}`,
      right:
        d.description +
        formatDefault(d) +
        (d.deprecated ? ` (DEPRECATED: ${d.deprecated})` : '') +
        (d.noEffect ? ' (no effect)' : ''),
    }));
  const width = Math.min(44, Math.max(0, ...rows.map((row) => row.left.length)));
  return rows.map(({ left, right }) => `${left.padEnd(width)}   ${right}\n`).join('');
}

function formatDefault(definition: FlagDefinition): string {
  const value = defaultValue(definition);
  if (value === '' || value === false || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0)) return '';
  if (definition.type === 'duration') return ` (default ${formatGoDuration(value as number)})`;
  if (Array.isArray(value)) return ` (default [${value.join(',')}])`;
  if (typeof value === 'object')
    return ` (default ${Object.entries(value)
      .map(([k, v]) => `${k}=${v}`)
      .join(',')})`;
  return ` (default ${typeof value === 'string' ? JSON.stringify(value) : String(value)})`;
}

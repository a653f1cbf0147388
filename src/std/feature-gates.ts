import { FlagError, type FlagValues } from './flags.ts';

/** A feature gate that switches something in a component. */
export interface KnownGate {
  readonly name: string;
  /** `''` is GA. `AllAlpha` and `AllBeta` are about those of their stage. */
  readonly stage: 'ALPHA' | 'BETA' | 'DEPRECATED' | '';
  readonly default: boolean;
}

export interface FeatureGates {
  enabled(name: string): boolean;
  /** Every known gate, as it is set. */
  readonly all: readonly { readonly name: string; readonly stage: KnownGate['stage']; readonly enabled: boolean }[];
  /** One line about those that were given and switch nothing here; undefined without any. */
  readonly remark: string | undefined;
}

/**
 * What `--feature-gates` says of those gates that a component looks at. Others are no error: every release has its own, and manifests
 * outlive them.
 *
 * @throws FlagError for a value that is no boolean, in Go's words
 */
export function readFeatureGates(values: FlagValues, component: string, known: readonly KnownGate[]): FeatureGates {
  const given = new Map(Object.entries(values.map('feature-gates')).map(([name, text]) => [name, parseBool(name, text)]));
  const settings = known.map(({ name, stage, default: standard }) => ({
    name,
    stage,
    enabled:
      given.get(name) ??
      (stage === 'ALPHA' ? given.get('AllAlpha') : stage === 'BETA' ? given.get('AllBeta') : undefined) ??
      standard,
  }));
  const names = new Set([...known.map(({ name }) => name), 'AllAlpha', 'AllBeta']);
  const others = [...given.keys()].filter((name) => !names.has(name)).sort();
  return {
    all: settings,
    enabled: (name) => settings.find((setting) => setting.name === name)?.enabled ?? false,
    remark: others.length ? `feature gates that switch nothing in this ${component}: ${others.join(', ')}` : undefined,
  };
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function parseBool(name: string, text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new FlagError(
    '--feature-gates',
    `invalid argument for "--feature-gates" flag: invalid value of ${name}=${text}, err: ${why}`,
  );
}

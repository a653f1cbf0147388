import type { KindDefinition } from '../../api/machinery/kind.ts';
import { apiVersionOf } from '../../api/machinery/kind.ts';
import { CodedError } from '../../std/coded-error.ts';

/** `--runtime-config`: key → `true`, `false` or nothing, which is true. */
export type RuntimeConfig = Readonly<Record<string, string | boolean>>;

/** Whole stages, in the order in which they are applied (apiserver/pkg/server/resourceconfig/helpers.go). */
const STAGES: readonly (readonly [key: string, matches: RegExp])[] = [
  ['api/all', /^/],
  ['api/ga', /^v\d+$/],
  ['api/beta', /^v\d+beta\d+$/],
  ['api/alpha', /^v\d+alpha\d+$/],
];

const isStage = (key: string) => STAGES.some(([stage]) => stage === key);

/** As Go's strconv.ParseBool. */
const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

const wrong = (message: string) => new CodedError(message, { code: 'RUNTIME_CONFIG_INVALID' });

function readValue(key: string, value: string | boolean): boolean {
  if (typeof value === 'boolean') return value;
  if (value === '' || TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw wrong(`invalid value of ${key}: ${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
}

interface Preference {
  /** `apps/v1`, `v1` */
  readonly groupVersion: string;
  readonly resource: string | undefined;
  readonly enabled: boolean;
}

function readPreference(key: string, value: string | boolean): Preference {
  const [group = '', version, resource, ...more] = key === 'v1' ? ['api', 'v1'] : key.split('/');
  if (version === undefined || more.length) throw wrong(`runtime-config invalid key ${key}`);
  return { groupVersion: group === 'api' ? version : `${group}/${version}`, resource, enabled: readValue(key, value) };
}

/**
 * The kinds that are served: those of `byDefault`, and of `others` what the configuration turns on. Stages count first, then versions,
 * then single resources; order stays as it is, so that a group's preferred version does too.
 *
 * @throws CodedError RUNTIME_CONFIG_INVALID in upstream's words
 */
export function selectKinds(
  byDefault: readonly KindDefinition[],
  others: readonly KindDefinition[],
  config: RuntimeConfig,
): KindDefinition[] {
  const all = [...byDefault, ...others];
  const served = new Set(byDefault);
  const set = (enabled: boolean, matches: (kind: KindDefinition) => boolean) => {
    for (const kind of all.filter(matches))
      if (enabled) served.add(kind);
      else served.delete(kind);
  };
  for (const [stage, matches] of STAGES)
    if (Object.hasOwn(config, stage)) set(readValue(stage, config[stage]!), ({ version }) => matches.test(version));
  const preferences = Object.entries(config)
    .filter(([key]) => !isStage(key))
    .map(([key, value]) => readPreference(key, value));
  checkKnown(all, preferences);
  for (const { groupVersion, resource, enabled } of [
    ...preferences.filter((each) => each.resource === undefined),
    ...preferences.filter((each) => each.resource !== undefined),
  ])
    set(enabled, (kind) => apiVersionOf(kind) === groupVersion && (resource === undefined || kind.resource === resource));
  if (!served.size) throw wrong('invalid key with only api/all=false');
  return all.filter((kind) => served.has(kind));
}

function checkKnown(all: readonly KindDefinition[], preferences: readonly Preference[]): void {
  const groups = new Set(all.map(({ group }) => group));
  const versions = new Set(all.map(apiVersionOf));
  const groupOf = (groupVersion: string) => (groupVersion.includes('/') ? groupVersion.split('/')[0]! : '');
  const unknown = preferences.map(({ groupVersion }) => groupOf(groupVersion)).filter((group) => !groups.has(group));
  if (unknown.length) throw wrong(`unknown api groups ${[...new Set(unknown)].join(',')}`);
  for (const { groupVersion } of preferences)
    if (!versions.has(groupVersion)) throw wrong(`group version ${groupVersion} that has not been registered`);
}

/** Loads what is not served by default only when there is something to turn on or off. */
export async function kindsServed(
  byDefault: readonly KindDefinition[],
  config: RuntimeConfig = {},
): Promise<readonly KindDefinition[]> {
  if (!Object.keys(config).length) return byDefault;
  const { olderKinds } = await import('../../api/older/older-kinds.ts');
  return selectKinds(byDefault, olderKinds, config);
}

/** `a/b=true`, or `a/b` for short. */
export function readRuntimeConfig(pairs: readonly string[]): RuntimeConfig {
  return Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

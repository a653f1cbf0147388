import { invalidField } from '../../../api/machinery/field-error.ts';
import type { FieldError } from '../../../api/machinery/status-error.ts';

/** From the loosest to the strictest (https://kubernetes.io/docs/concepts/security/pod-security-standards/). */
export const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];

/** A level as some minor version of Kubernetes had it; `latest` is newer than all of them. */
export interface LevelVersion {
  readonly level: Level;
  readonly version: 'latest' | number;
}

export const MODES = ['enforce', 'audit', 'warn'] as const;
export type Mode = (typeof MODES)[number];
export type Policy = Readonly<Record<Mode, LevelVersion>>;

const PRIVILEGED: LevelVersion = { level: 'privileged', version: 'latest' };
export const PRIVILEGED_POLICY: Policy = { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED };

const PREFIX = 'pod-security.kubernetes.io/';

/** `restricted:latest`, `baseline:v1.24`. */
export const formatLevel = ({ level, version }: LevelVersion) => `${level}:${version === 'latest' ? version : `v1.${version}`}`;
export const sameLevel = (a: LevelVersion, b: LevelVersion) => a.level === b.level && a.version === b.version;
export const isStricter = (a: Level, b: Level) => LEVELS.indexOf(a) > LEVELS.indexOf(b);

export function parseLevel(text: string): Level | undefined {
  return LEVELS.find((level) => level === text);
}

export function parseVersion(text: string): 'latest' | number | undefined {
  if (text === 'latest') return text;
  const minor = /^v1\.(0|[1-9]\d{0,8})$/.exec(text)?.[1];
  return minor === undefined ? undefined : Number(minor);
}

export const LEVEL_PROBLEM = `must be one of ${LEVELS.join(', ')}`;
export const VERSION_PROBLEM = 'must be "latest" or "v1.x"';

/**
 * What a namespace's labels ask for; where they say nothing, the defaults. A level that cannot be read enforces the strictest and
 * neither warns nor audits (pod-security-admission/api/helpers.go, PolicyToEvaluate).
 */
export function policyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: Policy,
): { readonly policy: Policy; readonly errors: FieldError[] } {
  const errors: FieldError[] = [];
  const wrong = (label: string, value: string, problem: string) =>
    errors.push(invalidField(`metadata.labels[${PREFIX}${label}]`, value, problem));
  const policy = { ...defaults };
  for (const mode of MODES) {
    const [levelText, versionText] = [labels?.[PREFIX + mode], labels?.[`${PREFIX}${mode}-version`]];
    if (levelText !== undefined) {
      const level = parseLevel(levelText);
      if (!level) wrong(mode, levelText, LEVEL_PROBLEM);
      policy[mode] = { ...policy[mode], level: level ?? (mode === 'enforce' ? 'restricted' : 'privileged') };
    }
    if (versionText !== undefined) {
      const version = parseVersion(versionText);
      if (version === undefined) wrong(`${mode}-version`, versionText, VERSION_PROBLEM);
      policy[mode] = { ...policy[mode], version: version ?? 'latest' };
    }
  }
  return { policy, errors };
}

/** Whether a label of the mode is there, whatever it says. */
export function isLabelled(labels: Readonly<Record<string, string>> | undefined, mode: Mode): boolean {
  return labels?.[PREFIX + mode] !== undefined || labels?.[`${PREFIX}${mode}-version`] !== undefined;
}

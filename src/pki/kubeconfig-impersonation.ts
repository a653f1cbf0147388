import type { KubeconfigUser } from './kubeconfig.ts';

/** Whom a kubeconfig's user acts as: `as` and what goes with it (client-go/tools/clientcmd/api/v1, AuthInfo). */
export interface ActingAs {
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Undefined when the user acts as himself. @throws Error that names the field and what is wrong with it */
export function readActingAs(fields: KubeconfigUser): ActingAs | undefined {
  const user = textOf(fields, 'as');
  const uid = textOf(fields, 'as-uid');
  const groups = listOf('as-groups', fields['as-groups']);
  const given = fields['as-user-extra'] ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) throw new Error('as-user-extra: is not a mapping');
  const entries = Object.entries(given).map(([key, values]) => [key, listOf(`as-user-extra[${key}]`, values)] as const);
  if (entries.some(([key]) => key === '')) throw new Error('as-user-extra: has a key without a name');
  if (user) return { user, uid, groups, extra: Object.fromEntries(entries) };
  if (uid || groups.length > 0 || entries.length > 0)
    throw new Error('requesting uid, groups or user-extra without impersonating a user: as is missing');
  return undefined;
}

function textOf(fields: KubeconfigUser, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value !== 'string') throw new Error(`${name}: is not a string`);
  return checked(name, value);
}

function listOf(name: string, value: unknown): readonly string[] {
  const list = value ?? [];
  if (!Array.isArray(list) || !list.every((text): text is string => typeof text === 'string'))
    throw new Error(`${name}: is not a list of strings`);
  return list.map((text) => checked(name, text));
}

/** It becomes a header. */
function checked(name: string, text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what a header cannot hold
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw new Error(`${name}: has characters that a header cannot hold`);
  return text;
}

import type { KindDefinition } from '../../api/machinery/kind.ts';

/** `rbac.authorization.k8s.io` → `rbacAuthorization`, `` → `core`: a group in tags, with a capital in the ids of operations. */
export function groupName(group: string): string {
  if (!group) return 'core';
  const [first = '', ...others] = group.replace(/\.k8s\.io$/, '').split('.');
  return [first, ...others.map(capital)].join('').replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `core_v1`. */
export const tagOf = ({ group, version }: Pick<KindDefinition, 'group' | 'version'>) => `${groupName(group)}_${version}`;

/** `CoreV1`. */
export const idPrefix = ({ group, version }: Pick<KindDefinition, 'group' | 'version'>) =>
  `${capital(groupName(group))}${capital(version)}`;

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

import type { V1Node } from '../../api/gen/types.ts';

/** Labels with the older ones that say the same. */
const OLD_NAMES = [
  ['kubernetes.io/os', 'beta.kubernetes.io/os'],
  ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
] as const;

/** The older labels that do not say what the newer ones say; undefined when all do. */
export function planOldLabels({ metadata }: V1Node): Record<string, string> | undefined {
  const { labels = {} } = metadata ?? {};
  const wrong = OLD_NAMES.filter(([name, old]) => labels[name] !== undefined && labels[old] !== labels[name]);
  return wrong.length > 0 ? Object.fromEntries(wrong.map(([name, old]) => [old, labels[name]!])) : undefined;
}

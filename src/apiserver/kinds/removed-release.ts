import type { KindDefinition } from '../../api/machinery/kind.ts';

/** The release that does not serve a deprecated version any more; '' when none is known. Whoever defines a custom resource has none. */
export function removedRelease({ deprecation = '', ownSchema }: Pick<KindDefinition, 'deprecation' | 'ownSchema'>): string {
  const [, release = ''] = (!ownSchema && /unavailable in v(\d+\.\d+)\+/.exec(deprecation)) || [];
  return release;
}

/** Volumes that are no more, and files of one volume that lie on top of each other (pkg/api/pod/warnings.go). */

import { addAll } from '../../../std/add-all.ts';
import { withoutTrailing } from '../../../std/trailing.ts';
import type { V1Volume, V1VolumeProjection } from '../../gen/types.ts';
import { claimSpecWarnings } from './storage-warnings.ts';

const OUTLIVED: readonly (readonly [field: keyof V1Volume, message: string, shown?: string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** Of one pod's paths; behind that only those that are the same are found. */
const MOST_COMPARISONS = 200_000;

interface Comparisons {
  left: number;
}

export function volumeWarnings(volumes: readonly V1Volume[], path: string): string[] {
  const outlived = volumes.flatMap((volume, i) => [
    ...OUTLIVED.filter(([field]) => volume[field] !== undefined).map(
      ([field, message, shown = field]) => `${path}[${i}].${shown}: ${message}`,
    ),
    ...claimSpecWarnings(volume.ephemeral?.volumeClaimTemplate?.spec, `${path}[${i}].ephemeral.volumeClaimTemplate.spec`),
  ]);
  const comparisons = { left: MOST_COMPARISONS };
  return [...outlived, ...volumes.flatMap((volume) => overlapWarnings(volume, comparisons))];
}

function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: V1Volume, comparisons: Comparisons): string[] {
  const volume = `volume ${JSON.stringify(name)}`;
  const warnings: string[] = [];
  const overlaps = (paths: readonly string[], label: string) => overlapsAmong(paths, label, comparisons);
  if (configMap?.items)
    addAll(warnings, overlaps(pathsOf(configMap.items), `${volume} (ConfigMap ${JSON.stringify(configMap.name ?? '')})`));
  if (secret?.items)
    addAll(warnings, overlaps(pathsOf(secret.items), `${volume} (Secret ${JSON.stringify(secret.secretName ?? '')})`));
  if (downwardAPI?.items) addAll(warnings, overlaps(pathsOf(downwardAPI.items), `${volume} (DownwardAPI)`));
  const all = new Set<string>();
  for (const source of projected?.sources ?? []) {
    if (!Object.keys(source).length) {
      warnings.push(`${volume} (Projected) has no sources provided`);
      continue;
    }
    const { paths, what } = describeProjection(source);
    if (!paths.length) continue;
    const label = `${volume} (Projected ${what})`;
    addAll(warnings, overlaps(paths, label));
    const unique = new Set(paths);
    if (all.size) {
      const isAffordable = (unique.size + all.size) ** 2 <= comparisons.left;
      addAll(warnings, overlaps([...unique, ...(isAffordable ? all : unique.intersection(all))].sort(), label));
    }
    for (const one of unique) all.add(one);
  }
  return warnings;
}

const pathsOf = (items: readonly { path: string }[]) => items.map(({ path }) => path);

function describeProjection(source: V1VolumeProjection): { paths: string[]; what: string } {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle: bundle } = source;
  if (configMap?.items) return { paths: pathsOf(configMap.items), what: `ConfigMap ${JSON.stringify(configMap.name ?? '')}` };
  if (secret?.items) return { paths: pathsOf(secret.items), what: `Secret ${JSON.stringify(secret.name ?? '')}` };
  if (downwardAPI?.items) return { paths: pathsOf(downwardAPI.items), what: 'DownwardAPI' };
  if (serviceAccountToken) return { paths: [serviceAccountToken.path], what: 'ServiceAccountToken' };
  if (bundle)
    return { paths: [bundle.path], what: `ClusterTrustBundle ${JSON.stringify(bundle.name ?? bundle.signerName ?? '')}` };
  return { paths: [], what: '' };
}

function overlapsAmong(paths: readonly string[], label: string, comparisons: Comparisons): string[] {
  const seen = new Set<string>();
  return paths.flatMap((path) => {
    const normal = withoutTrailing(path, '/');
    const other = overlapping(seen, normal, comparisons);
    seen.add(normal);
    return other === undefined ? [] : [`${label}: overlapping paths: ${JSON.stringify(normal)} with ${JSON.stringify(other)}`];
  });
}

function overlapping(paths: ReadonlySet<string>, path: string, comparisons: Comparisons): string | undefined {
  if (path === '' || paths.has('')) return undefined;
  if (paths.has(path)) return path;
  if (paths.size > comparisons.left) return undefined;
  comparisons.left -= paths.size;
  for (const other of paths) if (`${other}/`.startsWith(path) || `${path}/`.startsWith(other)) return other;
  return undefined;
}

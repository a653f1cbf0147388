import type { KubeObject } from './object.ts';

/** Of several objects that say they are the default one, the newest counts, and of equally new ones the first by name, as upstream. */
export function newestOf<T extends KubeObject>(defaults: readonly T[]): T | undefined {
  const time = ({ metadata }: T) => Date.parse(String(metadata?.creationTimestamp ?? '')) || 0;
  return defaults.toSorted((a, b) => time(b) - time(a) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))[0];
}

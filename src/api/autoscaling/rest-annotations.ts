/** What an older version has no field for travels in annotations, so that nothing is lost on the way there and back. */
import type { DynamicObject } from '../machinery/object.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';

export const METRICS = `${PREFIX}metrics`;
export const CURRENT_METRICS = `${PREFIX}current-metrics`;
export const CONDITIONS = `${PREFIX}conditions`;
export const BEHAVIOR = `${PREFIX}behavior`;

type Metadata = DynamicObject['metadata'];

/** The metadata with the values that are there as JSON. */
export function annotated(metadata: Metadata, values: Readonly<Record<string, unknown>>): Metadata {
  const added = Object.entries(values).filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length));
  if (!added.length) return metadata;
  const texts = added.map(([name, value]) => [name, JSON.stringify(value)]);
  return { ...metadata, annotations: { ...metadata.annotations, ...Object.fromEntries(texts) } };
}

/** The metadata without these annotations, and what they say. What somebody else wrote there, and is no JSON, says nothing. */
export function takeAnnotations(
  metadata: Metadata,
  names: readonly string[],
): { metadata: Metadata; values: Map<string, unknown> } {
  const values = new Map<string, unknown>();
  if (!names.some((name) => metadata.annotations?.[name] !== undefined)) return { metadata, values };
  const { annotations, ...rest } = metadata;
  const kept = { ...annotations };
  for (const name of names) {
    const text = kept[name];
    if (text === undefined) continue;
    delete kept[name];
    try {
      values.set(name, JSON.parse(text));
    } catch {
      // Upstream ignores it too.
    }
  }
  return { metadata: Object.keys(kept).length ? { ...rest, annotations: kept } : rest, values };
}

/** A list of structures, whatever somebody wrote. */
export const structuresIn = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value)
    ? value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null && !Array.isArray(item))
    : [];

import { goJson } from '../machinery/go-format.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { checkConfiguration } from './check-configuration.ts';
import { compareObjects } from './compare.ts';
import { difference, EMPTY, type FieldSet, withoutBranches } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import type { StructureType } from './object-type.ts';

/** Where client-side apply keeps what it applied. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** The manager whose server-side apply takes over from it. */
export const KUBECTL = 'kubectl';
/** As upstream, which leaves out what would not fit among the annotations. */
const LARGEST_ANNOTATION_BYTES = 256 * 1024;

/**
 * The fields that client-side apply set last and that still are as it set them: kubectl's server-side apply may take them from whoever
 * owns them (lastappliedmanager.go). None when there is no such annotation, or it is of another version.
 */
export function fieldsLastApplied(type: StructureType, live: DynamicObject): FieldSet {
  const text = live.metadata.annotations?.[LAST_APPLIED];
  if (!text) return EMPTY;
  let applied: unknown;
  try {
    applied = JSON.parse(text);
  } catch {
    return EMPTY; // anybody can write the annotation
  }
  if (typeof applied !== 'object' || applied === null) return EMPTY;
  if ((applied as Partial<DynamicObject>).apiVersion !== live.apiVersion) return EMPTY;
  if (checkConfiguration(type, applied).length) return EMPTY;
  const { changed, removed } = compareObjects(type, applied, live);
  return withoutBranches(difference(fieldsOf(type, applied), changed), removed);
}

/** Keeps the annotation, where there is one, in step with what kubectl applies: client-side apply goes on to work (lastappliedupdater.go). */
export function refreshLastApplied(object: DynamicObject, configuration: DynamicObject): void {
  const { annotations } = object.metadata;
  if (!annotations?.[LAST_APPLIED]) return;
  const { managedFields: _, annotations: given, ...metadata } = configuration.metadata;
  const { [LAST_APPLIED]: _last, ...others } = given ?? {};
  const text = `${goJson({ ...configuration, metadata: { ...metadata, ...(given && { annotations: others }) } })}\n`;
  let bytes = Buffer.byteLength(text);
  for (const [name, value] of Object.entries(annotations))
    if (name !== LAST_APPLIED) bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
  if (bytes > LARGEST_ANNOTATION_BYTES) delete annotations[LAST_APPLIED];
  else annotations[LAST_APPLIED] = text;
}

import type { V1ConfigMap } from '../../gen/types.ts';
import { invalidField, WHOLE_OBJECT } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { decodedBytes, examineData, textBytes, validateImmutability, validateSize } from './data-rules.ts';

/** What may not change first. */
export function validateConfigMap(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { data, binaryData } = object as V1ConfigMap;
  const inBoth = Object.keys(binaryData ?? {}).filter((key) => Object.hasOwn(data ?? {}, key));
  const texts = examineData(data, 'data', textBytes);
  const bytes = examineData(binaryData, 'binaryData', decodedBytes);
  return [
    ...(existing ? validateImmutability(object, existing, ['data', 'binaryData']) : []),
    ...texts.errors,
    ...inBoth.map((key) => invalidField(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...bytes.errors,
    ...validateSize(texts.bytes + bytes.bytes, WHOLE_OBJECT),
  ];
}

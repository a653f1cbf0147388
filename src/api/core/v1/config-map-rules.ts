import type { V1ConfigMap } from '../../gen/types.ts';
import { invalidField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { decodedBytes, textBytes, validateImmutability, validateKeys, validateSize } from './data-rules.ts';

export function validateConfigMap(object: DynamicObject): FieldError[] {
  const { data, binaryData } = object as V1ConfigMap;
  const inBoth = Object.keys(binaryData ?? {}).filter((key) => Object.hasOwn(data ?? {}, key));
  return [
    ...validateKeys(data, 'data'),
    ...inBoth.map((key) => invalidField(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...validateKeys(binaryData, 'binaryData'),
    ...validateSize(textBytes(data) + decodedBytes(binaryData), ''),
  ];
}

export const validateConfigMapUpdate = (updated: DynamicObject, existing: DynamicObject): FieldError[] =>
  validateImmutability(updated, existing, ['data', 'binaryData']);

import type { V1ConfigMap } from '../../gen/types.ts';
import { invalidField, WHOLE_OBJECT } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { decodedBytes, textBytes, validateImmutability, validateKeys, validateSize } from './data-rules.ts';

/** What may not change first. */
export function validateConfigMap(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { data, binaryData } = object as V1ConfigMap;
  const inBoth = Object.keys(binaryData ?? {}).filter((key) => Object.hasOwn(data ?? {}, key));
  return [
    ...(existing ? validateImmutability(object, existing, ['data', 'binaryData']) : []),
    ...validateKeys(data, 'data'),
    ...inBoth.map((key) => invalidField(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...validateKeys(binaryData, 'binaryData'),
    ...validateSize(textBytes(data) + decodedBytes(binaryData), WHOLE_OBJECT),
  ];
}

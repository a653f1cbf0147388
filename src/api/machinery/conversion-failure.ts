import { isExactInteger } from '../../std/exact-json.ts';
import type { DecodeFailure } from './decode-scalar.ts';

/**
 * What upstream says of an object that it cannot put together from a patched tree. Strategic merge patches are not encoded as JSON
 * again before they are read, so their errors are those of apimachinery's converter and name no field.
 */
export function conversionMessage(failure: DecodeFailure): string {
  const { message, mismatch } = failure;
  if (message.startsWith('illegal base64 data')) return `error decoding from json: ${message}`;
  if (!mismatch) return message;
  const { goType } = mismatch;
  const from = goKind(mismatch.value);
  if (goType.startsWith('map[')) return `cannot restore map from ${from}`;
  if (goType.startsWith('[]')) return `cannot restore slice from ${from}`;
  if (goType.includes('.')) return `cannot restore struct from: ${from}`;
  return isConvertible(from, goType) ? `cannot convert ${from} to ${goType}` : `unrecognized type: ${goType}`;
}

/** The kind of Go's value for a JSON value. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  if (isExactInteger(value)) return 'int64';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'map' : 'string';
}

/** Whether Go's language has a conversion, though the converter allows none between texts and numbers. */
function isConvertible(from: string, to: string): boolean {
  if (from === 'int64') return to !== 'bool';
  return from === 'float64' && (to.startsWith('int') || to.startsWith('float'));
}

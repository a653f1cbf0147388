import type { DynamicObject } from './object.ts';

/**
 * The spec of an object that is being defaulted, made where it was left out: in Go's types it is part of the object, so that one
 * without is one whose every field is left out.
 */
export const specOf = <T extends object>(object: DynamicObject): T => {
  object['spec'] ??= {};
  return object['spec'] as T;
};

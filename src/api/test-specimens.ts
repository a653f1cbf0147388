/** What tests of kinds' rules share: objects made as the API server makes them, and what is said against them. */
import { runAtOnce } from '../std/pauses.ts';
import { allKinds } from './all-kinds.ts';
import { decodeObject } from './machinery/decode.ts';
import { apiVersionOf, type KindDefinition, type WriteContext } from './machinery/kind.ts';
import type { DynamicObject } from './machinery/object.ts';
import type { FieldError } from './machinery/status-error.ts';

// What is loaded late is there when the first test begins.
await Promise.all(allKinds.map((kind) => kind.loadFirst?.()));

export const testContext: WriteContext = { nowMs: 0, user: { name: 'u', groups: [] } };

export const textsOf = (errors: readonly FieldError[] = []): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);

export interface Specimens {
  /** Decoded and defaulted. */
  make(fields: object, metadata?: object): DynamicObject;
  /** The same as it is about to be stored. */
  created(fields: object, metadata?: object): DynamicObject;
  complaints(fields: object, metadata?: object): string[];
  /** Against an update of the whole object. */
  changes(before: object, after: object): string[];
  /** Against a write of a part, or of the whole, of finished objects. */
  refusals(before: DynamicObject, after: DynamicObject, part?: string): string[];
  warnings(fields: object, metadata?: object): readonly string[];
}

export function specimensOf(kind: KindDefinition): Specimens {
  const make: Specimens['make'] = (fields, metadata) => {
    const { object } = decodeObject(kind, {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: { name: 'a', namespace: 'b', ...structuredClone(metadata) },
      ...structuredClone(fields),
    });
    kind.setDefaults?.(object);
    return object;
  };
  const created: Specimens['created'] = (fields, metadata) => {
    const object = make(fields, { uid: 'u', ...metadata });
    kind.prepareForCreate?.(object, testContext);
    return object;
  };
  const refusals: Specimens['refusals'] = (before, after, partName) => {
    const part = kind.parts.find(({ name }) => name === partName);
    if (part) {
      const merged = part.merge(structuredClone(before), structuredClone(after), testContext);
      return textsOf(part.validate?.(merged, before, testContext));
    }
    return [
      ...textsOf(kind.validate?.(after, testContext, before)),
      ...textsOf(kind.validateInSteps && runAtOnce(kind.validateInSteps(after, testContext, before))),
      ...textsOf(kind.validateUpdate?.(after, before, testContext)),
    ];
  };
  return {
    make,
    created,
    refusals,
    complaints: (fields, metadata) => [
      ...textsOf(kind.validate?.(created(fields, metadata), testContext)),
      ...textsOf(kind.validateInSteps && runAtOnce(kind.validateInSteps(created(fields, metadata), testContext))),
    ],
    changes: (before, after) => refusals(created(before), created(after)),
    warnings: (fields, metadata) => kind.warnings?.(created(fields, metadata), undefined) ?? [],
  };
}

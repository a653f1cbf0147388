import { cloneJson } from '../machinery/clone.ts';
import { apiVersionOf, type KindDefinition, type PartSubresource, type WriteContext } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';

/** How an older version's objects and those of the version of today become each other. Arguments are left as they are. */
export interface Conversion {
  readonly toToday: (object: DynamicObject) => DynamicObject;
  readonly fromToday: (object: DynamicObject) => DynamicObject;
}

/** What is different about a kind in an older version; everything else is today's. */
export interface OlderVersion
  extends Pick<KindDefinition, 'group' | 'version' | 'schema' | 'deprecation'>,
    Partial<
      Pick<
        KindDefinition,
        | 'actions'
        | 'setDefaults'
        | 'prepareForCreate'
        | 'prepareForUpdate'
        | 'validate'
        | 'validateInSteps'
        | 'defaultPropagation'
        | 'jsonOnly'
      >
    > {
  /** Absent: both have the same fields. */
  readonly conversion?: Conversion;
}

const SAME: Conversion = { toToday: (object) => object, fromToday: (object) => object };

/**
 * The kind as an older version of it: other names, defaults and perhaps fields, the same objects in the store. What is shown, checked
 * and selected is decided by the record of today, on the object as it is there; complaints name the fields of today, as upstream's do.
 */
export function servedAs(today: KindDefinition, older: OlderVersion): KindDefinition {
  const { conversion = SAME, ...different } = older;
  const versions = { today: apiVersionOf(today), older: apiVersionOf(older) };
  const toToday = (object: DynamicObject): DynamicObject => ({ ...conversion.toToday(object), apiVersion: versions.today });
  const fromToday = (object: DynamicObject): DynamicObject => ({ ...conversion.fromToday(object), apiVersion: versions.older });
  const stored = today.storedAs ?? {
    ...identityOf(today),
    toStored: (object: DynamicObject) => object,
    fromStored: (object: DynamicObject) => object,
  };
  const { prepareForCreate, prepareForUpdate, validate, validateInSteps, validateUpdate, warnings, rowConditions, rowOrder } =
    today;
  return {
    ...today,
    storedAs: {
      ...identityOf(stored),
      fromStored: (object) => fromToday(stored.fromStored(object)),
      toStored: (object) => {
        const current = cloneJson(toToday(object));
        // What this version does not know has today's defaults.
        today.setDefaults?.(current);
        return { ...stored.toStored(current), apiVersion: apiVersionOf(stored), kind: stored.kind };
      },
    },
    parts: today.parts.map((part) => convertedPart(part, toToday)),
    selectableFields: Object.fromEntries(
      Object.entries(today.selectableFields).map(([field, get]) => [field, (object: DynamicObject) => get(toToday(object))]),
    ),
    columns: today.columns.map((column) => ({ ...column, cell: (object, nowMs) => column.cell(toToday(object), nowMs) })),
    ...(prepareForCreate && {
      prepareForCreate: (object, context) =>
        replaceBy(
          object,
          fromToday,
          inToday(object, toToday, (current) => prepareForCreate(current, context)),
        ),
    }),
    ...(prepareForUpdate && {
      prepareForUpdate: (updated, existing, context) =>
        replaceBy(
          updated,
          fromToday,
          inToday(updated, toToday, (current) => prepareForUpdate(current, toToday(existing), context)),
        ),
    }),
    ...(rowOrder && { rowOrder: (a, b) => rowOrder(toToday(a), toToday(b)) }),
    ...(rowConditions && { rowConditions: (object) => rowConditions(toToday(object)) }),
    ...(validateInSteps && {
      validateInSteps: (object, context, existing) => validateInSteps(toToday(object), context, existing && toToday(existing)),
    }),
    ...(validate && {
      validate: (object, context, existing) => validate(toToday(object), context, existing && toToday(existing)),
    }),
    ...(validateUpdate && {
      validateUpdate: (updated, existing, context) => validateUpdate(toToday(updated), toToday(existing), context),
    }),
    ...(warnings && { warnings: (object, existing) => warnings(toToday(object), existing && toToday(existing)) }),
    ...different,
  };
}

/** A copy as it is today, changed. */
function inToday(object: DynamicObject, toToday: Conversion['toToday'], change: (current: DynamicObject) => void): DynamicObject {
  const current = cloneJson(toToday(object));
  change(current);
  return current;
}

/** Puts the fields that the object of today has in the older version in place of the object's own. */
function replaceBy(object: DynamicObject, fromToday: Conversion['fromToday'], current: DynamicObject): void {
  const result = fromToday(current);
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, result);
}

/** Today's defaults, for an object of an older version, in place. */
export function setDefaultsOfToday(today: KindDefinition, conversion: Conversion, object: DynamicObject): void {
  const { apiVersion } = object;
  const current = inToday(object, conversion.toToday, (each) => today.setDefaults?.(each));
  replaceBy(object, (each) => ({ ...conversion.fromToday(each), apiVersion }), current);
}

const identityOf = ({ group, version, kind }: Pick<KindDefinition, 'group' | 'version' | 'kind'>) => ({ group, version, kind });

function convertedPart(part: PartSubresource, toToday: (object: DynamicObject) => DynamicObject): PartSubresource {
  const { validate } = part;
  if (!validate) return part;
  return {
    ...part,
    validate: (updated: DynamicObject, existing: DynamicObject, context: WriteContext) =>
      validate(toToday(updated), toToday(existing), context),
  };
}

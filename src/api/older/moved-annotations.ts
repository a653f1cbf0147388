/** Fields that became annotations, so that nothing is lost between versions (pkg/apis/apps/v1/conversion.go). */
import type { DynamicObject } from '../machinery/object.ts';
import type { Conversion } from './served-as.ts';

const ROLLBACK = 'deprecated.deployment.rollback.to';
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

type Spec = Readonly<Record<string, unknown>>;

/** `field` of the spec, whose value is that number or what `wrap` makes of it, is an annotation of today. */
function movedNumber(
  field: string,
  annotation: string,
  wrap: (value: number) => unknown,
  unwrap: (value: unknown) => number | undefined,
): Conversion {
  return {
    toToday(object) {
      const { [field]: value, ...spec } = (object['spec'] ?? {}) as Spec;
      const number = unwrap(value);
      const annotations = { ...object.metadata.annotations, ...(number !== undefined && { [annotation]: String(number) }) };
      return { ...object, metadata: withAnnotations(object, annotations), ...(object['spec'] !== undefined && { spec }) };
    },
    fromToday(object) {
      const { [annotation]: text, ...annotations } = object.metadata.annotations ?? {};
      if (text === undefined || !/^-?\d{1,15}$/.test(text)) return object;
      return {
        ...object,
        metadata: withAnnotations(object, annotations),
        spec: { ...(object['spec'] as Spec | undefined), [field]: wrap(Number(text)) },
      };
    },
  };
}

function withAnnotations({ metadata }: DynamicObject, annotations: Record<string, string>): DynamicObject['metadata'] {
  const { annotations: _, ...rest } = metadata;
  return Object.keys(annotations).length ? { ...rest, annotations } : rest;
}

const numberOf = (value: unknown) => (typeof value === 'number' ? value : undefined);

export const templateGenerationConversion = movedNumber('templateGeneration', TEMPLATE_GENERATION, (value) => value, numberOf);

export const rollbackConversion = movedNumber(
  'rollbackTo',
  ROLLBACK,
  (revision) => ({ revision }),
  (value) => (value === undefined ? undefined : (numberOf((value as { revision?: unknown }).revision) ?? 0)),
);

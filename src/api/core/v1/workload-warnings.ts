import type { V1PodTemplateSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { nameWarnings, templateWarnings } from './pod-warnings.ts';

/** Warnings of a kind with a template at `spec.template`: when it is made, and when what it wants changes. */
export function workloadWarnings(
  options: { readonly namesPods?: boolean } = {},
): (object: DynamicObject, existing: DynamicObject | undefined) => string[] {
  return (object, existing) => {
    if (existing && existing.metadata.generation === object.metadata.generation) return [];
    const { template } = (object['spec'] ?? {}) as { template?: V1PodTemplateSpec };
    const warnings = templateWarnings(template, 'spec.template');
    if (existing || !options.namesPods) return warnings;
    return [...nameWarnings(object.metadata.name, 'Pod names and hostnames'), ...warnings];
  };
}

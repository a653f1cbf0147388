/** How often a DaemonSet's template has changed: a field once, and an annotation since apps/v1 (pkg/apis/apps/v1/conversion.go). */
import type { V1DaemonSet } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import type { DynamicObject } from '../../machinery/object.ts';

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

function templateGeneration({ metadata }: DynamicObject): number {
  const text = metadata.annotations?.[TEMPLATE_GENERATION] ?? '';
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function setTemplateGeneration(object: DynamicObject, generation: number): void {
  object.metadata.annotations = { ...object.metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

/** Of a new DaemonSet: 1, unless its maker counts on from what was there before. */
export function startTemplateGeneration(object: DynamicObject): void {
  setTemplateGeneration(object, Math.max(1, templateGeneration(object)));
}

/** In place in `updated`. Nobody sets it by hand. */
export function countTemplateGeneration(updated: DynamicObject, existing: DynamicObject): void {
  const [after, before] = [(updated as V1DaemonSet).spec?.template, (existing as V1DaemonSet).spec?.template];
  setTemplateGeneration(updated, templateGeneration(existing) + (sameMeaning(after, before) ? 0 : 1));
}

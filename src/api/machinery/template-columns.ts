/** Columns about pod templates and selectors, which all workloads have. */
import type { V1LabelSelector, V1PodTemplateSpec } from '../gen/types.ts';
import { NONE, textColumn, wide } from './columns.ts';
import type { Column } from './kind.ts';
import { selectorFromLabelSelector } from './label-selector.ts';
import type { KubeObject } from './object.ts';

export const containersColumn = <T extends KubeObject>(template: (object: T) => V1PodTemplateSpec | undefined): Column =>
  textColumn<T>('Containers', 'Names of the containers in the template.', (object) =>
    (template(object)?.spec?.containers ?? []).map(({ name }) => name).join(','),
  );

export const imagesColumn = <T extends KubeObject>(template: (object: T) => V1PodTemplateSpec | undefined): Column =>
  textColumn<T>('Images', 'Images of the containers in the template.', (object) =>
    (template(object)?.spec?.containers ?? []).map(({ image }) => image ?? '').join(','),
  );

export const selectorColumn = <T extends KubeObject>(selector: (object: T) => V1LabelSelector | undefined): Column =>
  textColumn<T>('Selector', 'Which pods belong to it.', (object) => formatSelector(selector(object)));

/** What `-o wide` adds for workloads. */
export const workloadColumns = <T extends KubeObject>(
  template: (object: T) => V1PodTemplateSpec | undefined,
  selector?: (object: T) => V1LabelSelector | undefined,
): Column[] => wide(containersColumn(template), imagesColumn(template), ...(selector ? [selectorColumn(selector)] : []));

/** The selector's text; `<none>` when it selects everything or is missing. */
export function formatSelector(selector: V1LabelSelector | undefined): string {
  try {
    return selectorFromLabelSelector(selector).toString() || NONE;
  } catch {
    // Stored before the rules for selectors were as strict: shown, not served.
    return '<error>';
  }
}

import type { V1PodTemplate } from '../../gen/types.ts';
import { formatLabels, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { containersColumn, imagesColumn } from '../../machinery/template-columns.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { dropUnservedFields } from './unserved-pod-fields.ts';

const rules = lateRules(async () => {
  const { validatePodTemplate } = await import('./pod-template-validation.ts');
  const { templateWarnings } = await import('./pod-warnings.ts');
  return {
    validate: (object, _context, existing) =>
      validatePodTemplate((object as V1PodTemplate).template, 'template', (existing as V1PodTemplate | undefined)?.template),
    warnings: (object) => templateWarnings((object as V1PodTemplate).template, 'template'),
  };
});

const templateOf = (object: DynamicObject) => (object as V1PodTemplate).template;

export const podTemplateKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  namespaced: true,
  hasGeneration: true,
  columns: [
    nameColumn,
    containersColumn<V1PodTemplate>(({ template }) => template),
    imagesColumn<V1PodTemplate>(({ template }) => template),
    textColumn<V1PodTemplate>('Pod Labels', "The template's labels.", ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
  prepareForCreate: (object) => dropUnservedFields(templateOf(object)?.spec),
  prepareForUpdate: (updated, existing) => dropUnservedFields(templateOf(updated)?.spec, templateOf(existing)?.spec),
  setDefaults: (object) => {
    const withTemplate = object as V1PodTemplate;
    withTemplate.template ??= {};
    setPodTemplateDefaults(withTemplate.template);
  },
  ...rules.whole,
});

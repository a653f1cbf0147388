import type { V1PodTemplate } from '../../gen/types.ts';
import { formatLabels, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { containersColumn, imagesColumn } from '../../machinery/template-columns.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-template-validation.ts';
import { templateWarnings } from './pod-warnings.ts';

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
  setDefaults: (object) => setPodTemplateDefaults((object as V1PodTemplate).template),
  validate: (object) => validatePodTemplate((object as V1PodTemplate).template, 'template'),
  warnings: (object) => templateWarnings((object as V1PodTemplate).template, 'template'),
});

import type { V1ConfigMap } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validateConfigMap } from './config-map-rules.ts';

export const configMapKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  namespaced: true,
  shortNames: ['cm'],
  columns: [
    nameColumn,
    textColumn<V1ConfigMap>(
      'Data',
      'How many entries it has.',
      ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
    ),
    ageColumn,
  ],
  validate: validateConfigMap,
});

import type { V1DeviceClass } from '../../gen/types.ts';
import { ageColumn, nameColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validateConfiguration, validateSelectors } from './device-claim-validation.ts';
import { checkSet } from './device-names.ts';

const MOST_CONFIGURATIONS = 32;

export const deviceClassKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  namespaced: false,
  hasGeneration: true,
  columns: [nameColumn, ageColumn],
  validate: (object) => {
    const { selectors, config } = (object as unknown as V1DeviceClass).spec;
    return [
      ...validateSelectors(selectors, 'spec.selectors'),
      ...checkSet(config, 'spec.config', MOST_CONFIGURATIONS, ({ opaque }, path) => validateConfiguration(opaque, path)),
    ];
  },
});

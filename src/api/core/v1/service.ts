import type { V1Service } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { dropFieldsOfOldType } from './service-changes.ts';
import { serviceColumns } from './service-columns.ts';
import { setServiceDefaults } from './service-defaults.ts';
import { validateService, validateServiceStatus } from './service-validation.ts';
import { serviceWarnings } from './service-warnings.ts';

export const serviceKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  resource: 'services',
  namespaced: true,
  shortNames: ['svc'],
  categories: ['all'],
  storagePath: 'services/specs',
  nameRule: 'dns-label',
  parts: [statusPart({ validate: validateServiceStatus })],
  actions: [{ name: 'proxy', kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  columns: serviceColumns,
  selectableFields: {
    'spec.clusterIP': (object) => (object as V1Service).spec?.clusterIP ?? '',
    'spec.type': (object) => (object as V1Service).spec?.type ?? '',
  },
  prepareForCreate: (object) => {
    object['status'] = { loadBalancer: {} };
  },
  prepareForUpdate: dropFieldsOfOldType,
  setDefaults: setServiceDefaults,
  validate: validateService,
  warnings: serviceWarnings,
});

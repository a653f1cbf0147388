import { lazyModule } from '../../../std/lazy-module.ts';
import { ageColumn, nameColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';

const validation = lazyModule(() => import('./device-claim-validation.ts'));

export const deviceClassKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  namespaced: false,
  hasGeneration: true,
  columns: [nameColumn, ageColumn],
  loadFirst: validation.load,
  validate: (object, _context, existing) => validation.loaded.validateDeviceClass(object, existing),
});

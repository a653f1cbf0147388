import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1ResourceSlice } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';

const validation = lazyModule(() => import('./resource-slice-validation.ts'));

const sliceOf = (object: DynamicObject) => object as unknown as V1ResourceSlice;

export const resourceSliceKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  resource: 'resourceslices',
  namespaced: false,
  hasGeneration: true,
  columns: [
    nameColumn,
    textColumn<V1ResourceSlice>('Node', 'The node that its devices are on.', ({ spec }) => spec.nodeName ?? ''),
    textColumn<V1ResourceSlice>('Driver', 'Who gives its devices.', ({ spec }) => spec.driver),
    textColumn<V1ResourceSlice>('Pool', 'The pool of its devices.', ({ spec }) => spec.pool.name),
    ageColumn,
  ],
  selectableFields: {
    'spec.nodeName': (object) => sliceOf(object).spec.nodeName ?? '',
    'spec.driver': (object) => sliceOf(object).spec.driver,
  },
  loadFirst: validation.load,
  validate: (object) => validation.loaded.validateResourceSlice(object),
  validateUpdate: (updated, existing) => validation.loaded.validateResourceSliceUpdate(updated, existing),
});

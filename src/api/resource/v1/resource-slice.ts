import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1ResourceSlice } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { type DynamicObject, formatTime } from '../../machinery/object.ts';

const validation = lazyModule(() => import('./resource-slice-validation.ts'));

const sliceOf = (object: DynamicObject) => object as unknown as V1ResourceSlice;

/** Notes when devices were tainted. Drops what the release has behind a switch that is off: attributes with many values, and what devices take of a node. */
function prepareSlice({ spec }: V1ResourceSlice, nowMs: number): void {
  for (const device of spec.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(nowMs);
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {}))
      for (const field of ['bools', 'ints', 'strings', 'versions'] as const) delete attribute[field];
  }
}

const driverWarnings = (driver: string): string[] =>
  driver === driver.toLowerCase()
    ? []
    : [`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`];

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
  prepareForCreate: (object, { nowMs }) => prepareSlice(sliceOf(object), nowMs),
  prepareForUpdate: (updated, _existing, { nowMs }) => prepareSlice(sliceOf(updated), nowMs),
  warnings: (object) => driverWarnings(sliceOf(object).spec.driver),
  loadFirst: validation.load,
  validate: (object, _context, existing) => validation.loaded.validateResourceSlice(object, existing),
});

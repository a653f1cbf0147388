import type { V1Lease } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { validateLease } from './lease-rules.ts';

/** Elections that the server holds are behind a switch that is off (registry/coordination/lease/strategy.go). */
function dropUnserved(object: DynamicObject, existing?: DynamicObject): void {
  const [spec, stored] = [(object as V1Lease).spec, (existing as V1Lease | undefined)?.spec];
  for (const field of ['strategy', 'preferredHolder'] as const)
    if (spec?.[field] !== undefined && stored?.[field] === undefined) delete spec[field];
}

export const leaseKind = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  namespaced: true,
  anyFinalizers: true,
  columns: [nameColumn, textColumn<V1Lease>('Holder', 'Who holds it.', ({ spec }) => spec?.holderIdentity ?? ''), ageColumn],
  setDefaults: (object) => void specOf(object),
  prepareForCreate: (object) => dropUnserved(object),
  prepareForUpdate: dropUnserved,
  validate: validateLease,
});

import type { V1ControllerRevision } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { checkImmutable, checkNotNegative } from '../../machinery/field-checks.ts';
import { requiredField } from '../../machinery/field-error.ts';
import { controllerRevisionColumns } from './apps-columns.ts';

export const controllerRevisionKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  namespaced: true,
  columns: controllerRevisionColumns,
  validate: (object) => {
    const { data, revision } = object as unknown as V1ControllerRevision;
    return [
      ...(data === undefined || data === null ? [requiredField('data', 'data is mandatory')] : []),
      ...checkNotNegative('revision', revision),
    ];
  },
  validateUpdate: (updated, existing) => checkImmutable('data', updated['data'], existing['data']),
});

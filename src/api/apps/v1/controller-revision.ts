import { defineKind } from '../../machinery/define-kind.ts';
import { controllerRevisionColumns } from './apps-columns.ts';

export const controllerRevisionKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  namespaced: true,
  columns: controllerRevisionColumns,
});

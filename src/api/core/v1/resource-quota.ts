import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';

export const resourceQuotaKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  namespaced: true,
  shortNames: ['quota'],
  parts: [statusPart()],
});

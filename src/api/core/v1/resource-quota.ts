import type { V1ResourceQuota } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { validateResourceQuota, validateResourceQuotaStatus } from './resource-quota-validation.ts';

function formatUsage({ status }: V1ResourceQuota, ofLimits: boolean): string {
  return Object.entries(status?.hard ?? {})
    .filter(([resource]) => resource.startsWith('limits.') === ofLimits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, hard]) => `${resource}: ${status?.used?.[resource] ?? '0'}/${hard}`)
    .join(', ');
}

export const resourceQuotaKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  namespaced: true,
  shortNames: ['quota'],
  parts: [statusPart({ validate: validateResourceQuotaStatus })],
  columns: [
    nameColumn,
    textColumn<V1ResourceQuota>('Request', 'How much of each resource is used and may be.', (quota) => formatUsage(quota, false)),
    textColumn<V1ResourceQuota>('Limit', 'How much of each limit is used and may be.', (quota) => formatUsage(quota, true)),
    ageColumn,
  ],
  prepareForCreate: resetStatus('V1ResourceQuota'),
  validate: validateResourceQuota,
});

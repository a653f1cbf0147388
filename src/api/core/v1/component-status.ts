import type { V1ComponentStatus } from '../../gen/types.ts';
import { nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';

const healthOf = ({ conditions }: V1ComponentStatus) => conditions?.find(({ type }) => type === 'Healthy');

/** How the store, the scheduler and the controller manager are: asked when it is asked for, and not kept. */
export const componentStatusKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  resource: 'componentstatuses',
  namespaced: false,
  shortNames: ['cs'],
  storage: 'review',
  verbs: ['get', 'list'],
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    nameColumn,
    textColumn<V1ComponentStatus>('Status', 'Whether it is well.', (status) =>
      healthOf(status)?.status === 'True' ? 'Healthy' : 'Unhealthy',
    ),
    textColumn<V1ComponentStatus>('Message', 'What it says of itself.', (status) => healthOf(status)?.message ?? ''),
    textColumn<V1ComponentStatus>('Error', 'Why it could not be asked.', (status) => healthOf(status)?.error ?? ''),
  ],
});

import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1FlowSchema, V1FlowSchemaSpec } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';

const validation = lazyModule(() => import('./flow-schema-validation.ts'));

const precedenceOf = (object: DynamicObject) => (object as V1FlowSchema).spec?.matchingPrecedence ?? 0;

export const flowSchemaKind = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  resource: 'flowschemas',
  namespaced: false,
  hasGeneration: true,
  parts: [
    statusPart({
      merge: mergeStatusAlone,
      validate: (updated) => validation.loaded.validateConditionTypes((updated as V1FlowSchema).status?.conditions ?? []),
    }),
  ],
  columns: [
    nameColumn,
    textColumn<V1FlowSchema>(
      'PriorityLevel',
      'The level of its requests.',
      ({ spec }) => spec?.priorityLevelConfiguration.name ?? '',
    ),
    textColumn<V1FlowSchema>('MatchingPrecedence', 'Lower ones are tried first.', ({ spec }) => spec?.matchingPrecedence ?? 0),
    textColumn<V1FlowSchema>(
      'DistinguisherMethod',
      'How flows are told apart.',
      ({ spec }) => spec?.distinguisherMethod?.type ?? NONE,
    ),
    ageColumn,
    textColumn<V1FlowSchema>(
      'MissingPL',
      'Whether its level is missing.',
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    ),
  ],
  rowOrder: (a, b) => precedenceOf(a) - precedenceOf(b),
  prepareForCreate: resetStatus('V1FlowSchema'),
  setDefaults: (object) => {
    const spec = specOf<V1FlowSchemaSpec>(object);
    spec.priorityLevelConfiguration ??= { name: '' };
    spec.matchingPrecedence ||= 1000;
  },
  loadFirst: validation.load,
  validate: (object) => validation.loaded.validateFlowSchema(object),
});

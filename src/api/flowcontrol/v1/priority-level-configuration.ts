import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1PriorityLevelConfiguration, V1PriorityLevelConfigurationSpec } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';

const validation = lazyModule(() => import('./priority-level-configuration-validation.ts'));

export const priorityLevelConfigurationKind = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  resource: 'prioritylevelconfigurations',
  namespaced: false,
  hasGeneration: true,
  parts: [statusPart({ merge: mergeStatusAlone, validate: (updated) => validation.loaded.validateLevelStatus(updated) })],
  columns: [
    nameColumn,
    textColumn<V1PriorityLevelConfiguration>('Type', 'Limited or exempt.', ({ spec }) => spec?.type ?? ''),
    textColumn<V1PriorityLevelConfiguration>(
      'NominalConcurrencyShares',
      'Its share.',
      ({ spec }) => spec?.limited?.nominalConcurrencyShares ?? NONE,
    ),
    textColumn<V1PriorityLevelConfiguration>(
      'Queues',
      'How many queues it has.',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queues ?? NONE,
    ),
    textColumn<V1PriorityLevelConfiguration>(
      'HandSize',
      'How many a flow is dealt.',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.handSize ?? NONE,
    ),
    textColumn<V1PriorityLevelConfiguration>(
      'QueueLengthLimit',
      'How long a queue may be.',
      ({ spec }) => spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? NONE,
    ),
    ageColumn,
  ],
  prepareForCreate: resetStatus('V1PriorityLevelConfiguration'),
  setDefaults: (object) => {
    const spec = specOf<V1PriorityLevelConfigurationSpec>(object);
    spec.type ??= '';
    const { limited, exempt, type } = spec;
    if (type === 'Exempt') {
      const shares = exempt ?? {};
      shares.nominalConcurrencyShares ??= 0;
      shares.lendablePercent ??= 0;
      spec.exempt = shares;
    }
    if (!limited) return;
    limited.nominalConcurrencyShares ??= 30;
    limited.lendablePercent ??= 0;
    const { queuing } = limited.limitResponse ?? {};
    if (!queuing) return;
    queuing.queues ||= 64;
    queuing.handSize ||= 8;
    queuing.queueLengthLimit ||= 50;
  },
  loadFirst: validation.load,
  validate: (object) => validation.loaded.validatePriorityLevelConfiguration(object),
});

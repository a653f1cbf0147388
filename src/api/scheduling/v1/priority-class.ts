import type { V1PriorityClass } from '../../gen/types.ts';
import { ageColumn, booleanColumn, nameColumn, numberColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validatePriorityClass, validatePriorityClassUpdate } from './priority-class-validation.ts';

export const priorityClassKind = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  resource: 'priorityclasses',
  namespaced: false,
  shortNames: ['pc'],
  columns: [
    nameColumn,
    numberColumn<V1PriorityClass>('Value', 'How important its pods are.', ({ value }) => value ?? 0),
    booleanColumn<V1PriorityClass>(
      'Global-Default',
      'Whether pods without a class get it.',
      ({ globalDefault }) => globalDefault ?? false,
    ),
    ageColumn,
    textColumn<V1PriorityClass>(
      'PreemptionPolicy',
      'Whether its pods push others out.',
      ({ preemptionPolicy }) => preemptionPolicy ?? '',
    ),
  ],
  setDefaults: (object) => {
    object['preemptionPolicy'] ??= 'PreemptLowerPriority';
  },
  // It stays the first: nothing that counts changes.
  prepareForCreate: ({ metadata }) => {
    metadata.generation = 1;
  },
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
});

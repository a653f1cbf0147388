import type { V1Secret } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { secretWarnings } from './key-pair-warnings.ts';
import { prepareSecretUpdate, setSecretDefaults, validateSecret } from './secret-rules.ts';

export const secretKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  namespaced: true,
  columns: [
    nameColumn,
    textColumn<V1Secret>('Type', 'What its data is for.', ({ type }) => type ?? ''),
    textColumn<V1Secret>('Data', 'How many entries it has.', ({ data = {} }) => Object.keys(data).length),
    ageColumn,
  ],
  selectableFields: { type: (object) => (object as V1Secret).type ?? '' },
  setDefaults: setSecretDefaults,
  prepareForUpdate: prepareSecretUpdate,
  validate: validateSecret,
  warnings: secretWarnings,
});

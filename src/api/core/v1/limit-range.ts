import { defineKind } from '../../machinery/define-kind.ts';
import { setLimitRangeDefaults } from './limit-range-defaults.ts';
import { validateLimitRange } from './limit-range-validation.ts';

export const limitRangeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  namespaced: true,
  shortNames: ['limits'],
  setDefaults: setLimitRangeDefaults,
  validate: validateLimitRange,
});

import { lazyModule } from '../../../std/lazy-module.ts';
import { checkUnchanged } from '../../core/v1/check-unchanged.ts';
import type { V1ResourceClaimTemplate } from '../../gen/types.ts';
import { ageColumn, nameColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { validateAnnotations, validateLabels } from '../../machinery/validate-metadata.ts';
import { setDeviceClaimDefaults } from './device-claim-defaults.ts';

const validation = lazyModule(() => import('./device-claim-validation.ts'));

const templateOf = (object: DynamicObject) => object as unknown as V1ResourceClaimTemplate;

export const resourceClaimTemplateKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  resource: 'resourceclaimtemplates',
  namespaced: true,
  columns: [nameColumn, ageColumn],
  setDefaults: (object) => setDeviceClaimDefaults(templateOf(object).spec.spec),
  loadFirst: validation.load,
  validate: (object, _context, existing) => {
    if (existing) return [];
    const { metadata, spec } = templateOf(object).spec;
    return [
      ...validateLabels(metadata?.labels, 'spec.metadata.labels'),
      ...validateAnnotations(metadata?.annotations, 'spec.metadata.annotations'),
      ...validation.loaded.validateDeviceClaim(spec.devices, 'spec.spec.devices'),
    ];
  },
  validateUpdate: (updated, existing) =>
    checkUnchanged('spec', 'ResourceClaimTemplateSpec', templateOf(updated).spec, templateOf(existing).spec),
});

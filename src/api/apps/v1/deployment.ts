import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import { equalJson } from '../../machinery/clone.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { mergeStatusKeeping, statusPart } from '../../machinery/status-part.ts';
import { deploymentColumns } from './apps-columns.ts';
import { setDeploymentDefaults } from './apps-defaults.ts';

const rules = lateRules(async () => {
  const { validateDeployment, validateDeploymentStatus } = await import('./deployment-validation.ts');
  const { validateSelectorUpdate } = await import('./workload-validation.ts');
  const { workloadWarnings } = await import('../../core/v1/workload-warnings.ts');
  return {
    validate: validateDeployment,
    validateUpdate: validateSelectorUpdate,
    warnings: workloadWarnings({ namesPods: true }),
    parts: { status: validateDeploymentStatus },
  };
});

export const deploymentKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  namespaced: true,
  shortNames: ['deploy'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ merge: mergeStatusKeeping('labels'), validate: rules.part('status') })],
  actions: [scaleAction],
  columns: deploymentColumns,
  prepareForCreate: (object) => {
    resetStatus('V1Deployment')(object);
    dropUnservedOfTemplate(object);
  },
  prepareForUpdate: (updated, existing) => {
    dropUnservedOfTemplate(updated, existing);
    // Annotations were how rollbacks were asked for, so that they count as what is wanted.
    const [{ metadata }, { metadata: before }] = [updated, existing];
    if (!equalJson(metadata.annotations ?? {}, before.annotations ?? {})) metadata.generation = (before.generation ?? 0) + 1;
  },
  setDefaults: setDeploymentDefaults,
  ...rules.whole,
});

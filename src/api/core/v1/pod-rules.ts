import { lateRules } from '../../machinery/late-rules.ts';

/** What pods are checked for, as a whole and by their parts. */
export const podRules = lateRules(async () => {
  const { validatePod } = await import('./pod-validation.ts');
  const { validatePodUpdate } = await import('./pod-update-validation.ts');
  const { podWarnings } = await import('./pod-warnings.ts');
  const { validateEphemeralContainersUpdate } = await import('./ephemeral-containers-validation.ts');
  const { validatePodResize } = await import('./pod-resize-validation.ts');
  const { validatePodStatusUpdate } = await import('./pod-status-validation.ts');
  return {
    validate: validatePod,
    // Binding is the one write that puts a pod on a node.
    validateUpdate: (updated, existing, { subresource }) =>
      subresource === 'binding' ? [] : validatePodUpdate(updated, existing),
    // Nobody updates pods by hand, and programs do so often.
    warnings: (object, existing) => (existing ? [] : podWarnings(object)),
    parts: {
      ephemeralcontainers: validateEphemeralContainersUpdate,
      resize: validatePodResize,
      status: validatePodStatusUpdate,
    },
  };
});

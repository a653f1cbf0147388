import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { annotationsAfterRollback, revisionOf, withoutRollback } from './annotations.ts';
import { equalTemplates, TEMPLATE_HASH } from './replica-sets.ts';

/** What comes of a wish to go back: the Deployment as it is to be written, without the wish, and what is told. */
export interface Rollback {
  readonly deployment: V1Deployment;
  readonly event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string };
}

/**
 * Goes back to the template of a revision, or of the one before the last for 0: for clients of the API groups of before 1.16, whose wish became
 * an annotation (pkg/controller/deployment/rollback.go). Today's change the template themselves.
 */
export function planRollback(deployment: V1Deployment, revision: bigint, sets: readonly V1ReplicaSet[]): Rollback {
  const name = JSON.stringify(deployment.metadata?.name ?? '');
  const given = { ...deployment, metadata: { ...deployment.metadata, annotations: withoutRollback(deployment) } };
  const unfound = (message: string): Rollback => ({
    deployment: given,
    event: { type: 'Warning', reason: 'DeploymentRollbackRevisionNotFound', message },
  });
  const wanted = revision === 0n ? beforeLast(sets) : revision;
  if (wanted === 0n) return unfound('Unable to find last revision.');
  const found = sets.find((set) => revisionOf(set) === wanted);
  if (!found) return unfound('Unable to find the revision to rollback to.');
  if (equalTemplates(found.spec?.template, deployment.spec?.template)) {
    const message = `The rollback revision contains the same template as current deployment ${name}`;
    return { deployment: given, event: { type: 'Warning', reason: 'DeploymentRollbackTemplateUnchanged', message } };
  }
  const template = structuredClone(found.spec?.template);
  delete template?.metadata?.labels?.[TEMPLATE_HASH];
  const message = `Rolled back deployment ${name} to revision ${wanted}`;
  return {
    deployment: {
      ...given,
      metadata: { ...given.metadata, annotations: annotationsAfterRollback(deployment, found) },
      spec: { ...deployment.spec, template },
    } as V1Deployment,
    event: { type: 'Normal', reason: 'DeploymentRollback', message },
  };
}

function beforeLast(sets: readonly V1ReplicaSet[]): bigint {
  const revisions = sets.map(revisionOf).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return revisions[1] ?? 0n;
}

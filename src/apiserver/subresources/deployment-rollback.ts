import type { V1Deployment } from '../../api/gen/types.ts';
import { checkNotNegative } from '../../api/machinery/field-checks.ts';
import { requiredField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, invalid, noSuchPath } from '../../api/machinery/status-error.ts';
import { validateAnnotations } from '../../api/machinery/validate-metadata.ts';
import type { ActionHandler, Admission } from '../contracts.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import { trackPlainWrites } from '../verbs/field-tracking.ts';
import { fieldManagerOf } from '../verbs/resource-call.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import { actionAttributes, admitAction } from './admit-action.ts';

interface RollbackDeps {
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
}

type Rollback = DynamicObject & {
  readonly name?: string;
  readonly updatedAnnotations?: Record<string, string>;
  readonly rollbackTo?: { readonly revision?: number };
};

/** `deployments/rollback` of the versions that had it: notes the revision, which the controller then goes back to. */
export function createRollbackHandlers(kinds: readonly KindDefinition[], deps: RollbackDeps): ActionHandler[] {
  return kinds
    .filter(({ actions }) => actions.some(({ name }) => name === 'rollback'))
    .map((kind) => ({
      group: kind.group,
      resource: kind.resource,
      subresource: 'rollback',
      handle: async (context, body) => {
        if (context.info.version !== kind.version) throw noSuchPath();
        const rollback = (body ?? {}) as Rollback;
        const { name = '', updatedAnnotations, rollbackTo } = rollback;
        const errors = [
          ...validateAnnotations(updatedAnnotations, 'updatedAnnotations'),
          ...(name ? [] : [requiredField('name', 'name is required')]),
          ...checkNotNegative('rollback.version', rollbackTo?.revision),
        ];
        if (errors.length) throw invalid({ group: kind.group, kind: 'DeploymentRollback' }, name, errors);
        if (name !== context.info.name) throw badRequest('name in URL does not match name in DeploymentRollback object');
        const { dryRun, fieldManager } = parseWriteQuery(context.request.query, 'CreateOptions');
        await admitAction(deps.admission(), actionAttributes(context, kind, { object: rollback, dryRun }));
        const { user, warnings, audit, info } = context;
        const fields = trackPlainWrites(fieldManagerOf(context, fieldManager));
        const scope = { kind, namespace: info.namespace, user, dryRun, warnings, admit: false, fields, ...(audit && { audit }) };
        await deps.writes.update(scope, name, async (existing) => {
          const deployment = existing.decode() as DynamicObject & V1Deployment;
          const { metadata } = deployment;
          if (updatedAnnotations) metadata.annotations = { ...metadata.annotations, ...updatedAnnotations };
          Object.assign(deployment.spec ?? {}, { rollbackTo: { revision: rollbackTo?.revision ?? 0 } });
          return deployment;
        });
        const message = `rollback request for deployment ${JSON.stringify(name)} succeeded`;
        return { status: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', message, code: 200 } };
      },
    }));
}

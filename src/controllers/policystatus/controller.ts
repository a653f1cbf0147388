import { validatingAdmissionPolicyKind } from '../../api/admissionregistration/v1/validating-admission-policy.ts';
import type { CelType } from '../../api/cel/types.ts';
import type { V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import type { CheckedType } from './check-policy.ts';
import type { OpenApiDocument } from './openapi-types.ts';
import { openApiPath, type ResourceName, resourcesToCheck } from './plan.ts';

interface ApiResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

/** Says in a policy's status what is wrong with its expressions, given the types that it is about (pkg/controller/validatingadmissionpolicystatus). */
export function createPolicyStatusController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const policies = informers.of<V1ValidatingAdmissionPolicy>(validatingAdmissionPolicyKind);

  /** Undefined for what the server does not have. */
  const read = async <T>(path: string, signal: AbortSignal): Promise<T | undefined> => {
    try {
      return JSON.parse((await client.raw({ path, signal })).text) as T;
    } catch (error) {
      if (isStatus(error, 'NotFound')) return undefined;
      throw error;
    }
  };

  async function typeOfKind(group: string, version: string, kind: string, signal: AbortSignal): Promise<CelType | undefined> {
    const document = await read<OpenApiDocument>(openApiPath(group, version), signal);
    const { kindType } = await import('./openapi-types.ts');
    return document && kindType(document, { group, version, kind });
  }

  async function typeOfResource(
    { group, version, resource }: ResourceName,
    signal: AbortSignal,
  ): Promise<CheckedType | undefined> {
    const list = await read<ApiResourceList>(group ? `/apis/${group}/${version}` : `/api/${version}`, signal);
    const kind = list?.resources.find(({ name }) => name === resource)?.kind;
    const type = kind && (await typeOfKind(group, version, kind, signal));
    return type ? { group, version, kind, type } : undefined;
  }

  async function warningsOf(spec: V1ValidatingAdmissionPolicySpec, signal: AbortSignal) {
    const types: CheckedType[] = [];
    for (const resource of resourcesToCheck(spec)) {
      const found = await typeOfResource(resource, signal);
      if (found) types.push(found);
    }
    const { apiVersion = '', kind = '' } = spec.paramKind ?? {};
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
    const params = spec.paramKind && (await typeOfKind(group, version, kind, signal));
    const { checkPolicy } = await import('./check-policy.ts');
    const byName = (a: CheckedType, b: CheckedType) =>
      [a.group, a.version, a.kind].join() < [b.group, b.version, b.kind].join() ? -1 : 1;
    return checkPolicy(spec, types.sort(byName), params);
  }

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const policy = policies.get(name);
    const generation = policy?.metadata?.generation ?? 0;
    if (!policy?.spec || generation <= (policy.status?.observedGeneration ?? 0)) return;
    const expressionWarnings = await warningsOf(policy.spec, signal);
    // Said even where there is nothing to warn of: that the expressions have been looked at.
    const typeChecking = { expressionWarnings: expressionWarnings.length ? expressionWarnings : null };
    const patch = { status: { observedGeneration: generation, typeChecking } };
    const resource = client.resource<V1ValidatingAdmissionPolicy>(validatingAdmissionPolicyKind);
    await unlessReason(resource.patch(name, patch, { type: 'merge', subresource: 'status', signal }), 'NotFound');
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics });
  return createController(context, {
    sources: [
      source(policies, (policy, change) => {
        if (change.type !== 'deleted') loop.add(keyOf(policy));
      }),
    ],
    loops: [loop],
  });
}

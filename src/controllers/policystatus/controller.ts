import { validatingAdmissionPolicyKind } from '../../api/admissionregistration/v1/validating-admission-policy.ts';
import type { CelType } from '../../api/cel/types.ts';
import type { V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { runWithPauses } from '../../std/pauses.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import type { CheckedType } from './check-policy.ts';
import type { OpenApiDocument } from './openapi-types.ts';
import { type ApiResource, kindsNamed, MOST_TYPES, openApiPath, type ResourceName, resourcesToCheck } from './plan.ts';

interface ApiResourceList {
  readonly resources: readonly ApiResource[];
}
interface ApiGroupList {
  readonly groups: readonly { readonly name: string; readonly versions: readonly { readonly version: string }[] }[];
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

  /** As upstream's mapper: without a group, the resource of that name in any group. */
  async function kindsOf({ group, version, resource }: ResourceName, signal: AbortSignal): Promise<Omit<CheckedType, 'type'>[]> {
    const groups = group ? [group] : ['', ...(await groupsWith(version, signal))];
    const found: Omit<CheckedType, 'type'>[] = [];
    for (const each of groups) {
      const list = await read<ApiResourceList>(each ? `/apis/${each}/${version}` : `/api/${version}`, signal);
      found.push(...kindsNamed(list?.resources ?? [], resource).map((kind) => ({ group: each, version, kind })));
    }
    return found;
  }

  async function groupsWith(version: string, signal: AbortSignal): Promise<string[]> {
    const list = await read<ApiGroupList>('/apis', signal);
    return (list?.groups ?? []).flatMap(({ name, versions }) =>
      versions.some((each) => each.version === version) ? [name] : [],
    );
  }

  async function kindsToCheck(spec: V1ValidatingAdmissionPolicySpec, signal: AbortSignal): Promise<Omit<CheckedType, 'type'>[]> {
    const all = new Map<string, Omit<CheckedType, 'type'>>();
    for (const resources of resourcesToCheck(spec)) {
      let count = 0;
      for (const resource of resources)
        for (const kind of await kindsOf(resource, signal)) {
          all.set([kind.group, kind.version, kind.kind].join(), kind);
          if (++count === MOST_TYPES) return [...all.values()];
        }
    }
    return [...all.values()];
  }

  async function warningsOf(spec: V1ValidatingAdmissionPolicySpec, signal: AbortSignal) {
    const types: CheckedType[] = [];
    for (const found of await kindsToCheck(spec, signal)) {
      const type = await typeOfKind(found.group, found.version, found.kind, signal);
      if (type) types.push({ ...found, type });
    }
    const { apiVersion = '', kind = '' } = spec.paramKind ?? {};
    const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
    const params = spec.paramKind && (await typeOfKind(group, version, kind, signal));
    const { checkPolicy } = await import('./check-policy.ts');
    const byName = (a: CheckedType, b: CheckedType) =>
      [a.group, a.version, a.kind].join() < [b.group, b.version, b.kind].join() ? -1 : 1;
    return runWithPauses(checkPolicy(spec, types.sort(byName), params));
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

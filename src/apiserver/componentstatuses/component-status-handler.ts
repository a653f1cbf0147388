import { componentStatusKind } from '../../api/core/v1/component-status.ts';
import { checkFieldSelector, parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler } from '../contracts.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { Representation } from '../response/representation.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';

/** What a probe found. */
export interface ComponentHealth {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly message: string;
  readonly error?: string;
}

/** Never rejects: what is wrong is the answer. */
export type ProbeComponent = () => Promise<ComponentHealth>;

/**
 * Answers `kubectl get componentstatuses` by asking each component now (registry/core/componentstatus). Upstream marks the whole as
 * deprecated; scripts still ask for it.
 */
export function createComponentStatusHandler(probes: Readonly<Record<string, ProbeComponent>>, clock: Clock): ActionHandler {
  return {
    group: '',
    resource: componentStatusKind.resource,
    subresource: '',
    async handle(context, _body, response) {
      const { request, info } = context;
      const output = negotiateOutput(request, 'object');
      const representation = new Representation(componentStatusKind, output, request.query, () => clock.now());
      if (info.name) {
        const probe = Object.hasOwn(probes, info.name) ? probes[info.name] : undefined;
        if (!probe) throw notFound(componentStatusKind, info.name);
        await representation.sendObject(context, response, 200, shown(info.name, await probe()));
        return undefined;
      }
      const names = Object.keys(probes).filter(selectedBy(request.query));
      const objects = await Promise.all(names.map(async (name) => shown(name, await probes[name]!())));
      await representation.sendList(context, response, {}, objects);
      return undefined;
    },
  };
}

/** Whether a component is asked for. They have names, and no labels. */
function selectedBy(query: URLSearchParams): (name: string) => boolean {
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  checkFieldSelector(componentStatusKind, fields);
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  return (name) => fields.matches((field) => (field === 'metadata.name' ? name : '')) && labels.matches({});
}

function shown(name: string, health: ComponentHealth): CachedObject {
  const { status, message, error } = health;
  const object: DynamicObject = {
    apiVersion: 'v1',
    kind: componentStatusKind.kind,
    metadata: { name },
    conditions: [{ type: 'Healthy', status, message, ...(error && { error }) }],
  };
  return CachedObject.unsaved(componentStatusKind, '', object, undefined);
}

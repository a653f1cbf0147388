import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';

interface Priority {
  readonly group: number;
  readonly version: number;
}

const group = (minimum: number, versions: Readonly<Record<string, number>>) => ({ minimum, versions });

/** Upstream's table (pkg/controlplane/apiserver/aggregator.go): which groups, and which of their versions, clients prefer. */
const PRIORITIES: ReadonlyMap<string, ReturnType<typeof group>> = new Map([
  ['', group(18_000, { v1: 1 })],
  ['apps', group(17_800, { v1: 15 })],
  ['events.k8s.io', group(17_750, { v1: 15, v1beta1: 5 })],
  ['authentication.k8s.io', group(17_700, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['authorization.k8s.io', group(17_600, { v1: 15 })],
  ['autoscaling', group(17_500, { v1: 15, v2: 30, v2beta1: 9, v2beta2: 1 })],
  ['batch', group(17_400, { v1: 15, v1beta1: 9 })],
  ['certificates.k8s.io', group(17_300, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['networking.k8s.io', group(17_200, { v1: 15, v1beta1: 12, v1alpha1: 1 })],
  ['policy', group(17_100, { v1: 15, v1beta1: 9 })],
  ['rbac.authorization.k8s.io', group(17_000, { v1: 15, v1beta1: 12 })],
  ['storage.k8s.io', group(16_800, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['apiextensions.k8s.io', group(16_700, { v1: 15, v1beta1: 9 })],
  ['admissionregistration.k8s.io', group(16_700, { v1: 15, v1beta1: 12, v1alpha1: 9 })],
  ['scheduling.k8s.io', group(16_600, { v1: 15, v1beta1: 12 })],
  ['coordination.k8s.io', group(16_500, { v1: 15, v1beta1: 13, v1alpha2: 12 })],
  ['node.k8s.io', group(16_300, { v1: 15, v1beta1: 9 })],
  ['discovery.k8s.io', group(16_200, { v1: 15, v1beta1: 12 })],
  ['flowcontrol.apiserver.k8s.io', group(16_100, { v1: 21, v1beta3: 18, v1beta2: 15, v1beta1: 12 })],
  ['internal.apiserver.k8s.io', group(16_000, { v1alpha1: 9 })],
  ['resource.k8s.io', group(16_200, { v1: 20, v1beta2: 15, v1beta1: 9, v1alpha3: 1 })],
  ['storagemigration.k8s.io', group(15_800, { v1: 15, v1beta1: 12, v1alpha1: 9 })],
]);

const FALLBACK: Priority = { group: 15_000, version: 1 };
/** Of what CustomResourceDefinitions bring. */
const CUSTOM: Priority = { group: 1_000, version: 100 };

/** Says that an object is kept by the server: `onstart` ones until it starts anew without them, `true` ones while there is a reason. */
export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';

interface Local {
  readonly name: string;
  readonly spec: NonNullable<V1APIService['spec']>;
  readonly automanaged: 'onstart' | 'true';
}

/** The APIServices of what this server serves itself. */
export function localApiServices(builtIn: readonly KindDefinition[], all: readonly KindDefinition[]): Map<string, Local> {
  const wanted = new Map<string, Local>();
  const add = (kind: KindDefinition, automanaged: Local['automanaged']) => {
    const name = `${kind.version}.${kind.group}`;
    // Served by the aggregator itself, which upstream does not register with itself either.
    if (wanted.has(name) || kind.group === apiServiceKind.group) return;
    const priority = automanaged === 'onstart' ? builtInPriority(kind) : CUSTOM;
    const spec = {
      ...(kind.group && { group: kind.group }),
      version: kind.version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    };
    wanted.set(name, { name, spec, automanaged });
  };
  for (const kind of builtIn) add(kind, 'onstart');
  for (const kind of all) add(kind, 'true');
  return wanted;
}

function builtInPriority({ group: name, version }: KindDefinition): Priority {
  const known = PRIORITIES.get(name);
  return known ? { group: known.minimum, version: known.versions[version] ?? 1 } : FALLBACK;
}

export interface AutoregisterDeps {
  readonly builtIn: readonly KindDefinition[];
  readonly kinds: KindRegistry;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly logger: Logger;
}

/**
 * Keeps the APIServices of what is served here as the kinds say (kube-aggregator/pkg/controllers/autoregister): one that is deleted comes
 * back, and one of a CustomResourceDefinition that is gone goes. Whoever takes the label away keeps the object to himself.
 */
export function startAutoregister({ builtIn, kinds, reader, writer, logger }: AutoregisterDeps): {
  readonly done: () => Promise<void>;
  close(): void;
} {
  let closed = false;
  let again = false;
  let first = true;
  let running: Promise<void> | undefined;

  const sync = async () => {
    do {
      again = false;
      const wanted = localApiServices(builtIn, kinds.all());
      const existing = reader.list(apiServiceKind) as readonly V1APIService[];
      await Promise.all(planChanges(wanted, existing, first).map(apply));
      first = false;
    } while (again && !closed);
  };
  const apply = async (change: Change) => {
    try {
      if (change.type === 'create') await writer.create(apiServiceKind, change.object as never);
      else if (change.type === 'delete') await writer.delete(apiServiceKind, '', change.name);
      else await writer.modify(apiServiceKind, '', change.name, (existing) => Object.assign(existing, { spec: change.spec }));
    } catch (error) {
      // Somebody else was there first: what is there now is looked at with the next change.
      if (!isStatus(error, 'AlreadyExists') && !isStatus(error, 'NotFound'))
        logger.error('cannot register an APIService', { name: change.name, error });
    }
  };
  const trigger = () => {
    if (closed) return;
    again = true;
    running ??= sync().finally(() => {
      running = undefined;
    });
  };
  const leaveKinds = kinds.onChange(trigger);
  const leaveObjects = reader.subscribe(apiServiceKind, ({ object }) => {
    if (!object) trigger();
  });
  trigger();
  return {
    done: async () => running,
    close() {
      closed = true;
      leaveKinds();
      leaveObjects();
    },
  };
}

type Change =
  | { readonly type: 'create'; readonly name: string; readonly object: object }
  | { readonly type: 'update'; readonly name: string; readonly spec: object }
  | { readonly type: 'delete'; readonly name: string };

/** What is to be done to have the APIServices that are wanted. `atStart`: objects of an earlier start that are wanted no more go. */
export function planChanges(wanted: ReadonlyMap<string, Local>, existing: readonly V1APIService[], atStart: boolean): Change[] {
  const changes: Change[] = [];
  const byName = new Map(existing.map((service) => [service.metadata?.name ?? '', service]));
  for (const { name, spec, automanaged } of wanted.values()) {
    const found = byName.get(name);
    if (!found)
      changes.push({ type: 'create', name, object: { metadata: { name, labels: { [AUTOMANAGED]: automanaged } }, spec } });
    else if (managed(found) && !sameSpec(found.spec, spec)) changes.push({ type: 'update', name, spec });
  }
  for (const [name, service] of byName) {
    const kept = managed(service);
    if (kept && !wanted.has(name) && (kept === 'true' || atStart)) changes.push({ type: 'delete', name });
  }
  return changes;
}

const managed = (service: V1APIService) => service.metadata?.labels?.[AUTOMANAGED];

function sameSpec(a: V1APIService['spec'], b: Local['spec']): boolean {
  return (
    a !== undefined &&
    !a.service &&
    (a.group ?? '') === (b.group ?? '') &&
    a.version === b.version &&
    a.groupPriorityMinimum === b.groupPriorityMinimum &&
    a.versionPriority === b.versionPriority
  );
}

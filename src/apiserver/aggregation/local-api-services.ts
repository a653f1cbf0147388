import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';
import { builtInPriority, CUSTOM_PRIORITY } from '../discovery/group-priorities.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { WriteAgain } from './write-again.ts';

/** Says that an object is kept by the server: `onstart` ones until it starts anew without them, `true` ones while there is a reason. */
export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';

interface Local {
  readonly name: string;
  readonly spec: NonNullable<V1APIService['spec']>;
  readonly automanaged: 'onstart' | 'true';
}

const nameOf = ({ group, version }: Pick<KindDefinition, 'group' | 'version'>) => `${version}.${group}`;

/** The APIServices of what this server serves itself. */
export function localApiServices(builtIn: readonly KindDefinition[], all: readonly KindDefinition[]): Map<string, Local> {
  const wanted = new Map<string, Local>();
  const add = (kind: KindDefinition, automanaged: Local['automanaged']) => {
    const name = nameOf(kind);
    // Served by the aggregator itself, which upstream does not register with itself either.
    if (wanted.has(name) || kind.group === apiServiceKind.group) return;
    const priority = automanaged === 'onstart' ? builtInPriority(kind) : CUSTOM_PRIORITY;
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

export interface AutoregisterDeps {
  readonly builtIn: readonly KindDefinition[];
  readonly kinds: KindRegistry;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
}

/**
 * Keeps the APIServices of what is served here as the kinds say (kube-aggregator/pkg/controllers/autoregister): one that is deleted comes
 * back, and one of a CustomResourceDefinition that is gone goes. Whoever takes the label away keeps the object to himself.
 */
export function startAutoregister({ builtIn, kinds, reader, writer, clock, logger }: AutoregisterDeps): {
  readonly done: () => Promise<void>;
  close(): void;
} {
  let closed = false;
  let again = false;
  let first = true;
  let running: Promise<void> | undefined;
  /** What was wanted when it was last looked at. */
  let known: ReadonlyMap<string, Local> = new Map();
  const later = new WriteAgain(clock);

  const sync = async () => {
    do {
      again = false;
      const wanted = localApiServices(builtIn, kinds.all());
      known = wanted;
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
      if (isStatus(error, 'AlreadyExists') || isStatus(error, 'NotFound')) return;
      logger.error('cannot register an APIService', { name: change.name, error });
      later.later('', trigger);
    }
  };
  const trigger = () => {
    if (closed) return;
    again = true;
    running ??= sync().finally(() => {
      running = undefined;
    });
  };
  const leaveKinds = kinds.onChange((before, after) => {
    // One more kind of a version that is registered, as nearly all are of ten thousand, is no reason to look at all of them.
    if (before.length > 0 || after.some((kind) => !known.has(nameOf(kind)))) trigger();
  });
  const leaveObjects = reader.subscribe(apiServiceKind, ({ object }) => {
    if (!object) trigger();
  });
  trigger();
  return {
    done: async () => running,
    close() {
      closed = true;
      later.close();
      leaveKinds();
      leaveObjects();
    },
  };
}

type Change =
  | { readonly type: 'create'; readonly name: string; readonly object: object }
  | { readonly type: 'update'; readonly name: string; readonly spec: object }
  | { readonly type: 'delete'; readonly name: string };

/**
 * What is to be done to have the APIServices that are wanted. `atStart`: objects of an earlier start that are wanted no more go, and
 * those that somebody changed are set right; later, they are his.
 */
export function planChanges(wanted: ReadonlyMap<string, Local>, existing: readonly V1APIService[], atStart: boolean): Change[] {
  const changes: Change[] = [];
  const byName = new Map(existing.map((service) => [service.metadata?.name ?? '', service]));
  for (const { name, spec, automanaged } of wanted.values()) {
    const found = byName.get(name);
    if (!found)
      changes.push({ type: 'create', name, object: { metadata: { name, labels: { [AUTOMANAGED]: automanaged } }, spec } });
    else if ((managed(found) === 'true' || (managed(found) && atStart)) && !sameSpec(found.spec, spec))
      changes.push({ type: 'update', name, spec });
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

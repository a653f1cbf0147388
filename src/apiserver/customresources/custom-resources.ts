import { customResourceDefinitionKind as definitionKind } from '../../api/apiextensions/v1/custom-resource-definition.ts';
import { CLEANUP_FINALIZER, type Definition, isCondition } from '../../api/apiextensions/v1/definition.ts';
import { type NamedDefinition, planStatus, setCondition } from '../../api/apiextensions/v1/definition-status.ts';
import { prepareDefinition, structuralProblems } from '../../api/apiextensions/v1/definition-validation.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { Backoff } from '../../std/backoff.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import { exactJsonText } from '../../std/exact-json.ts';
import type { Logger } from '../../std/logger.ts';
import { nextTurn } from '../../std/next-turn.ts';
import { runWithPauses } from '../../std/pauses.ts';
import { TurnPace } from '../../std/turn-pace.ts';
import type { ActionHandler, ObjectReader, ObjectWriter } from '../contracts.ts';
import type { ChangingKinds } from '../kinds/kind-registry.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { type ConversionOf, type CustomKinds, customKindsOf } from './custom-kind.ts';
import { createCustomScale } from './custom-scale.ts';

export interface CustomResourcesConfig {
  readonly kinds: ChangingKinds;
  readonly cache: WatchCache;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly objects: ObjectStore;
  readonly writes: ObjectWrites;
  readonly conversionOf: ConversionOf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** What is served of a definition now. */
interface Served {
  readonly kinds: CustomKinds;
  /** Of the definition that they were made of. */
  readonly made: string;
  readonly terminating: boolean;
  readonly actions: ReadonlyMap<string, ActionHandler>;
}

/** So long definitions are worked on before others have their turn: what changes nothing waits for nobody. */
const SLICE_MS = 10;
/** So few are worked on at once in any case: who has changed one finds it so with the next request. */
const FEW = 4;

/**
 * Does what definitions say, as upstream's controllers in the API server do: accepts names, establishes, serves the kinds, and takes
 * everything away again when a definition is deleted. One definition at a time, in the order of changes.
 */
export class CustomResources {
  readonly #config: CustomResourcesConfig;
  readonly #served = new Map<string, Served>();
  readonly #waiting = new Set<string>();
  readonly #retries = new Map<string, { readonly backoff: Backoff; timer?: Timer }>();
  /** By group and name, what others of the group have to know: with ten thousand definitions each would be looked at for each. */
  readonly #groups = new Map<string, Map<string, NamedDefinition>>();
  /** By definition: stops waiting for its last object. */
  readonly #awaited = new Map<string, () => void>();
  #unsubscribe: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(config: CustomResourcesConfig) {
    this.#config = config;
  }

  /** Serves what is defined already, and follows changes from then on. */
  async start(): Promise<void> {
    const { reader } = this.#config;
    this.#unsubscribe = reader.subscribe(definitionKind, ({ object, previous }) => {
      const { name } = (object ?? previous)!.metadata;
      this.#note((object ?? previous)! as object as Definition, object !== undefined);
      this.#enqueue(name!);
      // At once: who is told that a definition is gone finds nothing of it.
      if (!object) this.#withdraw(name!);
      // A name that was given up may be what another one waits for.
      const before = previous as object as Definition | undefined;
      const names = (object as object as Definition | undefined)?.status?.acceptedNames;
      if (before?.status?.acceptedNames && !equalJson(before.status.acceptedNames, names ?? null))
        this.#enqueueGroup(before.spec.group);
    });
    // Nothing is worked on until all of them are known: they may want the same names.
    this.#running = this.#noteAll().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    await this.#work();
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe?.();
    for (const leave of this.#awaited.values()) leave();
    for (const { timer } of this.#retries.values()) timer?.cancel();
  }

  /** What answers for a subresource of a custom resource. */
  action(kind: KindDefinition, subresource: string): ActionHandler | undefined {
    return this.#served.get(`${kind.resource}.${kind.group}`)?.actions.get(`${kind.version}/${subresource}`);
  }

  /** One by one: to read ten thousand takes a second. */
  async #noteAll(): Promise<void> {
    const { reader, cache } = this.#config;
    const pace = new TurnPace();
    for (const { name } of cache.kind(definitionKind).objects.all()) {
      const object = reader.get(definitionKind, '', name);
      // What is gone by now has been told of.
      if (object) this.#note(object as object as Definition, true);
      this.#waiting.add(name);
      const rest = pace.rest();
      if (rest !== undefined) await rest;
    }
  }

  #note({ metadata: { name = '' }, spec: { group }, status }: Definition, isThere: boolean): void {
    const names = this.#groups.get(group) ?? new Map<string, NamedDefinition>();
    const acceptedNames = status?.acceptedNames;
    if (isThere) names.set(name, { metadata: { name }, spec: { group }, ...(acceptedNames && { status: { acceptedNames } }) });
    else names.delete(name);
    if (names.size) this.#groups.set(group, names);
    else this.#groups.delete(group);
  }

  #enqueueGroup(group: string): void {
    for (const name of this.#groups.get(group)?.keys() ?? []) {
      const definition = this.#config.reader.get(definitionKind, '', name) as object | undefined as Definition | undefined;
      if (definition && !isCondition(definition, 'NamesAccepted')) this.#enqueue(name);
    }
  }

  #enqueue(name: string): void {
    if (this.#stopped) return;
    this.#waiting.add(name);
    void this.#work();
  }

  #work(): Promise<void> {
    this.#running ??= this.#workOff().finally(() => {
      this.#running = undefined;
      // What came between the end of the work and this.
      if (this.#waiting.size > 0 && !this.#stopped) void this.#work();
    });
    return this.#running;
  }

  async #workOff(): Promise<void> {
    let untilMs = performance.now() + SLICE_MS;
    let atOnce = 0;
    for (const name of this.#waiting) {
      if (atOnce++ >= FEW && performance.now() > untilMs) {
        await nextTurn();
        untilMs = performance.now() + SLICE_MS;
        atOnce = 1;
      }
      if (this.#stopped) return;
      this.#waiting.delete(name);
      try {
        await this.#sync(name);
        this.#retries.delete(name);
      } catch (error) {
        this.#config.logger.warn('cannot do what a definition says; trying again', { definition: name, error });
        this.#retry(name);
      }
    }
  }

  #retry(name: string): void {
    const { clock, random } = this.#config;
    const retry = this.#retries.get(name) ?? { backoff: new Backoff({ initialMs: 50, maxMs: 30_000, random }) };
    retry.timer?.cancel();
    retry.timer = clock.setTimer(retry.backoff.next(), () => this.#enqueue(name));
    this.#retries.set(name, retry);
  }

  async #sync(name: string): Promise<void> {
    const { reader } = this.#config;
    const object = reader.get(definitionKind, '', name);
    if (!object) {
      this.#withdraw(name);
      return;
    }
    const definition = object as object as Definition;
    await runWithPauses(prepareDefinition(definition));
    // What was changed or taken away in the meantime waits to be worked on by now.
    if (reader.get(definitionKind, '', name)?.metadata.resourceVersion !== object.metadata.resourceVersion) return;
    const planned = this.#plan(definition);
    const accepted = planned === definition.status ? definition : { ...definition, status: planned };
    // Before the status says so: who sees it established finds it served.
    if (isCondition(accepted, 'Established')) await this.#serve(name, accepted);
    if (planned !== definition.status) await this.#writeStatus(name, (current) => this.#plan(current));
    if (definition.metadata.deletionTimestamp && definition.metadata.finalizers?.includes(CLEANUP_FINALIZER))
      await this.#finalize(name, accepted);
  }

  #plan(definition: Definition): NonNullable<Definition['status']> {
    const { clock } = this.#config;
    if (definition.metadata.deletionTimestamp) return definition.status ?? {};
    return planStatus(definition, {
      all: [...(this.#groups.get(definition.spec.group)?.values() ?? [])],
      structuralProblems: structuralProblems(definition).map(({ field, message }) => `${field}: ${message}`),
      now: formatTime(clock.now()),
    });
  }

  async #writeStatus(name: string, change: (definition: Definition) => NonNullable<Definition['status']>): Promise<void> {
    const { writer } = this.#config;
    await writer.modify(
      definitionKind,
      '',
      name,
      (existing) => ({ ...existing, status: change(existing as object as Definition) }),
      'status',
    );
  }

  async #serve(name: string, definition: Definition): Promise<void> {
    const { kinds, cache, conversionOf, objects, writes, clock } = this.#config;
    const made = exactJsonText([definition.spec, definition.status?.acceptedNames]);
    const terminating = isCondition(definition, 'Terminating');
    const before = this.#served.get(name);
    if (before?.made === made && before.terminating === terminating) return;
    const custom = customKindsOf(definition, conversionOf);
    await cache.open(custom.stored);
    const actions = new Map<string, ActionHandler>();
    const versions = new Map(definition.spec.versions.map((version) => [version.name, version]));
    for (const kind of custom.served) {
      const scale = versions.get(kind.version)?.subresources?.scale;
      if (scale) actions.set(`${kind.version}/scale`, createCustomScale(kind, scale, { objects, writes, clock }));
    }
    this.#served.set(name, { kinds: custom, made, terminating, actions });
    kinds.replace(name, custom.served);
    // Watches hold what they began with; their clients begin again with what is now.
    if (before && before.made !== made) cache.kind(custom.stored).closeWatchers();
  }

  #withdraw(name: string): void {
    const served = this.#served.get(name);
    if (!served) return;
    this.#served.delete(name);
    this.#config.kinds.replace(name, []);
    this.#config.cache.close(served.kinds.stored.storagePath);
  }

  /** Deletes every object of a definition, and lets it go when the last one is gone. */
  async #finalize(name: string, definition: Definition): Promise<void> {
    const { cache, writer, clock } = this.#config;
    const { kinds } = this.#served.get(name) ?? { kinds: customKindsOf(definition, () => undefined) };
    const kind = kinds.stored;
    await cache.open(kind);
    if (!this.#served.has(name)) this.#served.set(name, { kinds, made: '', terminating: true, actions: new Map() });
    await cache.fresh();
    if (cache.kind(kind).objects.size > 0) {
      await this.#writeStatus(name, (current) =>
        setCondition(current.status ?? {}, {
          type: 'Terminating',
          status: 'True',
          reason: 'InstanceDeletionInProgress',
          message: 'CustomResource deletion is in progress',
          lastTransitionTime: formatTime(clock.now()),
        }),
      );
      await this.#deleteObjects(kind);
      await cache.fresh();
      if (cache.kind(kind).objects.size > 0) {
        this.#awaitLast(name, kind);
        return;
      }
    }
    try {
      await writer.modify(definitionKind, '', name, (existing) => withoutFinalizer(existing));
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }

  async #deleteObjects(kind: KindDefinition): Promise<void> {
    const { cache, writer } = this.#config;
    for (const [i, object] of cache.kind(kind).objects.all().entries()) {
      // Others have their turn, also where the store answers at once.
      if (i % 20 === 0) await nextTurn();
      try {
        await writer.delete(kind, object.namespace, object.name);
      } catch (error) {
        if (!isStatus(error, 'NotFound')) throw error;
      }
    }
  }

  /** Objects with finalizers stay for a while. Each change of the definition asks for them anew. */
  #awaitLast(name: string, kind: KindDefinition): void {
    const { cache } = this.#config;
    this.#awaited.get(name)?.();
    const held = cache.kind(kind);
    const unsubscribe = held.subscribe(() => {
      if (held.objects.size > 0) return;
      leave();
      this.#enqueue(name);
    });
    const leave = () => {
      unsubscribe();
      this.#awaited.delete(name);
    };
    this.#awaited.set(name, leave);
  }
}

function withoutFinalizer(object: DynamicObject): DynamicObject {
  const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== CLEANUP_FINALIZER);
  return { ...object, metadata: { ...object.metadata, finalizers } };
}

import { mandatoryFlowSchemas, mandatoryPriorityLevels } from '../../api/flowcontrol/v1/mandatory.ts';
import { suggestedFlowSchemas, suggestedPriorityLevels } from '../../api/flowcontrol/v1/suggested.ts';
import type { V1FlowSchema, V1FlowSchemaSpec, V1PriorityLevelConfiguration } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import type { RequestInfo, UserInfo } from '../contracts.ts';
import { matchesFlow } from './match-flow.ts';
import { PriorityLevel } from './priority-level.ts';
import { fitsInto, shareSeats } from './seat-limits.ts';
import { type FlowCounts, noCounts, type Rejection, type Ticket } from './ticket.ts';

/** A FlowSchema at work. */
export interface Flow {
  readonly name: string;
  readonly uid: string;
  readonly spec: V1FlowSchemaSpec;
  readonly level: PriorityLevel;
  readonly counts: FlowCounts;
}

export interface FlowControlOptions {
  readonly clock: Clock;
  /** Seats of the server: `--max-requests-inflight` and `--max-mutating-requests-inflight` together. */
  readonly totalSeats: number;
  /** How long a request may wait. */
  readonly waitLimitMs: number;
}

export interface FlowControlObjects {
  readonly schemas: readonly V1FlowSchema[];
  readonly levels: readonly V1PriorityLevelConfiguration[];
}

/** Who asks for seats. */
export interface AskedSeats {
  readonly user: UserInfo;
  readonly info: RequestInfo;
  readonly signal: () => AbortSignal;
  /** How long it may wait, instead of what every request may. */
  readonly waitMs?: number | undefined;
}

const CATCH_ALL = 'catch-all';
const LONGEST_WAIT_MS = 60_000;
/** Of a level's seats that one request may have. */
const MOST_OF_LEVEL = 0.15;

/** Decides which requests run now, which wait, and which are turned away (apiserver/pkg/util/flowcontrol). */
export class FlowControl {
  readonly #options: FlowControlOptions;
  readonly #levels = new Map<string, PriorityLevel>();
  #flows: readonly Flow[] = [];

  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.configure(defaultObjects());
  }

  get levels(): ReadonlyMap<string, PriorityLevel> {
    return this.#levels;
  }

  /** One that has its object. */
  level(name: string): PriorityLevel | undefined {
    const level = this.#levels.get(name);
    return level?.quiescing ? undefined : level;
  }

  get flows(): readonly Flow[] {
    return this.#flows;
  }

  /** Takes over what the objects say now. What must always be there is added; requests that run go on. */
  configure({ schemas, levels }: FlowControlObjects): void {
    const wanted = new Map(levels.flatMap((level) => (level.spec ? [[level.metadata?.name ?? '', level] as const] : [])));
    for (const [name, spec] of Object.entries(mandatoryPriorityLevels))
      if (!wanted.has(name)) wanted.set(name, { metadata: { name }, spec });
    for (const [name, { spec, metadata }] of wanted) {
      const known = this.#levels.get(name);
      if (!known) this.#levels.set(name, new PriorityLevel(name, metadata?.uid ?? '', spec!));
      else {
        known.spec = spec!;
        known.quiescing = false;
        known.uid = metadata?.uid ?? '';
      }
    }
    for (const [name, level] of this.#levels) level.quiescing ||= !wanted.has(name);
    this.#dropIdle();
    this.#share();
    this.#flows = this.#order(schemas);
    this.#dispatchAll();
  }

  #order(schemas: readonly V1FlowSchema[]): Flow[] {
    const before = new Map(this.#flows.map((flow) => [flow.name, flow]));
    const given = [...schemas];
    for (const [name, spec] of Object.entries(mandatoryFlowSchemas))
      if (!given.some(({ metadata }) => metadata?.name === name)) given.push({ metadata: { name }, spec });
    const flows = given.flatMap(({ metadata, spec }): Flow[] => {
      // A schema whose level is not there matches nothing.
      const level = spec && this.level(spec.priorityLevelConfiguration.name);
      const name = metadata?.name ?? '';
      return level ? [{ name, uid: metadata?.uid ?? '', spec, level, counts: before.get(name)?.counts ?? noCounts() }] : [];
    });
    const precedence = ({ spec }: Flow) => spec.matchingPrecedence ?? 1000;
    return flows.sort((a, b) => precedence(a) - precedence(b) || (a.name < b.name ? -1 : 1));
  }

  /** The flow of a request. Somebody whom no schema knows is one of catch-all. */
  classify(user: UserInfo, info: RequestInfo): Flow {
    const found = this.#flows.find(({ spec }) => matchesFlow(spec, user, info));
    return found ?? this.#flows.find(({ name }) => name === CATCH_ALL)!;
  }

  /**
   * Asks for seats: a ticket that has them and is to be given back with `release`, or why there are none. Without contention it answers
   * at once.
   */
  acquire(
    flow: Flow,
    seats: number,
    { user, info, signal, waitMs }: AskedSeats,
  ): Promise<Ticket | Rejection> | Ticket | Rejection {
    const { level, name, counts, spec } = flow;
    const { clock, waitLimitMs } = this.#options;
    const timeoutMs = Math.min(waitMs ?? waitLimitMs, LONGEST_WAIT_MS);
    const arrivedMs = clock.now();
    const distinguisher = distinguisherOf(spec, user, info);
    const ticket: Ticket = { flow: name, distinguisher, counts, seats, user, info, arrivedMs, startedMs: arrivedMs, queue: -1 };
    if (level.exempt || (level.waiting === 0 && this.#fits(level, seats))) {
      level.take(ticket);
      return ticket;
    }
    const waiting = level.enqueue(ticket, { clock, timeoutMs, signal: signal() });
    return typeof waiting === 'string' ? waiting : waiting.then((rejection) => rejection ?? ticket);
  }

  release({ level }: Flow, ticket: Ticket): void {
    level.give(ticket);
    this.#dispatchAll();
    if (level.quiescing) this.#dropIdle();
  }

  /** Seats of levels whose objects are gone, and which nobody uses any more, are shared out among the others. */
  #dropIdle(): void {
    const gone = [...this.#levels.values()].filter(({ quiescing, idle }) => quiescing && idle);
    for (const { name } of gone) this.#levels.delete(name);
    if (gone.length) this.#share();
  }

  #share(): void {
    const all = [...this.#levels.values()];
    const limits = shareSeats(
      all.map(({ spec }) => spec),
      this.#options.totalSeats,
    );
    for (const [i, level] of all.entries()) level.limits = limits[i]!;
  }

  /**
   * How many seats a request gets that asks for so many: no more than a part of what its level has by itself, so that others of the level
   * run beside it; and never more than it can have at all.
   */
  widthIn({ level }: Flow, seats: number): number {
    const { nominal, minimum, maximum } = level.limits;
    const queuing = level.spec.limited?.limitResponse?.queuing;
    const share = queuing ? Math.min(Math.ceil(nominal * MOST_OF_LEVEL), Math.floor(nominal / (queuing.handSize ?? 8))) : seats;
    return Math.max(1, Math.min(seats, share, minimum || maximum));
  }

  #fits(level: PriorityLevel, seats: number): boolean {
    return fitsInto(level, this.#levels.values(), seats, this.#options.totalSeats);
  }

  #dispatchAll(): void {
    for (const level of this.#levels.values()) if (level.waiting > 0) level.dispatch((seats) => this.#fits(level, seats));
  }
}

function distinguisherOf({ distinguisherMethod }: V1FlowSchemaSpec, { name }: UserInfo, { namespace }: RequestInfo): string {
  if (distinguisherMethod?.type === 'ByUser') return name;
  return distinguisherMethod?.type === 'ByNamespace' ? namespace : '';
}

/** What every cluster begins with, as objects. */
export function defaultObjects(): FlowControlObjects {
  const named = <S>(specs: Readonly<Record<string, S>>) =>
    Object.entries(specs).map(([name, spec]) => ({ metadata: { name }, spec }));
  return {
    schemas: named({ ...mandatoryFlowSchemas, ...suggestedFlowSchemas }),
    levels: named({ ...mandatoryPriorityLevels, ...suggestedPriorityLevels }),
  };
}

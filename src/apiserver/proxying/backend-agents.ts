import type { Duplex } from 'node:stream';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import { Agent } from '../../std/http.ts';
import { type Backend, hostAndPort, originOf } from './backend.ts';
import { connectBackend } from './connect-backend.ts';

export interface AgentLimits {
  /** Connections to one backend that are kept for the next request. */
  readonly idle: number;
  /** Requests that may run on one backend at a time. */
  readonly running: number;
  /** The same of one caller: who follows logs without an end must leave room for others. */
  readonly runningOfCaller: number;
  /** Backends with idle connections; beyond that, those of the one that was used longest ago are closed. */
  readonly backends: number;
}

const LIMITS: AgentLimits = { idle: 8, running: 1000, runningOfCaller: 500, backends: 256 };
/** As upstream's transports (http.Transport.IdleConnTimeout). */
const IDLE_MS = 90_000;

/** Connections to backends by HTTP/1.1: a few idle ones each, for a bounded number of backends. */
export class BackendAgents {
  readonly #limits: AgentLimits;
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;
  readonly #agents = new Map<string, BackendAgent>();

  constructor(limits: Partial<AgentLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /**
   * Takes a place for one request; to be given back when it has ended.
   *
   * @param caller whose request it is
   * @throws StatusError 503 when too many run on this backend
   */
  enter(backend: Backend, caller = ''): { readonly agent: Agent; leave(): void } {
    const { client } = backend.trust;
    // Connections last for longer than certificates: with a new one begins a new set.
    const identity = typeof client === 'function' ? this.#numberOf(client()) : 0;
    const key = `${this.#numberOf(backend.trust)} ${identity} ${originOf(backend)}`;
    const agent = this.#agents.get(key) ?? new BackendAgent(backend, this.#limits.idle);
    if (agent.running >= this.#limits.running)
      throw serviceUnavailable(`too many requests run on ${hostAndPort(backend)} already (${agent.running})`);
    const own = agent.callers.get(caller) ?? 0;
    if (caller !== '' && own >= this.#limits.runningOfCaller)
      throw serviceUnavailable(`too many requests of ${caller} run on ${hostAndPort(backend)} already (${own})`);
    agent.running++;
    agent.callers.set(caller, own + 1);
    // The one used last stands last.
    this.#agents.delete(key);
    this.#agents.set(key, agent);
    this.#closeOldest();
    let left = false;
    return {
      agent,
      leave: () => {
        if (left) return;
        left = true;
        agent.running--;
        const rest = (agent.callers.get(caller) ?? 1) - 1;
        if (rest > 0) agent.callers.set(caller, rest);
        else agent.callers.delete(caller);
      },
    };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.closeAll();
    this.#agents.clear();
  }

  #numberOf(object: object): number {
    let number = this.#numbers.get(object);
    if (number === undefined) {
      number = ++this.#lastNumber;
      this.#numbers.set(object, number);
    }
    return number;
  }

  #closeOldest(): void {
    if (this.#agents.size <= this.#limits.backends) return;
    for (const [key, agent] of this.#agents) {
      if (agent.running > 0) continue;
      agent.closeAll();
      this.#agents.delete(key);
      return;
    }
  }
}

/** An agent whose connections go to one backend. */
class BackendAgent extends Agent {
  running = 0;
  /** How many of those are whose. */
  readonly callers = new Map<string, number>();
  readonly #backend: Backend;
  readonly #open = new Set<Duplex>();
  #closed = false;

  constructor(backend: Backend, idle: number) {
    super({ keepAlive: true, maxFreeSockets: idle, timeout: IDLE_MS });
    this.#backend = backend;
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    connectBackend(this.#backend).then((socket) => {
      if (this.#closed) socket.destroy();
      this.#open.add(socket);
      socket.on('error', () => undefined); // while no request runs on it nobody else listens
      socket.once('close', () => this.#open.delete(socket));
      done(null, socket);
    }, done);
  }

  closeAll(): void {
    this.#closed = true;
    this.destroy();
    for (const socket of this.#open) socket.destroy();
  }
}

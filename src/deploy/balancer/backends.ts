/** An API server as the balancer knows it. */
export interface Backend {
  /** `10.0.0.1:6443` */
  readonly name: string;
  readonly isUp: boolean;
  /** Connections that lead there now. */
  readonly connections: number;
}

export interface BackendRules {
  /** Checks that fail in a row until it is down. */
  readonly fall: number;
  /** Checks that succeed in a row until it is up again. */
  readonly rise: number;
}

interface State {
  isUp: boolean;
  connections: number;
  /** Checks in a row that say the opposite of `isUp`. */
  against: number;
}

/**
 * Which servers answer, and where the next connection goes: to the one with the fewest among those that are up. All count as up until a check
 * says otherwise, and when none is, all are tried: a wrong check must not take a cluster away.
 */
export class Backends {
  readonly #states: ReadonlyMap<string, State>;
  readonly #rules: BackendRules;

  constructor(names: readonly string[], rules: BackendRules) {
    this.#states = new Map(names.map((name) => [name, { isUp: true, connections: 0, against: 0 }]));
    this.#rules = rules;
  }

  list(): readonly Backend[] {
    return [...this.#states].map(([name, { isUp, connections }]) => ({ name, isUp, connections }));
  }

  /** In the order in which a new connection tries them. */
  candidates(): readonly string[] {
    const all = this.list();
    const up = all.filter(({ isUp }) => isUp);
    return (up.length > 0 ? up : all).toSorted((a, b) => a.connections - b.connections).map(({ name }) => name);
  }

  /** What a check found. Answers whether the server is up or down from now on, and undefined when that is as it was. */
  checked(name: string, answers: boolean): 'up' | 'down' | undefined {
    const state = this.#state(name);
    if (answers === state.isUp) {
      state.against = 0;
      return undefined;
    }
    state.against++;
    if (state.against < (state.isUp ? this.#rules.fall : this.#rules.rise)) return undefined;
    state.isUp = answers;
    state.against = 0;
    return answers ? 'up' : 'down';
  }

  /** A connection leads there. To be told of its end by what is answered, once. */
  opened(name: string): () => void {
    const state = this.#state(name);
    state.connections++;
    return () => {
      state.connections--;
    };
  }

  #state(name: string): State {
    const state = this.#states.get(name);
    if (!state) throw new Error(`there is no server ${name}`);
    return state;
  }
}

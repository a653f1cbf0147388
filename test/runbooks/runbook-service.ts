import type { ComponentProcess } from '../harness/component-process.ts';

/** A component as its unit runs it: can be stopped and started again with the same command line. */
export class RunbookService {
  readonly name: string;
  readonly args: readonly string[];
  readonly #launch: () => ComponentProcess;
  readonly #whenReady: (process: ComponentProcess) => Promise<unknown>;
  #process: ComponentProcess;
  #earlier = '';

  /** Starts it at once; `ready` says when it serves. */
  constructor(
    name: string,
    args: readonly string[],
    launch: (args: readonly string[]) => ComponentProcess,
    whenReady: (process: ComponentProcess) => Promise<unknown>,
  ) {
    this.name = name;
    this.args = args;
    this.#launch = () => launch(args);
    this.#whenReady = whenReady;
    this.#process = this.#launch();
  }

  /** The process that runs now, or ran last. */
  get process(): ComponentProcess {
    return this.#process;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The journal: what all its runs have printed. */
  get journal(): string {
    return this.#earlier + this.#process.output;
  }

  async ready(): Promise<this> {
    await this.#whenReady(this.#process);
    return this;
  }

  /** `systemctl stop`: SIGTERM and its exit status. */
  stop(): Promise<number | NodeJS.Signals> {
    return this.#process.stop();
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    this.#process.signal('SIGKILL');
    await this.#process.exited;
  }

  /** `systemctl restart`; resolves when it serves again. */
  async restart(): Promise<this> {
    await this.stop();
    return this.start();
  }

  /** Starts it after `stop` or `kill`; resolves when it serves. */
  async start(): Promise<this> {
    if (this.#process.exitStatus === undefined) throw new Error(`${this.name} runs already`);
    this.#earlier += this.#process.output;
    this.#process = this.#launch();
    return this.ready();
  }

  /** Resolves with the match when the present run has printed it. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray> {
    return this.#process.waitForOutput(pattern, timeoutMs);
  }
}

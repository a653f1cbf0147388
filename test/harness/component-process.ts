import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, resolve } from 'node:path';

export const PROGRAM = resolve(import.meta.dirname, '../../bin/muster.js');

export interface ComponentOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** A component that runs as a process of its own, as a runbook's unit starts it. */
export interface ComponentProcess extends AsyncDisposable {
  readonly pid: number;
  /** All that it has printed so far. */
  readonly output: string;
  /** Undefined while it runs. */
  readonly exitStatus: number | NodeJS.Signals | undefined;
  /** Resolves with its exit status, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Resolves with the match when the output has what is looked for; rejects with the output when the process ends before. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Ends it with SIGTERM, after 15 s with SIGKILL. May be called again. */
  stop(): Promise<number | NodeJS.Signals>;
}

/** Starts `muster <component> …` and does not wait for anything. */
export function startComponent(component: string, args: readonly string[], options: ComponentOptions = {}): ComponentProcess {
  return observe(component, spawnProgram(process.execPath, [PROGRAM, component, ...args], options));
}

/** Starts a program at a path, `…/bin/kubelet` for one, and does not wait for anything. */
export function startProgram(path: string, args: readonly string[], options: ComponentOptions = {}): ComponentProcess {
  return observe(basename(path), spawnProgram(path, args, options));
}

function spawnProgram(path: string, args: readonly string[], { cwd, env }: ComponentOptions): ChildProcess {
  return spawn(path, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

function observe(name: string, child: ChildProcess): ComponentProcess {
  let output = '';
  let exitStatus: number | NodeJS.Signals | undefined;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      notify();
    });
  }
  const exited = once(child, 'close').then(([status, signal]) => {
    exitStatus = (status ?? signal) as number | NodeJS.Signals;
    notify();
    return exitStatus;
  });
  const stop = async () => {
    if (exitStatus === undefined) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    pid: child.pid ?? -1,
    get output() {
      return output;
    },
    get exitStatus() {
      return exitStatus;
    },
    exited,
    waitForOutput(pattern, timeoutMs = 30_000) {
      return new Promise((resolveMatch, reject) => {
        const finish = (act: () => void) => {
          clearTimeout(timer);
          listeners.delete(look);
          act();
        };
        const look = () => {
          const match = pattern.exec(output);
          if (match) finish(() => resolveMatch(match));
          else if (exitStatus !== undefined)
            finish(() => reject(new Error(`${name} ended with ${exitStatus} before it printed ${pattern}:\n${output}`)));
        };
        const timer = setTimeout(
          () => finish(() => reject(new Error(`${name} did not print ${pattern} within ${timeoutMs} ms:\n${output}`))),
          timeoutMs,
        );
        listeners.add(look);
        look();
      });
    },
    signal: (signal) => void child.kill(signal),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RunProgram, runProgram } from '../../host/run-program.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';

/** What systemd's login manager does for a program that wants to be asked before the machine goes down (logind's Inhibitor Locks). */
export interface Logind {
  /** For how long a delay lock may hold a shutdown up. */
  inhibitDelayMs(): Promise<number>;
  /** Asks for a longer one, by a drop-in of logind.conf and a reload. */
  raiseInhibitDelay(delayMs: number): Promise<void>;
  /** Holds shutdowns up until it is released; also when this process dies. */
  inhibit(): Promise<{ release(): void }>;
  /**
   * Tells of each shutdown that begins (true) or is called off (false). Resolves when it listens; `ended` when it no longer does.
   */
  watch(listener: (shuttingDown: boolean) => void, signal: AbortSignal): Promise<{ readonly ended: Promise<void> }>;
}

export interface LogindOptions {
  readonly run?: RunProgram;
  /** A bus other than the system's. */
  readonly busAddress?: string;
  /** Whose signals count, '' for everybody's. On the system's bus anybody may send signals, but only logind has its name. */
  readonly sender?: string;
  readonly configurationDirectory?: string;
}

const DROP_IN = '99-kubelet.conf';
const WHY = 'Kubelet needs time to handle node shutdown';
const LONGEST_CALL_MS = 10_000;

/** logind as one reaches it with systemd's own programs: busctl(1), systemd-inhibit(1). */
export function createLogind(options: LogindOptions = {}): Logind {
  const { run = runProgram, configurationDirectory = '/etc/systemd/logind.conf.d', sender = 'org.freedesktop.login1' } = options;
  const bus = options.busAddress ? [`--address=${options.busAddress}`] : ['--system'];
  const login = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'];
  const busctl = (...args: string[]) => run('busctl', [...bus, ...args], { timeoutMs: LONGEST_CALL_MS });

  return {
    async inhibitDelayMs() {
      const { stdout } = await busctl('get-property', ...login, 'InhibitDelayMaxUSec');
      const microseconds = /^t (\d+)$/.exec(stdout.trim())?.[1];
      if (!microseconds)
        throw new CodedError(`logind answered no InhibitDelayMaxUSec: ${JSON.stringify(stdout.slice(0, 200))}`, {
          code: 'LOGIND_FAILED',
        });
      return Number(microseconds) / 1000;
    },
    async raiseInhibitDelay(delayMs) {
      const text = `# Written by the kubelet for shutdownGracePeriod.\n[Login]\nInhibitDelayMaxSec=${Math.ceil(delayMs / 1000)}\n`;
      await writeFileAtomic(join(configurationDirectory, DROP_IN), text, { mode: 0o644 });
      const systemd = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
      // SIGHUP makes it read its configuration again.
      await busctl('call', ...systemd, 'KillUnit', 'ssi', 'systemd-logind.service', 'all', '1');
    },
    async inhibit() {
      // The lock lasts as long as the program, which lasts as long as its input is open: it goes with this process, too.
      const child = spawn(
        'systemd-inhibit',
        ['--what=shutdown', '--who=kubelet', `--why=${WHY}`, '--mode=delay', 'sh', '-c', 'echo held; exec cat >/dev/null'],
        {
          stdio: ['pipe', 'pipe', 'pipe'],
          ...(options.busAddress && { env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: options.busAddress } }),
        },
      );
      child.stdin.on('error', () => undefined); // ended before it was released
      const said: string[] = [];
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString().slice(0, 500)));
      const failed = new Promise<never>((_resolve, reject) => {
        const fail = (what: string) =>
          reject(new CodedError(`systemd-inhibit ${what}: ${said.join('').trim()}`, { code: 'LOGIND_FAILED' }));
        child.once('error', (error) => fail(error.message));
        child.once('close', (status) => fail(`ended with status ${status}`));
      });
      await Promise.race([once(child.stdout, 'data'), failed]);
      failed.catch(() => undefined); // from now on its end is the release
      child.stdout.resume();
      return { release: () => child.stdin.end() };
    },
    async watch(listener, signal) {
      const match = `type='signal',${sender && `sender='${sender}',`}interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'`;
      const child = spawn('busctl', [...bus, 'monitor', '--json=short', `--match=${match}`], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const onAbort = () => child.kill();
      signal.addEventListener('abort', onAbort, { once: true });
      const ended = new Promise<void>((resolve) => {
        const end = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        child.once('error', end);
        child.once('close', end);
      });
      const said: string[] = [];
      const listening = new Promise<void>((resolve) => {
        child.stderr.on('data', (chunk: Buffer) => {
          said.push(chunk.toString().slice(0, 500));
          if (said.join('').includes('Monitoring bus message stream')) resolve();
        });
      });
      createInterface({ input: child.stdout }).on('line', (line) => {
        const shuttingDown = parseShutdownSignal(line);
        if (shuttingDown !== undefined) listener(shuttingDown);
      });
      const broken = ended.then(() => {
        throw new CodedError(`busctl monitor ended: ${said.join('').trim()}`, { code: 'LOGIND_FAILED' });
      });
      broken.catch(() => undefined); // once it listens, `ended` is what tells of it
      await Promise.race([listening, broken]);
      return { ended };
    },
  };
}

/** One line of `busctl monitor --json=short`; undefined for any other message. */
export function parseShutdownSignal(line: string): boolean | undefined {
  let message: { member?: unknown; payload?: { data?: unknown[] } } | undefined;
  try {
    message = JSON.parse(line) as typeof message;
  } catch {
    return undefined;
  }
  const word = message?.payload?.data?.[0];
  return message?.member === 'PrepareForShutdown' && typeof word === 'boolean' ? word : undefined;
}

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import type { Readable } from 'node:stream';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { makeDirectoriesSync } from '../../std/directories.ts';
import { moduleFile, packageFile } from '../../std/own-files.ts';
import type { StartReport } from './run-cluster.ts';

export const LOG_FILE = 'cluster.log';
const LARGEST_LOG_BYTES = 10 * 1024 * 1024;
const REPORT_FD = 3;
/**
 * Room for young objects: with half of it V8 collects them twice as often, a tenth of a create's time; with more it keeps more after a
 * burst of requests. And a way to ask for what the start took.
 */
const FRUGAL_FLAGS = ['--max-semi-space-size=16', '--expose-gc'];
/** The C library gives freed memory back, and has no pool for each of a dozen threads. What the user's environment says goes first. */
const FRUGAL_ALLOCATOR = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: String(256 * 1024) };
/** Failures whose message says what is wrong, but not why. */
const UNEXPLAINED: ReadonlySet<string> = new Set(['NODES_NOT_READY', 'START_FAILED']);

/**
 * Starts `muster up` with these arguments as a background process that outlives this one, and waits until it tells how its start
 * went. Ended again when this process is interrupted before that.
 *
 * @throws CodedError with the background process's own code and message; CLUSTER_DIED with the end of its log
 */
export async function spawnCluster(directory: string, argv: readonly string[], io: CommandIo): Promise<void> {
  const logFile = join(directory, LOG_FILE);
  makeDirectoriesSync(directory, 0o700);
  const log = openLog(logFile);
  const child = spawn(process.execPath, [...programArguments(), 'up', ...argv, `--report-fd=${REPORT_FD}`], {
    cwd: directory,
    detached: true,
    env: { ...FRUGAL_ALLOCATOR, ...withoutNotifySocket(io.env), ...sameCode() },
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  const interrupt = () => child.kill('SIGTERM');
  io.signal.addEventListener('abort', interrupt, { once: true });
  const exited = new Promise<number | NodeJS.Signals | Error>((settle) => {
    child.once('error', settle);
    child.once('exit', (status, signal) => settle(status ?? signal ?? 0));
  });
  const line = await readLine(child.stdio[REPORT_FD] as Readable);
  io.signal.removeEventListener('abort', interrupt);
  if (line === undefined) throw died(await exited, logFile, io.signal);
  const report = JSON.parse(line) as StartReport;
  if (!report.ok) {
    await exited;
    throw new CodedError(UNEXPLAINED.has(report.code) ? `${report.message} (${logFile} has more)` : report.message, {
      code: report.code,
    });
  }
  child.unref();
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  try {
    if (size > LARGEST_LOG_BYTES) renameSync(file, `${file}.1`);
    return openSync(file, 'a', 0o600);
  } catch (error) {
    throw existsSync(dirname(file)) ? error : deleted();
  }
}

/** The directory has been made by now. */
const deleted = () =>
  new CodedError('"muster down" deleted the cluster while it was being started; "muster up" makes a new one', {
    code: 'CLUSTER_DELETED',
  });

/** The one executable takes no flags of Node's but from the environment. */
const programArguments = () => (isSea() ? [] : [...FRUGAL_FLAGS, packageFile('bin/muster.js')]);

/** Bundle or sources: the child runs what this process runs, and need not look again which. It takes the word of its parent only. */
const sameCode = () =>
  isSea() ? { NODE_OPTIONS: FRUGAL_FLAGS.join(' ') } : { MUSTER_MAIN: `${process.pid}:${moduleFile('cli/main')}` };

/** Readiness is told by us, when the cluster is ready; a background process must not do it in our name. */
function withoutNotifySocket({ NOTIFY_SOCKET: _, ...env }: CommandIo['env']): NodeJS.ProcessEnv {
  return env;
}

/** The first line of a stream; undefined when it ends without one. */
async function readLine(stream: Readable): Promise<string | undefined> {
  let text = '';
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('\n')) {
      stream.destroy();
      return text.slice(0, text.indexOf('\n'));
    }
  }
  return undefined;
}

function died(how: number | NodeJS.Signals | Error, logFile: string, signal: AbortSignal): CodedError {
  if (signal.aborted)
    return new CodedError('interrupted before the cluster was ready; "muster up" starts it again', { code: 'INTERRUPTED' });
  if (!existsSync(logFile)) return deleted();
  if (how instanceof Error)
    return new CodedError(`cannot start the cluster's process: ${how.message}`, { code: 'CLUSTER_DIED', cause: how });
  const last = readFileSync(logFile, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  return new CodedError(`the cluster's process ended (${how}) before it was ready; ${logFile} ends: ${last}`, {
    code: 'CLUSTER_DIED',
  });
}

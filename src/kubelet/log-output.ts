import { appendFileSync, closeSync, openSync, symlinkSync, unlinkSync, writeSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { makeDirectoriesSync } from '../std/directories.ts';
import type { ParsedFlags } from '../std/flags.ts';
import { lossyWriter } from '../std/lossy-writer.ts';

/** klog writes a line to the file of its severity and to those of all lesser ones. */
const SEVERITIES = ['INFO', 'WARNING', 'ERROR', 'FATAL'] as const;

/**
 * Where klog's lines go: to standard error, or with `--logtostderr=false --log-dir=DIR` to files named as klog names them
 * (`kubelet.<host>.<user>.log.INFO.<date>-<time>.<pid>`, with a link `kubelet.INFO` to the newest), with `--alsologtostderr` to both.
 * Errors reach standard error in any case, as klog's `stderrthreshold` has it. A disk that is full costs lines and not the kubelet.
 *
 * @throws Error when the directory cannot be written
 */
export function createLogOutput(flags: ParsedFlags, stderr: (text: string) => void, nowMs: number): (line: string) => void {
  const { values } = flags;
  const directory = values.string('log-dir');
  if (values.bool('logtostderr') || directory === '') return stderr;
  makeDirectoriesSync(directory);
  const files = SEVERITIES.map((severity) => logFile(directory, severity, nowMs));
  return (line) => {
    const rank = 'IWEF'.indexOf(line[0] ?? 'I');
    for (const write of files.slice(0, rank + 1)) write(line);
    if (values.bool('alsologtostderr') || rank >= 2) stderr(line);
  };
}

/** Made with its first line. Each is written at once: the line that says why a process ends must not stay in a buffer. */
function logFile(directory: string, severity: string, nowMs: number): (line: string) => void {
  let path: string | undefined;
  return lossyWriter((bytes) => {
    path ??= openLog(directory, severity, nowMs);
    const file = openSync(path, 'a', 0o640);
    try {
      return writeSync(file, bytes);
    } finally {
      closeSync(file);
    }
  });
}

function openLog(directory: string, severity: string, nowMs: number): string {
  const t = new Date(nowMs);
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${t.getFullYear()}${two(t.getMonth() + 1)}${two(t.getDate())}-${two(t.getHours())}${two(t.getMinutes())}${two(t.getSeconds())}`;
  const host = hostname().split('.')[0];
  const path = join(directory, `kubelet.${host}.${userName()}.log.${severity}.${date}.${process.pid}`);
  appendFileSync(
    path,
    `Log file created at: ${t.toISOString()}\nRunning on machine: ${host}\nLog line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid component] msg\n`,
    {
      mode: 0o640,
    },
  );
  const link = join(directory, `kubelet.${severity}`);
  try {
    unlinkSync(link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  symlinkSync(basename(path), link);
  return path;
}

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

import { appendFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { makeDirectoriesSync } from '../std/directories.ts';
import type { ParsedFlags } from '../std/flags.ts';

/** klog writes a line to the file of its severity and to those of all lesser ones. */
const SEVERITIES = ['INFO', 'WARNING', 'ERROR', 'FATAL'] as const;

/**
 * Where klog's lines go: to standard error, or with `--logtostderr=false --log-dir=DIR` to files named as klog names them
 * (`kubelet.<host>.<user>.log.INFO.<date>-<time>.<pid>`, with a link `kubelet.INFO` to the newest), with `--alsologtostderr` to both.
 * Errors reach standard error in any case, as klog's `stderrthreshold` has it.
 *
 * @throws Error when the directory cannot be written
 */
export function createLogOutput(flags: ParsedFlags, stderr: (text: string) => void, nowMs: number): (line: string) => void {
  const { values } = flags;
  const directory = values.string('log-dir');
  if (values.bool('logtostderr') || directory === '') return stderr;
  makeDirectoriesSync(directory);
  const paths = new Map<string, string>();
  return (line) => {
    const rank = 'IWEF'.indexOf(line[0] ?? 'I');
    for (const severity of SEVERITIES.slice(0, rank + 1)) {
      let path = paths.get(severity);
      if (path === undefined) {
        path = openLog(directory, severity, nowMs);
        paths.set(severity, path);
      }
      // At once: the line that says why a process ends must not stay in a buffer.
      appendFileSync(path, line);
    }
    if (values.bool('alsologtostderr') || rank >= 2) stderr(line);
  };
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

import { readFileSync } from 'node:fs';

/** Field 22 of /proc/<pid>/stat: two processes of one pid differ in it. Empty when there is no such process. */
export function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

/** Whether the process that once had the pid runs still. */
export function isSameProcess(pid: number, startedAt: string): boolean {
  return startTimeOf(pid) === startedAt;
}

/** Ends it at once; one that has ended already is fine. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

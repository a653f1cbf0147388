import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { CriMessage } from './api/cri-client.ts';
import { ContainerState } from './api/enums.ts';
import { terminationMessageOf } from './translate/pod-labels.ts';

const MOST_FILE_BYTES = 4096;
const MOST_LOG_BYTES = 2048;
const MOST_LOG_LINES = 80;
/** Holds that many bytes of text with what stands before each line; the longest line of a log has 16 KB. */
const LOG_TAIL_BYTES = 32 * 1024;

/**
 * What a container that has ended left to tell: the end of its termination message file, or of its log where the container asks for that
 * (pkg/kubelet/kuberuntime/kuberuntime_container.go, getTerminationMessage). Empty when there is nothing.
 */
export async function lastWordsOf(status: CriMessage<'ContainerStatus'>): Promise<string> {
  if (status.state !== ContainerState.EXITED) return '';
  const { path, fallbackToLogs } = terminationMessageOf(status.annotations);
  // What could not even be started has no log.
  const readsLog = fallbackToLogs && status.exit_code !== 0 && status.reason !== 'ContainerCannotRun';
  const mount = status.mounts.find(({ container_path }) => path !== '' && container_path === path);
  if (mount) {
    try {
      const written = await endOf(mount.host_path, MOST_FILE_BYTES);
      if (written.length > 0 || !readsLog) return written.toString('utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        return `Error on reading termination log ${mount.host_path}: ${(error as Error).message}`;
    }
  }
  if (!readsLog) return '';
  try {
    return lastLogLines(await endOf(status.log_path, LOG_TAIL_BYTES));
  } catch (error) {
    return `Error on reading termination message from logs: ${(error as Error).message}`;
  }
}

/** The text of a log's last lines, without what the runtime wrote before each (`<time> <stream> <P|F> `). */
export function lastLogLines(tail: Buffer): string {
  const lines = tail
    .toString('utf8')
    .split('\n')
    .slice(-MOST_LOG_LINES - 1);
  let text = '';
  for (const line of lines) {
    const match = /^\S+ (?:stdout|stderr) ([PF])\S* (.*)$/s.exec(line);
    if (match) text += match[1] === 'P' ? match[2] : `${match[2]}\n`;
  }
  return Buffer.from(text).subarray(-MOST_LOG_BYTES).toString('utf8');
}

async function endOf(path: string, mostBytes: number): Promise<Buffer> {
  // The container may have put anything at its own mount's place: a link is not followed, a pipe not waited for.
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error('not a regular file');
  const length = Math.min(stats.size, mostBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, stats.size - length);
  return buffer.subarray(0, bytesRead);
}

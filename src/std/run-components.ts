import type { CommandIo } from './command.ts';
import { type Component, ComponentGroup } from './lifecycle.ts';

/**
 * Runs a command's parts: starts them in order, says that the command is ready, and ends them in reverse when the command is
 * told to stop or a part ends. Answers exit status 0; rejects when a part could not start or failed.
 */
export async function runComponents(parts: readonly Component[], io: Pick<CommandIo, 'signal' | 'ready'>): Promise<number> {
  const group = new ComponentGroup();
  const aborted = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    else io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    for (const part of parts) {
      // What a part waits for (an API server) may be away for as long as it likes; being told to stop ends the wait.
      await Promise.race([group.start(part), aborted]);
      if (io.signal.aborted) return 0;
    }
    io.ready();
    await Promise.race([...parts.map((part) => part.done), aborted]);
    return 0;
  } finally {
    await group.stop();
  }
}

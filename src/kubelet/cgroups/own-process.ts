import { writeFile } from 'node:fs/promises';
import { type RunProgram, runProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';

export interface OwnProcessOptions {
  readonly configuration: KubeletConfiguration;
  readonly logger: Logger;
  readonly run?: RunProgram;
  readonly oomScoreFile?: string;
  readonly pid?: number;
}

/**
 * The kubelet's own protection: `oomScoreAdj`, so that the kernel kills pods before it, and `maxOpenFiles`. As upstream it goes on
 * without, with a warning, where the process may not have them (a lower score and a higher limit need CAP_SYS_RESOURCE).
 */
export async function protectOwnProcess(options: OwnProcessOptions): Promise<void> {
  const { logger, run = runProgram, pid = process.pid } = options;
  const fields: Readonly<Record<string, unknown>> = options.configuration;
  const score = fields['oomScoreAdj'] as number;
  try {
    await writeFile(options.oomScoreFile ?? '/proc/self/oom_score_adj', String(score), { flag: 'r+' });
  } catch (error) {
    logger.warn(
      'Failed to set oomScoreAdj (--oom-score-adj) of the kubelet itself: it is killed like any other process when memory runs out',
      {
        oomScoreAdj: score,
        err: error,
      },
    );
  }
  const files = fields['maxOpenFiles'] as number;
  try {
    await run('prlimit', [`--pid=${pid}`, `--nofile=${files}:${files}`], { timeoutMs: 10_000 });
  } catch (error) {
    logger.warn('Failed to set maxOpenFiles (--max-open-files) of the kubelet itself: the limit stays as it was', {
      maxOpenFiles: files,
      err: error,
    });
  }
}

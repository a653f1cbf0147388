import { writeFile } from 'node:fs/promises';
import { type RunProgram, runProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { type CgroupFiles, kernelCgroupFiles } from './cgroup-files.ts';
import { type CgroupMounts, readCgroupMounts } from './cgroup-mounts.ts';
import { parseCgroupName } from './cgroup-names.ts';
import { createCgroupTree } from './cgroup-tree.ts';

export interface OwnProcessOptions {
  readonly configuration: KubeletConfiguration;
  readonly logger: Logger;
  readonly run?: RunProgram;
  readonly oomScoreFile?: string;
  readonly pid?: number;
  readonly clock: Clock;
  /** Default: this machine's. */
  readonly mounts?: CgroupMounts;
  readonly files?: CgroupFiles;
}

/**
 * The kubelet's own protection: `oomScoreAdj`, so that the kernel kills pods before it, `maxOpenFiles`, and `kubeletCgroups`, where it is
 * counted by itself. As upstream it goes on
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
  const place = fields['kubeletCgroups'] as string | undefined;
  if (!place) return;
  try {
    const mounts = options.mounts ?? (await readCgroupMounts());
    const driver = 'cgroupfs';
    const tree = createCgroupTree({
      mounts,
      files: options.files ?? kernelCgroupFiles,
      driver,
      clock: options.clock,
      kill: () => {
        throw new Error('nothing is killed for the kubelet itself');
      },
    });
    const name = parseCgroupName(place, driver);
    await tree.apply(name, {});
    await tree.join(name, pid);
  } catch (error) {
    logger.warn('Failed to move the kubelet to kubeletCgroups (--kubelet-cgroups): it stays where it was started', {
      kubeletCgroups: place,
      err: error,
    });
  }
}

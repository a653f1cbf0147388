import type { AssetFiles } from '../assets/asset-files.ts';
import type { Pair } from '../assets/material.ts';
import { forgetPrevious, type PairName, promoteNext, type RotationStage, readRotating, writeNext } from '../assets/rotation.ts';

/** What is replaced in three steps: something that signs, and that others trust. */
export interface RotationSubject {
  readonly name: PairName;
  readonly create: () => Promise<Pair>;
}

/** How far a command goes before it hands back, so that people may give copies of the bundle to whoever is not among the hosts. */
export type StopAfter = 'bundle' | 'signing' | undefined;

/** What happens on hosts at each step. Both are done again when the command is ended within them. */
export interface RotationHooks {
  /** Makes all hosts what the assets say; resolves when they are. */
  distribute(stage: RotationStage): Promise<void>;
  /** Waits for, or sees to, what hangs on the step beside hosts. */
  follow(stage: 'bundle' | 'signing'): Promise<void>;
  progress(line: string): void;
}

export interface RotationRun extends RotationHooks {
  readonly files: AssetFiles;
  /** Replaced together. */
  readonly subjects: readonly RotationSubject[];
  /** There from the beginning to the end: what was ended goes on, and does not begin anew. */
  readonly marker: string;
  readonly stopAfter: StopAfter;
}

/** Where subjects are together: the one that is behind says it, but for those that are through. */
export async function stageOf(files: AssetFiles, subjects: readonly RotationSubject[]): Promise<RotationStage> {
  const stages = await Promise.all(subjects.map(async ({ name }) => (await readRotating(files, name))?.stage ?? 'settled'));
  if (stages.includes('signing')) return 'signing';
  return stages.includes('bundle') ? 'bundle' : 'settled';
}

const BEGUN = 'begun\n';

export const isRunning = async (files: AssetFiles, marker: string): Promise<boolean> => (await files.read(marker)) !== undefined;

/** Leads subjects to the step behind the one where they are. */
export async function advance(files: AssetFiles, subjects: readonly RotationSubject[]): Promise<void> {
  const stage = await stageOf(files, subjects);
  for (const { name } of subjects)
    if (stage === 'bundle') await promoteNext(files, name);
    else if (stage === 'signing') await forgetPrevious(files, name);
  if (stage === 'settled') await begin(files, subjects);
}

/** Makes what is to come for those that have none yet. */
async function begin(files: AssetFiles, subjects: readonly RotationSubject[]): Promise<void> {
  for (const { name, create } of subjects)
    if ((await readRotating(files, name))?.stage === 'settled') await writeNext(files, name, await create());
}

/** Makes whole what a command that was ended left between two steps. */
async function mend(files: AssetFiles, subjects: readonly RotationSubject[]): Promise<void> {
  // Half promoted, or not yet: one that is through is told by having nothing next.
  if ((await stageOf(files, subjects)) === 'signing') for (const { name } of subjects) await promoteNext(files, name);
}

/**
 * Replaces what signs, so that nobody ever meets a signature that it does not trust: the new one is made known to all, then it signs, then
 * the old one is forgotten. All hosts are through one step before the next begins. The same call goes on wherever it was ended.
 */
export async function rotateSubjects(run: RotationRun): Promise<'done' | 'stopped'> {
  const { files, subjects, marker, stopAfter, progress } = run;
  // Settled may be before the first step or behind the last: the marker tells.
  if ((await files.read(marker)) !== BEGUN) {
    await files.write(marker, 'begins\n', false);
    await begin(files, subjects);
    await files.write(marker, BEGUN, false);
  }
  await mend(files, subjects);
  let stage = await stageOf(files, subjects);
  if (stage === 'bundle') {
    progress('1 of 3: the new one is made known to all hosts');
    await run.distribute(stage);
    await run.follow(stage);
    if (stopAfter === 'bundle') return 'stopped';
    await advance(files, subjects);
    stage = 'signing';
  }
  if (stage === 'signing') {
    progress('2 of 3: the new one signs');
    await run.distribute(stage);
    await run.follow(stage);
    if (stopAfter === 'signing') return 'stopped';
    await advance(files, subjects);
  }
  progress('3 of 3: the old one is forgotten');
  await run.distribute('settled');
  await files.remove(marker);
  return 'done';
}

import { beginRenewal, endRenewal, readRenewal } from '../../deploy/assets/renewal.ts';
import { type Outline, outlineOfPlan } from '../../deploy/plan/outline.ts';
import { advance, isRunning, rotateSubjects, type StopAfter, stageOf } from '../../deploy/rotate/stages.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { type FlagDefinition, FlagError, type ParsedFlags } from '../../std/flags.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { distribute, requireSound } from '../deploy/distribute.ts';
import { lookAt } from '../deploy/look.ts';
import { AUTHORITY_ROTATION, type Rotation, SERVICE_ACCOUNT_ROTATION } from '../deploy/rotations.ts';
import { openSession, type Session } from '../deploy/session.ts';

const STAGE_FLAGS: readonly FlagDefinition[] = [
  {
    name: 'stop-after',
    type: 'string',
    description:
      '"bundle" or "signing": hand back after this step, so that others than the hosts can follow; the same command goes on',
  },
  {
    name: 'settle',
    type: 'duration',
    default: '1m30s',
    description: 'how long pods get to see what is new: kubelets write it into their volumes within this time',
  },
];

/** `muster deploy rotate ca`. */
export const deployRotateCaCommand: ComponentCommand = {
  name: 'deploy rotate ca',
  summary:
    "Replaces the cluster's authority and all that it signed: both are trusted, then the new one signs, then the old one goes.",
  flags: [...DEPLOY_FLAGS, ...STAGE_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  run: (flags, io) => rotate(AUTHORITY_ROTATION, flags, io),
};

/** `muster deploy rotate service-accounts`. */
export const deployRotateServiceAccountsCommand: ComponentCommand = {
  name: 'deploy rotate service-accounts',
  summary: "Replaces the key that signs service accounts' tokens: both are known, then the new one signs, then the old one goes.",
  flags: [...DEPLOY_FLAGS, ...STAGE_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  run: (flags, io) => rotate(SERVICE_ACCOUNT_ROTATION, flags, io),
};

/** `muster deploy rotate certificates`. */
export const deployRotateCertificatesCommand: ComponentCommand = {
  name: 'deploy rotate certificates',
  summary: 'Makes new keys and certificates for all components, of the same authority. Kubelets renew theirs by themselves.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: dryRun, ...(!dryRun && { locksAs: 'rotate certificates' }) });
    const { files } = session;
    const isBegun = (await readRenewal(files)) !== undefined;
    if (!isBegun) {
      await requireSound(session, io);
      await beginRenewal(files, io.clock.now());
    }
    if (dryRun) {
      printOutline(flags, io, await hostOutlines(await session.reopened(), io));
      return 0;
    }
    if (isBegun) io.stderr('a renewal that was ended goes on\n');
    await distribute(session, io);
    await endRenewal(files);
    io.stderr('all certificates are new\n');
    return 0;
  },
};

async function rotate(rotation: Rotation, flags: ParsedFlags, io: CommandIo): Promise<number> {
  const dryRun = flags.values.bool('dry-run');
  const stopAfter = stopAfterOf(flags);
  const settleMs = flags.values.durationMs('settle');
  wantsJson(flags);
  await using session = await openSession(flags, io, {
    readOnly: dryRun,
    ...(!dryRun && { locksAs: `rotate of the ${rotation.title}` }),
  });
  const { files } = session;
  const subjects = rotation.subjects(session, io);
  const isBegun = await isRunning(files, rotation.marker);
  if (!isBegun) await requireSound(session, io);
  if (dryRun) {
    const stage = await stageOf(files, subjects);
    if (!isBegun) await advance(files, subjects);
    const next = isBegun ? stage : 'bundle';
    const hosts = await hostOutlines(await session.reopened(), io);
    printOutline(flags, io, [{ target: rotation.title, changes: stepsFrom(next) }, ...hosts]);
    return 0;
  }
  if (isBegun) io.stderr(`a rotation of the ${rotation.title} that was ended goes on\n`);
  const result = await rotateSubjects({
    ...{ files, subjects, marker: rotation.marker, stopAfter },
    distribute: () => distribute(session, io),
    follow: async (stage) => rotation.follow(stage, await session.reopened(), io, settleMs),
    progress: (line) => io.stderr(`${line}\n`),
  });
  io.stderr(
    result === 'done'
      ? `the ${rotation.title} is replaced\n`
      : `stopped after "${stopAfter}": the same command without --stop-after goes on\n`,
  );
  return 0;
}

function stopAfterOf({ values }: ParsedFlags): StopAfter {
  const word = values.string('stop-after');
  if (word === '') return undefined;
  if (word === 'bundle' || word === 'signing') return word;
  throw new FlagError(
    '--stop-after',
    `invalid argument ${JSON.stringify(word)} for "--stop-after" flag: must be bundle or signing`,
  );
}

const STEPS = [
  ['bundle', 'create', 'the new one, known to all hosts and not signing yet', '+ trusted beside the old one'],
  ['signing', 'change', 'who signs', '- the old one\n+ the new one, for all that was signed'],
  ['settled', 'remove', 'the old one', '- trusted'],
] as const;

const stepsFrom = (stage: (typeof STEPS)[number][0]): Outline['changes'] =>
  STEPS.slice(STEPS.findIndex(([name]) => name === stage)).map(([, action, title, lines]) => ({
    action,
    title,
    lines: lines.split('\n'),
  }));

/** What the step that comes next changes on hosts. */
async function hostOutlines(session: Session, io: CommandIo): Promise<Outline[]> {
  const { plans } = await lookAt(session, io);
  return plans.map(outlineOfPlan);
}

import { type ApplyOptions, applyPlans } from '../../deploy/apply/apply.ts';
import type { CommandIo } from '../../std/command.ts';
import { visibleLine } from '../../std/visible-text.ts';
import type { Look } from './look.ts';
import type { Session } from './session.ts';

/** What carrying out takes of a session. */
export const applyOptions = (
  session: Session,
  { clock, signal }: CommandIo,
  { facts, plans }: Look,
  progress: (line: string) => void,
): ApplyOptions => {
  const { inventory, transports, material } = session;
  return {
    ...{ inventory, transports, material, openCluster: () => session.openCluster(), facts, plans, clock, signal },
    // Nodes and services of hosts are quoted in it.
    progress: (line) => progress(visibleLine(line)),
  };
};

/** Makes hosts what was seen to be missing. @throws CodedError as `applyPlans` does */
export const carryOut = (session: Session, io: CommandIo, look: Look, progress: (line: string) => void): Promise<void> =>
  applyPlans(applyOptions(session, io, look, progress));

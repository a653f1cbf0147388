import { quote } from '../../std/shell-word.ts';

/** Longer than services take to start, and shorter than a script may run. */
const PATIENCE_S = 300;

/**
 * Shell that waits until no other script is at work on the host. Of a command that was killed what it had begun there goes on to the end of
 * its step, without anybody who holds the cluster's lock.
 *
 * @param directory where its file lies; it is there
 */
export const takeHost = (directory: string, patienceS = PATIENCE_S): string => `
command -v flock >/dev/null || { printf 'there is no flock: install the package util-linux\\n' >&2; exit 1; }
exec 8>${quote(`${directory}/at-work`)} || exit 1
flock -w ${patienceS} 8 || { printf 'what another command began on this host is still at work after ${patienceS} s\\n' >&2; exit 1; }
`;

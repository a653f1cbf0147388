import type { Family } from '../api/machinery/ip.ts';
import { ProgramError, type RunProgram } from '../host/run-program.ts';

/** Whose chain it is. */
export interface ForwardChain {
  readonly chain: string;
  /** Of the rule that leads to it. */
  readonly comment: string;
}

export const FLANNEL_FORWARD: ForwardChain = { chain: 'FLANNEL-FWD', comment: 'flanneld forward' };
export const CALICO_FORWARD: ForwardChain = { chain: 'MUSTER-CALICO-FWD', comment: 'calico-node forward' };

const jumpTo = ({ chain, comment }: ForwardChain) => ['-m', 'comment', '--comment', comment, '-j', chain];

const PROGRAM = { 4: 'iptables', 6: 'ip6tables' } as const;

/**
 * Lets pods' packets through where iptables forwards nothing by itself, as Docker sets it: a chain of our own, and one rule that leads to it.
 *
 * @param networks of pods, all of the family
 * @returns whether there is an iptables to be written
 */
export async function allowForwarding(
  run: RunProgram,
  own: ForwardChain,
  networks: readonly string[],
  family: Family = 4,
): Promise<boolean> {
  const { chain } = own;
  const program = PROGRAM[family];
  const wanted = networks.flatMap((network) => [`-A ${chain} -s ${network} -j ACCEPT`, `-A ${chain} -d ${network} -j ACCEPT`]);
  const state = await readFilter(run, program);
  if (state === undefined) return false;
  const present = state
    .filter((line) => line.startsWith(`-A ${chain} `))
    .map((line) => line.replace(/ -m comment --comment (".*?"|\S+)/, ''));
  if (present.join('\n') !== wanted.join('\n')) {
    const input = `*filter\n:${chain} - [0:0]\n${wanted.join('\n')}\nCOMMIT\n`;
    await run(`${program}-restore`, ['--noflush', '--wait', '5'], { input });
  }
  if (!state.some(isJumpTo(own))) await run(program, ['--wait', '5', '-A', 'FORWARD', ...jumpTo(own)]);
  return true;
}

/** Takes both away. Not there is no failure. */
export async function removeForwardRules(run: RunProgram, own: ForwardChain, family: Family = 4): Promise<void> {
  const { chain } = own;
  const program = PROGRAM[family];
  const state = (await readFilter(run, program)) ?? [];
  for (const line of state) if (isJumpTo(own)(line)) await run(program, ['--wait', '5', '-D', 'FORWARD', ...jumpTo(own)]);
  if (!state.includes(`-N ${chain}`)) return;
  await run(program, ['--wait', '5', '-F', chain]);
  await run(program, ['--wait', '5', '-X', chain]);
}

const isJumpTo =
  ({ chain }: ForwardChain) =>
  (line: string) =>
    line.startsWith('-A FORWARD ') && line.endsWith(` -j ${chain}`);

/** Undefined where there is no iptables, or none that this kernel has: nothing keeps pods' packets back then. */
async function readFilter(run: RunProgram, program: string): Promise<string[] | undefined> {
  try {
    return (await run(program, ['--wait', '5', '-t', 'filter', '-S'])).stdout.split('\n').filter(Boolean);
  } catch (error) {
    if (
      error instanceof ProgramError &&
      (error.code === 'PROGRAM_MISSING' || /table.*does not exist|family not supported/i.test(error.stderr))
    )
      return undefined;
    throw error;
  }
}

import { basename } from 'node:path';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { type FlagDefinition, FlagError, formatFlagHelp, parseFlags } from '../std/flags.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import { formatCommands, nearestCommand, type Resolution, resolveCommand } from './command-table.ts';
import { commandTable } from './commands.ts';
import { componentNames } from './component-names.ts';
import { describeError } from './describe-error.ts';

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Every component has it. */
const VERSION_FLAG: FlagDefinition = { name: 'version', type: 'bool', description: 'print the version and end' };

/**
 * Runs one command line.
 *
 * @param invokedAs what the process was started as: a name of a component or `kubeadm` picks that command, anything else is `muster`
 * @returns the exit status: 0 done, 1 failed (one line on stderr says what and what to do), 2 wrong usage
 */
export async function main(invokedAs: string, argv: readonly string[], io: CommandIo): Promise<number> {
  const name = basename(invokedAs).replace(/\.(js|ts)$/, '');
  const resolution = resolve(name, argv);
  const program = resolution.path.join(' ');
  if (resolution.type === 'help') {
    io.stdout(`${usage(program)}\nCommands:\n${formatCommands(resolution.commands)}\n"${program} COMMAND --help" says more.\n`);
    return EXIT_OK;
  }
  if (resolution.type === 'unknown') {
    const nearest = nearestCommand(resolution.word, resolution.commands);
    const what = resolution.word.startsWith('-') ? 'flag' : 'command';
    const hint = nearest ? `did you mean "${nearest}"?` : `"${program} --help" lists the commands`;
    io.stderr(`${program}: unknown ${what} ${JSON.stringify(resolution.word)}; ${hint}\n`);
    return EXIT_USAGE;
  }
  const command = await resolution.entry.load();
  return runCommand(program, command, resolution.rest, io);
}

/** Commands that exist under their own names elsewhere speak of themselves by these, however they were started. */
const OWN_NAMES: readonly string[] = [...componentNames, 'kubeadm'];

function resolve(name: string, argv: readonly string[]): Resolution {
  const words = OWN_NAMES.includes(name) ? [name, ...argv] : argv;
  // Components have the flag, and so has nearly every program.
  const line = words[0] === '--version' ? ['version', ...words.slice(1)] : words;
  const resolution = resolveCommand(commandTable, 'muster', line);
  return OWN_NAMES.includes(resolution.path[1] ?? '') ? { ...resolution, path: resolution.path.slice(1) } : resolution;
}

function usage(program: string): string {
  return program === 'muster'
    ? 'A Kubernetes cluster whose nodes join by kubelet TLS bootstrap.\n\nUsage: muster COMMAND [flags]\n'
    : `Usage: ${program} COMMAND [flags]\n`;
}

async function runCommand(program: string, command: ComponentCommand, argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const tellsVersion = componentNames.includes(command.name) && !command.flags.some((flag) => flag.name === VERSION_FLAG.name);
    const definitions = tellsVersion ? [...command.flags, VERSION_FLAG] : command.flags;
    const flags = parseFlags(command.name, definitions, argv);
    if (flags.help) {
      const usage = [program, ...(command.arguments ? [command.arguments] : []), '[flags]'].join(' ');
      const summary = command.summary[0]!.toUpperCase() + command.summary.slice(1);
      io.stdout(`${summary}\n\nUsage: ${usage}\n\nFlags:\n${formatFlagHelp(definitions)}`);
      return EXIT_OK;
    }
    if (tellsVersion && flags.values.bool(VERSION_FLAG.name)) {
      io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
      return EXIT_OK;
    }
    if (command.arguments === undefined) refuseArguments(command, flags.args);
    for (const warning of flags.warnings) io.stderr(`${warning}\n`);
    return await command.run(flags, io);
  } catch (error) {
    if (error instanceof FlagError) {
      io.stderr(`${program}: ${error.message}; "${program} --help" lists the flags\n`);
      return EXIT_USAGE;
    }
    io.stderr(`${program}: ${describeError(error)}\n`);
    if (io.env['MUSTER_DEBUG']) io.stderr(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT_FAILED;
  }
}

function refuseArguments(command: ComponentCommand, [word]: readonly string[]): void {
  if (word === undefined) return;
  const hint = command.flags.some(({ name }) => name === 'name') ? '; the cluster is named by --name' : '';
  throw new FlagError(word, `unexpected argument ${JSON.stringify(word)}${hint}`);
}

/** Runs a command line as this whole process: its streams, signals, title and exit status. */
export async function runProcess(invokedAs: string, argv: readonly string[]): Promise<void> {
  const { createProcessIo, titleOf } = await import('./process-io.ts');
  process.title = titleOf(invokedAs, argv, componentNames);
  // The clock's timers keep no process alive, but a command that waits for one is not done.
  setInterval(() => undefined, 2 ** 30);
  const status = await main(invokedAs, argv, createProcessIo(process));
  // An output that could not be written (a full disk) is told of in the turn after the write.
  await new Promise(setImmediate);
  process.exit(status);
}

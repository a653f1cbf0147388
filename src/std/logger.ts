/** Named values beside a message. Values under a secret-looking name are never printed; see `createKlogLogger`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The levels of klog: info lines have a verbosity (0 always, 2 steady state, 4 debug), warnings and errors have none. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  /** An info line printed only when the verbosity (`--v`) is at least `level`. */
  debug(level: number, message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** Prints nothing. */
export const silentLogger: Logger = {
  info() {},
  debug() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

export interface KlogOptions {
  /** Printed where upstream prints the source file: `I0815 12:16:50.206264    7807 kubelet] …`. */
  component: string;
  verbosity: number;
  now: () => number;
  write: (line: string) => void;
  /** `--logging-format`: klog's lines, or one JSON object a line. Default `text`. */
  format?: LogFormat;
}

export type LogFormat = 'text' | 'json';

/**
 * Lines in klog's header format, `Lmmdd hh:mm:ss.uuuuuu threadid component] message key="value"`
 * (https://github.com/kubernetes/klog/blob/main/klog.go, formatHeader), in local time as upstream prints them; or
 * JSON as component-base/logs/json writes it: `ts` in milliseconds, `caller`, `msg`, `v` (not of errors), `err`, then the named values.
 */
export function createKlogLogger(options: KlogOptions, base: LogFields = {}): Logger {
  const print = (severity: 'I' | 'W' | 'E', message: string, fields?: LogFields, level = 0) => {
    const all = { ...base, ...fields };
    if (options.format === 'json') options.write(jsonLine(options, severity, message, all, level));
    else options.write(`${header(severity, options)}${message}${formatFields(all)}\n`);
  };
  return {
    info: (message, fields) => print('I', message, fields),
    debug(level, message, fields) {
      if (options.verbosity >= level) print('I', message, fields, level);
    },
    warn: (message, fields) => print('W', message, fields),
    error: (message, fields) => print('E', message, fields),
    child: (fields) => createKlogLogger(options, { ...base, ...fields }),
  };
}

function jsonLine({ component, now }: KlogOptions, severity: string, message: string, fields: LogFields, level: number): string {
  const line: Record<string, unknown> = { ts: now(), caller: component, msg: message };
  if (severity !== 'E') line['v'] = level;
  for (const [name, value] of Object.entries(fields)) {
    const key = name === 'error' ? 'err' : OWN_NAMES.has(name) ? `${name}_` : name;
    line[key] = SECRET_NAME.test(name) ? '[REDACTED]' : value instanceof Error ? value.message : value;
  }
  return `${JSON.stringify(line, withDigits)}\n`;
}

/** JSON has no big integers; a line that cannot be written for one would be an error where another one is being told. */
const withDigits = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

const OWN_NAMES: ReadonlySet<string> = new Set(['ts', 'caller', 'msg', 'v', 'err']);

/** The last line of a process that ends by it, as klog's Fatal prints it (without the stack traces). */
export function klogFatalLine(options: Pick<KlogOptions, 'component' | 'now'>, message: string): string {
  return `${header('F', options)}${message}\n`;
}

function header(severity: string, options: Pick<KlogOptions, 'component' | 'now'>): string {
  const t = new Date(options.now());
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${two(t.getMonth() + 1)}${two(t.getDate())}`;
  const time = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, '0')}000`;
  return `${severity}${date} ${time} ${String(process.pid).padStart(7)} ${options.component}] `;
}

const SECRET_NAME = /token|secret|password|private|authorization|credential/i;

function formatFields(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    text += ` ${name}=${SECRET_NAME.test(name) ? '"[REDACTED]"' : formatValue(value)}`;
  }
  return text;
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return JSON.stringify(value, withDigits) ?? String(value);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FlagDefinition, FlagError, formatFlagHelp, parseFlags } from './flags.ts';

const definitions: FlagDefinition[] = [
  { name: 'name', shorthand: 'n', type: 'string', default: 'muster', description: 'the name' },
  { name: 'verbose', shorthand: 'v', type: 'bool', description: 'say more' },
  { name: 'anonymous-auth', type: 'bool', default: true, description: 'let anybody in' },
  { name: 'port', shorthand: 'p', type: 'int', default: 10250, description: 'the port' },
  { name: 'qps', type: 'float', description: 'requests a second' },
  { name: 'ttl', type: 'duration', default: '24h0m0s', description: 'how long' },
  { name: 'groups', type: 'strings', default: ['a', 'b'], description: 'the groups' },
  { name: 'pair', type: 'array', description: 'one of the pairs' },
  { name: 'feature-gates', type: 'map', description: 'the gates' },
  { name: 'old', type: 'string', deprecated: 'use --name', description: 'the old name' },
  { name: 'alsologtostderr', type: 'bool', noEffect: true, description: 'nothing' },
  { name: 'secret-door', type: 'bool', hidden: true, description: 'hidden' },
];
const parse = (...argv: string[]) => parseFlags('kubelet', definitions, argv);

test('every way to write a value is understood', () => {
  for (const argv of [['--name', 'x'], ['--name=x'], ['-n', 'x'], ['-nx'], ['-n=x'], ['-vnx'], ['-v', '--name=y', '--name=x']])
    assert.equal(parse(...argv).values.string('name'), 'x', argv.join(' '));
  assert.equal(parse('--name=').values.string('name'), '');
  assert.equal(parse('--name=a=b').values.string('name'), 'a=b');
  assert.equal(parse('--anonymous_auth=false').values.bool('anonymous-auth'), false);
});

test('flags may stand between arguments until two dashes', () => {
  const parsed = parse('create', '-v', 'abc', '-', '--', '--name', 'y');
  assert.deepEqual(parsed.args, ['create', 'abc', '-', '--name', 'y']);
  assert.equal(parsed.values.bool('verbose'), true);
  assert.equal(parsed.isSet('verbose'), true);
  assert.equal(parsed.isSet('name'), false);
});

test('defaults hold until a flag is given, and lists and maps grow', () => {
  const { values } = parse();
  assert.equal(values.string('name'), 'muster');
  assert.equal(values.int('port'), 10250);
  assert.equal(values.bool('anonymous-auth'), true);
  assert.equal(values.float('qps'), 0);
  assert.equal(values.durationMs('ttl'), 86_400_000);
  assert.deepEqual(values.strings('groups'), ['a', 'b']);
  const given = parse(
    '--groups=c,"d,e"',
    '--groups',
    'f',
    '--feature-gates=A=true,B=false',
    '--feature-gates',
    'A=false',
    '--ttl=0',
  ).values;
  assert.deepEqual(given.strings('groups'), ['c', 'd,e', 'f']);
  assert.deepEqual(given.map('feature-gates'), { A: 'false', B: 'false' });
  assert.equal(given.durationMs('ttl'), 0);
  assert.deepEqual(parse('--groups=').values.strings('groups'), []);
  assert.deepEqual(parse('--pair=a,b', '--pair', 'c,d:"e').values.array('pair'), ['a,b', 'c,d:"e']);
  assert.deepEqual(parse().values.array('pair'), []);
});

test('what cannot be understood is named', () => {
  for (const [argv, message, flag] of [
    [['--nope'], 'unknown flag: --nope', '--nope'],
    [['--nope=1'], 'unknown flag: --nope', '--nope'],
    [['-x'], "unknown shorthand flag: 'x' in -x", '-x'],
    [['--name'], 'flag needs an argument: --name', '--name'],
    [['-n'], "flag needs an argument: 'n' in -n", '-n'],
    [['--=3'], 'bad flag syntax: --=3', '--=3'],
    [['--port=ten'], 'invalid argument "ten" for "-p, --port" flag: must be a whole number', '--port'],
    [['--ttl=1d'], 'invalid argument "1d" for "--ttl" flag: time: unknown unit "d" in duration "1d"', '--ttl'],
    [
      ['--anonymous-auth=maybe'],
      'invalid argument "maybe" for "--anonymous-auth" flag: must be true or false',
      '--anonymous-auth',
    ],
    [
      ['--feature-gates=A'],
      'invalid argument "A" for "--feature-gates" flag: "A" must be formatted as key=value',
      '--feature-gates',
    ],
  ] as const)
    assert.throws(
      () => parse(...argv),
      (error) => error instanceof FlagError && error.message === message && error.flag === flag,
    );
});

test('deprecated flags and flags without effect warn once', () => {
  assert.deepEqual(parse('--old=a', '--old=b', '--alsologtostderr').warnings, [
    'Flag --old has been deprecated, use --name',
    'Flag --alsologtostderr is accepted but has no effect in this kubelet',
  ]);
  assert.deepEqual(parse('--name=x').warnings, []);
});

test('asking for a flag that is not there is a mistake in the program', () => {
  assert.throws(() => parse().values.string('port'), TypeError);
  assert.throws(() => parse().values.bool('nowhere'), TypeError);
});

test('help is asked for in either form and lists what is not hidden', () => {
  assert.equal(parse('--help').help, true);
  assert.equal(parse('-vh').help, true);
  const help = formatFlagHelp(definitions);
  assert.match(help, /^ {2}-n, --name string +the name \(default "muster"\)$/m);
  assert.match(help, /^ {6}--ttl duration +how long \(default 24h0m0s\)$/m);
  assert.doesNotMatch(help, /secret-door/);
});

test('any list survives being written as one value', () => {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (list) => {
      assert.deepEqual(parse(`--groups=${list.map(quote).join(',')}`).values.strings('groups'), list);
    }),
  );
});

test('a flag that Go writes with one dash may be written so, and others are not changed by it', () => {
  const definitions = [
    { name: 'conf', singleDash: true, type: 'string', description: '' },
    { name: 'c', shorthand: 'c', type: 'string', description: '' },
  ] as const;
  assert.equal(parseFlags('dns', definitions, ['-conf', 'a']).values.string('conf'), 'a');
  assert.equal(parseFlags('dns', definitions, ['-conf=b']).values.string('conf'), 'b');
  assert.equal(parseFlags('dns', definitions, ['-config']).values.string('c'), 'onfig');
});

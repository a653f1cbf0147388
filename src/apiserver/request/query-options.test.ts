import assert from 'node:assert/strict';
import test from 'node:test';
import { type Status, StatusError } from '../../api/machinery/status-error.ts';
import { parseDeleteOptions, parseListQuery, parseWriteQuery } from './query-options.ts';

async function refusal(parse: () => unknown): Promise<Status> {
  try {
    await parse();
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error.status;
  }
  throw new Error('was accepted');
}

const query = (text: string) => new URLSearchParams(text);
const fields = ({ details }: Status) => (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

test('every list option that does not fit the others is told', async () => {
  const refused = async (text: string, watch = false) => fields(await refusal(() => parseListQuery(query(text), watch)));
  assert.deepEqual(await refused('resourceVersionMatch=Newest&continue=x'), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
    'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
  ]);
  assert.deepEqual(await refused('resourceVersionMatch=Exact&resourceVersion=0&sendInitialEvents=false'), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ]);
  assert.deepEqual(await refused('sendInitialEvents=true&resourceVersionMatch=Exact', true), [
    'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
  ]);
  assert.deepEqual(await refused('resourceVersionMatch=NotOlderThan', true), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
  ]);
  const { sendInitialEvents } = await parseListQuery(query('sendInitialEvents=true&resourceVersionMatch=NotOlderThan'), true);
  assert.equal(sendInitialEvents, true);
});

test('of several list options that are wrong the one is told that upstream reads first', async () => {
  const told = async (...wrong: string[]) => (await refusal(() => parseListQuery(query(wrong.join('&')), false))).message;
  const wrong = ['resourceVersionMatch=Newest', 'fieldSelector=a', 'labelSelector=a in b', 'limit=1.5', 'timeoutSeconds=\u0001'];
  const first = [];
  for (let i = wrong.length; i > 0; i--) first.push(await told(...wrong.slice(0, i)));
  assert.deepEqual(first.slice(0, 2), [
    'strconv.ParseInt: parsing "\\x01": invalid syntax',
    'strconv.ParseInt: parsing "1.5": invalid syntax',
  ]);
  assert.match(first[2]!, /^unable to parse requirement: /);
  assert.match(first[3]!, /^invalid selector: 'a'; can't understand 'a'$/);
  assert.match(first[4]!, /resourceVersionMatch is forbidden unless/);
});

test('a limit is an int64', async () => {
  const limit = async (text: string) => (await parseListQuery(query(`limit=${text}`), false)).limit;
  assert.equal(await limit('9223372036854775807'), Number.MAX_SAFE_INTEGER);
  assert.equal(await limit('-9223372036854775808'), -Number.MAX_SAFE_INTEGER);
  assert.equal(await limit('%2B00000000000000000000000000000000000000500'), 500);
  for (const text of ['9223372036854775808', '-9223372036854775809', '9'.repeat(100_000)])
    assert.match((await refusal(() => limit(text))).message ?? '', /value out of range$/);
});

test('a dry run is asked for with All and nothing else, fieldValidation with one of three words', async () => {
  const refused = async (text: string) => fields(await refusal(() => parseWriteQuery(query(text), 'CreateOptions')));
  assert.deepEqual(await refused('dryRun=All&dryRun=Some'), [
    'dryRun: Unsupported value: ["All","Some"]: supported values: "All"',
  ]);
  assert.deepEqual(await refused('dryRun='), ['dryRun: Unsupported value: [""]: supported values: "All"']);
  assert.deepEqual(await refused('fieldValidation=Lax'), [
    'fieldValidation: Unsupported value: "Lax": supported values: "", "Ignore", "Strict", "Warn"',
  ]);
  assert.equal(parseWriteQuery(query('dryRun=All&fieldValidation='), 'CreateOptions').dryRun, true);
  assert.equal(parseWriteQuery(query('fieldManager=m'), 'CreateOptions').dryRun, false);
});

test('the options of a deletion come from its body, or else from its query', async () => {
  const none = query('');
  const expected = {
    dryRun: true,
    gracePeriodSeconds: 3,
    propagationPolicy: 'Orphan',
    preconditions: { uid: 'u', resourceVersion: '7' },
  };
  const body = {
    dryRun: ['All'],
    gracePeriodSeconds: 3,
    orphanDependents: true,
    preconditions: { uid: 'u', resourceVersion: '7' },
  };
  assert.deepEqual(parseDeleteOptions(query('gracePeriodSeconds=9'), body), { ...expected, orphanDependents: true });
  const options = 'gracePeriodSeconds=3&propagationPolicy=Orphan&dryRun=All';
  assert.deepEqual(parseDeleteOptions(query(options), undefined), { ...expected, preconditions: {} });
  assert.deepEqual(parseDeleteOptions(query(`${options}&uid=u&resourceVersion=7`), undefined), expected);
  assert.deepEqual(parseDeleteOptions(none, { gracePeriodSeconds: null, preconditions: null, dryRun: null }), {
    dryRun: false,
    gracePeriodSeconds: undefined,
    propagationPolicy: '',
    preconditions: {},
  });
  assert.deepEqual(
    fields(await refusal(() => parseDeleteOptions(none, { orphanDependents: false, propagationPolicy: 'Later' }))),
    [
      'propagationPolicy: Invalid value: "Later": orphanDependents and deletionPropagation cannot be both set',
      'propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
  );
});

test('options of a wrong type are refused in the words of the decoder', async () => {
  const cases: [object, string][] = [
    [{ gracePeriodSeconds: 'x' }, 'string into Go struct field DeleteOptions.gracePeriodSeconds of type int64'],
    [{ preconditions: [] }, 'array into Go struct field DeleteOptions.preconditions of type v1.Preconditions'],
    [{ preconditions: { uid: {} } }, 'object into Go struct field Preconditions.preconditions.uid of type string'],
    [{ dryRun: 'All' }, 'string into Go struct field DeleteOptions.dryRun of type []string'],
    [{ propagationPolicy: { toString: 1 } }, 'object into Go struct field DeleteOptions.propagationPolicy of type string'],
  ];
  for (const [body, why] of cases) {
    const { code, message } = await refusal(() => parseDeleteOptions(query(''), body as Record<string, unknown>));
    assert.equal(code, 400);
    assert.equal(message, `json: cannot unmarshal ${why}`);
  }
});

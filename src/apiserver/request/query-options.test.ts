import assert from 'node:assert/strict';
import test from 'node:test';
import { type Status, StatusError } from '../../api/machinery/status-error.ts';
import { parseDeleteOptions, parseListQuery, parseWriteQuery } from './query-options.ts';

function refusal(parse: () => unknown): Status {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof StatusError);
    return error.status;
  }
  throw new Error('was accepted');
}

const query = (text: string) => new URLSearchParams(text);
const fields = ({ details }: Status) => (details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

test('every list option that does not fit the others is told', () => {
  const refused = (text: string, watch = false) => fields(refusal(() => parseListQuery(query(text), watch)));
  assert.deepEqual(refused('resourceVersionMatch=Newest&continue=x'), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
    'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
  ]);
  assert.deepEqual(refused('resourceVersionMatch=Exact&resourceVersion=0&sendInitialEvents=false'), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ]);
  assert.deepEqual(refused('sendInitialEvents=true&resourceVersionMatch=Exact', true), [
    'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
  ]);
  assert.deepEqual(refused('resourceVersionMatch=NotOlderThan', true), [
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
  ]);
  assert.equal(parseListQuery(query('sendInitialEvents=true&resourceVersionMatch=NotOlderThan'), true).sendInitialEvents, true);
});

test('a dry run is asked for with All and nothing else, fieldValidation with one of three words', () => {
  const refused = (text: string) => fields(refusal(() => parseWriteQuery(query(text), 'CreateOptions')));
  assert.deepEqual(refused('dryRun=All&dryRun=Some'), ['dryRun: Unsupported value: ["All","Some"]: supported values: "All"']);
  assert.deepEqual(refused('dryRun='), ['dryRun: Unsupported value: [""]: supported values: "All"']);
  assert.deepEqual(refused('fieldValidation=Lax'), [
    'fieldValidation: Unsupported value: "Lax": supported values: "", "Ignore", "Strict", "Warn"',
  ]);
  assert.equal(parseWriteQuery(query('dryRun=All&fieldValidation='), 'CreateOptions').dryRun, true);
  assert.equal(parseWriteQuery(query('fieldManager=m'), 'CreateOptions').dryRun, false);
});

test('the options of a deletion come from its body, or else from its query', () => {
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
  assert.deepEqual(fields(refusal(() => parseDeleteOptions(none, { orphanDependents: false, propagationPolicy: 'Later' }))), [
    'propagationPolicy: Invalid value: "Later": orphanDependents and deletionPropagation cannot be both set',
    'propagationPolicy: Unsupported value: "Later": supported values: "Foreground", "Background", "Orphan", "nil"',
  ]);
});

test('options of a wrong type are refused in the words of the decoder', () => {
  const cases: [object, string][] = [
    [{ gracePeriodSeconds: 'x' }, 'string into Go struct field DeleteOptions.gracePeriodSeconds of type int64'],
    [{ preconditions: [] }, 'array into Go struct field DeleteOptions.preconditions of type v1.Preconditions'],
    [{ preconditions: { uid: {} } }, 'object into Go struct field Preconditions.preconditions.uid of type string'],
    [{ dryRun: 'All' }, 'string into Go struct field DeleteOptions.dryRun of type []string'],
    [{ propagationPolicy: { toString: 1 } }, 'object into Go struct field DeleteOptions.propagationPolicy of type string'],
  ];
  for (const [body, why] of cases) {
    const { code, message } = refusal(() => parseDeleteOptions(query(''), body as Record<string, unknown>));
    assert.equal(code, 400);
    assert.equal(message, `json: cannot unmarshal ${why}`);
  }
});

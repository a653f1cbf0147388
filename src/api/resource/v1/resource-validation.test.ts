/** Devices: claims, templates, classes and slices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf, testContext } from '../../test-specimens.ts';
import { deviceClassKind } from './device-class.ts';
import { resourceClaimKind } from './resource-claim.ts';
import { resourceSliceKind } from './resource-slice.ts';

// As a write does.
for (const { loadFirst } of [deviceClassKind, resourceClaimKind, resourceSliceKind]) await loadFirst?.();

const claims = specimensOf(resourceClaimKind);
const slices = specimensOf(resourceSliceKind);
const exactly = { deviceClassName: 'gpu' };
const request = (fields: object) => claims.complaints({ spec: { devices: { requests: [{ name: 'r', ...fields }] } } });
const slice = (spec: object) =>
  slices.complaints({
    spec: { driver: 'gpu.example.com', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, nodeName: 'n', ...spec },
  });

function assertTold(cases: readonly (readonly [string[], ...RegExp[]])[]): void {
  for (const [told, ...wanted] of cases) {
    assert.equal(told.length, wanted.length, `${wanted.join(' ')}\n${told.join('\n')}`);
    for (const [i, pattern] of wanted.entries()) assert.match(told[i]!, pattern);
  }
}

test('what is wrong with a ResourceClaim is told', () => {
  const at = 'spec\\.devices\\.requests\\[0\\]';
  assertTold([
    [request({ exactly })],
    [request({}), new RegExp(`^${at}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`)],
    [request({ exactly: { deviceClassName: '' } }), new RegExp(`^${at}\\.exactly\\.deviceClassName: Required value`)],
    [request({ name: 'R', exactly }), new RegExp(`^${at}\\.name: Invalid value: "R": a lowercase RFC 1123 label`)],
    [
      request({ exactly: { ...exactly, allocationMode: 'Some' } }),
      new RegExp(`^${at}\\.exactly\\.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`),
    ],
    [
      request({ exactly: { ...exactly, allocationMode: 'ExactCount', count: -1 } }),
      new RegExp(`^${at}\\.exactly\\.count: Invalid value: -1: must be greater than zero`),
    ],
    [
      claims.complaints({
        spec: {
          devices: {
            requests: [
              { name: 'r', exactly },
              { name: 'r', exactly },
            ],
          },
        },
      }),
      /^spec\.devices\.requests\[1\](\.name)?: Duplicate value: "r"/,
    ],
    [
      claims.complaints({
        spec: {
          devices: { requests: [{ name: 'r', exactly }], constraints: [{ requests: ['x'], matchAttribute: 'example.com/a' }] },
        },
      }),
      /^spec\.devices\.constraints\[0\]\.requests\[0\]: Invalid value: "x": must be the name of a request in the claim/,
    ],
  ]);
});

test("a claim's spec stays", () => {
  const spec = (name: string) => ({ spec: { devices: { requests: [{ name, exactly }] } } });
  assert.match(claims.changes(spec('a'), spec('b'))[0]!, /^spec: Invalid value: .*: field is immutable$/);
  assert.match(
    claims.changes(spec('a'), spec('b'))[0]!,
    /^spec: Invalid value: \{"Devices":\{"Requests":\[\{"Name":"b","Exactly":\{"DeviceClassName":"\w+",.*\}\],"Constraints":null,"Config":null\}\}: /,
  );
});

test('what is wrong with a ResourceSlice is told', () => {
  const device = { name: 'd', attributes: { model: { string: 'x' } } };
  assertTold([
    [slice({ devices: [device] })],
    [slice({ driver: 'Bad Driver' }), /^spec\.driver: Invalid value: "Bad Driver"/],
    [slice({ nodeName: undefined }), /^spec: (Required|Invalid) value: .*exactly one of/],
    [slice({ allNodes: true }), /^spec: Invalid value: .*exactly one of/],
    [
      slice({ pool: { name: 'p', generation: 1, resourceSliceCount: 0 } }),
      /^spec\.pool\.resourceSliceCount: Invalid value: 0: must be greater than zero/,
    ],
    [slice({ devices: [device, device] }), /^spec\.devices\[1\](\.name)?: Duplicate value: "d"/],
    [
      slice({ devices: [{ name: 'd', attributes: { model: {} } }] }),
      /^spec\.devices\[0\]\.attributes\[model\]: Invalid value: "": exactly one value must be specified/,
    ],
    [
      slice({ devices: [{ name: 'd', attributes: { model: { string: 'x', bool: true } } }] }),
      /^spec\.devices\[0\]\.attributes\[model\]: Invalid value: \{.*"BoolValue":true,"StringValue":"x".*\}: exactly one value must be specified/,
    ],
  ]);
  const made = (driver: string) => ({
    spec: { driver, pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, nodeName: 'n' },
  });
  assert.match(
    slices.changes(made('a.example.com'), made('b.example.com'))[0]!,
    /^spec\.driver: Invalid value: "b\.example\.com": field is immutable/,
  );
});

test('expressions that choose devices are compiled', () => {
  const chosen = (expression: string) => request({ exactly: { ...exactly, selectors: [{ cel: { expression } }] } });
  const at = 'spec\\.devices\\.requests\\[0\\]\\.exactly\\.selectors\\[0\\]\\.cel\\.expression';
  assertTold([
    [chosen('device.attributes["gpu.example.com"].healthy')],
    [chosen('device.capacity["gpu.example.com"].memory.isGreaterThan(quantity("1Gi")) && device.driver == "gpu.example.com"')],
    [chosen('cel.bind(gpu, device.attributes["gpu.example.com"], gpu.a && gpu.b)')],
    [
      chosen('cel.bind(gpu, device.driver, gpu + 1 == "")'),
      new RegExp(`^${at}: Invalid value: .*: compilation failed: .*found no matching overload for '_\\+_'`, 's'),
    ],
    [
      chosen('cel.bind(a.b, device.driver, true)'),
      new RegExp(
        `^${at}: Invalid value: .*: compilation failed: .*cel\\.bind\\(\\) variable names must be simple identifiers`,
        's',
      ),
    ],
    [
      chosen('device.attributes[true].fast'),
      new RegExp(`^${at}: Invalid value: .*applied to '\\(map\\(string, map\\(string, any\\)\\), bool\\)'`, 's'),
    ],
    [chosen('1'), new RegExp(`^${at}: Invalid value: "1": must evaluate to bool or the unknown type, not int$`)],
    [chosen('?!'), new RegExp(`^${at}: Invalid value: "\\?!": compilation failed: ERROR: <input>:1:1: Syntax error`)],
    [chosen('device.weight > 1'), new RegExp(`^${at}: Invalid value: .*: compilation failed: .*undefined field 'weight'`, 's')],
    [
      chosen(
        'device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, a != b && c != d && a + b != c + d))))',
      ),
      new RegExp(`^${at}: Forbidden: too complex, exceeds cost limit$`),
    ],
  ]);
});

test('a DeviceClass says what is chosen, and where configuration is for', () => {
  const classes = specimensOf(deviceClassKind);
  assertTold([
    [classes.complaints({ spec: { selectors: [{ cel: { expression: 'device.driver == "a"' } }] } })],
    [classes.complaints({ spec: { selectors: [{}] } }), /^spec\.selectors\[0\]\.cel: Required value/],
    [classes.complaints({ spec: { config: [{}] } }), /^spec\.config\[0\]\.opaque: Required value/],
    [
      classes.complaints({ spec: { config: [{ opaque: { driver: 'a.example.com', parameters: null } }] } }),
      /^spec\.config\[0\]\.opaque\.parameters: Required value/,
    ],
  ]);
});

test('what is wrong with the devices of a ResourceSlice is told', () => {
  const at = 'spec\\.devices\\[0\\]';
  const device = (fields: object, spec: object = {}) => slice({ devices: [{ name: 'd', ...fields }], ...spec });
  const many = (count: number, of: (i: number) => object) => Array.from({ length: count }, (_, i) => of(i));
  const perDevice = { nodeName: undefined, perDeviceNodeSelection: true };
  const shared = (requestPolicy: object) =>
    device({ allowMultipleAllocations: true, capacity: { memory: { value: '10Gi', requestPolicy } } });
  const policy = `${at}\\.capacity\\[memory\\]\\.requestPolicy`;
  assertTold([
    [device({ attributes: { '1x': { int: 1 } } }), new RegExp(`^${at}\\.attributes: Invalid value: "1x": a valid C identifier`)],
    [
      device({ attributes: { 'a/b/c': { int: 1 } } }),
      new RegExp(`^${at}\\.attributes: Invalid value: "a/b/c": must not contain more than one slash$`),
    ],
    [
      device({ attributes: { a: { strings: ['x'] } } }),
      new RegExp(`^${at}\\.attributes\\[a\\]: Invalid value: "": exactly one value`),
    ],
    [
      device({ nodeName: 'n' }),
      new RegExp(`^${at}: Invalid value: null: \`nodeName\`, \`nodeSelector\` and \`allNodes\` can only`),
    ],
    [device({ nodeName: 'n' }, perDevice)],
    [device({}, perDevice), new RegExp(`^${at}: Required value: exactly one of \`nodeName\`, \`nodeSelector\`, or \`allNodes\``)],
    [
      device({ nodeName: 'n', allNodes: true }, perDevice),
      new RegExp(`^${at}: Invalid value: "{\`nodeName\`, \`allNodes\`}": exactly one of`),
    ],
    [
      device({ consumesCounters: [{ counterSet: 'c', counters: {} }] }),
      new RegExp(`^${at}\\.consumesCounters\\[0\\]\\.counters: Required value$`),
    ],
    [
      device({ bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] }),
      new RegExp(`^${at}\\.bindingConditions\\[1\\]: Duplicate value: "a"$`),
      new RegExp(`^${at}\\.bindingFailureConditions\\[0\\]: Invalid value: "a": bindingFailureConditions must not overlap`),
    ],
    [
      device({ bindingConditions: ['a'] }),
      new RegExp(
        `^${at}\\.bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions$`,
      ),
    ],
    [
      device({ capacity: { memory: { value: '1Gi', requestPolicy: { default: '1Gi' } } } }),
      new RegExp(`^${policy}: Forbidden: allowMultipleAllocations must be true$`),
    ],
    [shared({ default: '1Gi', validValues: ['1Gi', '2Gi'] })],
    [shared({ validValues: ['1Gi'] }), new RegExp(`^${policy}\\.default: Required value: required when validValues is defined$`)],
    [
      shared({ default: '3Gi', validValues: ['2Gi', '1Gi'] }),
      new RegExp(`^${policy}\\.validValues\\[1\\]: Invalid value: "1Gi": values must be sorted in ascending order$`),
      new RegExp(`^${policy}\\.validValues: Invalid value: "3Gi": default value is not valid`),
    ],
    [shared({ default: '1Gi', validRange: { min: '1Gi', step: '1Gi' } })],
    [
      shared({ default: '1500Mi', validRange: { min: '1Gi', max: '20Gi', step: '1Gi' } }),
      new RegExp(`^${policy}\\.validRange\\.max: Invalid value: "20Gi": max is larger than capacity value: 10Gi$`),
      new RegExp(
        `^${policy}\\.validRange\\.step: Invalid value: "1500Mi": value is not a multiple of a given step \\(1Gi\\) from \\(1Gi\\)$`,
      ),
    ],
    [
      shared({ default: '1Gi', validRange: { min: '1Gi', step: '0' } }),
      new RegExp(`^${policy}\\.validRange\\.step: Invalid value: "0": must be greater`),
    ],
    [
      slice({ devices: many(65, (i) => ({ name: `d${i}`, taints: [{ key: 'k', effect: 'None' }] })) }),
      /^spec\.devices: Too many: 65: must have at most 64 items$/,
    ],
    [slice({ devices: many(65, (i) => ({ name: `d${i}` })) })],
    [
      slice({ devices: [{ name: 'd' }], sharedCounters: [{ name: 'c', counters: { memory: { value: '1' } } }] }),
      /^spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed$/,
    ],
    [
      slice({ nodeName: '' }),
      /^spec\.nodeName: Invalid value: "": must be either unset/,
      /^spec: Required value: exactly one of/,
    ],
    [slice({ allNodes: false }), /^spec\.allNodes: Invalid value: false: must be either unset or set to true$/],
  ]);
  assert.deepEqual(slices.warnings({ spec: { driver: 'GPU.example.com', pool: { name: 'p' }, devices: [] } }), [
    'spec.driver: driver names should be lowercase; "GPU.example.com" contains uppercase characters',
  ]);
});

test('what is wrong with what a claim was given is told, and devices that are taken back say nothing any more', () => {
  const device = { driver: 'a.example.com', pool: 'p', device: 'd' };
  const claim = (status: object) => claims.make({ spec: { devices: { requests: [{ name: 'r', exactly }] } }, status });
  const given = { allocation: { devices: { results: [{ request: 'r', ...device }] } } };
  const condition = { type: 'Ready', status: 'True', reason: 'Made', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const refused = (status: object) => claims.refusals(claim(given), claim({ ...given, ...status }), 'status');
  assertTold([
    [refused({ devices: [{ ...device, conditions: [condition], networkData: { ips: ['10.0.0.1/8'] } }] })],
    [
      refused({ devices: [{ ...device, conditions: [{ ...condition, status: 'Maybe', reason: '' }] }] }),
      /^status\.devices\[0\]\.conditions\[0\]\.status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"$/,
      /^status\.devices\[0\]\.conditions\[0\]\.reason: Required value$/,
    ],
    [
      refused({ devices: [{ ...device, networkData: { ips: ['10.0.0.1'], interfaceName: 'x'.repeat(257) } }] }),
      /^status\.devices\[0\]\.networkData\.interfaceName: Too long: may not be more than 256 bytes$/,
      /^status\.devices\[0\]\.networkData\.ips\[0\]: Invalid value: "10\.0\.0\.1": must be a valid address in CIDR form/,
    ],
    [
      refused({ devices: [{ ...device, shareID: 'x' }] }),
      /^status\.devices\[0\]\.shareID: Invalid value: "x": error validating uid: invalid UUID length: 1$/,
      /^status\.devices\[0\]: Invalid value: "a\.example\.com\/p\/d\/x": must be an allocated device in the claim$/,
    ],
  ]);
  const [part] = resourceClaimKind.parts;
  const freed = part!.merge(claim({ ...given, devices: [device] }), claim({ devices: [device] }), testContext);
  assert.deepEqual(freed['status'], {});
  const share = (shareID: string, ...devices: object[]) =>
    claim({ allocation: { devices: { results: [{ request: 'r', ...device, shareID }] } }, ...(devices.length && { devices }) });
  const said = { ...device, shareID: '1' };
  const again = part!.merge(share('1', said), share('2', said), testContext);
  assert.deepEqual(again['status'], share('2')['status'], 'another share of the device has said nothing yet');
});

test('what is stored is not looked at again: a claim that changes is told so and nothing else, a class keeps its expressions', () => {
  const claim = (name: string) => ({ spec: { devices: { requests: [{ name, exactly }] } } });
  assert.equal(claims.changes(claim('a'), claim('B')).length, 1);
  assert.deepEqual(claims.changes(claim('A'), claim('A')), []);
  const classes = specimensOf(deviceClassKind);
  const selectors = [{ cel: { expression: '?!' } }];
  const config = [{ opaque: { driver: 'a.example.com', parameters: { long: 'x'.repeat(11_000) } } }];
  const made = { spec: { selectors, config } };
  assert.deepEqual(classes.changes(made, { spec: { ...made.spec, extendedResourceName: 'example.com/gpu' } }), []);
  const longer = { spec: { selectors: [...selectors, ...selectors], config: [...config, ...config] } };
  assert.deepEqual(
    classes.changes(made, longer).map((each) => each.split(':')[0]),
    [0, 1].map((i) => `spec.selectors[${i}].cel.expression`).concat([0, 1].map((i) => `spec.config[${i}].opaque.parameters`)),
  );
});

test('that a slice moves is told before what its devices are', () => {
  const made = (driver: string, nodeName: string, pool: string) => ({
    spec: { driver, nodeName, pool: { name: pool, generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'D' }] },
  });
  assert.deepEqual(
    slices.changes(made('a', 'n', 'p'), made('b', 'm', 'q')).map((each) => each.split(':')[0]),
    ['spec.pool.name', 'spec.driver', 'spec.nodeName', 'spec.devices[0].name'],
  );
});

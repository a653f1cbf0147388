/** Devices: claims, templates, classes and slices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
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
      /^spec\.devices\[0\]\.attributes\[model\]: Required value: exactly one value must be specified/,
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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeDifference } from './spec-difference.ts';

test('what differs is shown with its old and its new value, under whatever name it has', () => {
  const text = describeDifference('core.PodSpec', { nodeSelector: { a: 'b' } }, { nodeSelector: { a: 'b', '': 'c' } });
  assert.match(text, /^ {2}core\.PodSpec\{\n/);
  assert.match(text, /\n- \t\t: nil,\n\+ \t\t: "c",\n/);
});

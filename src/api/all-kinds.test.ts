import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allKinds } from './all-kinds.ts';
import { decodeObject } from './machinery/decode.ts';
import { apiVersionOf } from './machinery/kind.ts';
import { schemaNames } from './machinery/schema.ts';
import { renderTable } from './machinery/table.ts';

const idOf = (kind: (typeof allKinds)[number]) => `${apiVersionOf(kind)} ${kind.kind}`;

test('no two kinds have the same name or resource', () => {
  for (const names of [allKinds.map(idOf), allKinds.map((kind) => `${apiVersionOf(kind)}/${kind.resource}`)])
    assert.equal(new Set(names).size, names.length);
});

test('kinds share a storage path only when they say that they are stored as one of them', () => {
  const owners = new Map<string, string>();
  for (const kind of allKinds) {
    if (kind.storage === 'review' || kind.storedAs) continue;
    assert.equal(owners.get(kind.storagePath), undefined, kind.storagePath);
    owners.set(kind.storagePath, idOf(kind));
  }
  for (const kind of allKinds)
    if (kind.storedAs) assert.equal(owners.get(kind.storagePath), `${apiVersionOf(kind.storedAs)} ${kind.storedAs.kind}`);
});

test('every kind has a schema', () => {
  const schemas = new Set(schemaNames());
  for (const kind of allKinds) assert.ok(schemas.has(kind.schema), `${idOf(kind)}: ${kind.schema}`);
});

test('an object with nothing in it can be shown and selected, whatever its kind', () => {
  for (const kind of allKinds) {
    const { object } = decodeObject(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'a' } });
    const table = renderTable(kind, [object], { nowMs: 0 });
    assert.equal(table.rows[0]!.cells.length, table.columnDefinitions!.length);
    for (const [i, cell] of table.rows[0]!.cells.entries())
      assert.match(typeof cell, /^(string|number|boolean)$/, `${idOf(kind)}: ${table.columnDefinitions![i]!.name}`);
    for (const [field, get] of Object.entries(kind.selectableFields))
      assert.equal(typeof get(object), 'string', `${idOf(kind)}: ${field}`);
  }
});

test('what is stored in another form survives the way there and back', () => {
  for (const kind of allKinds) {
    if (!kind.storedAs) continue;
    const { object } = decodeObject(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'a' } });
    const stored = kind.storedAs.toStored(object);
    assert.equal(stored.apiVersion, apiVersionOf(kind.storedAs));
    const again = kind.storedAs.fromStored(stored);
    assert.equal(again.apiVersion, apiVersionOf(kind));
    assert.deepEqual(kind.storedAs.fromStored(kind.storedAs.toStored(again)), again);
  }
});

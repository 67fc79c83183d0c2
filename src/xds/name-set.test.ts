import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type NameIndex, NameSet } from "./name-set.ts";

/** A table that names come into, and that gives its numbers anew. */
function growingTable() {
  let index = indexOf([]);
  return {
    get index() {
      return index;
    },
    learn: (name: string) => {
      if (index.idOf(name) === undefined) index.names.push(name);
    },
    /** Forgets one name, and gives the others new numbers. */
    forget: (name: string) => {
      index = indexOf(index.names.filter((other) => other !== name).reverse());
    },
  };
}

function indexOf(names: string[]): NameIndex & { readonly names: string[] } {
  return {
    names,
    idOf: (name) => (names.includes(name) ? names.indexOf(name) : undefined),
    nameOf: (id) => names[id],
    get size() {
      return names.length;
    },
  };
}

const name = fc.integer({ min: 0, max: 80 }).map((number) => `n${number}`);
const step = fc.tuple(fc.constantFrom("add", "add", "delete", "has", "learn", "learn", "forget"), name);

test("it is a set of names, whatever the table learns and forgets meanwhile", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = growingTable();
      const set = new NameSet(table);
      const model = new Set<string>();
      for (const [what, subject] of steps) {
        if (what === "add") {
          set.add(subject);
          model.add(subject);
        } else if (what === "delete") assert.equal(set.delete(subject), model.delete(subject));
        else if (what === "has") assert.equal(set.has(subject), model.has(subject));
        else table[what as "learn" | "forget"](subject);
        assert.equal(set.size, model.size);
      }
      assert.deepEqual([...set].sort(), [...model].sort());
      for (const one of model) assert.ok(set.has(one));
      assert.deepEqual([...set].sort(), [...model].sort());
      assert.equal(set.size, model.size);
    }),
  );
});

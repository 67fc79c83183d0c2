/** What reads custom kinds can be compiled, and each kind is told once. */
import { reasonOf } from "../../../src/kernel/errors.ts";
import type { Path } from "../../../src/kernel/text.ts";
import { customInterpreter } from "../../interpret/custom-kind.ts";
import type { CustomKind } from "../schema/interpret.ts";
import type { Check } from "./check.ts";

/** By itself alone, each expression is put into a rule that is right besides: so the problem is told where it stands. */
const RIGHT: CustomKind = { group: "", kind: "X", healthy: [{ path: "$" }], degraded: [] };
const EXPRESSIONS = ["replicas", "updatedReplicas", "readyReplicas", "observedGeneration", "message"] as const;

export function checkInterpret(check: Check): void {
  const rules = check.workload.spec.interpret;
  const compile = (path: Path, rule: Partial<CustomKind>) => {
    try {
      customInterpreter({ ...RIGHT, ...rule });
    } catch (error) {
      check.report(path, reasonOf(error));
    }
  };
  for (const [index, rule] of rules.entries()) {
    const at = ["spec", "interpret", index];
    const first = rules.findIndex(({ group, kind }) => group === rule.group && kind === rule.kind);
    if (first !== index) check.report([...at, "kind"], `${rule.kind} is told twice (also number ${first + 1} of the list)`);
    for (const name of EXPRESSIONS) if (rule[name] !== undefined) compile([...at, name], { [name]: rule[name] });
    for (const list of ["healthy", "degraded"] as const)
      for (const [item, test] of rule[list].entries()) {
        const place = [...at, list, item];
        if ((test.path === undefined) === (test.cel === undefined)) check.report(place, "needs exactly one of path and cel");
        else if (test.cel !== undefined && test.equals !== undefined)
          check.report([...place, "equals"], "is for a path, not for cel");
        else compile([...place, test.cel === undefined ? "path" : "cel"], { healthy: [test] });
      }
  }
}

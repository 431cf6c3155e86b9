import type { RequirementView } from "../../contract/common.ts";
import type { DeployOrderView } from "../../contract/release.ts";
import type { DeployOrder } from "../../core/deploy-order.ts";
import type { RequirementAnswer } from "../../core/requirements/requirement.ts";

/** Every gate with its answer; an unmet gate appears once for each reason. */
export function presentRequirements(
  answers: readonly RequirementAnswer[],
): readonly RequirementView[] {
  return answers.flatMap(({ requirement, outcome }): RequirementView[] =>
    outcome.state === "unmet"
      ? outcome.refusals.map(({ code, reason, remedy }) => ({
          id: requirement,
          met: false,
          code,
          reason,
          remedy,
        }))
      : [{ id: requirement, met: true, code: requirement, reason: null, remedy: null }],
  );
}

/** The waves of a deploy order as people see them. */
export function presentOrder(order: DeployOrder): DeployOrderView {
  return {
    waves: order.waves.map((wave) => [...wave.services]),
    cycle: order.cycle && [...order.cycle],
    notes: order.notes.filter((note) => note.level === "note").map((note) => note.text),
    warnings: order.notes.filter((note) => note.level === "warning").map((note) => note.text),
  };
}

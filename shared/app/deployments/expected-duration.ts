import { Op } from "sequelize";
import { DeploymentRow } from "../../db/rows/deployment.ts";

/** How many of the latest successes the median is taken of. */
const SAMPLE = 20;

/** Median duration, in milliseconds, of the latest successful deployments to an environment; null without any. */
export async function expectedDurationMs(environment: string): Promise<number | null> {
  const rows = await DeploymentRow.findAll({
    where: {
      environment,
      kind: "deploy",
      status: "succeeded",
      startedAt: { [Op.ne]: null },
      finishedAt: { [Op.ne]: null },
    },
    attributes: ["startedAt", "finishedAt"],
    order: [["number", "DESC"]],
    limit: SAMPLE,
  });
  const durations = rows
    .flatMap(({ startedAt, finishedAt }) =>
      startedAt && finishedAt ? [finishedAt.getTime() - startedAt.getTime()] : [],
    )
    .sort((a, b) => a - b);
  const middle = Math.floor(durations.length / 2);
  const upper = durations[middle];
  if (upper === undefined) {
    return null;
  }
  const lower = durations.length % 2 === 0 ? (durations[middle - 1] ?? upper) : upper;
  return Math.round((lower + upper) / 2);
}

import { EnvironmentNotFound } from "../../shared/errors/catalog.ts";
import { historyCard } from "../cards/history-card.ts";
import { defineCommand } from "../chat/define-command.ts";

/** How many deployments one answer lists. */
const SHOWN = 20;

export const environmentHistory = defineCommand({
  id: "environment.history",
  phrase: "history",
  summary: "List deployments, newest first, of an environment, of a service, or of both",
  usage: "history [environment] [service]",
  group: "history",
  permission: "deployment.read",
  changes: false,
  examples: ["history", "history prod", "history prod auth-service", "history auth-service"],
  read: (input) => ({ first: input.optionalWord(), second: input.optionalWord() }),
  async run({ actor, services }, { first, second }) {
    const known = services.installation.environments.map(({ name }) => name);
    const isEnvironment = first !== undefined && known.includes(first);
    if (second !== undefined && first !== undefined && !isEnvironment) {
      throw new EnvironmentNotFound({ environment: first, known });
    }
    const environment = isEnvironment ? first : undefined;
    const service = isEnvironment ? second : first;
    const { items, total } = await services.deployments.list(actor, {
      limit: SHOWN,
      offset: 0,
      ...(environment === undefined ? {} : { environment }),
      ...(service === undefined ? {} : { service }),
    });
    const of = [service, environment && `in ${environment}`].filter(Boolean).join(" ");
    const title = of === "" ? "Deployments" : `Deployments of ${of}`.replace("of in", "in");
    return { card: historyCard(title, items, total, services.installation.baseUrl) };
  },
});

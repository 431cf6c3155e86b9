import type { DeploymentLogView, DeploymentView } from "../../shared/contract/deployment.ts";
import { formatDuration } from "../../shared/lib/time.ts";
import type { ActionItem, Card, FormSpec } from "../chat/card.ts";
import {
  actions,
  button,
  card,
  fields,
  form,
  link,
  list,
  note,
  reasonForm,
  table,
  text,
} from "../chat/card-builders.ts";
import { deploymentSubject } from "../chat/live-card.ts";
import { escapeMarkdown, plain, sentence } from "../chat/markdown.ts";
import type { Answer } from "../chat/command.ts";
import { toAnswer, type LiveCard } from "../chat/live-card.ts";
import { cancelDeployment, retryDeployment, rollBack, showLogs } from "./action-refs.ts";
import {
  deploymentName,
  deploymentStatusWords,
  deploymentTones,
  isFinished,
  serviceStateWords,
  unlandedServices,
} from "./deployment-words.ts";
import { personName, quoteWord, timeWords, versionWords } from "./wording.ts";

type ServiceResult = DeploymentView["results"][number];

/** Log lines a card shows at most; the dashboard shows all. */
const LOG_LINES = 30;
const LOG_LINE_LENGTH = 300;

/** A deployment as it goes, then how it ended. The same for everybody who looks, so it can be edited in place. */
export function deploymentCard(deployment: DeploymentView): Card {
  const { status, results } = deployment;
  return card(
    `${deploymentName(deployment)} (${deploymentStatusWords[status]})`,
    deploymentTones[status],
    text(deployment.summary === "" ? undefined : sentence(deployment.summary)),
    fields([
      ["Requested", `by ${personName(deployment.requestedBy)}, ${timeWords(deployment.createdAt)}`],
      ["Reason", deployment.reason],
      ["Took", took(deployment)],
      ["Stopped by", deployment.cancelRequestedBy && personName(deployment.cancelRequestedBy)],
    ]),
    table(["Wave", "Service", "Version", "State", "Step"], results.map(toRow(deployment))),
    text(...failureLines(results)),
    text(...(isFinished(deployment) ? outcomeLines(deployment) : [])),
    note(nextStep(deployment)),
    actions(...deploymentButtons(deployment), link("Open dashboard", deployment.url)),
  );
}

export function deploymentLive(deployment: DeploymentView): LiveCard {
  return {
    subject: deploymentSubject(deployment.number),
    shown: { status: deployment.status },
    card: deploymentCard(deployment),
  };
}

/** The live card of a deployment as the answer to a command. */
export function deploymentAnswer(deployment: DeploymentView): Answer {
  return toAnswer(deploymentLive(deployment));
}

/** A message of its own, because people must act: what failed, why, and how to go on. */
export function failureCard(deployment: DeploymentView): Card {
  const isUnlanded = unlandedServices(deployment).length > 0;
  return card(
    `${deploymentName(deployment)} ${deploymentStatusWords[deployment.status]}${
      isUnlanded ? ", but not everything landed" : ""
    }`,
    isUnlanded ? "warning" : "danger",
    text(sentence(deployment.summary)),
    text(...failureLines(deployment.results)),
    text(...outcomeLines(deployment)),
    note(nextStep(deployment)),
    actions(...deploymentButtons(deployment), link("Open dashboard", deployment.url)),
  );
}

/** The last lines of a deployment's log, of one service or of all. */
export function logCard(
  deployment: Pick<DeploymentView, "number" | "kind" | "environment" | "release" | "url">,
  lines: DeploymentLogView["items"],
  service?: string,
): Card {
  const shown = lines.slice(-LOG_LINES).map(({ service: of, stage, line }) => {
    const origin = [service === undefined ? of : null, stage].filter(Boolean).join(" ");
    return `${origin === "" ? "" : `[${origin}] `}${plain(line, LOG_LINE_LENGTH)}`;
  });
  const of = service === undefined ? "" : `, ${plain(service, 80)}`;
  return card(
    `Log of ${deploymentName(deployment)}${of}`,
    "neutral",
    shown.length === 0
      ? text("There is no output yet.")
      : text(`\`\`\`\n${shown.map((line) => line.replaceAll("`", "'")).join("\n")}\n\`\`\``),
    lines.length > shown.length &&
      note(`These are the last ${shown.length} lines. The dashboard shows all of them.`),
    actions(link("Open dashboard", deployment.url)),
  );
}

/** The form behind every button that rolls back: it asks why. */
export function rollBackForm(environment: string, to?: number): FormSpec {
  const title = `Roll back ${environment}${to === undefined ? "" : ` to deployment #${to}`}`;
  const submit = rollBack.call({ environment, ...(to === undefined ? {} : { to }) });
  return reasonForm(title, "Why do you roll back?", submit);
}

function deploymentButtons(deployment: DeploymentView): readonly (ActionItem | undefined)[] {
  const { number, environment, kind } = deployment;
  const logs = button("Logs", showLogs.call({ deployment: number }));
  if (!isFinished(deployment)) {
    return [
      deployment.status === "aborting"
        ? undefined
        : form("Cancel", cancelForm(deployment), "danger"),
      logs,
    ];
  }
  const touched = deployment.results.some((result) => result.carriesNewVersion);
  const again = retryDeployment.call({ deployment: number });
  const mayLand = unlandedServices(deployment).length > 0 && deployment.abilities.retry.allowed;
  return [
    mayLand ? button("Land again", again, "primary") : undefined,
    deployment.status === "succeeded" || deployment.status === "rolled_back"
      ? undefined
      : button("Retry", again, "primary"),
    // There is no rollback of a rollback.
    kind === "deploy" && touched && deployment.status !== "rolled_back"
      ? form("Roll back", rollBackForm(environment), "danger")
      : undefined,
    logs,
  ];
}

function cancelForm({ number }: DeploymentView): FormSpec {
  return {
    title: `Cancel deployment #${number}`,
    fields: [
      {
        name: "then",
        label: "What happens to the services that have the new version already?",
        type: "select",
        required: true,
        initial: "leave",
        options: [
          { value: "leave", label: "Leave them as they are" },
          { value: "roll_back", label: "Roll them back" },
        ],
      },
      { name: "reason", label: "Why?", type: "text", maxLength: 2_000 },
    ],
    submit: cancelDeployment.call({ deployment: number }),
  };
}

function nextStep(deployment: DeploymentView): string | undefined {
  const { number, environment, kind } = deployment;
  if (!isFinished(deployment)) {
    return deployment.status === "aborting"
      ? "It stops before its next step."
      : `To stop it: \`cancel ${number}\`.`;
  }
  if (unlandedServices(deployment).length > 0) {
    return `Next: mend that, then \`retry ${number}\` lands it.`;
  }
  if (deployment.status === "succeeded") {
    return kind === "rollback"
      ? `Automation is on hold so that nothing undoes this. When the cause is fixed: \`resume ${quoteWord(environment)}\`.`
      : undefined;
  }
  const back =
    kind === "deploy" ? `, or go back with \`rollback ${quoteWord(environment)} -m "…"\`` : "";
  return `Next: look at \`logs ${number}\`, then \`retry ${number}\`${back}.`;
}

/** Which services failed and why, as markdown. */
function failureLines(results: readonly ServiceResult[]): readonly string[] {
  return results
    .filter(({ state }) => state === "failed")
    .slice(0, 10)
    .map(({ service, detail, cause }) => {
      const why = [detail, cause === null ? null : `(${cause.replaceAll("_", " ")})`];
      return `**${escapeMarkdown(service)} failed**: ${sentence(why.filter(Boolean).join(" "))}`;
    });
}

/** Exactly which services carry the new version, once nothing moves any more. */
function outcomeLines({ results, status }: DeploymentView): readonly string[] {
  if (status === "succeeded" || results.length === 0) {
    return [];
  }
  const carrying = results.filter((result) => result.carriesNewVersion);
  const old = results.filter((result) => !result.carriesNewVersion);
  return [
    `**Carry the new version**: ${servicesOf(carrying)}.`,
    `**Still as before**: ${servicesOf(old)}.`,
  ];
}

function servicesOf(results: readonly ServiceResult[]): string {
  return results.length === 0
    ? "none"
    : escapeMarkdown(
        list(
          results.map(({ service }) => service),
          20,
        ),
        1_000,
      );
}

function toRow({ steps }: DeploymentView) {
  return (result: ServiceResult): readonly string[] => [
    String(result.wave),
    result.service,
    `${versionWords(result.fromVersion, result.fromCommit)} → ${versionWords(result.toVersion, result.toCommit)}`,
    serviceStateWords[result.state],
    currentStep(steps, result.service),
  ];
}

/** The stage a service is at, or was at when it failed. */
function currentStep(steps: DeploymentView["steps"], service: string): string {
  const step = steps.find(
    (each) => each.service === service && ["running", "failed"].includes(each.status),
  );
  return step?.stage ?? "";
}

function took({ startedAt, finishedAt }: DeploymentView): string | null {
  return startedAt === null || finishedAt === null
    ? null
    : formatDuration(new Date(finishedAt).getTime() - new Date(startedAt).getTime());
}

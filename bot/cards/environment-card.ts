import type {
  EnvironmentView,
  LockView,
  ServiceStateView,
} from "../../shared/contract/environment.ts";
import type { ActionItem, Card, FormField, FormSpec } from "../chat/card.ts";
import {
  actions,
  button,
  card,
  fields,
  form,
  note,
  reasonForm,
  table,
  text,
} from "../chat/card-builders.ts";
import { escapeMarkdown, plain, sentence } from "../chat/markdown.ts";
import {
  lockEnvironment,
  resumeEnvironment,
  showEnvironment,
  unlockEnvironment,
} from "./action-refs.ts";
import { rollBackForm } from "./deployment-card.ts";
import { personName, quoteWord, timeWords, versionWords } from "./wording.ts";

const healthWords: Readonly<Record<ServiceStateView["health"], string>> = {
  healthy: "healthy",
  unhealthy: "unhealthy",
  progressing: "in progress",
  absent: "not running",
  unknown: "unknown",
};

/** What one environment runs, and whether it may be deployed to. */
export function environmentCard(environment: EnvironmentView): Card {
  const { name, services } = environment;
  return card(
    `Environment ${plain(name, 80)} (${standing(environment)})`,
    environment.lock || environment.unreachable !== null || services.some(isSick)
      ? "warning"
      : "success",
    text(...obstacles(environment)),
    fields([
      ["Branch", environment.branch],
      ["Promoted from", environment.promoteFrom],
      ["Target", environment.target],
      ["Sign-off", signOffWords(environment.signOff)],
      [
        "Running deployment",
        environment.activeDeployment === null ? null : `#${environment.activeDeployment}`,
      ],
    ]),
    serviceTable(services),
    services.length === 0 && environment.unreachable === null && text("Nothing runs here yet."),
    note(nextStep(environment)),
    actions(...buttons(environment)),
  );
}

/** All environments, a line each. */
export function environmentsCard(environments: readonly EnvironmentView[]): Card {
  return card(
    "Environments",
    environments.some((each) => each.lock !== null || each.unreachable !== null)
      ? "warning"
      : "info",
    environments.length === 0
      ? text("There are none. Add environments to config.yaml.")
      : table(
          ["Environment", "Branch", "State", "Services", "Healthy"],
          environments.map((each) => [
            each.name,
            each.branch ?? "",
            standing(each),
            String(each.services.length),
            `${each.services.filter(({ health }) => health === "healthy").length} of ${each.services.length}`,
          ]),
        ),
    text(...environments.flatMap(obstacles)),
    environments[0] &&
      note(`Next: \`status ${quoteWord(environments[0].name)}\` shows one in full.`),
    actions(
      ...environments
        .slice(0, 5)
        .map(({ name }) =>
          button(`Show ${plain(name, 40)}`, showEnvironment.call({ environment: name })),
        ),
    ),
  );
}

/** How every service of some environments is, sick ones first. */
export function healthCard(
  reports: readonly {
    readonly environment: string;
    readonly services: readonly ServiceStateView[];
    readonly unreachable: string | null;
  }[],
): Card {
  const services = reports.flatMap((report) => report.services);
  const sick = services.filter(isSick).length;
  const silent = reports.filter((report) => report.unreachable !== null);
  return card(
    healthTitle(services.length, sick),
    sick > 0 || silent.length > 0 ? "danger" : "success",
    text(
      ...silent.map(
        ({ environment, unreachable }) =>
          `**${escapeMarkdown(environment)} does not answer**: ${sentence(unreachable ?? "")}`,
      ),
    ),
    table(
      ["Environment", "Service", "Health", "Version", "Checked"],
      reports
        .flatMap((report) =>
          report.services.map((service) => ({ ...service, environment: report.environment })),
        )
        .sort((a, b) => Number(isSick(b)) - Number(isSick(a)))
        .map((each) => [
          each.environment,
          each.service,
          each.detail === null ? healthCell(each) : `${healthCell(each)}: ${each.detail}`,
          versionWords(each.version, each.commit),
          timeWords(each.checkedAt) ?? "never",
        ]),
      25,
    ),
    sick > 0 && note("Next: `restart <service> in <environment>`, or `rollback <environment>`."),
  );
}

/** What became of a lock or a hold, in one line. */
export function environmentChangeCard(title: string, environment: EnvironmentView): Card {
  return card(
    title,
    environment.lock || environment.hold ? "warning" : "success",
    text(...obstacles(environment)),
    note(nextStep(environment)),
    actions(...buttons(environment)),
  );
}

function buttons({
  name,
  lock,
  hold,
  services,
}: EnvironmentView): readonly (ActionItem | undefined)[] {
  return [
    lock
      ? button("Unlock", unlockEnvironment.call({ environment: name }))
      : form("Lock", lockForm(name)),
    hold ? button("Resume", resumeEnvironment.call({ environment: name })) : undefined,
    services.length > 0 ? form("Roll back", rollBackForm(name), "danger") : undefined,
  ];
}

/** The form that asks why, and for how long. */
export function lockForm(environment: string, duration = ""): FormSpec {
  const submit = lockEnvironment.call({ environment });
  const { fields: why } = reasonForm("", "Why is it locked?", submit);
  const howLong: FormField = {
    name: "for",
    label: "For how long?",
    type: "text",
    placeholder: "2h, 30m or 7d; empty: until somebody unlocks it",
    initial: duration,
    maxLength: 20,
  };
  return { title: `Lock ${environment}`, fields: [...why, howLong], submit };
}

function nextStep({ name, lock, hold, activeDeployment }: EnvironmentView): string | undefined {
  if (lock) {
    return `Next: when it is over, \`unlock ${quoteWord(name)}\`.`;
  }
  if (hold) {
    return `Next: when the cause is fixed, \`resume ${quoteWord(name)}\`.`;
  }
  return activeDeployment === null
    ? undefined
    : `Next: watch it with \`deployment ${activeDeployment}\`.`;
}

/** What keeps people or automation from deploying, as markdown sentences. */
function obstacles({ name, lock, hold, unreachable }: EnvironmentView): readonly string[] {
  return [
    lock && `**${escapeMarkdown(name)} is locked** ${since(lock)}`,
    hold && `**Automation for ${escapeMarkdown(name)} is on hold** ${since(hold)}`,
    unreachable !== null && `**${escapeMarkdown(name)} does not answer**: ${sentence(unreachable)}`,
  ].filter((line): line is string => typeof line === "string");
}

function since({ by, reason, since: from, until }: LockView): string {
  const end = until === null ? "" : ` until ${timeWords(until)}`;
  return `by ${escapeMarkdown(personName(by))} since ${timeWords(from)}${end}: ${escapeMarkdown(reason, 500)}`;
}

function standing({ lock, hold, activeDeployment, unreachable }: EnvironmentView): string {
  const words = [
    lock && "locked",
    hold && "automation on hold",
    activeDeployment !== null && `deployment #${activeDeployment} is running`,
    unreachable !== null && "does not answer",
  ].filter(Boolean);
  return words.length === 0 ? "open" : words.join(", ");
}

function serviceTable(services: readonly ServiceStateView[]) {
  return table(
    ["Service", "Version", "Health", "Since", "By", "Remarks"],
    services.map((each) => [
      each.service,
      versionWords(each.version, each.commit),
      healthCell(each),
      timeWords(each.since) ?? "",
      each.deployedBy === null ? "" : personName(each.deployedBy),
      [each.drifted && "not what was deployed last", each.detail].filter(Boolean).join("; "),
    ]),
    25,
  );
}

/** How it is, and how many copies that is true for where there could be several. */
function healthCell({ health, copies }: ServiceStateView): string {
  return copies === null
    ? healthWords[health]
    : `${healthWords[health]}, ${copies.running} of ${copies.desired} running`;
}

function signOffWords(roles: Readonly<Record<string, number>>): string {
  const words = Object.entries(roles).map(([role, count]) => `${count} ${role}`);
  return words.length === 0 ? "none needed" : words.join(", ");
}

function healthTitle(count: number, sick: number): string {
  if (count === 0) {
    return "Health: nothing runs yet";
  }
  return sick === 0
    ? "Health: everything is well"
    : `Health: ${sick} of ${count} services need a look`;
}

function isSick({ health }: ServiceStateView): boolean {
  return health === "unhealthy" || health === "absent";
}
